"""PDF files: from characters with places on a page to blocks in reading order."""

from reportgen.documents.pdf.reading import pdf_reading

__all__ = ["pdf_reading"]
