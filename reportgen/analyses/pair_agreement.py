"""Whether matrices of sentence pairs agree: attention, rollout, and what links do, at equal distances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from jaxtyping import Float

from reportgen.analyses.agreement.mantel import FEWEST_PAIRS, MOVES, PairAgreement, SomePairs, WholeMatrices, compare_some, compare_two_some, compare_whole
from reportgen.analyses.agreement.pictures import draw_matrix
from reportgen.analyses.analysis import Analysis, Method
from reportgen.analyses.sentence_matrix import attention_views, hidden_effects
from reportgen.characters import capitalised
from reportgen.contract import CONTRACT
from reportgen.measurements import Measurements
from reportgen.wording import significant, two_decimals

ATTENTION, EFFECT, INPUT = "attention", "knockout effect", "input × gradient"
MATRICES = {"isa": "ISA", "rollout": "rollout", "rollout_without_sink": "rollout without sink"}
WEIGHTED = "attention × gradient"
SIGNIFICANT = 0.05


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """The matrices by label, those that know every pair first, and the agreement of every two; `within` and `partial` are the same as matrices.

    `verified` says of what the attention is held against in words: the label of the effects, None where there is none. `notes` say what cannot be compared.
    """

    matrices: tuple[str, ...]
    pairs: int
    sentences: int
    agreements: tuple[PairAgreement, ...]
    within: Float[np.ndarray, "matrix matrix"]
    partial: Float[np.ndarray, "matrix matrix"]
    verified: str | None
    notes: tuple[str, ...]


def analyse(measurements: Measurements) -> Result:
    """Compare all matrices over pairs of two sentences, the first as key left out: it holds the sink."""
    whole, unknown = _whole(measurements)
    asked = list(_some(measurements)) if "target_sentence_spans" not in measurements else []
    some = [_among(one, whole) for one in asked]
    complete = [one for one in some if len(one.values) == len(whole.keys)]
    whole = _joined(whole, complete)
    rest = [one for one in some if len(one.values) < len(whole.keys)]
    beyond = {one.name: outside for one, among in zip(asked, some, strict=True) if (outside := len(one.values) - len(among.values))}
    found = [*compare_whole(whole)]
    for one in rest:
        found += compare_some(one, whole)
    found += [compare_two_some(*two) for two in combinations(rest, 2)]
    names = (*whole.names, *(one.name for one in rest))
    within, partial = (_as_matrix(found, names, field) for field in ("within", "partial"))
    return Result(
        matrices=names,
        pairs=len(whole.keys),
        sentences=whole.sentences,
        agreements=tuple(sorted(found, key=lambda row: EFFECT not in (row.first, row.second))),
        within=within,
        partial=partial,
        verified=next((name for name in (EFFECT, INPUT, WEIGHTED) if name in names), None),
        notes=(*(f"{capitalised(label)} is left out: some pairs have no value." for label in unknown), *_notes(measurements, rest, beyond, whole)),
    )


def _whole(measurements: Measurements) -> tuple[WholeMatrices, tuple[str, ...]]:
    """The matrices that know every pair that was read together, and the labels of those that do not."""
    pairs = measurements.by_pair.pairs
    values = {ATTENTION: attention_views(measurements)[0]}
    values |= {label: measurements.by_pair[f"*.{name}"] for name, label in MATRICES.items() if f"*.{name}" in measurements}
    if "*.attention_x_gradient" in measurements:
        values[WEIGHTED] = measurements.by_pair["*.attention_x_gradient"].sum(0, dtype=np.float64)
    known = (values[ATTENTION] > 0) & ~pairs.to_first & (pairs.queries != pairs.keys)
    kept = {label: row[known].astype(float) for label, row in values.items() if not np.isnan(row[known]).any()}
    queries, keys = pairs.queries[known], pairs.keys[known]
    whole = WholeMatrices(names=tuple(kept), values=np.array(list(kept.values())), queries=queries, keys=keys, sentences=pairs.sentences)
    return whole, tuple(label for label in values if label not in kept)


def _some(measurements: Measurements) -> Iterator[SomePairs]:
    """The effects of knockout, with the random sample where there is one, and input x gradient of the rows that were measured."""
    links = hidden_effects(measurements)
    if len(links):
        yield _content(EFFECT, links[:, 2], links[:, :2].astype(int))
    if "attribution.pairs" in measurements:
        values = np.abs(measurements["attribution.pairs"])
        row, key = np.nonzero(~np.isnan(values))
        yield _content(INPUT, values[row, key], np.stack([measurements["attribution.pair_rows"][row], key], axis=1))


def _content(name: str, values: Float[np.ndarray, " pair"], links: np.ndarray) -> SomePairs:
    """Without the sink and a sentence on itself, in reading order, each once."""
    _, first = np.unique(links, axis=0, return_index=True)
    kept = first[(links[first, 1] > 0) & (links[first, 0] != links[first, 1]) & np.isfinite(values[first])]
    return SomePairs(name=name, values=values[kept].astype(float), queries=links[kept, 0], keys=links[kept, 1])


def _among(some: SomePairs, whole: WholeMatrices) -> SomePairs:
    """Without pairs between which there is no attention, as there is none beyond a layer's window."""
    kept = np.isin(some.queries * whole.sentences + some.keys, whole.queries.astype(int) * whole.sentences + whole.keys)
    return SomePairs(name=some.name, values=some.values[kept], queries=some.queries[kept], keys=some.keys[kept])


def _joined(whole: WholeMatrices, complete: list[SomePairs]) -> WholeMatrices:
    """With those that turned out to know every pair."""
    rows = [one.values[np.lexsort((one.keys, one.queries))] for one in complete]
    names = (*whole.names, *(one.name for one in complete))
    return WholeMatrices(names=names, values=np.array([*whole.values, *rows]), queries=whole.queries, keys=whole.keys, sentences=whole.sentences)


def _as_matrix(found: list[PairAgreement], names: tuple[str, ...], field: str) -> Float[np.ndarray, "matrix matrix"]:
    matrix = np.full((len(names), len(names)), np.nan)
    for row in found:
        one, other = names.index(row.first), names.index(row.second)
        matrix[one, other] = matrix[other, one] = getattr(row, field)
    return matrix


def _notes(measurements: Measurements, rest: list[SomePairs], beyond: Mapping[str, int], whole: WholeMatrices) -> tuple[str, ...]:
    said = [f"{capitalised(one.name)} is known of {len(one.values):,} of {len(whole.keys):,} pairs." for one in rest]
    said += [f"{capitalised(name)} is also known of {number:,} between which there is no attention; they are left out." for name, number in beyond.items()]
    least = 1 / (1 + 2 * len(whole.moves))
    if least > SIGNIFICANT:
        said.append(
            f"A text of {whole.sentences} sentences can be moved {2 * len(whole.moves)} ways, so that p is {least:.2g} at least: too few to tell agreement from chance."
        )
    if "target_sentence_spans" in measurements:
        said.append(
            "What hiding links did and input × gradient of pairs lead from the text that the decoder wrote to the source, and are no pairs of the source's sentences."
        )
    sampled = "attribution.link_sample" in measurements
    if any(one.name == EFFECT for one in rest) and not sampled:
        said.append(
            "The links whose effect was measured are the strongest by lift and no sample of all: how they rank among themselves may differ from how all do."
        )
    return tuple(said)


def draw(result: Result) -> Mapping[str, Mapping[str, Any]]:
    """The agreement of every two matrices; nothing where there are too few pairs."""
    import altair as alt

    if not np.isfinite(result.within).any():
        return {}
    return {"agreement": draw_matrix(alt, result.matrices, result.within, result.partial)}


def find(result: Result) -> str:
    """Whether attention of pairs agrees with the best measure of what links do, at equal distances; and which two agree most."""
    if result.pairs < FEWEST_PAIRS:
        return f"There are {result.pairs} pairs of sentences to compare, too few ({FEWEST_PAIRS} are needed)."
    if result.verified is None:
        return f"What links do was not measured; of {result.pairs:,} pairs, {_most_alike(result)}"
    row = next(row for row in result.agreements if {row.first, row.second} == {ATTENTION, result.verified})
    if np.isnan(row.within):
        return f"Attention and {result.verified} are both known of {row.pairs:,} pairs of sentences, too few to compare ({FEWEST_PAIRS} are needed), or do not vary."
    agree = row.within_p <= SIGNIFICANT
    answer = (
        f"attention and {result.verified} {'agree' if row.within > 0 else 'disagree'}"
        if agree
        else f"that attention and {result.verified} agree cannot be said"
    )
    partial = f"; without the sentences' own pull {two_decimals(row.partial)} (p {significant(row.partial_p, 2)})" if np.isfinite(row.partial) else ""
    return (
        f"At equal distances {answer}: over {row.pairs:,} pairs their rank correlation is {two_decimals(row.rho)}, and among pairs of the same distance "
        f"{two_decimals(row.within)} (p {significant(row.within_p, 2)}){partial}."
    )


def _most_alike(result: Result) -> str:
    known = [row for row in result.agreements if np.isfinite(row.within)]
    if not known:
        return "no two matrices can be compared."
    best = max(known, key=lambda row: row.within)
    return f"{best.first} and {best.second} agree most at equal distances ({two_decimals(best.within)}, p {significant(best.within_p, 2)})."


ANALYSIS = Analysis(
    name="pair_agreement",
    question="Do links that attention shows do something?",
    needs=("sentence_attention|sentence_attention_by_layer", "isa"),
    analyse=analyse,
    draw=draw,
    find=find,
    sentences_at_most=1_000,
    caveat=(
        "Agreement of matrices is of all pairs at once and says little of any one link. Whatever falls with distance agrees for that reason, so read the columns at "
        "equal distance. Attention, ISA and rollout are made of the same weights. Attention × gradient is of the target alone. Effects of knockout were measured for links "
        "chosen by attention, where no random sample or whole matrix is there beside them."
    ),
    methods=(
        Method(name="Rank correlation", formula="Spearman's rho over pairs of two sentences, the first sentence left out as key", source="Spearman 1904"),
        Method(
            name="At equal distances",
            formula="correlation of ranks among the pairs of the same distance in sentences (half octaves of it where a matrix is known of some pairs), each over how many these are",
            source="none; defined here, after stratified rank tests (van Elteren 1960)",
        ),
        Method(
            name="p",
            formula=(
                f"Mantel test in which every pair keeps its distance: one matrix moved along the text against the other by 1 up to half of its sentences, both ways (of more than {MOVES} "
                "moves as many drawn), where they overlap; chance's correlations times the root of the share of sentences that do; two-sided"
            ),
            source="Mantel 1967; moves in place of permutations: defined here, after Harms et al. 2001",
        ),
        Method(
            name="Without the sentences' own pull",
            formula="the same after a term for each query and each key sentence is fitted to those ranks and taken out, which covers their length and place",
            source="Smouse et al. 1986 (partial Mantel test)",
        ),
        Method(name="Knockout effect", formula=CONTRACT["attribution.link_effect"].formula, source=CONTRACT["attribution.link_effect"].source),
        Method(name="Input × gradient of pairs", formula=CONTRACT["attribution.pairs"].formula, source=CONTRACT["attribution.pairs"].source),
        Method(name="ISA", formula=CONTRACT["*.isa"].formula, source=CONTRACT["*.isa"].source),
        Method(name="Attention × gradient", formula=CONTRACT["*.attention_x_gradient"].formula, source=CONTRACT["*.attention_x_gradient"].source),
    ),
)
