"""What a target really depends on: gradients always, and on request what many passes cost, which are integrated gradients, ablation, a surrogate and pairs of sentences."""

from reportgen.capture.attribution.full import FullAttribution, measure_full
from reportgen.capture.attribution.gradients import Gradients, measure_gradients

__all__ = ["FullAttribution", "Gradients", "measure_full", "measure_gradients"]
