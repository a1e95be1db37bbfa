"""Reading attention one layer at a time, for models whose attention does not go through the library's attention interface."""

from reportgen.capture.per_layer.families import PER_LAYER, reads_per_layer
from reportgen.capture.per_layer.global_tokens import global_mask
from reportgen.capture.per_layer.reading import attention_types_kept, whole_layers
from reportgen.capture.per_layer.whole_layer import WholeLayer

__all__ = ["PER_LAYER", "WholeLayer", "attention_types_kept", "global_mask", "reads_per_layer", "whole_layers"]
