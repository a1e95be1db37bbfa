"""The findings over documents as sections of a page: HTML without head and style, which the page that takes them in has."""

from __future__ import annotations

from collections.abc import Callable

from markupsafe import Markup

from reportgen.corpus.findings import Findings
from reportgen.drawing.pictures import draw_pictures
from reportgen.drawing.svg import inline_picture
from reportgen.render import Drawer, page_environment, show_picture
from reportgen.report import Section

PARTIAL = "corpus/findings.html.jinja"


def render_findings(findings: Findings, draw: Drawer = draw_pictures) -> Markup:
    """The sections, as `PARTIAL` prints them. The same findings give the same bytes."""
    template = page_environment().get_template(PARTIAL)
    return Markup(template.render(findings=findings, picture=pictures_of(findings, draw)))


def pictures_of(findings: Findings, draw: Drawer = draw_pictures) -> Callable[[Section, str], Markup]:
    """What the templates ask for a chart of a section: its inline SVG, or a line that says that it could not be drawn."""
    drawn = draw(findings.charts)

    def picture(section: Section, chart: str) -> Markup:
        name = f"{section.name}-{chart}"
        return show_picture(inline_picture(drawn, name, f"{chart.replace('-', ' ').capitalize()}. {section.question} {section.lead}"), section, chart)

    return picture
