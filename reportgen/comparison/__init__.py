"""Two measurements held against each other: two models on one document, or two versions of a document on one model."""

from reportgen.comparison.build import Comparison, build_comparison
from reportgen.comparison.page import comparison_data, render_comparison

__all__ = ["Comparison", "build_comparison", "comparison_data", "render_comparison"]
