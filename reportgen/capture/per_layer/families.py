"""Which models are read one layer at a time, and where their classes compute attention."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from reportgen.capture.per_layer.banded import place_banded, read_banded
from reportgen.capture.per_layer.block_sparse import place_big_bird, read_big_bird, refuse_cross_attention
from reportgen.capture.per_layer.dense import bias_as_fused, place_dense, read_dense, refuse_mixed_heads
from reportgen.capture.per_layer.whole_layer import Call, Layout, PlacingOf, Stack
from reportgen.errors import ModelError


@dataclass(frozen=True, kw_only=True)
class Seam:
    """A class of attention modules, how its weights are read and placed, and the stack it belongs to.

    `prepare` changes or refuses a call before it is made. `name` takes only the modules of that name within their layer, `inner` says which part of the
    module computes the weights where that part can change from call to call. Without `stack`, it is the decoder if the configuration says so and else the
    encoder.
    """

    module: str
    layout: Layout = read_dense
    placing: PlacingOf = place_dense
    prepare: Callable[[Call], None] = lambda call: None
    stack: Stack | None = None
    name: str | None = None
    inner: str | None = None

    def modules(self, model: Any) -> list[Any]:
        """The model's modules of this kind, in order."""
        named = [(path.rpartition(".")[2], module) for path, module in model.named_modules() if type(module).__name__ == self.module]
        return [module for name, module in named if self.name in (None, name)]

    def stack_in(self, config: Any) -> Stack:
        """The stack whose layers the modules are."""
        return self.stack or ("decoder" if getattr(config, "is_decoder", False) else "encoder")


PER_LAYER: Mapping[str, tuple[Seam, ...]] = MappingProxyType(
    {
        "longformer": (Seam(module="LongformerSelfAttention", layout=read_banded, placing=place_banded, stack="encoder"),),
        "led": (
            Seam(module="LEDEncoderSelfAttention", layout=read_banded, placing=place_banded, stack="encoder"),
            Seam(module="LEDDecoderAttention", stack="decoder", name="self_attn"),
            Seam(module="LEDDecoderAttention", stack="cross", name="encoder_attn"),
        ),
        "big_bird": (
            Seam(module="BigBirdAttention", layout=read_big_bird, placing=place_big_bird, prepare=refuse_cross_attention, name="attention", inner="self"),
        ),
        "deberta": (Seam(module="DisentangledSelfAttention", prepare=refuse_mixed_heads, stack="encoder"),),
        "deberta-v2": (Seam(module="DisentangledSelfAttention", prepare=refuse_mixed_heads, stack="encoder"),),
        "bloom": (Seam(module="BloomAttention", stack="decoder"),),
        "falcon": (Seam(module="FalconAttention", prepare=bias_as_fused, stack="decoder"),),
    }
)


def reads_per_layer(config: Any) -> bool:
    """Whether models of this configuration are read one layer at a time."""
    return getattr(config, "model_type", None) in PER_LAYER


def seams_of(model: Any) -> tuple[Seam, ...]:
    """Where a model's class computes attention. Raises `ModelError` for models that are not read one layer at a time, and for those without attention."""
    seams = PER_LAYER.get(model.config.model_type)
    if seams is None:
        raise ModelError(f"{type(model).__name__} ({model.config.model_type}) is not read one layer at a time.")
    if not any(seam.modules(model) for seam in seams):
        raise ModelError(f"{type(model).__name__} has none of the attention that its model type {model.config.model_type} is known for.")
    return seams
