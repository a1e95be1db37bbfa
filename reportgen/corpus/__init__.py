"""From the measurements of many documents to what they say together: roles of heads, layers, and belief, by model and genre."""

from reportgen.corpus.findings import Findings, build_findings
from reportgen.corpus.summarising import summarise
from reportgen.corpus.summary import DocumentSummary

__all__ = ["DocumentSummary", "Findings", "build_findings", "summarise"]
