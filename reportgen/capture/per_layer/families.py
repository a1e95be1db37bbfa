"""Which models are read one layer at a time, and where their classes compute attention."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from reportgen.capture.per_layer.banded import read_banded
from reportgen.capture.per_layer.block_sparse import read_big_bird
from reportgen.capture.per_layer.dense import read_dense, read_disentangled, read_falcon
from reportgen.capture.per_layer.whole_layer import Layout, Stack


@dataclass(frozen=True, kw_only=True)
class Seam:
    """A class of attention modules, how its weights are read, and the stack it belongs to.

    `name` takes only the modules of that name within their layer, `inner` says which part of the module computes the weights where that part can
    change from call to call. Without `stack`, it is the decoder if the configuration says so and else the encoder.
    """

    module: str
    layout: Layout
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
        "longformer": (Seam(module="LongformerSelfAttention", layout=read_banded, stack="encoder"),),
        "led": (
            Seam(module="LEDEncoderSelfAttention", layout=read_banded, stack="encoder"),
            Seam(module="LEDDecoderAttention", layout=read_dense, stack="decoder", name="self_attn"),
            Seam(module="LEDDecoderAttention", layout=read_dense, stack="cross", name="encoder_attn"),
        ),
        "big_bird": (Seam(module="BigBirdAttention", layout=read_big_bird, name="attention", inner="self"),),
        "deberta": (Seam(module="DisentangledSelfAttention", layout=read_disentangled, stack="encoder"),),
        "deberta-v2": (Seam(module="DisentangledSelfAttention", layout=read_disentangled, stack="encoder"),),
        "bloom": (Seam(module="BloomAttention", layout=read_dense, stack="decoder"),),
        "falcon": (Seam(module="FalconAttention", layout=read_falcon, stack="decoder"),),
    }
)


def reads_per_layer(config: Any) -> bool:
    """Whether models of this configuration are read one layer at a time."""
    return getattr(config, "model_type", None) in PER_LAYER
