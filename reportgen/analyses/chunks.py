"""Where attention divides the document into parts, and what crosses the borders."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from reportgen.analyses.analysis import Analysis, Method
from reportgen.analyses.roles.bridges import crossings
from reportgen.analyses.sentence_matrix import attention_views
from reportgen.analyses.sentence_pairs.agreement import DivisionAgreement, compare, division
from reportgen.analyses.sentence_pairs.borders import whole_model
from reportgen.analyses.sentence_pairs.crossing import Crossing, discovery_rates
from reportgen.analyses.sentence_pairs.distance_model import Expectation, expect_views, expect_whole, token_middles
from reportgen.analyses.sentence_pairs.novelty import DRAWS, Novelty, Triangle, find_borders_of, find_triangles, kernel_width, symmetric
from reportgen.analyses.sentence_pairs.pictures_of_borders import draw_layers, draw_novelty
from reportgen.measurements import Measurements

LISTED = 10
LAYER_DRAWS = 99
DISCOVERY_RATE = 0.05


@dataclass(frozen=True, kw_only=True)
class Border:
    """A border after sentence `after`, counted from 0. `layers` have one of their own there or one sentence away."""

    after: int
    strength: float
    contrast: float
    layers: int
    ends_paragraph: bool
    before_heading: bool


@dataclass(frozen=True, kw_only=True)
class BridgingHead:
    """A head that carries more across the borders than its own habits and distance explain."""

    head: str
    lift: float
    z: float
    q_value: float


@dataclass(frozen=True, kw_only=True)
class BridgingPair:
    """A link across a border; `q_value` is its false-discovery rate among all links that cross one."""

    query: int
    key: int
    share: float
    lift: float
    z: float
    q_value: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """Borders of the whole model and of each layer, their agreement with the document's own, triangles, and what bridges them.

    `width` sentences on each side of a gap are compared; 0 where the document is too short. Gap g follows sentence g, counted from 0. `crossing` is None
    where there is no border or attention is not stored by head; `bridging_heads` are the ten of greatest lift above 1. `layer_agreements` are with the ends of
    paragraphs, or with the headings where there are no other; None for a layer without borders, nothing where the document has none of its own.
    """

    sentences: int
    width: int
    novelty: Novelty
    borders: tuple[Border, ...]
    strength_by_layer: Float[np.ndarray, "layer gap"]
    borders_by_layer: tuple[tuple[int, ...], ...]
    paragraph_ends: tuple[int, ...]
    headings: tuple[int, ...]
    agreements: tuple[DivisionAgreement, ...]
    layer_agreements: tuple[DivisionAgreement | None, ...]
    triangles: tuple[Triangle, ...]
    crossing: Crossing | None
    bridging_heads: tuple[BridgingHead, ...]
    bridging_pairs: tuple[BridgingPair, ...]


def analyse(measurements: Measurements) -> Result:
    """Borders in what is left of attention when distance, length and general pull are taken out."""
    pairs, views, middles = measurements.by_pair.pairs, attention_views(measurements), token_middles(measurements)
    sentences, model = pairs.sentences, expect_whole(measurements)
    whole, novelty = whole_model(measurements).joint, whole_model(measurements).novelty
    layers = find_borders_of([symmetric(z) for z in expect_views(pairs, views[1:], middles)], LAYER_DRAWS)
    paragraph_ends, headings = _own_borders(measurements)
    found = division(novelty.gaps, sentences - 1)
    own = {name: division(gaps, sentences - 1) for name, gaps in (("ends of paragraphs", paragraph_ends), ("headings", headings)) if gaps}
    per_head = "*.sentence_attention" in measurements
    crossing = crossings(measurements)[found.tobytes()] if per_head and novelty.gaps else None
    return Result(
        sentences=sentences,
        width=kernel_width(sentences) if np.isfinite(novelty.level) else 0,
        novelty=novelty,
        borders=tuple(_border(gap, novelty, layers, paragraph_ends, headings) for gap in novelty.gaps),
        strength_by_layer=np.stack([layer.strength for layer in layers]),
        borders_by_layer=tuple(layer.gaps for layer in layers),
        paragraph_ends=paragraph_ends,
        headings=headings,
        agreements=tuple(compare(found, reference, name) for name, reference in own.items() if novelty.gaps),
        layer_agreements=_by_layer(layers, next(iter(own.items())), sentences - 1) if own else (),
        triangles=find_triangles(whole, DRAWS),
        crossing=crossing,
        bridging_heads=_heads(crossing) if crossing else (),
        bridging_pairs=_pairs(model, found),
    )


def _by_layer(layers: Collection[Novelty], own: tuple[str, Bool[np.ndarray, " gap"]], gaps: int) -> tuple[DivisionAgreement | None, ...]:
    """Each layer's agreement with the document's own borders, None where it has none of its own."""
    name, reference = own
    return tuple(compare(division(layer.gaps, gaps), reference, name, LAYER_DRAWS) if layer.gaps else None for layer in layers)


def _own_borders(measurements: Measurements) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The gaps where one paragraph ends and another begins, and those before a heading."""
    blocks, kinds = measurements["sentence_blocks"], measurements.metadata["block_kinds"]
    ends = np.flatnonzero(np.diff(blocks))
    return tuple(ends.tolist()), tuple(int(gap) for gap in ends if kinds[blocks[gap + 1]] == "heading")


def _border(gap: int, novelty: Novelty, layers: Collection[Novelty], paragraph_ends: Collection[int], headings: Collection[int]) -> Border:
    return Border(
        after=gap,
        strength=float(novelty.strength[gap]),
        contrast=float(novelty.contrast[gap]),
        layers=sum(any(abs(other - gap) <= 1 for other in layer.gaps) for layer in layers),
        ends_paragraph=gap in paragraph_ends,
        before_heading=gap in headings,
    )


def _heads(crossing: Crossing) -> tuple[BridgingHead, ...]:
    """The ten heads of greatest lift above 1, greatest first."""
    found = np.argwhere(crossing.lift > 1)
    heads = [
        BridgingHead(
            head=f"{layer}.{head}", lift=float(crossing.lift[layer, head]), z=float(crossing.z[layer, head]), q_value=float(crossing.q_value[layer, head])
        )
        for layer, head in found
    ]
    return tuple(sorted(heads, key=lambda head: -head.lift)[:LISTED])


def _pairs(model: Expectation, borders: Bool[np.ndarray, " gap"]) -> tuple[BridgingPair, ...]:
    """The ten links of greatest z from one part into another."""
    part = np.concatenate([[0], borders.cumsum()])
    across = np.flatnonzero(part[model.queries] != part[model.keys])
    q_values = discovery_rates(model.p_value[across])
    chosen = np.argsort(-model.z[across], kind="stable")[:LISTED]
    fields = ("queries", "keys", "share", "lift", "z")
    rows = zip(*(getattr(model, name)[across[chosen]].tolist() for name in fields), q_values[chosen].tolist(), strict=True)
    return tuple(BridgingPair(query=query, key=key, share=share, lift=lift, z=z, q_value=q) for query, key, share, lift, z, q in rows)


def draw(result: Result) -> Mapping[str, Mapping[str, Any]]:
    """The novelty along the document with its borders, and the borders of each layer; nothing where the document is too short."""
    if not result.width:
        return {}
    gaps = [border.after for border in result.borders]
    novelty = draw_novelty(result.novelty, result.paragraph_ends, result.headings)
    return {"novelty": novelty} | ({"layers": draw_layers(result.borders_by_layer, result.strength_by_layer, gaps)} if any(result.borders_by_layer) else {})


def find(result: Result) -> str:
    """Where the borders are, how well they agree with the document's own, and what bridges them."""
    if not result.width:
        return f"The document has {result.sentences} sentence{'s' * (result.sentences != 1)} with too few links between them that distance leaves unexplained to look for borders."
    if not result.borders:
        return (
            f"Attention shows no border: no gap between sentences is stronger than chance reaches once in 20 documents "
            f"(the strongest {np.nanmax(result.novelty.strength):.1f} standard deviations, {result.novelty.level:.1f} needed)."
        )
    return f"{_where(result)} {' '.join(_agrees(agreement) for agreement in result.agreements)} {_bridges(result)}".replace("  ", " ")


def _where(result: Result) -> str:
    count, strongest = len(result.borders), max(result.borders, key=lambda border: border.strength)
    named = ", ".join(str(border.after + 1) for border in result.borders[:LISTED]) + (", ..." if count > LISTED else "")
    return (
        f"Attention divides the document into {count + 1} parts, with borders after sentence{'s' * (count > 1)} {named}; the strongest, after sentence "
        f"{strongest.after + 1}, stands {strongest.strength:.1f} standard deviations above chance ({result.novelty.level:.1f} needed) and is found in "
        f"{strongest.layers} of {len(result.borders_by_layer)} layers on their own."
    )


def _agrees(agreement: DivisionAgreement) -> str:
    several = "are before headings" if agreement.reference == "headings" else "are ends of paragraphs"
    one = "is before a heading" if agreement.reference == "headings" else "is the end of a paragraph"
    return (
        f"{agreement.shared} {one if agreement.shared == 1 else several} ({agreement.shared_chance:.1f} by chance, p {agreement.shared_p:.2g}); Pk {agreement.pk:.2f} "
        f"({agreement.pk_chance:.2f} by chance, p {agreement.pk_p:.2g}), WindowDiff {agreement.windowdiff:.2f} "
        f"({agreement.windowdiff_chance:.2f}, p {agreement.windowdiff_p:.2g})."
    )


def _bridges(result: Result) -> str:
    if result.crossing is None:
        return "Attention is not stored by head, so no head is named that bridges them."
    heads, found = result.crossing.lift.size, int(((result.crossing.q_value <= DISCOVERY_RATE) & (result.crossing.lift > 1)).sum())
    best = result.bridging_heads[0] if result.bridging_heads else None
    chance = f", q {best.q_value:.2g}" if best and np.isfinite(best.q_value) else ""
    most = f"; the most is {best.lift:.2f} times (head {best.head}{chance})" if best else ""
    return f"{found or 'None'} of {heads} heads carr{'y' if found > 1 else 'ies'} more across the borders than chance at a false-discovery rate of 5%{most}."


ANALYSIS = Analysis(
    name="chunks",
    question="Where does attention cut the document into parts?",
    needs=("sentence_attention|sentence_attention_by_layer", "sentence_expected"),
    analyse=analyse,
    draw=draw,
    find=find,
    caveat=(
        "The model reads line breaks, so a border at the end of a paragraph may come from the break and not from the content. Parts shorter than the 10 sentences "
        "compared on each side of a gap are blurred, and the first and last 10 sentences are not cut. Where paragraphs are one or two sentences long, Pk and "
        "WindowDiff say little: look at the shared borders. Chance keeps what is correlated within a sentence's row, which is strict: small parts, and triangles above all, are missed rather than made up. Borders are found in the mean over heads, so most heads carry less across them by construction."
    ),
    methods=(
        Method(
            name="Share beyond distance",
            formula="z of log(share / expected): see the links that distance does not explain; of both directions the mean, clipped to 3, less the mean at its distance",
            source="Lieberman-Aiden et al. 2009; Imakaev et al. 2012 (contact maps)",
        ),
        Method(
            name="Novelty and borders",
            formula=(
                "mean z of pairs within the 10 sentences before and within the 10 after a gap, less mean z of pairs across it; in standard deviations of 199 "
                "draws (99 for single layers) that put whole rows of sentences, every number at its own distance, in other places, once by the later and once "
                "by the earlier sentence; a border is a peak above the 95th percentile of the draws' maxima on both sides"
            ),
            source="Foote 2000 (checkerboard kernel); Hearst 1997 (10 sentences); Westfall and Young 1993 (maxima by resampling)",
        ),
        Method(
            name="Pk",
            formula="share of pairs of sentences k apart that one division parts and the other does not; k half the mean part",
            source="Beeferman et al. 1999",
        ),
        Method(
            name="WindowDiff",
            formula="share of windows of k gaps in which the two divisions have different numbers of borders",
            source="Pevzner and Hearst 2002",
        ),
        Method(
            name="Chance",
            formula="mean over 999 divisions with as many borders at random; p the share that agree as well; shared borders: hypergeometric; beside it as many borders evenly spaced",
            source="none; defined here",
        ),
        Method(
            name="Local triangles",
            formula="sum of z over the pairs of a run of 3 to 32 sentences (half the document at most) / sqrt(pairs); above the 95th percentile of maxima by chance, as for borders; suppressed at overlap > 0.3",
            source="after Ltri-LLM (Ltri-style: the paper's threshold and head sum are replaced by z)",
        ),
        Method(
            name="Bridging heads",
            formula=(
                "sum of share / sum of expected over pairs across borders; expected by the head's own terms of query and key and its decay with distance, both "
                "sums equal at each distance; pairs up to the longest part and 64 sentences apart; z against 199 divisions whose parts have the same lengths in "
                "other places, p over the chance z of all heads"
            ),
            source="after Lieberman-Aiden et al. 2009 (observed over expected); Tusher et al. 2001 (pooled chance)",
        ),
    ),
    sentences_at_most=1_000,
)
