"""The seam: an attention function that computes each layer a few query rows at a time and hands every block to the reducers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from transformers import AttentionInterface, AttentionMaskInterface

from reportgen.capture.block import CELLS_AT_MOST, ROWS_AT_MOST, Block, plan_blocks
from reportgen.capture.feeding import StackOf, stack_namer
from reportgen.capture.fused import NO_SCORE
from reportgen.capture.lanes import lanes_on
from reportgen.capture.layout import Stack
from reportgen.capture.position_bias import biases_by_offset
from reportgen.capture.reducers.reducer import Reducer
from reportgen.capture.scores import LayerScores, ScoreRule, layer_scores, score_rule
from reportgen.capture.summing import Summing
from reportgen.capture.taking import Taking
from reportgen.capture.torch_sums import DeviceSumming
from reportgen.capture.visibility import Visibility, visibility_of
from reportgen.errors import ModelError
from reportgen.models.first_calls import call_math_once

NAME = "reportgen_streaming"
Progress = Callable[[str, int, float], None]


class Working:
    """Who adds up the blocks of a stack where the model is: compiled on the CPU, in all lanes; by array operations elsewhere, one block after the other."""

    def __init__(self, stack: Stack, device: torch.device) -> None:
        self.lanes = lanes_on(device)
        self.summing = [Summing(stack) if device.type == "cpu" else DeviceSumming(stack, device) for _ in range(self.lanes.slots)]


@dataclass(kw_only=True, eq=False)
class StackPass:
    """One stack in one forward pass: who adds its blocks up, and what is kept of each layer. `done` counts the layers that ran."""

    stack: Stack
    reducers: Sequence[Reducer]
    keep_layers: bool = False
    progress: Progress | None = None
    rows_at_most: int = ROWS_AT_MOST
    cells_at_most: int = CELLS_AT_MOST
    takings: dict[Visibility, Sequence[Taking]] = field(default_factory=dict)
    layers: list[LayerScores] = field(default_factory=list)
    done: int = 0
    working: dict[torch.device, Working] = field(default_factory=dict)

    def attend(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, visibility: Visibility, rule: ScoreRule) -> torch.Tensor:
        """The next layer's attention output, batch x token x head x dim, exactly as the model's own attention gives it."""
        layer = self._open_layer(query, key, value)
        scores = layer_scores(query, key, visibility, rule).for_many_rows()
        working, values = self._working(query.device), value[0].float()
        output = torch.empty(query.shape[2], query.shape[1], values.shape[-1], device=query.device)  # some models view it as token x dim
        by_head = output.transpose(0, 1)

        def attend(rows: slice, keys: slice, weights: torch.Tensor) -> None:
            shape = (-1, rows.stop - rows.start, values.shape[-1])
            by_head[:, rows] = torch.bmm(weights.view(len(values), -1, weights.shape[2]), values[:, keys]).view(shape)

        def attended(slot: int, taking: Taking) -> Block:
            block = working.summing[slot].block(layer, taking, visibility, scores.between, attend, rule.extra)
            scores.log_normalisers[:, taking.plan.rows] = torch.from_numpy(block.sums.log_normaliser)
            return block

        working.lanes.work(self._takings(visibility, query.device), attended, self._add)
        if self.keep_layers:
            self.layers.append(scores)
        refuse_what_is_not_finite(self.stack.name, layer, output)
        return output[None].to(query)

    def take(self, weights: Float[torch.Tensor, "head query key"], visibility: Visibility) -> None:
        """The next layer from its whole weights, for models that are read one layer at a time: their logarithms are scores that give them back."""
        layer, working = self._open_layer(weights), self._working(weights.device)

        def logarithms(rows: slice, keys: slice, out: torch.Tensor) -> None:
            torch.log(weights[:, rows, keys], out=out).clamp_(min=float(NO_SCORE))

        def summed(slot: int, taking: Taking) -> Block:
            return working.summing[slot].block(layer, taking, visibility, logarithms, lambda rows, keys, weights: None)

        working.lanes.work(self._takings(visibility, weights.device), summed, self._add)

    def _working(self, device: torch.device) -> Working:
        if device not in self.working:
            self.working[device] = Working(self.stack, device)
        return self.working[device]

    def _add(self, block: Block) -> None:
        for reducer in self.reducers:
            reducer.add(block)
        if self.progress is not None:
            self.progress(self.stack.name, block.layer, block.rows.stop / self.stack.queries.tokens)

    def _open_layer(self, by_head: torch.Tensor, *others: torch.Tensor) -> int:
        layer, stack, heads = self.done, self.stack, by_head.shape[-3]
        self.done += 1
        if layer >= stack.layers or heads != stack.heads:
            raise ModelError(f"Layer {layer} of the {stack.name} has {heads} heads, where {stack.layers} layers of {stack.heads} heads were expected.")
        refuse_what_is_not_finite(stack.name, layer, by_head, *others)
        return layer

    def _takings(self, visibility: Visibility, device: torch.device) -> Sequence[Taking]:
        """The blocks of a layer; layers that share a mask share them."""
        if visibility not in self.takings:
            plans = plan_blocks(self.stack, visibility, self.rows_at_most, self.cells_at_most, smaller_last=device.type == "cpu")
            self.takings[visibility] = tuple(Taking.of(plan, visibility, self.stack, self.reducers) for plan in plans)
        return self.takings[visibility]


def refuse_what_is_not_finite(stack: str, layer: int, *tensors: torch.Tensor) -> None:
    """Raise `ModelError` that names the layer where a number in it is not finite."""
    if not all(math.isfinite(float(tensor.sum())) or bool(torch.isfinite(tensor).all()) for tensor in tensors):  # a sum is quicker to look at
        raise ModelError(f"Layer {layer} of the model's {stack} gives numbers that are not finite on this text; nothing was measured.")


@dataclass(frozen=True, kw_only=True, eq=False)
class Attended:
    """One call of attention: the module that made it, its stack, what it was given, and its output, batch x token x head x dim."""

    module: Any
    stack: str
    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    visibility: Visibility
    rule: ScoreRule
    output: torch.Tensor


@dataclass(kw_only=True, eq=False)
class StreamingPass:
    """One forward pass of a model through its stacks, by name; `watch` is told of each call of attention."""

    stacks: Mapping[str, StackPass]
    stack_of: StackOf | None = None  # known when the model is
    watch: Callable[[Attended], None] | None = None

    def attend(self, module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, visibility: Visibility, rule: ScoreRule) -> torch.Tensor:
        """The attention output of the stack that the module belongs to."""
        name = self.stack_of(module, visibility)
        if name not in self.stacks:
            raise ModelError(f"{type(module).__name__} attends as a layer of a {name} would, which this model is not known to have; it cannot be measured.")
        output = self.stacks[name].attend(query, key, value, visibility, rule)
        if self.watch is not None:
            self.watch(Attended(module=module, stack=name, query=query, key=key, value=value, visibility=visibility, rule=rule, output=output))
        return output


_current: ContextVar[StreamingPass] = ContextVar("reportgen_streaming_pass")


def _attention(module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attention_mask: Any, **keywords: Any) -> tuple[torch.Tensor, None]:
    rule = score_rule(query, attention_mask, keywords)
    return _current.get().attend(module, query, key, value, attention_mask, rule), None


def mask_of(
    *,
    q_length: int,
    kv_length: int,
    mask_function: Callable[..., torch.Tensor],
    attention_mask: torch.Tensor | None = None,
    q_offset: int = 0,
    kv_offset: int = 0,
    device: torch.device | str = "cpu",
    **_: Any,
) -> Visibility:
    """What stands for the mask where the library would build it. Raises `ModelError` for padding and for a cache."""
    if (attention_mask is not None and not bool(attention_mask.all())) or int(q_offset) or int(kv_offset):
        raise ModelError("The streaming attention reads one text without padding and without a cache.")
    return visibility_of(mask_function, q_length, kv_length, device)


AttentionInterface.register(NAME, _attention)
AttentionMaskInterface.register(NAME, mask_of)


@contextmanager
def attention_implementation(model: Any, name: str) -> Iterator[None]:
    """The model in evaluation mode with another attention implementation; both are as before afterwards, also after an error."""
    configs = {id(module.config): module.config for module in model.modules() if hasattr(module, "config")}
    before = [(config, config._attn_implementation_internal) for config in configs.values() if hasattr(config, "_attn_implementation_internal")]
    training = [module for module in model.modules() if module.training]
    call_math_once()
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
    streaming_pass.stack_of = stack_namer(model)
    try:
        with attention_implementation(model, NAME), biases_by_offset(model), torch.no_grad():
            yield
    finally:
        _current.reset(token)
