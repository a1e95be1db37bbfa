"""All heads of all layers by how far their attention is apart: a map, a tree, clusters, and whether heads of a layer are alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from reportgen.analyses.charting import composed, frameless, packed
from reportgen.analyses.heads.scaling import scale
from reportgen.characters import capitalised

CLOSE = 0.05  # nats, of ln 2 at most
PERMUTATIONS = 999
SEED = 0
THIRDS = ("first third of layers", "middle third", "last third")
ALL_KEYS, WITHOUT_SINK = "all keys", "without the sink"
SYMBOL = "#5f5e5a"  # of a legend: the colour of quiet text, which follows the theme


@dataclass(frozen=True, kw_only=True, eq=False)
class HeadMap:
    """Heads are counted through all layers; those at which nothing was compared have NaN places, cluster 0 and no nearest head (-1).

    `stress` is what the map leaves unsaid, `cophenetic` the correlation of the distances with those in the tree (None where it does not exist). `tree` has a row for each merge as
    scipy's linkage has it, of the heads in `compared`. `same_layer` and `other_layers` are mean divergences; `p_value` is how often layers dealt out at random
    have heads as alike; None where a layer has one head or there is one layer.
    """

    keys: str
    compared: Int[np.ndarray, " compared"]
    points: Float[np.ndarray, "any_head dimension"]
    stress: float
    tree: Float[np.ndarray, "merge 4"]
    cophenetic: float | None
    clusters: Int[np.ndarray, " any_head"]
    nearest: Int[np.ndarray, " any_head"]
    nearest_divergence: Float[np.ndarray, " any_head"]
    same_layer: float | None
    other_layers: float | None
    p_value: float | None


def head_map(divergence: Float[np.ndarray, "any_head any_head"], layers: int, keys: str) -> HeadMap:
    """The map of heads at these divergences, as many in each layer.

    The tree is by average linkage; a cluster is what it joins below 0.05 nats, and clusters of more than one head are numbered from 1 by size.
    """
    count = len(divergence)
    known = np.flatnonzero(~np.isnan(divergence).all(1))
    known = known[~np.isnan(divergence[np.ix_(known, known)]).any(1)]
    distances = divergence[np.ix_(known, known)].astype(float)
    scaled = scale(distances)
    points = np.full((count, scaled.points.shape[1]), np.nan)
    points[known] = scaled.points
    tree = hierarchy.linkage(squareform(distances, checks=False), "average") if len(known) > 1 else np.zeros((0, 4))
    nearest, nearest_divergence = _nearest(distances, known, count)
    same, other, p_value = by_layer(distances, known // (count // layers))
    return HeadMap(
        keys=keys,
        compared=known,
        points=points,
        stress=scaled.stress,
        tree=tree,
        cophenetic=_cophenetic(tree, distances),
        clusters=_clusters(tree, known, count),
        nearest=nearest,
        nearest_divergence=nearest_divergence,
        same_layer=same,
        other_layers=other,
        p_value=p_value,
    )


def _nearest(
    distances: Float[np.ndarray, "compared compared"], known: Int[np.ndarray, " compared"], count: int
) -> tuple[Int[np.ndarray, " any_head"], Float[np.ndarray, " any_head"]]:
    nearest, apart = np.full(count, -1), np.full(count, np.nan)
    if len(known) > 1:
        others = distances + np.diag(np.full(len(known), np.inf))
        nearest[known], apart[known] = known[others.argmin(1)], others.min(1)
    return nearest, apart


def _cophenetic(tree: Float[np.ndarray, "merge 4"], distances: Float[np.ndarray, "compared compared"]) -> float | None:
    apart = squareform(distances, checks=False)
    if len(tree) < 2 or not np.ptp(apart) or not np.ptp(tree[:, 2]):
        return None
    return float(hierarchy.cophenet(tree, apart)[0])


def _clusters(tree: Float[np.ndarray, "merge 4"], known: Int[np.ndarray, " compared"], count: int) -> Int[np.ndarray, " any_head"]:
    """For each head its cluster, numbered from 1 by size and then by first head; 0 for a head alone."""
    numbers = np.zeros(count, int)
    if not len(tree):
        return numbers
    found = hierarchy.fcluster(tree, CLOSE, "distance")
    kinds, first, sizes = np.unique(found, return_index=True, return_counts=True)
    order = np.lexsort((first, -sizes))
    for number, kind in enumerate(order[sizes[order] > 1].tolist(), 1):
        numbers[known[found == kinds[kind]]] = number
    return numbers


def by_layer(distances: Float[np.ndarray, "compared compared"], layer: Int[np.ndarray, " compared"]) -> tuple[float | None, float | None, float | None]:
    """Mean divergence of heads of the same layer, of different layers, and the share of random deals of heads to layers in which those of a layer are as alike or more.

    *Source:* permutation test, after Mantel 1967; 999 deals, seed 0.
    """
    same = (layer[:, None] == layer) & ~np.eye(len(layer), dtype=bool)
    other = layer[:, None] != layer
    if not same.any() or not other.any():
        return None, None, None
    found = float(distances[same].mean())
    random = np.random.default_rng(SEED)
    (first, second), flat = np.nonzero(np.triu(same)), distances.ravel()
    as_alike = 0
    for _ in range(PERMUTATIONS):
        dealt = random.permutation(len(layer))
        as_alike += float(flat.take(dealt[first] * len(layer) + dealt[second]).mean()) <= found * (1 + 1e-12)
    return found, float(distances[other].mean()), (1 + as_alike) / (1 + PERMUTATIONS)


def draw_map(alt: Any, maps: tuple[HeadMap, ...], layers: int) -> dict[str, Any]:
    """The plane, a panel with and one without the sink on one scale: a point for each head, its shape by third of the depth, its colour by layer."""
    panels = [_plane(alt, found, layers) for found in maps]
    return frameless(composed("hconcat", *panels, resolve={"scale": dict.fromkeys(("color", "shape", "x", "y"), "shared")}))


def third_of(layer: int, layers: int) -> str:
    """Which third of the depth a layer is in."""
    return THIRDS[layer * len(THIRDS) // layers]


def _plane(alt: Any, found: HeadMap, layers: int) -> Any:
    heads = len(found.points) // layers
    rows = [
        {"layer": head // heads, "part": third_of(head // heads, layers), "x": round(float(x), 4), "y": round(float(y), 4)}
        for head, (x, y) in enumerate(found.points)
        if np.isfinite(x)
    ]
    axis = alt.Axis(grid=True, tickCount=4)
    return (
        alt.Chart(alt.Data(values=packed(rows)), title=f"{capitalised(found.keys)}: stress {found.stress:.2f}", width=320, height=300)
        .mark_point(filled=True, size=44, opacity=0.85)
        .encode(
            x=alt.X("x:Q", title="nats", axis=axis),
            y=alt.Y("y:Q", title="nats", axis=axis),
            color=alt.Color("layer:Q", title="layer", scale=alt.Scale(scheme="cividis", domain=[0, max(layers - 1, 1)])),
            shape=alt.Shape(
                "part:N",
                title=None,
                scale=alt.Scale(domain=list(THIRDS), range=["circle", "square", "triangle-up"]),
                legend=alt.Legend(symbolFillColor=SYMBOL),  # black by default, which is not seen in the dark
            ),
        )
    )


def draw_tree(alt: Any, found: HeadMap, layers: int) -> dict[str, Any]:
    """The tree of merges over the heads, and below each head, in the same order, the layer it is of."""
    heads, order = len(found.points) // layers, hierarchy.leaves_list(found.tree)
    # One line that is broken after each merge: a line for each is slow to draw.
    corners = [corner for branch in branches(found.tree) for corner in (*branch, (None, None))]
    lines = [{"step": step, "head": x, "divergence": y} for step, (x, y) in enumerate(corners)]
    leaves = [
        {"head": place, "layer": int(found.compared[leaf]) // heads, "part": third_of(int(found.compared[leaf]) // heads, layers)}
        for place, leaf in enumerate(order)
    ]
    x = alt.X("head:Q", title=None, axis=None, scale=alt.Scale(nice=False, domain=[-1, len(order)]))
    upper = (
        alt.Chart(alt.Data(values=packed(lines)), width=660, height=220)
        .mark_line(strokeWidth=0.8, color="#5f5e5a")
        .encode(x=x, y=alt.Y("divergence:Q", title="divergence, nats"), order=alt.Order("step:Q"))
    )
    close = alt.Chart(alt.Data(values=packed([{"divergence": CLOSE}]))).mark_rule(color="#b8621b", strokeDash=[6, 3]).encode(y=alt.Y("divergence:Q"))
    lower = (
        alt.Chart(alt.Data(values=packed(leaves)), width=660, height=110)
        .mark_point(filled=True, size=18, opacity=0.9)
        .encode(
            x=x,
            y=alt.Y("layer:Q", title="layer", scale=alt.Scale(reverse=True, nice=False), axis=alt.Axis(tickMinStep=1, tickCount=4)),
            shape=alt.Shape("part:N", title=None, scale=alt.Scale(domain=list(THIRDS), range=["circle", "square", "triangle-up"])),
        )
    )
    return frameless(composed("vconcat", composed("layer", upper, close), lower, spacing=6))


def branches(tree: Float[np.ndarray, "merge 4"]) -> Iterator[list[tuple[float, float]]]:
    """The four corners of each merge: from the top of one branch up, across, and down to the top of the other."""
    leaves = len(tree) + 1
    x, height = np.zeros(2 * leaves - 1), np.concatenate([np.zeros(leaves), tree[:, 2]])
    x[hierarchy.leaves_list(tree)] = np.arange(leaves)
    for merge, (one, other) in enumerate(tree[:, :2].astype(int).tolist()):
        top = height[leaves + merge]
        corners = [(x[one], height[one]), (x[one], top), (x[other], top), (x[other], height[other])]
        x[leaves + merge] = (x[one] + x[other]) / 2
        yield [(round(float(across), 2), round(float(up), 4)) for across, up in corners]


def close_heads(found: HeadMap) -> Bool[np.ndarray, " any_head"]:
    """The heads that have another within 0.05 nats."""
    return np.nan_to_num(found.nearest_divergence, nan=np.inf) <= CLOSE
