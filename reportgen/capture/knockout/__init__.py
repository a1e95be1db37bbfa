"""Attention knockout: what a link between two sentences does to the model's output."""

from reportgen.capture.knockout.document_links import MeasuredLinks, measure_links
from reportgen.capture.knockout.effects import LinkEffects, measure_link_effects
from reportgen.capture.knockout.sentences import LinkedTexts, all_links, linked_texts

__all__ = ["LinkEffects", "LinkedTexts", "MeasuredLinks", "all_links", "linked_texts", "measure_link_effects", "measure_links"]
