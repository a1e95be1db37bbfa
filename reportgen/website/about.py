"""The page about a site: its own words, and how everything in its reports was measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markupsafe import Markup

from reportgen.analyses import ANALYSES, PARTS, Method, part_of
from reportgen.characters import clean_text
from reportgen.render import template_folder

CITATION = "CITATION.cff"


@dataclass(frozen=True, kw_only=True)
class Question:
    """What an analysis asks, and the methods that answer."""

    question: str
    caveat: str
    methods: tuple[Method, ...]


@dataclass(frozen=True, kw_only=True)
class About:
    """The site's own words as HTML, the questions of all analyses by the part of the page, and how reportgen asks to be cited."""

    words: Markup
    parts: tuple[tuple[str, tuple[Question, ...]], ...]
    citation: str


def build_about(markdown: str) -> About:
    """The page's content. The words are CommonMark; HTML in them stays text, and pictures are left out, because the page shows none from elsewhere."""
    return About(words=_as_html(clean_text(markdown)), parts=tuple((part, tuple(_questions(part))) for part in PARTS), citation=read_citation())


def _as_html(markdown: str) -> Markup:
    renderer = MarkdownIt("commonmark", {"html": False}).disable("image")
    return Markup(renderer.render(markdown).replace("<h1>", "<h2>").replace("</h1>", "</h2>"))


def _questions(part: str) -> Iterable[Question]:
    for analysis in ANALYSES:
        if part_of(analysis) == part:
            yield Question(question=analysis.question, caveat=analysis.caveat, methods=analysis.methods)


def read_citation() -> str:
    """The text of CITATION.cff, which lies beside the templates."""
    return (template_folder().parent / CITATION).read_text(encoding="utf-8").replace("\r\n", "\n")
