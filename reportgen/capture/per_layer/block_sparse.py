"""BigBird's block-sparse layout: first and last block global, a band of three blocks, and the class's "random" blocks.

The class returns weights too, but where a query reads a key more than once they hold only one of the weights: outside training every "random" block is
block 0, which is global already. The weights are therefore taken from the layer's softmax calls and summed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Bool, Float, Int

from reportgen.capture.per_layer.dense import place_dense, read_dense
from reportgen.capture.per_layer.softmax import EachSoftmax
from reportgen.capture.per_layer.whole_layer import Call, Placing, Seen, real_tokens
from reportgen.errors import ModelError

PARTS = 5  # rows of the first block, of the second, of those in the middle, of the second last, of the last
Rows = Int[torch.Tensor, " _"]
Blocks = Int[torch.Tensor, "head _ _"]  # the key blocks that a block of queries reads, in the order of its weights
BlockWeights = Float[torch.Tensor, "head query_block query key_block key"]


def refuse_cross_attention(call: Call) -> None:
    """BigBird's class feeds the encoder's states to both attentions of a layer."""
    if call.arguments.get("encoder_hidden_states") is not None:
        raise ModelError("BigBird with cross-attention is not implemented: its class feeds the encoder's states to both attentions of a layer.")


def read_big_bird(call: Call) -> tuple[tuple[Any, ...], Seen]:
    """Dense where the class falls back to full attention, as it does on short texts; else block-sparse."""
    return read_block_sparse(call) if _is_sparse(call) else read_dense(call)


@contextmanager
def place_big_bird(call: Call) -> Iterator[Placing]:
    """One softmax of all pairs, or those of the blocks."""
    with place_block_sparse(call) if _is_sparse(call) else place_dense(call) as placing:
        yield placing


def _is_sparse(call: Call) -> bool:
    return "band_mask" in call.arguments


def read_block_sparse(call: Call) -> tuple[tuple[Any, ...], Seen]:
    """The blocks put back to token pairs, a key that is read more than once with the sum.

    Memory: the class's own array of all pairs, filled anew, and the blocks. Raises `ModelError` when the layer does not compute what is expected.
    """
    results: list[torch.Tensor] = []
    with EachSoftmax(lambda result: results.append(result) or result), _random_blocks(call.module) as random:
        output = call.run()
    if len(results) != PARTS or not random:
        raise ModelError(f"BigBird's attention calls softmax {len(results)} times instead of {PARTS}; this version of the library is not known.")
    size, tokens = call.module.block_size, _tokens(call)
    weights = output[1][0].float().zero_()
    computed = _place(weights, results, random[0][0], size)
    visible = computed.repeat_interleave(size, 0).repeat_interleave(size, 1)[:tokens, :tokens]
    return output, Seen(weights=weights[:, :tokens, :tokens], visible=visible, global_tokens=_in_global_blocks(len(computed), size, tokens))


@contextmanager
def place_block_sparse(call: Call) -> Iterator[Placing]:
    """The softmaxes of the blocks; memory for all pairs of one layer."""
    size, tokens = call.module.block_size, _tokens(call)
    with _random_blocks(call.module) as random:

        def place(parts: Sequence[torch.Tensor]) -> Float[torch.Tensor, "head query key"]:
            heads, padded = parts[0].shape[1], parts[0].shape[3]
            pairs = parts[0].new_zeros(heads, padded, padded)
            _place(pairs, parts, random[0][0], size)
            return pairs[:, :tokens, :tokens]

        yield Placing(place=place, parts=PARTS)


def _tokens(call: Call) -> int:
    return real_tokens(call.arguments["to_mask"][0, 0, 0].bool())


def _place(
    pairs: Float[torch.Tensor, "head query key"], parts: Sequence[torch.Tensor], random: Int[torch.Tensor, "head row block"], size: int
) -> Bool[torch.Tensor, "query_block key_block"]:
    """Add the parts to `pairs` where they belong; gives the blocks that any head computes."""
    blocks = pairs.unflatten(2, (-1, size)).unflatten(1, (-1, size))
    computed = pairs.new_zeros(blocks.shape[1], blocks.shape[3], dtype=torch.bool)
    _add_global_rows(blocks, computed, parts[0][0], parts[-1][0])
    for (rows, keys), part in zip(_plan(random, blocks.shape[1]), parts[1:-1], strict=True):
        _add(blocks, computed, rows, keys, part[0])
    return computed


@contextmanager
def _random_blocks(module: Any) -> Iterator[list[Int[torch.Tensor, "batch head row block"]]]:
    """The random key blocks of each block of queries but the first and the last, taken where the module gathers their keys and values."""
    taken: list[torch.Tensor] = []
    gather = module.torch_gather_b2

    def gather_and_take(params: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
        taken.append(indices)
        return gather(params, indices)

    module.torch_gather_b2 = gather_and_take
    try:
        yield taken
    finally:
        del module.torch_gather_b2


def _plan(random: Int[torch.Tensor, "head row block"], count: int) -> list[tuple[Rows, Blocks]]:
    """For the second block of queries, those in the middle and the second last: which blocks of keys they read, in the order of their weights."""
    heads, row = len(random), torch.arange(count, device=random.device)
    second, middle, second_last = row[1:2], row[2:-2], row[-2:-1]
    first, last = torch.zeros_like(middle), torch.full_like(middle, count - 1)

    def blocks(*columns: Rows) -> Blocks:
        return torch.stack(columns, 1).expand(heads, -1, -1)

    return [
        (second, torch.cat([blocks(second - 1, second, second + 1, last[:1]), random[:, :1]], 2)),
        (middle, torch.cat([blocks(first, middle - 1, middle, middle + 1), random[:, 1:-1], blocks(last)], 2)),
        (second_last, torch.cat([blocks(first[:1], second_last - 1, second_last, second_last + 1), random[:, -1:]], 2)),
    ]


def _add_global_rows(
    weights: BlockWeights, computed: Bool[torch.Tensor, "query_block key_block"], first: Float[torch.Tensor, "head q k"], last: Float[torch.Tensor, "head q k"]
) -> None:
    weights[:, 0] += first.view_as(weights[:, 0])
    weights[:, -1] += last.view_as(weights[:, -1])
    computed[[0, -1]] = True


def _add(
    weights: BlockWeights,
    computed: Bool[torch.Tensor, "query_block key_block"],
    rows: Rows,
    blocks: Blocks,
    part: Float[torch.Tensor, "head ..."],
) -> None:
    """Add the weights of some rows of blocks, one slot after the other, so that a block in two slots gets both."""
    size, head = weights.shape[2], torch.arange(len(weights), device=rows.device)[:, None]
    part = part.view(len(weights), len(rows), size, -1, size)
    for slot in range(blocks.shape[2]):
        weights[head, rows, :, blocks[:, :, slot]] += part[:, :, :, slot]
        computed[rows.expand(len(weights), -1), blocks[:, :, slot]] = True


def _in_global_blocks(count: int, size: int, tokens: int) -> tuple[int, ...]:
    """The tokens of the first and the last block."""
    return (*range(size), *range((count - 1) * size, tokens))
