"""Links between sentences that stand out in one file and not in the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from reportgen.analyses.agreement.ranks import chance_of_sharing
from reportgen.analyses.sentence_matrix import attention_views, expected_attention
from reportgen.comparison.change import common_shares, without_first
from reportgen.comparison.ground import Cells
from reportgen.links import content_pairs, lift_of, strongest
from reportgen.measurements import Measurements

SHARE_OF_PAIRS, AT_LEAST, AT_MOST = 0.1, 3, 50
FEWEST = 10  # pairs, of which a tenth is one
ALONE_AT_MOST = MOVED_AT_MOST = 10


@dataclass(frozen=True, kw_only=True)
class ChangedLink:
    """A link between two units, with both files' share of attention and lift, and how many doublings of the lift lie between."""

    query: int
    key: int
    share_a: float
    share_b: float
    lift_a: float
    lift_b: float
    doublings: float


@dataclass(frozen=True, kw_only=True)
class LinkAlone:
    """A link of a sentence that only one file has, or to one; sentences are that file's own."""

    query: int
    key: int
    share: float
    lift: float


@dataclass(frozen=True, kw_only=True)
class LinkChanges:
    """`moved` are the 10 pairs that most attention moves to or from. The `count` pairs of greatest lift of each file, of `pairs` that both know: how many they share, and which stand out in one alone, the greatest change first.

    `by_rank` counts those that stand out in one alone because others changed: their own lift did not, beyond the rounding of stored numbers, or did the other way. `chance` is how many two random choices share, and `p_value` how
    often they share as many. `only_a` and `only_b` are the strongest links of sentences without a counterpart.
    """

    pairs: int
    count: int
    shared: int
    chance: float
    p_value: float
    moved: tuple[ChangedLink, ...]
    gained: tuple[ChangedLink, ...]
    lost: tuple[ChangedLink, ...]
    by_rank: int
    only_a: tuple[LinkAlone, ...]
    only_b: tuple[LinkAlone, ...]


def link_changes(cells: Cells, beyond: Bool[np.ndarray, "unit unit"], only_a: tuple[LinkAlone, ...], only_b: tuple[LinkAlone, ...]) -> LinkChanges:
    """Compare the strongest tenth of the pairs of two different units whose key is not the first sentence, 3 at least, 50 at most."""
    pairs = int(cells.content.sum())
    count = 0 if pairs < FEWEST else int(np.clip(round(SHARE_OF_PAIRS * pairs), AT_LEAST, AT_MOST))
    tops = [_top(side.lift, cells.content, count) for side in (cells.a, cells.b)]
    shared = int((tops[0] & tops[1]).sum())
    more, less = beyond & (cells.b.lift > cells.a.lift), beyond & (cells.b.lift < cells.a.lift)
    sure = [tops[1] & ~tops[0] & more, tops[0] & ~tops[1] & less]
    p_value = float(chance_of_sharing(np.array([[shared]]), pairs, count)[0, 0]) if count else np.nan
    return LinkChanges(
        pairs=pairs,
        count=count,
        shared=shared,
        chance=count**2 / pairs if pairs else np.nan,
        p_value=p_value,
        moved=_most_moved(cells, beyond),
        gained=_listed(cells, sure[0]),
        lost=_listed(cells, sure[1]),
        by_rank=int((tops[0] ^ tops[1]).sum() - sure[0].sum() - sure[1].sum()),
        only_a=only_a,
        only_b=only_b,
    )


def _top(lift: Float[np.ndarray, "unit unit"], content: Bool[np.ndarray, "unit unit"], count: int) -> Bool[np.ndarray, "unit unit"]:
    found = np.zeros(lift.size, bool)
    places = strongest(np.where(content, lift, np.nan).ravel(), count)
    found[places[places >= 0]] = True
    return found.reshape(lift.shape)


def _most_moved(cells: Cells, beyond: Bool[np.ndarray, "unit unit"]) -> tuple[ChangedLink, ...]:
    """The pairs whose shares differ most on common ground, the first sentence left out as key, by more than rounding."""
    one, other = common_shares(cells.a.share, cells.b.share, cells, without_first(cells))
    apart = np.where(beyond & cells.content, np.abs(other - one), np.nan).ravel()
    places = strongest(apart, min(MOVED_AT_MOST, apart.size))
    size = len(cells.common)
    return tuple(link_at(cells, place // size, place % size) for place in places[places >= 0].tolist())


def _listed(cells: Cells, which: Bool[np.ndarray, "unit unit"]) -> tuple[ChangedLink, ...]:
    """The greatest change first, counted in doublings; from or to a lift of 0 before all."""
    places = np.argwhere(which)
    size = np.nan_to_num(np.abs(cells.doublings[which]), nan=np.inf)
    return tuple(link_at(cells, *place) for place in places[np.argsort(-size, kind="stable")].tolist())


def link_at(cells: Cells, query: int, key: int) -> ChangedLink:
    """Both files' numbers of a pair of units."""
    a, b, place = cells.a, cells.b, (query, key)
    return ChangedLink(
        query=query,
        key=key,
        share_a=float(a.share[place]),
        share_b=float(b.share[place]),
        lift_a=float(a.lift[place]),
        lift_b=float(b.lift[place]),
        doublings=float(cells.doublings[place]),
    )


def links_alone(measurements: Measurements, places: list[int]) -> tuple[LinkAlone, ...]:
    """The strongest links by lift, at most 10, that lead from or to these sentences of the file and stand among as strong a part of its links as is compared above."""
    pairs, share = measurements.by_pair.pairs, attention_views(measurements)[0]
    lift = content_pairs(lift_of(share, expected_attention(measurements)), pairs)
    known = int((~np.isnan(lift)).sum())
    top = strongest(lift, int(np.clip(round(SHARE_OF_PAIRS * known), min(AT_LEAST, known), AT_MOST)))
    chosen: Int[np.ndarray, " link"] = top[(top >= 0)]
    chosen = chosen[np.isin(pairs.queries[chosen], places) | np.isin(pairs.keys[chosen], places)][:ALONE_AT_MOST]
    return tuple(LinkAlone(query=int(pairs.queries[at]), key=int(pairs.keys[at]), share=float(share[at]), lift=float(lift[at])) for at in chosen.tolist())
