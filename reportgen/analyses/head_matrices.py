"""What every single head looks at: one matrix of sentences by sentences for each, in sixteen steps, and where their attention goes in three numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8

from reportgen.analyses.analysis import Analysis, Method
from reportgen.analyses.half_precision import every_half, single
from reportgen.analyses.sentence_matrix import Shown, attention_views, group_of
from reportgen.contract import CONTRACT
from reportgen.measurements import Measurements
from reportgen.sentence_pairs import SentencePairs
from reportgen.wording import counted, percent

CELLS_AT_MOST = 10_000_000  # of all heads together
STEPS = 13  # between the codes 1 and 14
BELOW, NEVER = 0, 15
LISTED = 12
MOST = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """The matrices as text, by layer and head, one hexadecimal digit for each cell, column by column; in a causal model only those on and below the diagonal.

    A digit c from 1 to e stands for low * exp((c - 1) * step), 0 for less than `low`, f for what was never computed. Rows and columns stand for `group`
    consecutive sentences each, cells for the mean over their pairs. `first`, `own` and `others` are mean shares, over the sentences after the first, that go
    to the first sentence, to the sentence itself and to all others; `link` is the strongest link to another but the first, -1 where there is none.
    """

    causal: bool
    sentences: int
    group: int
    low: float
    step: float
    codes: tuple[tuple[str, ...], ...]
    first: Float[np.ndarray, "layer head"]
    own: Float[np.ndarray, "layer head"]
    others: Float[np.ndarray, "layer head"]
    link: Int[np.ndarray, "layer head 2"]
    link_share: Float[np.ndarray, "layer head"]
    listed: tuple[tuple[int, int], ...]

    @property
    def rounding(self) -> float:
        """How far a code may be off what it stands for, as a share of it: half a step."""
        return float(np.expm1(self.step / 2))


def analyse(measurements: Measurements) -> Result:
    """Codes and shares of every head, and the heads that look most at other sentences. Memory: one layer's heads and all codes."""
    pairs, mean = measurements.by_pair.pairs, attention_views(measurements)[0]
    layers, heads = measurements.metadata["layers"], measurements.metadata["heads"]
    causal = not (mean[pairs.keys > pairs.queries] > 0).any()
    shown = Shown(pairs=pairs, group=group_of(pairs.sentences, layers * heads, causal, CELLS_AT_MOST), causal=causal)
    low = 10.0 ** np.floor(np.log10(0.2 / pairs.sentences))
    step = float(f"{-np.log(low) / STEPS:.12g}")
    codes, found = [], []
    for values in measurements.by_pair.layers("*.sentence_attention"):
        codes.append(tuple(digits(np.stack([shown.matrix(head) for head in values]), low, step, causal)))
        found.append(_shares(values, pairs))
    first, own, others, link_share = (np.stack([one[name] for one in found]) for name in range(4))
    return Result(
        causal=causal,
        sentences=pairs.sentences,
        group=shown.group,
        low=low,
        step=step,
        codes=tuple(codes),
        first=first,
        own=own,
        others=others,
        link=np.stack([one[4] for one in found]),
        link_share=link_share,
        listed=_listed(others),
    )


def digits(matrices: Float[np.ndarray, "head row row"], low: float, step: float, causal: bool) -> Iterable[str]:
    """Each matrix's codes as hexadecimal digits, down one column after the other."""
    rows = matrices.shape[-1]
    places = np.arange(rows * rows).reshape(rows, rows).T
    cells = matrices.reshape(len(matrices), -1).take(places[np.triu_indices(rows)] if causal else places.ravel(), axis=1)
    letters = _letters_of_halves(low, step)[cells.view(np.uint16)] if cells.dtype == np.float16 else _letters(cells, low, step)
    return (row.tobytes().decode("ascii") for row in letters)


@lru_cache(maxsize=1)
def _letters_of_halves(low: float, step: float) -> UInt8[np.ndarray, " bits"]:
    """The digit of every number of half precision by its bits: there are fewer of them than cells."""
    return _letters(every_half(), low, step)


def _letters(values: Float[np.ndarray, "*shape"], low: float, step: float) -> UInt8[np.ndarray, "*shape"]:
    values = values.astype(np.float64)
    codes = np.full(values.shape, BELOW, np.uint8)
    seen = values >= low
    codes[seen] = 1 + np.clip(np.rint(np.log(values[seen] / low) / step), 0, STEPS)
    codes[np.isnan(values)] = NEVER
    return np.frombuffer(b"0123456789abcdef", np.uint8)[codes]


def _shares(values: Float[np.ndarray, "head pair"], pairs: SentencePairs) -> tuple[np.ndarray, ...]:
    """Of each head the mean shares to the first sentence, to itself and to others, the strongest share to another, and which link that is."""
    known, later = ~np.isnan(values).all(0), pairs.queries > 0
    own, first = later & (pairs.keys == pairs.queries), later & (pairs.keys == 0)
    rest = np.flatnonzero(later & ~own & ~first & known)
    by_pair, rows = values.T, int((own & known).sum())
    others = single(by_pair[rest])
    return (_mean(by_pair[first & known]), _mean(by_pair[own & known]), _rest(others, rows), *_strongest(others, rest, pairs))


def _mean(values: Float[np.ndarray, "pair head"]) -> Float[np.ndarray, " head"]:
    return single(values).mean(0) if values.size else np.full(values.shape[1], np.nan, np.float32)


def _rest(others: Float[np.ndarray, "other head"], rows: int) -> Float[np.ndarray, " head"]:
    return others.sum(0) / np.float32(rows) if rows else np.full(others.shape[1], np.nan, np.float32)


def _strongest(
    others: Float[np.ndarray, "other head"], places: Int[np.ndarray, " other"], pairs: SentencePairs
) -> tuple[Float[np.ndarray, " head"], Int[np.ndarray, "head 2"]]:
    heads = others.shape[1]
    if not len(places):
        return np.full(heads, np.nan, np.float32), np.full((heads, 2), -1)
    best = others.argmax(0)
    return others[best, np.arange(heads)], np.stack([pairs.queries[places[best]], pairs.keys[places[best]]], 1)


def _listed(others: Float[np.ndarray, "layer head"]) -> tuple[tuple[int, int], ...]:
    order = np.argsort(-others, axis=None, kind="stable")[:LISTED]
    order = order[~np.isnan(others.ravel()[order])]
    return tuple((int(place) // others.shape[1], int(place) % others.shape[1]) for place in order)


def draw(result: Result) -> Mapping[str, Mapping[str, Any]]:
    """Nothing: the matrices are drawn by the page itself, so that each can be opened."""
    return {}


def find(result: Result) -> str:
    """Where most of each head's attention goes, and the head that looks most at other sentences."""
    if not result.listed:
        return "There is only one sentence, and so no head looks at another."
    counts = [int((shares > MOST).sum()) for shares in (result.first, result.own, result.others)]
    layer, head = result.listed[0]
    query, key = result.link[layer, head]
    of_first = f"Of {counted(result.first.size, 'head')}, {counts[0]} give{'s' * (counts[0] == 1)} the first sentence more than half of a sentence's attention on average"
    if not result.others[layer, head] > 0:
        return f"{of_first} and {counts[1]} the sentence itself; none looks at any other sentence."
    strongest = f"; its strongest link goes from sentence {query + 1} to sentence {key + 1} ({percent(result.link_share[layer, head])})" if query >= 0 else ""
    return (
        f"{of_first}, {counts[1]} the sentence itself and {counts[2]} other sentences; head {layer}.{head} looks most at others, with "
        f"{percent(result.others[layer, head])}{strongest}."
    )


def notices(result: Result) -> tuple[str, ...]:
    """What the page shows more coarsely than it was measured."""
    if result.group == 1:
        return ()
    return (
        f"The matrices of single heads on this page show groups of {result.group} consecutive sentences, because {result.first.size} matrices of "
        f"{result.sentences:,} sentences have more than {CELLS_AT_MOST:,} cells; the measurements file has every pair.",
    )


ANALYSIS = Analysis(
    name="head_matrices",
    question="What does every single head look at?",
    needs=("sentence_attention", "sentence_expected", "isa", "isa_by_layer"),
    analyse=analyse,
    draw=draw,
    find=find,
    notices=notices,
    caveat=(
        "A head with a striking picture need not matter for what the model writes, and most of a head's attention may rest on the first sentence because it has "
        "nothing to look for. Single heads are shown in sixteen steps; tables and findings hold the measured values."
    ),
    methods=(
        Method(name="Share of attention of one head", formula=CONTRACT["*.sentence_attention"].formula, source=CONTRACT["*.sentence_attention"].source),
        Method(
            name="Shares by head", formula="mean over the sentences after the first of the share to the first sentence, to itself, to the others", source="none"
        ),
        Method(name="Maximum over heads", formula="max over heads (and layers) of a head's share, in the steps of single heads", source="none; defined here"),
    ),
)
