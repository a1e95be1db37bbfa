"""Which sets of sentences are taken out: how many sentences at each step of a curve, and how much of that a quick run allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from reportgen.contract.faithfulness import BINS, count_of

BETWEEN = (35, 75)
CURVES = ("deletion", "insertion")
# What a quick run measures, in the order of what it tells for its cost: taking out half costs half a pass, leaving in a fifth a fifth.
QUICK_STEPS = (("deletion", 50), ("deletion", 20), ("insertion", 20), ("insertion", 10), ("insertion", 50), ("deletion", 10))
# Of a quick run. Curves of 1,000 tokens then take the time of about 8 plain passes: measured, 1,000 tokens run are 0.9 of one, which computes more logits.
TOKENS_AT_MOST = 8_000
DRAWS = {"fast": 3, "full": 9}
METHODS = {"fast": 2, "full": 11}  # about so many, for the estimate
Step = tuple[str, int]  # curve, per cent


def counts_of(steps: Sequence[Step], sentences: int) -> Int[np.ndarray, " step"]:
    """How many sentences the steps are, without repeats, none and all among them."""
    return np.unique([0, *(count_of(percent, sentences) for _, percent in steps), sentences]).astype(np.int32)


def full_steps() -> tuple[Step, ...]:
    """Those of the paper in both curves, and some between them."""
    return tuple((curve, percent) for curve in CURVES for percent in (*BINS, *BETWEEN))


def quick_steps(tokens_of: Callable[[Step], int], spent: int, tokens_at_most: int = TOKENS_AT_MOST) -> tuple[Step, ...]:
    """Steps as far as they fit, after what is spent on the intact text and on the target alone; `tokens_of` says how many tokens a step has run."""
    chosen: list[Step] = []
    for step in QUICK_STEPS:
        if spent + tokens_of(step) <= tokens_at_most:
            spent += tokens_of(step)
            chosen.append(step)
    return tuple(chosen)


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """Curves of several orders at these counts; `steps` says which counts of which curve are measured."""

    sentences: int
    orders: Sequence[Int[np.ndarray, " rank"]]
    steps: tuple[Step, ...]

    @property
    def counts(self) -> Int[np.ndarray, " step"]:
        return counts_of(self.steps, self.candidates)

    @property
    def candidates(self) -> int:
        """How many sentences can be taken out."""
        return len(self.orders[0])

    def wanted(self) -> dict[bytes, Bool[np.ndarray, " sentence"]]:
        """Every set of sentences that is taken out, once; orders that begin with the same sentences share theirs."""
        return {taken_out.tobytes(): taken_out for _, _, _, taken_out in self._cells()}

    def filled(self, parts: dict[bytes, Float[np.ndarray, " part"]]) -> dict[str, Float[np.ndarray, "order step part"]]:
        """The curves out of what each set gave; NaN at counts that are not measured."""
        shape = (len(self.orders), len(self.counts), len(next(iter(parts.values()))))
        found = {curve: np.full(shape, np.nan, np.float32) for curve in CURVES}
        for curve, order, step, taken_out in self._cells():
            found[curve][order, step] = parts[taken_out.tobytes()]
        return found

    def _cells(self) -> Iterator[tuple[str, int, int, Bool[np.ndarray, " sentence"]]]:
        ends = {0, self.candidates}
        for curve in CURVES:
            measured = ends | {count_of(percent, self.candidates) for name, percent in self.steps if name == curve}
            for step, count in enumerate(self.counts.tolist()):
                for place, order in enumerate(self.orders):
                    if count in measured:
                        yield curve, place, step, taken_out(curve, order, count, self.sentences)


def taken_out(curve: str, order: Int[np.ndarray, " rank"], count: int, sentences: int) -> Bool[np.ndarray, " sentence"]:
    """Of deletion the first `count` sentences of an order, of insertion all others of it."""
    chosen = np.zeros(sentences, bool)
    chosen[order[:count] if curve == "deletion" else order[count:]] = True
    return chosen
