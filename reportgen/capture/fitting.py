"""How much memory a run will take, told before it starts, and how large its blocks may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Int

from reportgen.capture.block import CELLS_AT_MOST, ROWS_AT_MOST, ROWS_ON_A_DEVICE, decay_edges
from reportgen.capture.feeding import Feed, Shapes, leaves_out_logits
from reportgen.capture.forward import kinds_of
from reportgen.capture.head_divergence import NAMES, QUERIES_AT_ONCE
from reportgen.capture.lanes import count_on, slots_of
from reportgen.capture.layout import Stack
from reportgen.capture.per_layer import reads_per_layer
from reportgen.capture.reducers.offsets import OFFSETS, FixedOffsets
from reportgen.capture.reducers.reducer import OfPairs, OfWholeRows, Reducer
from reportgen.capture.reducers.repeats import Repeats
from reportgen.capture.reducers.sentence_mass import FLOAT32_CELLS
from reportgen.capture.taking import rows_of_a_piece
from reportgen.capture.targets import Target
from reportgen.capture.token_links import AHEAD, BEHIND, FIRST, rows_of_a_look, segment_of
from reportgen.capture.tracking import backward_peak, forward_peak
from reportgen.capture.value_norms import bytes_needed
from reportgen.contract.heads import BY_SENTENCE, OFFSETS_BY_SENTENCE
from reportgen.errors import DocumentError
from reportgen.memory import machine_memory, used_memory, written_size

TRIED, TRIED_WHOLE = 48, 512  # tokens of the trial passes; models read one layer at a time fill blocks of up to 512
SHARE_OF_A_BLOCK, SHARE_ON_A_DEVICE = 64, 16  # a block takes at most this part of the budget
CELLS_ON_A_DEVICE = 1 << 28
ARRAYS_OF_A_WHOLE_LAYER = 5  # heads x queries x keys: scores, their softmax, its copies
FIXED = 120_000_000  # compiled code, threads, and what the allocator keeps
SPARE = 1.1
MEANS = 6  # arrays of heads x heads while a mean is taken
FLOAT, DOUBLE = 4, 8
PLACE = 3 * FLOAT  # of a pair in its block and in its piece
BYTES_OF_A_PAIR = {Repeats: PLACE + 17, FixedOffsets: PLACE + 25}  # with what these know of each beside


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The most rows and the most cells (all heads) of a block."""

    rows: int = ROWS_AT_MOST
    cells: int = CELLS_AT_MOST


@dataclass(frozen=True, kw_only=True)
class Needs:
    """Bytes that a run takes beside the model: where the model is during the forward and the backward pass, and what is kept of them on the CPU."""

    forward: int
    backward: int
    kept: int

    @property
    def explained(self) -> bool:
        """Whether there is a backward pass."""
        return self.backward > FIXED

    @property
    def where_the_model_is(self) -> int:
        """The passes follow each other, but what one has freed in small pieces is not at once the next one's: measured, they add up."""
        return int((self.forward + self.backward) * SPARE)


def budget_of(memory: int | None, device: torch.device) -> int | None:
    """The bytes a run may take where the model is: what was asked, else all there is; None where nothing says how much that is."""
    if memory is not None:
        return memory
    match device.type:
        case "cpu":
            return machine_memory()
        case "cuda":
            return int(torch.cuda.get_device_properties(device).total_memory)
        case "mps":
            return int(torch.mps.recommended_max_memory())
    return None


def block_limits(budget: int | None, device: torch.device, heads: int, tokens: int) -> Limits:
    """On the CPU blocks as large as the cache likes, or smaller; on a device, which works on a whole block at once, as large as the budget allows."""
    if device.type == "cpu":
        return Limits(cells=CELLS_AT_MOST if budget is None else min(CELLS_AT_MOST, budget // SHARE_OF_A_BLOCK // FLOAT))
    if budget is None:
        return Limits()
    cells = int(budget / SHARE_ON_A_DEVICE / FLOAT / _arrays_on_a_device(heads, tokens))
    return Limits(rows=ROWS_ON_A_DEVICE, cells=min(cells, CELLS_ON_A_DEVICE))


def _arrays_on_a_device(heads: int, tokens: int) -> float:
    """How many arrays of a block's shape there are at once: scores, weights, those without sinks, one that is made of them; and the table of what counts."""
    return 4 + (len(decay_edges(tokens)) + 2) / heads


def needs_of(model: Any, given: Feed, shapes: Shapes, target: Target | None, limits: Limits) -> Needs:
    """What the passes over this text will take, from trial passes over its first tokens and the sizes of what is added up.

    A trial's tensors are counted and grow with the tokens; arrays of tokens x sentences, of sentences x sentences and of a block have known sizes.
    """
    whole, stacks = reads_per_layer(model.config), given.stacks(shapes)
    longest = max(given.source.tokens, given.target.tokens if given.target is not None else 0)
    short = _first_tokens(given, min(TRIED_WHOLE if whole else TRIED, longest) / longest)
    growth = longest / max(short.source.tokens, short.target.tokens if short.target is not None else 0)
    block = max(_block(stack, limits, model.device.type) for stack in stacks.values())
    blocks = slots_of(count_on(model.device)) * sum(
        _block(stack, limits, model.device.type) + _second_look(stack, model.device.type) for stack in stacks.values()
    )
    layer = max(_whole_layer(stack) for stack in stacks.values()) if whole else 0
    kept = sum(_stored(stack, gradients=target is not None) for stack in stacks.values())
    added_up = sum(_added_up(stack, whole) for stack in stacks.values())
    forward = forward_peak(model, short, shapes) * growth + added_up + blocks + layer
    backward = 0.0
    if target is not None:
        forward += max(bytes_needed(stack, model.device.type) for stack in stacks.values())
        backward = backward_peak(model, short) * growth + _logits(model, target.cut(given), target) + 2 * block + layer
    return Needs(forward=int(forward) + FIXED, backward=int(backward) + FIXED, kept=int(kept))


def refuse_what_does_not_fit(needs: Needs, budget: int | None, device: torch.device, tokens: int) -> int | None:
    """The bytes that are left of the budget. Raises `DocumentError` with the figures when there are none."""
    if device.type != "cpu":
        _compare(needs.kept, used_memory(), machine_memory(), tokens, "on the CPU", explained=False)
        used = torch.cuda.memory_allocated(device) if device.type == "cuda" else 0
        return _compare(needs.where_the_model_is, used, budget, tokens, f"on {device}", explained=needs.explained)
    return _compare(needs.where_the_model_is + needs.kept, used_memory(), budget, tokens, "in memory", explained=needs.explained)


def _compare(needed: int, used: int, budget: int | None, tokens: int, where: str, *, explained: bool) -> int | None:
    if budget is None:
        return None
    if needed + used > budget:
        raise DocumentError(
            f"Measuring {tokens:,} tokens at once takes about {written_size(needed)} {where} beside the {written_size(used)} that model and libraries hold, "
            f"and there are {written_size(budget)}: {_way_out(used + 2 * FIXED < budget, explained)}."
        )
    return budget - needed - used


def _way_out(room: bool, explained: bool) -> str:
    """What may help: where model and libraries leave no room for any text, more memory alone."""
    less = "measure fewer tokens at once (--window), "
    without = "without the backward pass (--attribution none), "
    return f"{less}{without if explained else ''}or give more (--memory)" if room else "give more (--memory), or a smaller model"


def _first_tokens(given: Feed, share: float) -> Feed:
    """The same share of each text, from its start."""
    source = given.head(max(int(given.source.tokens * share), 2))
    if given.target is None:
        return source
    return source.with_texts(source.source, given.target.head(max(int(given.target.tokens * share), 2)))


def _block(stack: Stack, limits: Limits, device: str) -> float:
    """On the CPU a piece of its weights, sums by group, the mean over heads, and what reducers take of its weights."""
    cells = min(limits.cells, limits.rows * stack.heads * stack.keys.tokens)
    if device != "cpu":
        return cells * _arrays_on_a_device(stack.heads, stack.keys.tokens) * FLOAT
    text = stack.queries
    groups = len(text.runs) / text.tokens + 2 / limits.rows  # of a block's rows
    piece = rows_of_a_piece(stack.heads, stack.keys.tokens) * stack.heads * stack.keys.tokens
    return (cells * (groups + 2 / stack.heads) + piece + _most_taken(stack, limits.rows, cells)) * FLOAT


def _most_taken(stack: Stack, rows: int, cells: int) -> int:
    """The most weights that reducers take of so many rows together: pairs, and whole rows."""
    whole = np.zeros(stack.queries.tokens, np.int64)
    for kind in kinds_of(stack):
        if issubclass(kind, OfWholeRows):
            whole[kind.rows_taken(stack)] += 1
    pairs = sum(_pairs_of_rows(stack).values(), np.zeros(stack.queries.tokens, np.int64))
    return stack.heads * _most_together(pairs, rows) + min(stack.heads * _most_together(whole, rows) * stack.keys.tokens, cells)


def _most_together(taken: Int[np.ndarray, " row"], rows: int) -> int:
    """The most of so many consecutive rows."""
    before, rows = np.concatenate([[0], np.cumsum(taken)]), min(rows, len(taken))
    return int((before[rows:] - before[:-rows]).max())


def _pairs_of_rows(stack: Stack) -> dict[type[Reducer], Int[np.ndarray, " row"]]:
    """How many single weights of each row each reducer takes."""
    return {kind: kind.pairs_of_rows(stack) for kind in kinds_of(stack) if issubclass(kind, OfPairs)}


def _second_look(stack: Stack, device: str) -> int:
    """Scores of a few rows."""
    return rows_of_a_look(device) * stack.heads * stack.keys.tokens * FLOAT


def _whole_layer(stack: Stack) -> int:
    return ARRAYS_OF_A_WHOLE_LAYER * stack.heads * stack.queries.tokens * stack.keys.tokens * FLOAT


def _added_up(stack: Stack, whole: bool) -> int:
    """What the reducers hold while they add up: rollout, bounds of the links, expected attention, a layer's masses, scores by sentence, pairs by distance, pairs of tokens, divergences."""
    tokens, keys, sentences = stack.queries.tokens, stack.keys.tokens, stack.keys.sentences
    by_token = tokens * sentences * (6 * FLOAT + 5 * DOUBLE)
    by_sentence = stack.layers * stack.heads * stack.queries.sentences * (len(BY_SENTENCE) + len(OFFSETS_BY_SENTENCE) * len(OFFSETS)) * 2 * FLOAT
    links = tokens * keys * FLOAT * (1 + 1 / FLOAT) if whole else tokens * (keys // segment_of(keys) + FIRST + BEHIND + AHEAD) * FLOAT
    masses = stack.heads * (stack.queries.sentences * sentences * 2 + 2 * keys) * FLOAT
    divergences = 0 if stack.crosses or whole else _divergences(stack)
    return int(by_token + links + masses + by_sentence) + 2 * stack.layers * stack.heads * keys * DOUBLE + _pairs_of_tokens(stack) + divergences


def _pairs_of_tokens(stack: Stack) -> int:
    """Where the single weights are that reducers look up in every layer."""
    return sum(int(pairs.sum()) * BYTES_OF_A_PAIR.get(kind, PLACE) for kind, pairs in _pairs_of_rows(stack).items())


def _divergences(stack: Stack) -> int:
    """Of all heads with all heads the sums, those of the blocks of queries that wait to be added and what the mean takes; and the shares of these queries, in all lanes."""
    heads, sentences, tokens = stack.layers * stack.heads, stack.keys.sentences, stack.keys.tokens
    slots = slots_of(count_on(torch.device("cpu")))
    alone = tokens - int(stack.keys.tokens_in_sentence.sum()) + int(stack.keys.tokens_in_sentence.max(initial=0)) + len(stack.keys.sinks)
    shares = QUERIES_AT_ONCE * min(sentences + alone, tokens) * heads * 3
    scores = QUERIES_AT_ONCE * tokens * stack.heads
    return heads**2 * (len(NAMES) * (1 + slots) + MEANS) * DOUBLE + slots * (shares + scores) * FLOAT


def _stored(stack: Stack, gradients: bool) -> int:
    """The arrays of the file that grow with the text, once more where they are copied."""
    pairs, tokens = stack.queries.sentences * stack.keys.sentences, stack.keys.tokens
    by_head = stack.layers * stack.heads * pairs
    by_layer = (5 if gradients else 4) * stack.layers * pairs * FLOAT
    by_sentence = stack.layers * stack.heads * stack.queries.sentences * (len(BY_SENTENCE) + len(OFFSETS_BY_SENTENCE) * len(OFFSETS)) * FLOAT // 2
    return by_head * (FLOAT if by_head <= FLOAT32_CELLS else FLOAT // 2) + by_sentence + by_layer + stack.layers * tokens * (2 * DOUBLE + FLOAT)


def _logits(model: Any, given: Feed, target: Target) -> int:
    """Logits that the model computes and their gradient, and those that the target reads in float32 with their logarithms and slopes."""
    head = getattr(model, "get_output_embeddings", lambda: None)()
    if head is None:
        return 0
    text, rows = given.target or given.source, len(target.rows)
    computed = text.tokens - int(target.rows[0]) if leaves_out_logits(model) else text.tokens
    return head.weight.shape[0] * (2 * computed + 3 * rows) * FLOAT


def settings_of(memory: int | None) -> Mapping[str, int]:
    """What metadata say of the budget where one was asked for: it can change which matrices of a long document are stored, and the order of sums."""
    return {} if memory is None else {"memory": memory}
