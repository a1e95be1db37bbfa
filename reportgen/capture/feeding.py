"""What a model is fed, and the stacks of attention layers that read it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from reportgen.capture.layout import Stack, TextLayout
from reportgen.capture.visibility import Visibility

Shapes = Mapping[str, tuple[int, int]]  # layers and heads of each stack
StackOf = Callable[[Any, Visibility], str]


@dataclass(frozen=True, kw_only=True, eq=False)
class Feed:
    """One text as the reducers see it, and for an encoder-decoder the decoder's input as well.

    `extra` are further inputs of the model, one number for each token of the source.
    """

    source: TextLayout
    target: TextLayout | None = None
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        """Number of tokens that a pass reads, of both texts."""
        return self.source.tokens + (0 if self.target is None else self.target.tokens)

    def keywords(self, model: Any) -> dict[str, Any]:
        """The arguments of a forward pass of the model."""
        rows = {"input_ids": self.source.ids, **self.extra}
        if self.target is not None:
            rows["decoder_input_ids"] = self.target.ids
        tensors = {name: torch.from_numpy(values.astype(np.int64))[None].to(model.device) for name, values in rows.items()}
        return tensors | ({"use_cache": False} if has_cache(model) else {})

    def stacks(self, shapes: Shapes) -> dict[str, Stack]:
        """The stacks of these shapes, with the texts they read."""
        looking = {"encoder": self.source, "decoder": self.target or self.source, "cross": self.target}
        looked_at = {"encoder": self.source, "decoder": self.target or self.source, "cross": self.source}
        return {name: Stack(name=name, layers=layers, heads=heads, queries=looking[name], keys=looked_at[name]) for name, (layers, heads) in shapes.items()}

    def with_texts(self, source: TextLayout, target: TextLayout | None) -> Feed:
        """The same with other texts."""
        return Feed(source=source, target=target, extra=self.extra)

    def head(self, tokens: int) -> Feed:
        """The first tokens of each text alone."""
        return Feed(
            source=self.source.head(tokens),
            target=None if self.target is None else self.target.head(tokens),
            extra={name: values[:tokens] for name, values in self.extra.items()},
        )


def has_cache(model: Any) -> bool:
    """Whether the model can keep keys and values for later, as decoders do."""
    return bool(getattr(model.config, "is_encoder_decoder", False) or getattr(model.config, "use_cache", False))


def leaves_out_logits(model: Any) -> bool:
    """Whether the model computes the logits of only some tokens where it is asked to: with a head for tokens, for some classifiers take the argument too."""
    return "logits_to_keep" in inspect.signature(model.forward).parameters and model.get_output_embeddings() is not None


def stack_namer(model: Any) -> StackOf:
    """What tells the stack that a layer belongs to from its attention module and mask: `encoder`, `decoder` or `cross`.

    A causal mask tells a decoder. In an encoder-decoder what its encoder holds is the encoder, and what else looks ahead crosses.
    """
    encoder = frozenset(model.get_encoder().modules()) if getattr(model.config, "is_encoder_decoder", False) else frozenset()

    def name(module: Any, visibility: Visibility) -> str:
        if module in encoder:
            return "encoder"
        if visibility.causal:
            return "decoder"
        return "cross" if encoder else "encoder"

    return name
