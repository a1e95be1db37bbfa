"""Word files: their text as blocks, told by styles and numbering."""

from reportgen.documents.docx.reading import docx_reading

__all__ = ["docx_reading"]
