"""The output that a target is chosen by."""

from __future__ import annotations

from typing import Any

import torch

from reportgen.capture.feeding import Feed
from reportgen.capture.per_layer import attention_types_kept
from reportgen.capture.streaming import attention_implementation


def output_of(model: Any, given: Feed) -> Any:
    """The model's plain output, which changes nothing about the model."""
    with attention_types_kept(model), attention_implementation(model, model.config._attn_implementation), torch.no_grad():
        return model(**given.keywords(model))
