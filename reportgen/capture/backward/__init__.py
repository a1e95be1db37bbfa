"""The streaming backward pass: what a target depends on, by head and by pair of sentences, with no array of tokens x tokens."""

from reportgen.capture.backward.interface import BackwardNumbers, measure_backward
from reportgen.capture.backward.passes import BackwardPass, stack_by_direction
from reportgen.capture.backward.stack_sums import StackNumbers

__all__ = ["BackwardNumbers", "BackwardPass", "StackNumbers", "measure_backward", "stack_by_direction"]
