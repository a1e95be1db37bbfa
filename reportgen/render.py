"""The report as one self-contained HTML page: a pure function from a Report to a string.

Templates print; what they cannot print directly (packed matrices, rounded numbers, pictures) they ask of the
filters below. Scripts and styles are put into the page whole, and the page's policy names them by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reportgen.characters import clean
from reportgen.compiled_templates import CompiledTemplates
from reportgen.drawing.matrix_picture import draw_matrix
from reportgen.drawing.pictures import THEME, Drawing, draw_pictures, ready_for_page
from reportgen.drawing.svg import inline_picture
from reportgen.measurements import Measurements
from reportgen.notebook import Page
from reportgen.packing.charts import pack_charts
from reportgen.packing.codes import deflated
from reportgen.packing.heads import pack_heads
from reportgen.packing.lightening import lighten
from reportgen.packing.tokens import pack_tokens
from reportgen.packing.views import pack_matrices
from reportgen.report import Report, Section, build_report
from reportgen.unit_names import name_units
from reportgen.wording import counted, direction, paragraphs, percent, resampled, rounded, significant, two_decimals

Drawer = Callable[[Mapping[str, Mapping[str, Any]]], Mapping[str, str]]

FILTERS = {
    "percent": percent,
    "counted": counted,
    "significant": significant,
    "two_decimals": two_decimals,
    "rounded": rounded,
    "resampled": resampled,
    "paragraphs": paragraphs,
    "pack_charts": partial(pack_charts, theme=THEME),
    "direction": direction,
    "pack_matrices": pack_matrices,
    "pack_tokens": pack_tokens,
    "pack_heads": pack_heads,
    "draw_matrix": draw_matrix,
    "fields": asdict,
}

COMMENT, BETWEEN_RULES = re.compile(r"/\*.*?\*/", re.DOTALL), re.compile(r"\s*([{};])\s*")
STAND_IN = re.compile(r"<svg (\d+)>")  # for a picture until it is there: no attribute begins with a digit, and what a document says of tags is escaped
SPACING = {"trim_blocks": True, "lstrip_blocks": True, "keep_trailing_newline": True}


def render_report(report: Report, draw: Drawer = draw_pictures) -> Page:
    """The page, a str that a notebook shows as a page. The same report gives the same bytes; `draw` turns {name: Vega-Lite} into {name: SVG}, as Markup if it is fit for a page."""
    report = clean(report)
    specs = {name: spec for section in report.sections for name, spec in section.pictures.items()}
    style, script = _short_style(_read_static("css")), _without_comments(in_scope(_read_static("js") + "\nstart();\n"))  # `start` is in page.js
    loader = _loader()
    template = page_environment().get_template("page.html.jinja")
    asked: list[tuple[Section, str]] = []

    def stand_in(section: Section, chart: str) -> Markup:
        asked.append((section, chart))
        return Markup(f"<svg {len(asked) - 1}>")

    with ThreadPoolExecutor(1) as beside:  # the pictures are another process's work: all else is made meanwhile
        drawn = beside.submit(draw, specs)
        page = template.render(
            report=report,
            style=Markup(style),
            packed_script=deflated(script.encode("utf-8")),
            loader=Markup(loader),
            policy=page_policy(style, loader, script),
            picture=stand_in,
        )
        page = _finish(page, report.level)
        return Page(STAND_IN.sub(lambda found: _finish(_picture(drawn.result(), *asked[int(found[1])]), report.level), page))


def render_measurements(measurements: Measurements, threads: int | None = None) -> tuple[Report, Page]:
    """The report of the measurements and its page, whose charts are drawn while others are made; so many threads (None: all cores) work on analyses."""
    with ready_for_page() as draw:
        return build_and_render(measurements, draw, threads)


def build_and_render(measurements: Measurements, draw: Drawing, threads: int | None = None) -> tuple[Report, Page]:
    """The same by a child that is there."""
    report = build_report(measurements, draw.begin, threads)
    return report, render_report(report, draw)


def template_folder() -> Path:
    """Where the templates lie: in the installed package, or at the top of a checkout."""
    package = Path(__file__).resolve().parent
    places = (package / "templates", package.parent / "templates")
    return next((place for place in places if (place / "page.html.jinja").is_file()), places[0])


def template_files(folder: Path) -> list[Path]:
    """The files in a folder of templates, as they were written: without those that keep templates compiled."""
    return sorted(file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.relative_to(folder).parts)


@cache
def page_environment() -> Environment:
    """What templates are rendered in: everything that is printed is escaped, and a name that is not there is an error."""
    kept = CompiledTemplates(f"{sorted(SPACING)} {sorted(FILTERS)}")
    environment = Environment(loader=FileSystemLoader(template_folder()), autoescape=True, undefined=StrictUndefined, bytecode_cache=kept, **SPACING)
    environment.filters |= FILTERS
    return environment


def _read_static(kind: str) -> str:
    """All files of one kind, in the order of their names."""
    return read_together(sorted((template_folder() / "static").glob(f"*.{kind}")))


def _short_style(style: str) -> str:
    """Without comments, and without spaces around braces and semicolons, none of which stand in a text of the page's own sheets."""
    return BETWEEN_RULES.sub(r"\1", COMMENT.sub("", style)).replace(";}", "}")


def _loader() -> str:
    """What unpacks the page's script, which is deflated like its data."""
    folder = template_folder()
    return _without_comments(in_scope(read_together([folder / "static" / "inflating.js", folder / "loading.js"]) + "\nload();\n"))


def _without_comments(script: str) -> str:
    """Without lines that are comments, and without indentation. No text goes over several lines in the page's own scripts."""
    lines = (line.strip() for line in script.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//")) + "\n"


def read_together(files: Iterable[Path]) -> str:
    """What style sheets or scripts say, one after the other."""
    return "\n".join(file.read_text(encoding="utf-8").replace("\r\n", "\n") for file in files)


def in_scope(script: str) -> str:
    """A script, whose last line ends, in one scope of its own."""
    return f'(function () {{\n"use strict";\n{script}}})();\n'


def page_policy(style: str, *scripts: str) -> str:
    """Nothing is fetched, nothing runs but the page's own scripts, nothing is styled but by its own sheet."""
    return f"default-src 'none'; script-src {' '.join(map(_digest, scripts))}; style-src {_digest(style)}; img-src data:; base-uri 'none'; form-action 'none'"


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


def show_picture(svg: Markup | None, section: Section, chart: str) -> Markup:
    """The chart as a page shows it, or a line that says it could not be drawn."""
    shown: Markup = page_environment().get_template("picture.html.jinja").module.drawn(svg, section, chart)
    return shown


def _picture(pictures: Mapping[str, str], section: Section, chart: str) -> Markup:
    spec = section.charts.get(chart, {})
    description = spec.get("description") or f"{chart.replace('-', ' ').capitalize()}. {section.question} {section.finding}"
    return show_picture(inline_picture(pictures, f"{section.name}-{chart}", description), section, chart)


def _finish(html: str, level: str) -> str:
    """A part of the page in the words of its level, in fewer bytes."""
    return lighten(name_units(html, level))
