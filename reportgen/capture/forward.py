"""The forward pass: every statistic of the attention of one text."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from reportgen.capture.block import CELLS_AT_MOST, ROWS_AT_MOST, Block
from reportgen.capture.feeding import Feed, Shapes
from reportgen.capture.head_divergence import head_divergence
from reportgen.capture.layout import Stack
from reportgen.capture.per_layer import WholeLayer, reads_per_layer, whole_layers
from reportgen.capture.query_key import query_key
from reportgen.capture.reducers.alignment import Alignment
from reportgen.capture.reducers.coreference import Coreference
from reportgen.capture.reducers.distances import Distances, SentenceDistance
from reportgen.capture.reducers.key_shares import FirstToken, KeyShares, StrongestKey
from reportgen.capture.reducers.offsets import FixedOffsets
from reportgen.capture.reducers.reducer import Reducer, Weighted
from reportgen.capture.reducers.repeats import Repeats
from reportgen.capture.reducers.rollout import Rollout
from reportgen.capture.reducers.sentence_mass import InterSentenceMaximum, SentenceMass
from reportgen.capture.reducers.similarity import HeadSimilarity
from reportgen.capture.reducers.spread import Confidence, Spread
from reportgen.capture.reducers.syntax import Syntax
from reportgen.capture.reducers.target_rows import TargetRows
from reportgen.capture.streaming import StackPass, StreamingPass, streaming
from reportgen.capture.token_links import LinkBounds, MeanWeights, token_links
from reportgen.capture.value_norms import ValueNorms
from reportgen.capture.visibility import Visibility, visibility_of_cells
from reportgen.memory import pages_kept

Report = Callable[[str, float], None]
WHEREVER = (SentenceMass, KeyShares, StrongestKey, InterSentenceMaximum, Confidence, HeadSimilarity, Spread)
OUTSIDE = "the model's attention is outside the library's interface, where its values are not at hand"
WITHIN_A_TEXT = (SentenceDistance, FirstToken, FixedOffsets, Repeats, Distances)


@dataclass(frozen=True, kw_only=True)
class ForwardNumbers:
    """What one forward pass gives: arrays by stack and name, and by stack what attention says of the target's rows, named as the contract names it.

    `global_tokens` are the positions that all look at and that look at all, in models with sparse layers. `weights` are by stack and name what means are
    over that are not over all counted queries in sentences. `seconds` is how long the pass took.
    """

    arrays: dict[str, np.ndarray]
    target_attention: dict[str, dict[str, np.ndarray]]
    target_rollout: dict[str, Float[np.ndarray, " sentence"]]
    global_tokens: tuple[int, ...] = ()
    weights: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    target_notices: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(kw_only=True, eq=False)
class StackMeasure:
    """All that is added up of one stack; `whole` says that its layers are read one at a time, and then no scores are kept to look at twice."""

    stack: Stack
    whole: bool

    def __post_init__(self) -> None:
        self.target, self.masks = TargetRows(self.stack), MasksOfLayers()
        self.bounds = MeanWeights(self.stack) if self.whole else LinkBounds(self.stack)
        self.rollout = None if self.stack.crosses else Rollout(self.stack)
        named = [self.target, self.masks, self.bounds, *([self.rollout] if self.rollout else [])]
        self.reducers: Sequence[Reducer] = [*(kind(self.stack) for kind in kinds_of(self.stack)), *named]

    def arrays(self, done: StackPass, report: Report) -> dict[str, np.ndarray]:
        """The stack's arrays, after its pass."""
        found = {name: values for reducer in self.reducers for name, values in reducer.arrays().items()}
        found["sentence_expected"] = expected_by_mask(self.stack, self.masks.of_layer)
        found["coverage"] = np.ones(found["isa"].shape, np.int32)
        if isinstance(self.bounds, LinkBounds):
            found["token_links"] = token_links(self.stack, done.layers, self.bounds, lambda share: report("strongest token links", share))
            layers = [layer.on_the_cpu() for layer in done.layers]
            found |= query_key(self.stack, layers, found, lambda share: report("queries and keys behind links", share))
            if not self.stack.crosses:
                found |= head_divergence(self.stack, layers, lambda share: report("divergence of heads", share))
        return {f"{self.stack.name}.{name}": values for name, values in found.items()}

    def weights(self) -> dict[str, np.ndarray]:
        """What the stack's means are over, where that is not all counted queries in sentences."""
        return {name: values for reducer in self.reducers if isinstance(reducer, Weighted) for name, values in reducer.weights().items()}


def kinds_of(stack: Stack) -> tuple[type[Reducer], ...]:
    """What a stack is measured by wherever its attention comes from: what needs the text's mentions or its syntax, where they were found."""
    if stack.crosses:
        return (*WHEREVER, Alignment)
    found = {Coreference: stack.queries.mentions, Syntax: stack.queries.syntax}
    return (*WHEREVER, *WITHIN_A_TEXT, *(kind for kind, words in found.items() if words is not None))


class MasksOfLayers:
    """A reducer: what each layer sees."""

    def __init__(self) -> None:
        self.of_layer: list[Visibility] = []

    def add(self, block: Block) -> None:
        if block.rows.start == 0:
            self.of_layer.append(block.visibility)

    def arrays(self) -> dict[str, np.ndarray]:
        return {}


def measure_forward(
    model: Any, given: Feed, shapes: Shapes, report: Report, rows_at_most: int = ROWS_AT_MOST, cells_at_most: int = CELLS_AT_MOST
) -> ForwardNumbers:
    """All statistics of the attention of every stack, in one pass through the model and a second look at the scores for the token links.

    `shapes` says how many layers and heads each stack has (`check_model` finds it out). Memory: that of a plain forward pass, the queries and keys of all
    layers, and a few arrays of tokens x sentences.
    """
    started, whole = time.monotonic(), reads_per_layer(model.config)
    measures = {name: StackMeasure(stack=stack, whole=whole) for name, stack in given.stacks(shapes).items()}
    progress = _layer_progress(report, [measure.stack for measure in measures.values()])
    passes = {
        name: StackPass(
            stack=measure.stack, reducers=measure.reducers, keep_layers=not whole, rows_at_most=rows_at_most, cells_at_most=cells_at_most, progress=progress
        )
        for name, measure in measures.items()
    }
    norms = _value_norms(model, {name: measure.stack for name, measure in measures.items()})
    global_tokens = run_through(model, given, passes, norms)
    arrays: dict[str, np.ndarray] = {}
    for name, measure in measures.items():
        arrays |= measure.arrays(passes[name], report)
    return ForwardNumbers(
        arrays=arrays,
        target_attention={name: measure.target.of_target() | _arrays_of(norms, name) for name, measure in measures.items()},
        target_rollout={name: measure.rollout.of_target() for name, measure in measures.items() if measure.rollout},
        target_notices=() if norms is None else norms.notices,
        global_tokens=global_tokens,
        weights={name: measure.weights() for name, measure in measures.items()},
        seconds=time.monotonic() - started,
    )


def measure_target_rows(model: Any, given: Feed, shapes: Shapes) -> ForwardNumbers:
    """What attention says of the target's rows alone, in a pass of its own: for targets that are read from another input than is measured."""
    stacks = given.stacks(shapes)
    targets = {name: TargetRows(stack) for name, stack in stacks.items()}
    rollouts = {name: Rollout(stack) for name, stack in stacks.items() if not stack.crosses}
    reducers = {name: [targets[name], *([rollouts[name]] if name in rollouts else [])] for name in stacks}
    norms = _value_norms(model, stacks)
    run_through(model, given, {name: StackPass(stack=stack, reducers=reducers[name]) for name, stack in stacks.items()}, norms)
    return ForwardNumbers(
        arrays={},
        target_attention={name: target.of_target() | _arrays_of(norms, name) for name, target in targets.items()},
        target_rollout={name: rollout.of_target() for name, rollout in rollouts.items()},
        target_notices=() if norms is None else norms.notices,
    )


def looking_at_the_source(stacks: Collection[str]) -> str:
    """The stack through which the target's rows look at the source."""
    return "cross" if "cross" in stacks else next(iter(stacks))


def _value_norms(model: Any, stacks: Mapping[str, Stack]) -> ValueNorms | None:
    """What adds up value norms of the target's rows; None for a text that has none."""
    stack = stacks[looking_at_the_source(stacks)]
    return ValueNorms(stack, why_not=OUTSIDE if reads_per_layer(model.config) else "") if len(stack.queries.target_rows) else None


def _arrays_of(norms: ValueNorms | None, stack: str) -> dict[str, np.ndarray]:
    return {} if norms is None or norms.stack.name != stack else norms.arrays()


def run_through(model: Any, given: Feed, passes: Mapping[str, StackPass], norms: ValueNorms | None = None) -> tuple[int, ...]:
    """Send the text through the model's layers, without its head; gives the positions with global attention, where there are any."""
    if reads_per_layer(model.config):
        return _run_layer_by_layer(model, given, passes)
    watching = nullcontext() if norms is None else norms.watching(model)
    with pages_kept(), watching, streaming(model, StreamingPass(stacks=passes, watch=None if norms is None else norms.attended)):
        model.base_model(**given.keywords(model))
    return ()


def _run_layer_by_layer(model: Any, given: Feed, passes: Mapping[str, StackPass]) -> tuple[int, ...]:
    """The same for a model whose attention is read one layer at a time. Memory: one layer's weights."""
    masks: dict[str, Visibility] = {}
    global_tokens: set[int] = set()

    def take(layer: WholeLayer) -> None:
        cells, before = layer.visible.cpu().numpy(), masks.get(layer.stack)
        same = before is not None and np.array_equal(cells, before.whole())
        masks[layer.stack] = before if same else visibility_of_cells(cells)
        global_tokens.update(layer.global_tokens)
        passes[layer.stack].take(layer.weights.float(), masks[layer.stack])

    with whole_layers(model, take):
        model.base_model(**given.keywords(model))
    return tuple(sorted(global_tokens))


def _layer_progress(report: Report, stacks: Iterable[Stack]) -> Callable[[str, int, float], None]:
    by_name = {stack.name: stack for stack in stacks}

    def show(name: str, layer: int, share: float) -> None:
        layers, stage = by_name[name].layers, "attention" if len(by_name) == 1 else f"attention of the {name}"
        report(f"{stage}, layer {layer + 1} of {layers}", (layer + share) / layers)

    return show


def expected_by_mask(stack: Stack, masks: list[Visibility]) -> np.ndarray:
    """`sentence_expected`: one matrix when all layers share their mask, else one for each layer."""
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
