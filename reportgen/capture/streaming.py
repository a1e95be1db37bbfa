"""The seam: an attention function that computes each layer a few query rows at a time and hands every block to the reducers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from transformers import AttentionInterface, AttentionMaskInterface

from reportgen.capture.block import ROWS_AT_MOST, BlockPlan, plan_blocks
from reportgen.capture.layout import Stack
from reportgen.capture.position_bias import NoBias, PositionBias, biases_by_offset
from reportgen.capture.reducers.reducer import Reducer
from reportgen.capture.scores import LayerScores, ScoreRule, layer_scores
from reportgen.capture.summing import Summing
from reportgen.capture.visibility import Visibility, visibility_of
from reportgen.errors import ModelError

NAME = "reportgen_streaming"
# Keywords that reach the attention function and change none of its numbers: the mask already says what a window hides.
HARMLESS = {
    *("position_ids", "cache_position", "use_cache", "output_attentions", "output_hidden_states", "return_dict", "sliding_window", "is_causal"),
    *("deterministic", "output_router_logits", "labels"),
}

Progress = Callable[[str, int, float], None]


@dataclass(kw_only=True, eq=False)
class StackPass:
    """One stack in one forward pass: who adds its blocks up, and what is kept of each layer. `done` counts the layers that ran."""

    stack: Stack
    reducers: Sequence[Reducer]
    keep_layers: bool = False
    progress: Progress | None = None
    rows_at_most: int = ROWS_AT_MOST
    plans: dict[Visibility, Sequence[BlockPlan]] = field(default_factory=dict)
    layers: list[LayerScores] = field(default_factory=list)
    done: int = 0

    def __post_init__(self) -> None:
        self.summing = Summing(self.stack)

    def attend(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, visibility: Visibility, rule: ScoreRule) -> torch.Tensor:
        """The next layer's attention output, batch x token x head x dim, exactly as the model's own attention gives it."""
        layer = self._open_layer(query, key, value)
        scores = layer_scores(query, key, visibility, rule)
        values = value[0].float().cpu()
        output = torch.empty(*query.shape[1:3], values.shape[-1])
        for plan in self._plans(visibility):
            cells = self.summing.scores(plan)
            scores.between(plan.rows, plan.keys, out=cells)
            block = self.summing.block(layer, plan, visibility, cells, scores.rule.extra)
            output[:, plan.rows] = torch.bmm(block.weights.view(len(values), -1, plan.shape[1]), values[:, plan.keys]).view(-1, plan.shape[0], values.shape[-1])
            scores.log_normalisers[:, plan.rows] = torch.from_numpy(block.sums.log_normaliser)
            for reducer in self.reducers:
                reducer.add(block)
            if self.progress is not None:
                self.progress(self.stack.name, layer, plan.rows.stop / self.stack.queries.tokens)
        if self.keep_layers:
            self.layers.append(scores)
        self._refuse_what_is_not_finite(layer, output)
        return output.transpose(0, 1)[None].to(query)

    def _open_layer(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> int:
        layer, stack = self.done, self.stack
        self.done += 1
        if layer >= stack.layers or query.shape[1] != stack.heads:
            raise ModelError(f"Layer {layer} of the {stack.name} has {query.shape[1]} heads, where {stack.layers} layers of {stack.heads} heads were expected.")
        self._refuse_what_is_not_finite(layer, query, key, value)
        return layer

    def _plans(self, visibility: Visibility) -> Sequence[BlockPlan]:
        """The blocks of a layer; layers that share a mask share them."""
        if visibility not in self.plans:
            self.plans[visibility] = tuple(plan_blocks(self.stack, visibility, self.rows_at_most))
        return self.plans[visibility]

    def _refuse_what_is_not_finite(self, layer: int, *tensors: torch.Tensor) -> None:
        if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors):
            raise ModelError(f"Layer {layer} of the model's {self.stack.name} gives numbers that are not finite on this text; nothing was measured.")


@dataclass(kw_only=True, eq=False)
class StreamingPass:
    """One forward pass of a model through its stacks, by name. `encoder` are the modules of an encoder-decoder's encoder."""

    stacks: Mapping[str, StackPass]
    encoder: frozenset[Any] = frozenset()

    def attend(self, module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, visibility: Visibility, rule: ScoreRule) -> torch.Tensor:
        """The attention output of the stack that the module belongs to."""
        name = self.name_of(module, visibility)
        if name not in self.stacks:
            raise ModelError(f"{type(module).__name__} attends as a layer of a {name} would, which this model is not known to have; it cannot be measured.")
        return self.stacks[name].attend(query, key, value, visibility, rule)

    def name_of(self, module: Any, visibility: Visibility) -> str:
        """The stack a module belongs to: a causal mask tells a decoder, and in an encoder-decoder what else is not in the encoder crosses."""
        if module in self.encoder:
            return "encoder"
        if visibility.causal:
            return "decoder"
        return "cross" if self.encoder else "encoder"


_current: ContextVar[StreamingPass] = ContextVar("reportgen_streaming_pass")


def _attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: Any,
    scaling: float | None = None,
    dropout: float = 0.0,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    position_bias: Any = None,
    **keywords: Any,
) -> tuple[torch.Tensor, None]:
    refused = sorted(name for name, given in keywords.items() if given is not None and name not in HARMLESS)
    refused += ["a position bias of tokens x tokens"] if not isinstance(position_bias, (PositionBias, NoBias, type(None))) else []
    if dropout or refused:
        raise ModelError(f"The model's attention uses {', '.join(refused) or 'dropout'}, which reportgen does not implement; its numbers would be wrong.")
    if not isinstance(attention_mask, Visibility):
        raise ModelError("The model builds its own attention mask instead of asking for one; its numbers would be wrong.")
    rule = ScoreRule(
        scaling=query.shape[-1] ** -0.5 if scaling is None else float(scaling),
        cap=softcap,
        bias=position_bias if isinstance(position_bias, PositionBias) else None,
        extra=None if s_aux is None else _sink_scores(s_aux, query.shape[1]),
    )
    return _current.get().attend(module, query, key, value, attention_mask, rule), None


def _sink_scores(logits: torch.Tensor, heads: int) -> np.ndarray:
    if logits.numel() != heads:
        raise ModelError(f"The model's attention has {logits.numel()} sink logits for {heads} heads; reportgen reads one for each head.")
    return logits.detach().flatten().float().cpu().numpy()


def _mask(
    *,
    q_length: int,
    kv_length: int,
    mask_function: Callable[..., torch.Tensor],
    attention_mask: torch.Tensor | None = None,
    q_offset: int = 0,
    kv_offset: int = 0,
    **_: Any,
) -> Visibility:
    if (attention_mask is not None and not bool(attention_mask.all())) or int(q_offset) or int(kv_offset):
        raise ModelError("The streaming attention reads one text without padding and without a cache.")
    return visibility_of(mask_function, q_length, kv_length)


AttentionInterface.register(NAME, _attention)
AttentionMaskInterface.register(NAME, _mask)


@contextmanager
def attention_implementation(model: Any, name: str) -> Iterator[None]:
    """The model in evaluation mode with another attention implementation; both are as before afterwards, also after an error."""
    configs = {id(module.config): module.config for module in model.modules() if hasattr(module, "config")}
    before = [(config, config._attn_implementation_internal) for config in configs.values() if hasattr(config, "_attn_implementation_internal")]
    training = [module for module in model.modules() if module.training]
    try:
        model.eval()
        for config, _ in before:
            config._attn_implementation_internal = name
        yield
    finally:
        for config, implementation in before:
            config._attn_implementation_internal = implementation
        for module in training:
            module.training = True


@contextmanager
def streaming(model: Any, streaming_pass: StreamingPass) -> Iterator[None]:
    """Inside the block a forward pass of the model runs through `streaming_pass`."""
    token = _current.set(streaming_pass)
    streaming_pass.encoder = encoder_modules(model)
    try:
        with attention_implementation(model, NAME), biases_by_offset(model), torch.no_grad():
            yield
    finally:
        _current.reset(token)


def encoder_modules(model: Any) -> frozenset[Any]:
    """All modules of an encoder-decoder's encoder; none for other models, whose masks tell an encoder from a decoder."""
    return frozenset(model.get_encoder().modules()) if getattr(model.config, "is_encoder_decoder", False) else frozenset()
