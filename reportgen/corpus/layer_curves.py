"""How attention changes from the first layer to the last, over documents, and how far documents differ in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

from reportgen.analyses.agreement.ranks import centred_ranks
from reportgen.analyses.curves.resampling import Estimate
from reportgen.analyses.layer_progression import mean_over_heads
from reportgen.contract.rows import LEFT
from reportgen.corpus.grouping import ModelDocuments
from reportgen.corpus.quantities import QUANTITIES
from reportgen.corpus.resampling import FEWEST, document_counts, interval
from reportgen.corpus.summary import DocumentSummary
from reportgen.measurements import STACKS
from reportgen.wording import percent, significant, two_decimals

SPREAD = (0.0, 0.25, 0.5, 0.75, 1.0)
LED_BY = ("relative_entropy_without_sink", "distance_without_sink", "sink_heads")
STRONG = 0.8


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """One score by layer over documents: mean and quantiles (least, quartiles, greatest); NaN in a layer where no document has a value.

    `agreement` is the mean Spearman correlation of two documents' curves: whether layers stand in the same order, 0 by chance. `with_length` is the rank
    correlation over documents of a document's mean over layers with its tokens; NaN where it does not exist or there are fewer than 5 documents.
    """

    key: str
    label: str
    unit: str
    without_sink: bool
    documents: int
    mean: Float[np.ndarray, " layer"]
    quantiles: Float[np.ndarray, "quantile layer"]
    agreement: Estimate
    with_length: float


@dataclass(frozen=True, kw_only=True, eq=False)
class StackCurves:
    """The curves of one stack of one model; `stack` is encoder, decoder or cross (the decoder looking at what the encoder read). `name` is how charts show it."""

    name: str
    model: str
    stack: str
    layers: int
    documents: int
    curves: tuple[Curve, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """Every model's stacks, in the order of the models. `several` says that there are more than one, which are shown by relative depth."""

    stacks: tuple[StackCurves, ...]

    @property
    def several(self) -> bool:
        """Whether curves of different heights of stack stand side by side."""
        return len({stack.layers for stack in self.stacks}) > 1


def analyse(models: Sequence[ModelDocuments]) -> Result:
    """Curves of every model and stack."""
    found = []
    for group in models:
        stacks = [stack for stack in STACKS if any(curve.stack == stack for one in group.documents for curve in one.curves)]
        found += [_of_stack(group, stack, alone=len(stacks) == 1) for stack in stacks]
    return Result(stacks=tuple(found))


def _of_stack(group: ModelDocuments, stack: str, *, alone: bool) -> StackCurves:
    by_key: dict[str, list[tuple[DocumentSummary, tuple[float, ...]]]] = {}
    for one in group.documents:
        for curve in one.curves:
            if curve.stack == stack:
                by_key.setdefault(curve.key, []).append((one, curve.values))
    curves = tuple(_curve(key, by_key[key]) for key in QUANTITIES if key in by_key)
    return StackCurves(
        name=group.name if alone else f"{group.name}, {stack}",
        model=group.name,
        stack=stack,
        layers=len(curves[0].mean),
        documents=max(curve.documents for curve in curves),
        curves=curves,
    )


def _curve(key: str, measured: Sequence[tuple[DocumentSummary, tuple[float, ...]]]) -> Curve:
    values = np.array([row for _, row in measured], float)  # document layer
    quantity = QUANTITIES[key]
    return Curve(
        key=key,
        label=quantity.label,
        unit=quantity.unit,
        without_sink=quantity.without_sink,
        documents=len(values),
        mean=mean_over_heads(values.T).astype(float),
        quantiles=_quantiles(values),
        agreement=_agreement(values),
        with_length=_with_length(values, np.array([one.tokens for one, _ in measured])),
    )


def _quantiles(values: Float[np.ndarray, "document layer"]) -> Float[np.ndarray, "quantile layer"]:
    """Of each layer's values that exist; NaN where none does."""
    found = np.full((len(SPREAD), values.shape[1]), np.nan)
    for layer, column in enumerate(values.T):
        known = column[np.isfinite(column)]
        if len(known):
            found[:, layer] = np.quantile(known, SPREAD)
    return found


def _agreement(values: Float[np.ndarray, "document layer"]) -> Estimate:
    """The mean Spearman correlation of two documents over the layers that all have a value in; curves of one value throughout are left out."""
    whole = values[:, np.isfinite(values).all(0)]
    ranks = centred_ranks(whole) if whole.shape[1] > 2 else np.zeros((0, 1))
    length = np.sqrt((ranks**2).sum(1))
    unit = ranks[length > 0] / length[length > 0, None]
    if len(unit) < 2:
        return Estimate(value=np.nan, low=np.nan, high=np.nan)
    counts = np.concatenate([np.ones((1, len(unit))), document_counts(len(unit))]).astype(float)
    own = (counts**2).sum(1)  # a document that is drawn twice is not held against itself
    pairs = counts.sum(1) ** 2 - own
    found = np.divide(((counts @ unit) ** 2).sum(1) - own, pairs, out=np.full(len(counts), np.nan), where=pairs > 0)
    return interval(float(found[0]), found[1:], len(unit))


def _with_length(values: Float[np.ndarray, "document layer"], tokens: Int[np.ndarray, " document"]) -> float:
    level = mean_over_heads(values)
    known = np.isfinite(level)
    level, tokens = level[known], tokens[known]
    if len(level) < FEWEST or np.ptp(level) == 0 or np.ptp(tokens) == 0:
        return np.nan
    return float(stats.spearmanr(level, tokens).statistic)


def find(result: Result) -> str:
    """How much documents agree about each stack's layers, and where its attention changes."""
    if not result.stacks:
        return "No document has scores of heads by layer."
    alone = [stack.name for stack in result.stacks if stack.documents == 1]
    one = [f"How far documents differ cannot be said of what read one: {'; '.join(alone)}."] if alone else []
    return " ".join([*(f"{_said(stack)}{_by_length(stack)}" for stack in result.stacks if stack.documents > 1), *one])


def lead(result: Result) -> str:
    """The same of the first stack, without what goes with length."""
    return _said(result.stacks[0]) if result.stacks and result.stacks[0].documents > 1 else find(result)


def _said(stack: StackCurves) -> str:
    shown = [curve for key in LED_BY for curve in stack.curves if curve.key == key] or list(stack.curves[:1])
    changes = "; ".join(_change(curve) for curve in shown)
    return f"Over {stack.documents} documents read by {stack.name}, from the first third of its layers to the last, with quartiles of documents: {changes}.{_alike(stack)}"


def _change(curve: Curve) -> str:
    """First and last third, with the quartiles of documents there."""
    third = max(len(curve.mean) // 3, 1)
    parts = [_third(curve, part) for part in (slice(None, third), slice(-third, None))]
    unit = "" if curve.unit == "share" else f" {curve.unit}"
    return f"{curve.label[0].lower()}{curve.label[1:]} {parts[0]} to {parts[1]}{unit}"


def _third(curve: Curve, part: slice) -> str:
    mean, low, high = (float(mean_over_heads(row[None, part])[0]) for row in (curve.mean, curve.quantiles[1], curve.quantiles[3]))
    if np.isnan(mean):
        return "no value"
    return f"{_written(mean, curve.unit)} ({_written(low, curve.unit)} to {_written(high, curve.unit)})"


def _written(value: float, unit: str) -> str:
    return percent(value) if unit == "share" else significant(value)


def _alike(stack: StackCurves) -> str:
    known = [curve for curve in stack.curves if np.isfinite(curve.agreement.value)]
    if not known:
        return ""
    most, least = (chosen(known, key=lambda curve: curve.agreement.value) for chosen in (max, min))
    said = f" Two documents put the layers in the same order with a rank correlation of {two_decimals(most.agreement.value)} by {most.label.lower()}"
    return f"{said}, {two_decimals(least.agreement.value)} by {least.label.lower()}." if least is not most else f"{said}."


def _by_length(stack: StackCurves) -> str:
    """The scores that go with the documents' length nearly throughout."""
    found = [curve for curve in stack.curves if abs(curve.with_length) >= STRONG]
    names = [curve.label.lower() for curve in found if not curve.without_sink or curve.key.removesuffix(LEFT) not in [other.key for other in found]]
    return f" These rise or fall with a document’s length (rank correlation of {STRONG} or more): {'; '.join(names)}." if names else ""


def draw(result: Result) -> Mapping[str, Mapping[str, Any]]:
    """A panel for each score, with a line and a band for each model and stack."""
    from reportgen.corpus.pictures import draw_curves

    return {"curves": draw_curves(result.stacks, relative=result.several)} if result.stacks else {}
