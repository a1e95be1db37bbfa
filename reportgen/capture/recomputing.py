"""Layers that are computed a second time in the backward pass instead of being kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch.utils.checkpoint import checkpoint
from transformers.modeling_layers import GradientCheckpointingLayer


@contextmanager
def recomputed_layers(model: Any) -> Iterator[None]:
    """Inside the block each layer keeps only its input for the backward pass; the layers are as before afterwards.

    Nor does the model keep keys and values, which a layer that is computed again would add to: the class of some heads takes no argument that says so.
    """
    layers = [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]
    before = [(layer, layer.__dict__.get("forward")) for layer in layers]
    caching = {id(module.config): module.config for module in model.modules() if getattr(getattr(module, "config", None), "use_cache", False)}.values()
    try:
        for config in caching:
            config.use_cache = False
        for layer in layers:
            layer.forward = partial(checkpoint, layer.forward, use_reentrant=False)
        yield
    finally:
        for config in caching:
            config.use_cache = True
        for layer, forward in before:
            if forward is None:
                layer.__dict__.pop("forward", None)
            else:
                layer.forward = forward
