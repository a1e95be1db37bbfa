"""The document's numbers out of those of its windows, taken in one window after the other."""

from reportgen.capture.merging.accumulator import MergedNumbers, Merging, WindowNumbers
from reportgen.capture.merging.storage import BUDGET
from reportgen.capture.merging.target import TokenPlaces, target_of_window
from reportgen.capture.merging.weights import text_weights

__all__ = ["BUDGET", "MergedNumbers", "Merging", "TokenPlaces", "WindowNumbers", "target_of_window", "text_weights"]
