"""What is left of a target when heads are masked, more and more of them."""

from reportgen.capture.pruning.curve import Pruned, measure_pruning

__all__ = ["Pruned", "measure_pruning"]
