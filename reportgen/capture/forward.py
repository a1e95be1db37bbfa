"""The forward pass: every statistic of the attention of one text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from reportgen.capture.block import ROWS_AT_MOST
from reportgen.capture.feeding import Feed, Shapes
from reportgen.capture.layout import Stack
from reportgen.capture.reducers.alignment import Alignment
from reportgen.capture.reducers.distances import Distances, SentenceDistance
from reportgen.capture.reducers.reducer import Reducer
from reportgen.capture.reducers.repeats import Repeats
from reportgen.capture.reducers.rollout import Rollout
from reportgen.capture.reducers.sentence_mass import InterSentenceMaximum, SentenceMass
from reportgen.capture.reducers.similarity import HeadSimilarity
from reportgen.capture.reducers.spread import Confidence, Spread
from reportgen.capture.reducers.target_rows import TargetRows
from reportgen.capture.streaming import StackPass, StreamingPass, streaming
from reportgen.capture.token_links import SegmentBounds, token_links
from reportgen.capture.visibility import Visibility

Report = Callable[[str, float], None]
WHEREVER = (SentenceMass, InterSentenceMaximum, Confidence, HeadSimilarity, Spread)
WITHIN_A_TEXT = (SentenceDistance, Repeats, Distances)


@dataclass(frozen=True, kw_only=True)
class ForwardNumbers:
    """What one forward pass gives: arrays by stack and name, and by stack what attention says of the target's rows, by sentence looked at."""

    arrays: dict[str, np.ndarray]
    target_attention: dict[str, Float[np.ndarray, " sentence"]]
    target_rollout: dict[str, Float[np.ndarray, " sentence"]]


@dataclass(kw_only=True, eq=False)
class StackMeasure:
    """All that is added up of one stack."""

    stack: Stack

    def __post_init__(self) -> None:
        self.target, self.bounds = TargetRows(self.stack), SegmentBounds(self.stack)
        self.rollout = None if self.stack.crosses else Rollout(self.stack)
        kinds = (*WHEREVER, Alignment) if self.stack.crosses else (*WHEREVER, *WITHIN_A_TEXT)
        named = [self.target, self.bounds, *([self.rollout] if self.rollout else [])]
        self.reducers: Sequence[Reducer] = [*(kind(self.stack) for kind in kinds), *named]

    def arrays(self, done: StackPass, report: Report) -> dict[str, np.ndarray]:
        """The stack's arrays, after its pass."""
        found = {name: values for reducer in self.reducers for name, values in reducer.arrays().items()}
        found["sentence_expected"] = _expected_by_mask(self.stack, [scores.visibility for scores in done.layers])
        found["coverage"] = np.ones(found["isa"].shape, np.int32)
        found["token_links"] = token_links(self.stack, done.layers, self.bounds, lambda share: report(_stage("strongest token links", done.stack), share))
        return {f"{self.stack.name}.{name}": values for name, values in found.items()}


def measure_forward(model: Any, given: Feed, shapes: Shapes, report: Report, rows_at_most: int = ROWS_AT_MOST) -> ForwardNumbers:
    """All statistics of the attention of every stack, in one pass through the model and a second look at the scores for the token links.

    `shapes` says how many layers and heads each stack has (`check_model` finds it out). Memory: that of a plain forward pass, the queries and keys of all
    layers, and a few arrays of tokens x sentences.
    """
    measures = {name: StackMeasure(stack=stack) for name, stack in given.stacks(shapes).items()}
    progress = _layer_progress(report, [measure.stack for measure in measures.values()])
    passes = {
        name: StackPass(stack=measure.stack, reducers=measure.reducers, keep_layers=True, rows_at_most=rows_at_most, progress=progress)
        for name, measure in measures.items()
    }
    run_through(model, given, StreamingPass(stacks=passes))
    arrays: dict[str, np.ndarray] = {}
    for name, measure in measures.items():
        arrays |= measure.arrays(passes[name], report)
    return ForwardNumbers(
        arrays=arrays,
        target_attention={name: measure.target.of_target() for name, measure in measures.items()},
        target_rollout={name: measure.rollout.of_target() for name, measure in measures.items() if measure.rollout},
    )


def run_through(model: Any, given: Feed, streaming_pass: StreamingPass) -> None:
    """Send the text through the model's layers, without its head."""
    with streaming(model, streaming_pass):
        model.base_model(**given.keywords(model))


def _layer_progress(report: Report, stacks: Iterable[Stack]) -> Callable[[str, int, float], None]:
    by_name = {stack.name: stack for stack in stacks}

    def show(name: str, layer: int, share: float) -> None:
        report(f"{_stage('attention', by_name[name], len(by_name) > 1)}, layer {layer + 1} of {by_name[name].layers}", (layer + share) / by_name[name].layers)

    return show


def _stage(what: str, stack: Stack, several: bool = False) -> str:
    return f"{what} ({stack.name})" if several else what


def _expected_by_mask(stack: Stack, masks: list[Visibility]) -> np.ndarray:
    """One matrix when all layers share their mask, else one for each layer."""
    different = {mask: expected_attention(stack, mask) for mask in dict.fromkeys(masks)}
    if all(np.array_equal(expected, different[masks[0]]) for expected in different.values()):
        return different[masks[0]]
    return np.stack([different[mask] for mask in masks])


def expected_attention(stack: Stack, visibility: Visibility) -> Float[np.ndarray, "query_sentence key_sentence"]:
    """`sentence_expected`: what `sentence_attention` would be if each query spread its weight evenly over the keys it sees."""
    members = stack.queries.sentence_of_token
    expected = np.zeros((stack.queries.sentences, stack.keys.sentences))
    inside = np.flatnonzero(members >= 0)
    share = visibility.seen_by_group(stack.keys.sentence_of_token, stack.keys.sentences) / visibility.keys_seen[:, None]
    np.add.at(expected, members[inside], share[inside])
    return (expected / stack.queries.tokens_in_sentence[:, None]).astype(np.float32)
