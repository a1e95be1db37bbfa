"""The control run: the same sentences in shuffled order, to tell what follows their content from what follows their place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from reportgen.capture.block import CELLS_AT_MOST, ROWS_AT_MOST, Block
from reportgen.capture.feeding import Feed, Shapes
from reportgen.capture.forward import MasksOfLayers, Report, expected_by_mask, run_through
from reportgen.capture.layout import Stack, TextLayout
from reportgen.capture.reducers.reducer import Reducer
from reportgen.capture.streaming import StackPass

SEED = 0
FEWEST_SENTENCES = 3  # the first stays, and of two others one order is another


@dataclass(frozen=True, kw_only=True, eq=False)
class ShuffledNumbers:
    """Arrays by stack and name, in the document's own order of sentences; `order` lists the sentence in each place of the shuffled text."""

    arrays: Mapping[str, np.ndarray]
    order: Int[np.ndarray, " sentence"]

    @property
    def metadata(self) -> dict[str, Any]:
        """How it was shuffled."""
        return {"seed": SEED, "order": self.order.tolist()}

    @property
    def notice(self) -> str:
        """What was done to the text."""
        return (
            f"Control run: the document's {len(self.order)} sentences were read once more in shuffled order (seed {SEED}), the first, which holds the sink, in its "
            "place. Each sentence kept its own tokens; tokens of no sentence, such as line breaks and special tokens, stayed between the same places."
        )


def shuffled_order(sentences: int) -> Int[np.ndarray, " place"]:
    """The sentence in each place: the first stays, the others are in a random order that is not their own, the same each time."""
    random, order = np.random.default_rng(SEED), np.arange(sentences)
    while sentences >= FEWEST_SENTENCES and (order == np.arange(sentences)).all():
        order[1:] = 1 + random.permutation(sentences - 1)
    return order


def shuffled_tokens(sentence_of_token: Int[np.ndarray, " token"], order: Int[np.ndarray, " place"]) -> Int[np.ndarray, " token"]:
    """The old position of the token at each new one. A sentence moves as a block from its first token to its last; what lies between blocks stays there."""
    inside = np.flatnonzero(sentence_of_token >= 0)
    first = np.full(len(order), len(sentence_of_token))
    np.minimum.at(first, sentence_of_token[inside], inside)
    last = np.zeros(len(order), int)
    np.maximum.at(last, sentence_of_token[inside], inside)
    bounds = np.stack([first, last + 1], 1)
    gaps = np.stack([np.append(0, bounds[:, 1]), np.append(bounds[:, 0], len(sentence_of_token))], 1)
    pieces = [gaps[0]]
    for place, sentence in enumerate(order):
        pieces += [bounds[sentence], gaps[place + 1]]
    return np.concatenate([np.arange(start, stop) for start, stop in pieces])


def shuffled_feed(given: Feed, order: Int[np.ndarray, " place"]) -> Feed:
    """The same text in that order of sentences. Sentences keep their numbers, so that what is added up by sentence is in the document's order."""
    tokens, source = shuffled_tokens(given.source.sentence_of_token, order), given.source
    special = np.isin(np.arange(source.tokens), source.sinks[source.sinks > 0])
    moved = TextLayout(
        ids=source.ids[tokens],
        sentence_of_token=source.sentence_of_token[tokens],
        sinks=np.union1d([0], np.flatnonzero(special[tokens])),
        delimiter=source.delimiter[tokens],
        target_rows=source.target_rows[:0],
        rare=source.rare_tokens[tokens],
    )
    return Feed(source=moved, target=given.target, extra={name: values[tokens] for name, values in given.extra.items()})


class MeanMass:
    """A reducer: the mass between sentences, mean over layers and heads."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.mass = torch.zeros(stack.queries.sentences, stack.keys.sentences + 1, dtype=torch.float64)  # sentence slot

    def add(self, block: Block) -> None:
        over_heads = block.sums.group_sums.sum(0, dtype=np.float64)  # group key
        by_run = torch.from_numpy(np.add.reduceat(over_heads, block.plan.key_starts, axis=1))  # group key_run
        for sentence, row in zip(block.plan.groups.sentence.tolist(), by_run, strict=True):
            if sentence >= 0:
                self.mass[sentence].index_add_(0, torch.from_numpy(block.plan.key_slots), row)

    def arrays(self) -> dict[str, np.ndarray]:
        over = self.stack.layers * self.stack.heads * self.stack.queries.tokens_in_sentence[:, None]
        return {"shuffled_attention": (self.mass[:, :-1].numpy() / over).astype(np.float32)}


def measure_shuffled(
    model: Any, given: Feed, shapes: Shapes, report: Report, rows_at_most: int = ROWS_AT_MOST, cells_at_most: int = CELLS_AT_MOST
) -> ShuffledNumbers:
    """`shuffled_attention` and `shuffled_expected` of the first stack, by one more forward pass; NaN where the shuffled order hides the key sentence.

    Memory: that of a plain forward pass, and sentences x sentences.
    """
    order = shuffled_order(given.source.sentences)
    moved = shuffled_feed(given, order)
    stacks = moved.stacks(shapes)
    name, stack = next(iter(stacks.items()))
    mass, masks = MeanMass(stack), MasksOfLayers()
    reducers: dict[str, list[Reducer]] = {other: [] for other in stacks} | {name: [mass, masks]}

    def progress(_: str, layer: int, share: float) -> None:
        report("attention in shuffled order", (layer + share) / stack.layers)

    passes = {
        other: StackPass(
            stack=each, reducers=reducers[other], rows_at_most=rows_at_most, cells_at_most=cells_at_most, progress=progress if each is stack else None
        )
        for other, each in stacks.items()
    }
    run_through(model, moved, passes)
    expected = _mean_expected(stack, masks)
    attention = np.where(expected > 0, mass.arrays()["shuffled_attention"], np.nan)
    found = {"shuffled_attention": attention, "shuffled_expected": np.where(expected > 0, expected, np.nan)}
    return ShuffledNumbers(arrays={f"{name}.{key}": values.astype(np.float32) for key, values in found.items()}, order=order)


def _mean_expected(stack: Stack, masks: MasksOfLayers) -> Float[np.ndarray, "query_sentence key_sentence"]:
    """What even attention would give, mean over layers."""
    expected = expected_by_mask(stack, masks.of_layer)
    return expected if expected.ndim == 2 else expected.mean(0)
