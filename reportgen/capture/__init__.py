"""Capture: forward and backward passes whose attention is cut into blocks of query rows and added up. Torch lives here only."""

from reportgen.capture.measure import MeasureOptions, measure
from reportgen.capture.token_weights import token_weights

__all__ = ["MeasureOptions", "measure", "token_weights"]
