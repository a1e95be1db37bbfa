"""Documents: a file, standard input or a string becomes one text with known blocks."""

from reportgen.documents.document import Block, Document
from reportgen.documents.limits import ReadingLimits
from reportgen.documents.reading import document_from_text, read_document
from reportgen.documents.references import drop_references

__all__ = ["Block", "Document", "ReadingLimits", "document_from_text", "drop_references", "read_document"]
