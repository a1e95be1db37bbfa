"""Deletion and insertion curves of a target: what is left of it when sentences are taken out in each method's order, and in random orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from reportgen.capture.attribution.faithfulness.orders import QUICK, method_arrays, random_orders, ranked
from reportgen.capture.attribution.faithfulness.plan import DRAWS, METHODS, TOKENS_AT_MOST, Plan, Step, counts_of, full_steps, quick_steps
from reportgen.capture.attribution.faithfulness.taking_out import TakingOut, cheapest
from reportgen.capture.attribution.gradients import Report
from reportgen.capture.attribution.hiding import why_nothing_is_hidden
from reportgen.capture.attribution.steps import steps_of
from reportgen.capture.feeding import Feed
from reportgen.capture.self_check import COARSE, TOLERANCES
from reportgen.capture.targets import Target
from reportgen.models import LanguageModel

SEED = 0
FEWEST = 2  # sentences beside the target's own
WHAT = "faithfulness of the attributions (deletion and insertion curves)"
TOO_FEW = f"Not measured, because there are fewer than {FEWEST} sentences that could be taken out: {WHAT}."
NOT_FINITE = f"Not measured, because the target is not finite without some sentences: {WHAT}."
ONE_WAY = "Not part of the curves of faithfulness, because they do not have a value for every sentence: {}."


@dataclass(frozen=True, kw_only=True, eq=False)
class Faithfulness:
    """The curves' arrays, how they were measured, and what to say of them; no arrays where they could not be."""

    arrays: Mapping[str, np.ndarray]
    settings: Mapping[str, Any] | None
    notices: tuple[str, ...] = ()

    def add_to(self, metadata: dict[str, Any]) -> None:
        """Say it in the metadata."""
        if self.settings is not None:
            metadata["faithfulness"] = dict(self.settings)
        metadata["notices"] += self.notices


@dataclass(frozen=True, kw_only=True, eq=False)
class Orders:
    """The orders of the methods and of chance, and what to say of methods that have none. `candidates` are the sentences that can be taken out."""

    candidates: Int[np.ndarray, " rank"]
    by_method: Mapping[str, Int[np.ndarray, " rank"]]
    random: list[Int[np.ndarray, " rank"]]
    notices: tuple[str, ...]

    @property
    def all(self) -> list[Int[np.ndarray, " rank"]]:
        return [*self.by_method.values(), *self.random]


def measure_faithfulness(
    language_model: LanguageModel,
    given: Feed,
    target: Target,
    value: float,
    arrays: Mapping[str, np.ndarray],
    report: Report,
    *,
    full: bool,
    attention_alone: bool = True,
    first_sentence: int = 0,
    tokens_at_most: int = TOKENS_AT_MOST,
) -> Faithfulness:
    """The target with the first sentences of each order taken out (deletion), and with them alone left in beside its own (insertion).

    `arrays` are the attributions by sentence of the text in `given`, whose sentences are numbered from `first_sentence` on. Sentences are taken out as
    ablation does it: their tokens are hidden as keys from every query but those of the same sentence, in every layer. A target that is a likelihood is
    stored by the tokens it is of. *Source:* DeYoung et al. 2020, section 4.2, for the counts of 1, 5, 10, 20 and 50 %; the curves after Samek et al. 2017.
    Cost: a pass for each set of sentences, in causal models over what is left alone. `full` measures every method at every count; otherwise attention
    and the gradient are measured at the counts for which at most `tokens_at_most` tokens are run.
    """
    own = [sentence - first_sentence for sentence in target.sentences]
    why_not = _why_not(language_model, given, own, attention_alone)
    if why_not:
        return Faithfulness(arrays={}, settings=None, notices=(why_not,))
    orders = _orders(given, target, own, arrays, full=full)
    passes = cheapest(language_model, given, target)
    steps = full_steps() if full else _steps_that_fit(passes, orders.all, given.source.sentences, tokens_at_most)
    if not steps or not orders.by_method:
        return Faithfulness(arrays={}, settings=None, notices=(_does_not_fit(given.source.tokens),) if not steps else orders.notices)
    plan = Plan(sentences=given.source.sentences, orders=orders.all, steps=steps)
    wanted = plan.wanted()
    costs = [passes.tokens_run(taken_out) for taken_out in wanted.values()]
    found = _measured(passes, wanted, f"faithfulness of {len(plan.orders)} orders", costs, report)
    wrong = _what_is_wrong(found, value, TOLERANCES.get(language_model.model.dtype, COARSE))
    if wrong:
        return Faithfulness(arrays={}, settings=None, notices=(wrong,))
    settings = {
        "methods": list(orders.by_method),
        "sentences": plan.candidates,
        "draws": len(orders.random),
        "seed": SEED,
        "passes": len(found),
        "tokens_run": sum(costs),
        "steps": [list(step) for step in steps],
    }
    return Faithfulness(arrays=_arrays(plan, found, orders, first_sentence), settings=settings, notices=orders.notices)


def _why_not(language_model: LanguageModel, given: Feed, own: Sequence[int], attention_alone: bool) -> str:
    why_not = why_nothing_is_hidden(language_model.model, attention_alone=attention_alone)
    if why_not:
        return f"Not measured, because {why_not}: {WHAT}."
    return TOO_FEW if given.source.sentences - len(own) < FEWEST else ""


def _candidates(sentences: int, own: Sequence[int]) -> Int[np.ndarray, " rank"]:
    """The sentences that can be taken out."""
    return np.array([sentence for sentence in range(sentences) if sentence not in own], np.int32)


def _orders(given: Feed, target: Target, own: Sequence[int], arrays: Mapping[str, np.ndarray], *, full: bool) -> Orders:
    """Every method that has a number for each sentence, or of a quick run the quick ones of them."""
    candidates = _candidates(given.source.sentences, own)
    named = method_arrays(arrays)
    chosen = {name: values for name, values in named.items() if full or name in QUICK}
    whole = {name: values for name, values in chosen.items() if np.isfinite(values[candidates]).all()}
    lacking = sorted(set(chosen) - set(whole))
    return Orders(
        candidates=candidates,
        by_method={name: ranked(name, values, target.compared_unit, candidates) for name, values in whole.items()},
        random=random_orders(candidates, DRAWS["full" if full else "fast"], SEED),
        notices=(ONE_WAY.format(", ".join(lacking)),) if lacking else (),
    )


def tokens_planned(way: TakingOut, sentences: int, own: Sequence[int], *, full: bool) -> int:
    """About how many tokens `measure_faithfulness` runs: as many orders by chance as there are methods and draws, none of which begins as another for a reason."""
    candidates = _candidates(sentences, own)
    if len(candidates) < FEWEST:
        return 0
    mode = "full" if full else "fast"
    orders = random_orders(candidates, METHODS[mode] + DRAWS[mode], SEED)
    steps = full_steps() if full else _steps_that_fit(way, orders, sentences, TOKENS_AT_MOST)
    return _tokens_run(way, Plan(sentences=sentences, orders=orders, steps=steps)) if steps else 0


def _tokens_run(passes: TakingOut, plan: Plan) -> int:
    return sum(passes.tokens_run(taken_out) for taken_out in plan.wanted().values())


def _steps_that_fit(passes: TakingOut, orders: Sequence[Int[np.ndarray, " rank"]], sentences: int, tokens_at_most: int) -> tuple[Step, ...]:
    def tokens_of(step: Step) -> int:
        return _tokens_run(passes, Plan(sentences=sentences, orders=orders, steps=(step,))) - ends

    ends = _tokens_run(passes, Plan(sentences=sentences, orders=orders, steps=()))
    return quick_steps(tokens_of, ends, tokens_at_most)


def _measured(
    passes: TakingOut, wanted: Mapping[bytes, Bool[np.ndarray, " sentence"]], stage: str, costs: Sequence[int], report: Report
) -> dict[bytes, Float[np.ndarray, " part"]]:
    """The target's parts for each set of sentences; the first is the empty one."""
    sets, found = list(wanted.items()), {}
    for step in steps_of(stage, costs, report):
        name, taken_out = sets[step]
        found[name] = passes.parts_without(taken_out)
    return found


def _what_is_wrong(found: Mapping[bytes, Float[np.ndarray, " part"]], value: float, tolerance: float) -> str:
    if not all(np.isfinite(parts).all() for parts in found.values()):
        return NOT_FINITE
    intact = float(next(iter(found.values())).sum())
    if abs(intact - value) <= tolerance * max(1.0, abs(value)):
        return ""
    return f"Not measured, because with nothing hidden the target came out as {intact:.6g} where {value:.6g} was measured: {WHAT}."


def _does_not_fit(tokens: int) -> str:
    return (
        f"Not measured, because for {tokens:,} tokens it takes more passes than the fast attribution makes, which --attribution full asks for: {WHAT}. "
        "A shorter text has it in the fast attribution too."
    )


def _arrays(plan: Plan, found: dict[bytes, Float[np.ndarray, " part"]], orders: Orders, first_sentence: int) -> dict[str, np.ndarray]:
    """Named as the contract names them."""
    methods = len(orders.by_method)
    arrays = {"faithfulness.counts": counts_of(plan.steps, plan.candidates)}
    for curve, values in plan.filled(found).items():
        arrays |= {f"faithfulness.{curve}": values[:methods], f"faithfulness.random_{curve}": values[methods:]}
    arrays["faithfulness.orders"] = np.stack(list(orders.by_method.values())).astype(np.int32) + np.int32(first_sentence)
    return arrays
