"""Web pages: the main text of a saved page, as blocks. Nothing that a page refers to is fetched."""

from reportgen.documents.html.reading import html_reading

__all__ = ["html_reading"]
