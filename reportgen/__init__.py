"""What a transformer's attention does over a long document, and how far that can be believed, as one HTML page.

The line, as functions: `read_document`, `split_sentences`, `load_model`, `measure`, `Measurements`, `build_report`, `render_report`; and `token_weights`, which looks
further into one pair of sentences. Names are
imported when they are first used, so that nothing waits for torch that does not need it.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

# Read when torch is first imported: otherwise its threads go round in a loop for some 10 ms after each product, on cores that other work waits for.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if TYPE_CHECKING:
    from reportgen.capture import MeasureOptions, measure, token_weights
    from reportgen.documents import Document, ReadingLimits, document_from_text, read_document
    from reportgen.errors import ReportgenError
    from reportgen.measurements import Measurements
    from reportgen.models import LanguageModel, load_model
    from reportgen.render import render_report
    from reportgen.report import Report, build_report
    from reportgen.sentence_pair import TokenWeights
    from reportgen.sentences import Sentence, split_sentences

_HOMES = {
    "Document": "documents",
    "LanguageModel": "models",
    "MeasureOptions": "capture",
    "Measurements": "measurements",
    "ReadingLimits": "documents",
    "Report": "report",
    "ReportgenError": "errors",
    "Sentence": "sentences",
    "TokenWeights": "sentence_pair",
    "build_report": "report",
    "document_from_text": "documents",
    "load_model": "models",
    "measure": "capture",
    "read_document": "documents",
    "render_report": "render",
    "split_sentences": "sentences",
    "token_weights": "capture",
}
__all__ = [
    "Document",
    "LanguageModel",
    "MeasureOptions",
    "Measurements",
    "ReadingLimits",
    "Report",
    "ReportgenError",
    "Sentence",
    "TokenWeights",
    "build_report",
    "document_from_text",
    "load_model",
    "measure",
    "read_document",
    "render_report",
    "split_sentences",
    "token_weights",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'reportgen' has no attribute {name!r}")
    return getattr(import_module(f"reportgen.{_HOMES[name]}"), name)
