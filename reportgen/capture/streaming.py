"""The seam: an attention function that computes each layer a few query rows at a time and hands every block to the reducers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from transformers import AttentionInterface, AttentionMaskInterface

from reportgen.capture.block import ROWS_AT_MOST, BlockPlan, plan_blocks
from reportgen.capture.layout import TextLayout
from reportgen.capture.reducers.reducer import Reducer
from reportgen.capture.summing import Summing
from reportgen.capture.visibility import Visibility, visibility_of
from reportgen.errors import ModelError

NAME = "reportgen_streaming"
# Keywords that reach the attention function and change none of its numbers: the mask already says what a window hides.
HARMLESS = {
    "position_ids",
    "cache_position",
    "use_cache",
    "output_attentions",
    "output_hidden_states",
    "return_dict",
    "sliding_window",
    "is_causal",
    "output_router_logits",
}

Progress = Callable[[int, float], None]


@dataclass(kw_only=True, eq=False)
class LayerRecord:
    """Scaled queries, keys and log normalisers of one layer, kept for a second look at its weights; heads are grouped by the key head they share."""

    queries: Float[torch.Tensor, "key_head group token dim"]
    keys: Float[torch.Tensor, "key_head token dim"]
    log_normalisers: Float[torch.Tensor, "head token"]
    visibility: Visibility


@dataclass(kw_only=True, eq=False)
class StreamingPass:
    """One forward pass: what the text looks like, who adds the blocks up, and what is kept of each layer."""

    layout: TextLayout
    reducers: Sequence[Reducer]
    keep_layers: bool = False
    progress: Progress | None = None
    rows_at_most: int = ROWS_AT_MOST
    plans: dict[Visibility, Sequence[BlockPlan]] = field(default_factory=dict)
    layers: list[LayerRecord] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.summing = Summing(self.layout)

    def attend(self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, visibility: Visibility, scaling: float) -> torch.Tensor:
        """The layer's attention output, batch x token x head x dim, exactly as the model's own attention gives it."""
        _refuse_what_is_not_finite(layer, query, key, value)
        record = _record(query, key, visibility, scaling)
        values = value[0].float()
        heads, tokens = query.shape[1], query.shape[2]
        output = torch.empty(heads, tokens, values.shape[-1])
        for plan in self._plans(visibility, heads):
            scores = self.summing.scores(heads, plan)
            scores_of(record, plan, out=scores)
            block = self.summing.block(layer, plan, visibility, scores)
            output[:, plan.rows] = torch.bmm(block.weights.view(len(values), -1, plan.shape[1]), values[:, plan.keys]).view(heads, plan.shape[0], -1)
            record.log_normalisers[:, plan.rows] = torch.from_numpy(block.sums.log_normaliser)
            for reducer in self.reducers:
                reducer.add(block)
            if self.progress is not None:
                self.progress(layer, plan.rows.stop / tokens)
        if self.keep_layers:
            self.layers.append(record)
        _refuse_what_is_not_finite(layer, output)
        return output.transpose(0, 1)[None].to(query.dtype)

    def _plans(self, visibility: Visibility, heads: int) -> Sequence[BlockPlan]:
        """The blocks of a layer; layers that share a mask share them."""
        if visibility not in self.plans:
            self.plans[visibility] = tuple(plan_blocks(self.layout, visibility, heads, self.rows_at_most))
        return self.plans[visibility]


def _refuse_what_is_not_finite(layer: int, *tensors: torch.Tensor) -> None:
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors):
        raise ModelError(f"Layer {layer} of the model gives numbers that are not finite on this text; nothing was measured.")


def _record(query: torch.Tensor, key: torch.Tensor, visibility: Visibility, scaling: float) -> LayerRecord:
    if query.shape[0] != 1:
        raise ModelError(f"The streaming attention reads one text at a time, not a batch of {query.shape[0]}.")
    keys = key[0].float()
    queries = (query[0].float() * scaling).unflatten(0, (keys.shape[0], -1))
    return LayerRecord(queries=queries, keys=keys, log_normalisers=torch.empty(query.shape[1:3]), visibility=visibility)


def scores_of(record: LayerRecord, plan: BlockPlan, out: Float[torch.Tensor, "head row key"]) -> None:
    """Attention scores before softmax for one block, written into `out`; those of invisible keys mean nothing."""
    groups, stacked = record.queries.shape[0], record.queries.shape[1] * plan.shape[0]
    queries = record.queries[:, :, plan.rows].reshape(groups, stacked, -1)
    torch.bmm(queries, record.keys[:, plan.keys].transpose(1, 2), out=out.view(groups, stacked, -1))


_current: ContextVar[StreamingPass] = ContextVar("reportgen_streaming_pass")


def _attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: Any,
    scaling: float | None = None,
    dropout: float = 0.0,
    **keywords: Any,
) -> tuple[torch.Tensor, None]:
    refused = sorted(name for name, given in keywords.items() if given is not None and name not in HARMLESS)
    if dropout or refused:
        raise ModelError(f"The model's attention uses {', '.join(refused) or 'dropout'}, which reportgen does not implement; its numbers would be wrong.")
    if not isinstance(attention_mask, Visibility):
        raise ModelError("The model builds its own attention mask instead of asking for one; its numbers would be wrong.")
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    return _current.get().attend(module.layer_idx, query, key, value, attention_mask, scaling), None


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
    try:
        with attention_implementation(model, NAME), torch.no_grad():
            yield
    finally:
        _current.reset(token)
