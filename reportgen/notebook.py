"""The page in a frame of its own, the way a notebook shows it: it can do nothing to the notebook, nor the notebook's style to it."""

from __future__ import annotations

from markupsafe import Markup, escape

HEIGHT = 800  # pixels
MAY = "allow-scripts allow-downloads"  # not to open windows, reach the notebook, or submit anything


class Page(str):
    """A page as text, which a notebook shows as a page."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return frame(self)


def frame(page: str) -> str:
    """An `iframe` that holds the whole page in its `srcdoc`, sandboxed: its script runs in an origin of its own."""
    held = Markup('<iframe title="Report of attention over a document" width="100%" height="{}" frameborder="0" sandbox="{}" srcdoc="{}"></iframe>')
    return str(held.format(HEIGHT, MAY, escape(str(page))))
