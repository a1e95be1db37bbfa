"""What the backward pass adds up of each stack, from the last layer to the first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from reportgen.capture.backward.relevance import Relevance
from reportgen.capture.backward.row_blocks import RowBlock
from reportgen.capture.layout import TextLayout
from reportgen.errors import ModelError


@dataclass(frozen=True, kw_only=True)
class StackNumbers:
    """What the target depends on in one stack; p is an attention weight, dp the target's derivative with respect to it.

    `importance` is the absolute value of the sum of p dp over all queries and keys, `importance_abs` the sum of its absolute values.
    Source: Michel et al. 2019, equation 3.

    `attention_x_gradient` is the mean over heads of the sum over q in i, k in j of max(0, p dp). Source: after Chefer et al. 2021, one layer's term.

    `relevance` is their propagated relevance R <- R + A R, R = I at first, with A the mean over heads of max(0, p dp): the mean over the target's rows,
    summed over the tokens of each sentence. The identity that R starts from is taken out again: it says nothing but where the target's rows are, and adding
    the share of the target's rows that lie in each sentence puts it back. In encoder-decoder models R is over the tokens of both texts as one set, without
    Chefer et al.'s normalisation of rows between encoder and decoder, and `relevance` is the encoder's: that of the source. None for their other stacks, and
    for texts without target rows.

    `token_attention_x_gradient` is the same term by key token, summed over layers and over the queries of all sentences; `token_relevance` is relevance by
    token.
    """

    importance: Float[np.ndarray, "layer head"]
    importance_abs: Float[np.ndarray, "layer head"]
    attention_x_gradient: Float[np.ndarray, "layer query_sentence key_sentence"]
    relevance: Float[np.ndarray, " key_sentence"] | None
    token_attention_x_gradient: Float[np.ndarray, " key_token"]
    token_relevance: Float[np.ndarray, " key_token"] | None


def refuse_gradient_that_is_not_finite(stack: str, layer: int | None, where: str, *slopes: torch.Tensor) -> None:
    """Raise `ModelError` that names the layer where a derivative is not finite."""
    if not all(bool(torch.isfinite(slope).all()) for slope in slopes):
        raise ModelError(f"The gradient {where} of layer {layer} of the model's {stack} is not finite: measure with --attribution none, or in another --dtype.")


class LayerSums:
    """The sums of one layer, in float64."""

    def __init__(self, queries: TextLayout, keys: TextLayout, carried: Float[np.ndarray, " query"]) -> None:
        self.carried = torch.from_numpy(carried.astype(np.float32))
        self.signed = np.zeros(0)  # head
        self.absolute = np.zeros(0)  # head
        self.pairs = np.zeros((queries.sentences + 1, keys.sentences + 1))  # query slot, key slot
        self.received, self.by_key = np.zeros((2, keys.tokens))

    def add(self, block: RowBlock, positive: Float[torch.Tensor, "row key"]) -> None:
        """Add `positive`, some multiple of A: to the pairs of sentences, to the keys, and what each key receives of the rows' relevance."""
        by_row = torch.cat([block.of_run, self.carried[None, block.rows]])
        by_run = torch.mm(by_row.to(positive.device), positive).cpu().numpy()
        by_pair = np.add.reduceat(by_run[:-1], block.key_starts, axis=1, dtype=np.float64)  # run key_run
        np.add.at(self.pairs, (block.row_slots[:, None], block.key_slots), by_pair)
        self.by_key[block.keys] += by_run[:-1][block.row_slots < len(self.pairs) - 1].sum(0)
        self.received[block.keys] += by_run[-1]


class StackSums:
    """The sums of all layers of one stack, whose queries and keys may be of different texts: `texts` names them in `relevance`."""

    def __init__(self, name: str, texts: tuple[str, str], relevance: Relevance) -> None:
        self.name, self.texts, self.relevance = name, texts, relevance
        self.queries, self.keys = (relevance.texts[text] for text in texts)
        self.heads: list[int] = []  # of each layer, in the order of the forward pass
        self.calls: list[int] = []
        self.done: dict[int, LayerSums] = {}
        self.by_key = np.zeros(self.keys.tokens)

    def next_layer(self, heads: int) -> int:
        """The number of the layer whose attention is called now. Raises `ModelError` when it has not as many heads as the others."""
        self.calls.append(self.relevance.next_call(f"layer {len(self.heads)} of the {self.name}"))
        self.heads.append(heads)
        if heads != self.heads[0]:
            raise ModelError(f"The layers of the {self.name} have {self.heads[0]} and {heads} heads; reportgen measures layers with the same number of heads.")
        return len(self.heads) - 1

    def open(self, layer: int | None) -> LayerSums:
        """Empty sums of a layer. Raises `ModelError` when the gradient does not reach the layers from the last to the first."""
        self.relevance.reach(self.calls[layer])
        return LayerSums(self.queries, self.keys, self.relevance.of(self.texts[0]))

    def close(self, layer: int | None, sums: LayerSums, share: float) -> None:
        """Keep a layer's sums; A is `share` times what they were given."""
        self.relevance.add(self.texts[1], share * sums.received)
        self.by_key += share * sums.by_key
        sums.pairs = (share * sums.pairs[:-1, :-1]).astype(np.float32)
        self.done[layer] = sums

    def numbers(self, propagated: bool) -> StackNumbers:
        """The numbers of the stack, with the relevance of its keys if they are what is asked for; layers that the target does not depend on have zeros."""
        shape = (len(self.heads), self.heads[0])
        importance, importance_abs = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        pairs = np.zeros((len(self.heads), self.queries.sentences, self.keys.sentences), np.float32)
        for layer, sums in self.done.items():
            importance[layer], importance_abs[layer], pairs[layer] = np.abs(sums.signed), sums.absolute, sums.pairs
        return StackNumbers(
            importance=importance,
            importance_abs=importance_abs,
            attention_x_gradient=pairs,
            relevance=self.relevance.by_sentence(self.texts[1]) if propagated else None,
            token_attention_x_gradient=self.by_key.astype(np.float32),
            token_relevance=self.relevance.gained[self.texts[1]].astype(np.float32) if propagated else None,
        )
