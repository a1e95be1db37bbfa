"""HTML inside other formats, reduced to the text a reader would see."""

import re
from html.parser import HTMLParser

UNSEEN = frozenset({"script", "style", "template", "title"})
LINE_BREAKING = frozenset({"br", "p", "div", "li", "tr", "summary", "details"})


def visible_text(html: str) -> str:
    """What the HTML shows: tags and comments dropped, entities read, scripts and styles left out."""
    parser = _TextKeeper()
    parser.feed(html)
    parser.close()
    return "".join(parser.texts).strip()


class _TextKeeper(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag, attrs):
        self._unseen += tag in UNSEEN
        if tag in LINE_BREAKING:
            self.texts.append("\n")

    def handle_endtag(self, tag):
        self._unseen -= tag in UNSEEN and self._unseen > 0
        if tag in LINE_BREAKING:
            self.texts.append("\n")

    def handle_data(self, data):
        if not self._unseen:
            self.texts.append(re.sub(r"\s+", " ", data))
