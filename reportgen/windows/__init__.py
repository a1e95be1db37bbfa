"""A document longer than the model: overlapping windows of whole sentences, and the tokens of each."""

from reportgen.windows.joining import WindowedText
from reportgen.windows.planning import Window, plan_windows
from reportgen.windows.reading import tokenise_windows

__all__ = ["Window", "WindowedText", "plan_windows", "tokenise_windows"]
