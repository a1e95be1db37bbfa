"""Whether attention alone carries anything from one token to another."""

from __future__ import annotations

from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface

from reportgen.capture.embedding import embeddings_kept
from reportgen.capture.feeding import Feed
from reportgen.capture.per_layer import reads_per_layer
from reportgen.capture.streaming import attention_implementation, mask_of

NAME = "reportgen_own_value"
TOKENS = 48


def attention_alone(model: Any, given: Feed) -> bool:
    """Whether nothing but attention carries anything between the tokens of a text: no state space, recurrence, convolution or linear attention.

    Looked for on the first tokens with every token's attention on itself alone: the states of the text's first half may then not depend on the embeddings of
    its second half, nor the other way round, and their derivatives are exactly zero. Encoder-decoders and models that are read one layer at a time are
    not looked at and taken to be so, but for the convolution of some DeBERTa-v2. Memory and time: those of a forward and a backward pass on 48 tokens.
    """
    short = given.head(TOKENS)
    half = short.source.tokens // 2
    if reads_per_layer(model.config):
        return not getattr(model.config, "conv_kernel_size", 0)
    if given.target is not None or not half:
        return True
    with attention_implementation(model, NAME), torch.enable_grad(), embeddings_kept(model, short.source) as embeddings:
        states = model.base_model(**short.keywords(model))[0][0]
        weighted = states * torch.linspace(1, 2, states.numel(), device=states.device).view_as(states)  # plain sums may not change at all
        from_first, from_second = (torch.autograd.grad(part.sum(), embeddings, retain_graph=True)[0][0] for part in (weighted[:half], weighted[half:]))
    return not bool(from_first[half:].any() or from_second[:half].any())


def _own_value(module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attention_mask: Any, **_: Any) -> tuple[torch.Tensor, None]:
    """What attention gives where each token looks at itself alone; the keywords change what it looks at otherwise."""
    return value.transpose(1, 2).repeat_interleave(query.shape[1] // value.shape[1], 2), None


AttentionInterface.register(NAME, _own_value)
AttentionMaskInterface.register(NAME, mask_of)
