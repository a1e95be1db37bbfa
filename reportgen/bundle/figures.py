"""A report's charts and its matrix as figures for print: SVG and PDF, each as wide as one column and as two."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from xml.etree import ElementTree

from reportgen.bundle.captions import Caption, caption_of
from reportgen.bundle.matrix_figure import draw_matrices
from reportgen.bundle.pdf_order import in_order
from reportgen.bundle.sizing import COLUMNS, Column, Draw, fitted
from reportgen.characters import clean
from reportgen.drawing.svg import clean_svg
from reportgen.report import Report
from reportgen.unit_names import name_units

Print = Callable[[Mapping[str, str]], Mapping[str, bytes]]
BOXES = re.compile(r"(?:M[-\d.]+,[-\d.]+h[-\d.]+v[-\d.]+h[-\d.]+z)+", re.IGNORECASE)
SEAM = "0.3"  # points of its own colour around a cell, without which readers of PDF show white between cells that touch
FONTS = "Liberation Sans, Arimo, Arial, Helvetica, sans-serif"  # of the same widths, but for the last


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure: what is said of it, and its files by name, without a folder."""

    name: str
    caption: Caption
    files: Mapping[str, bytes]


def draw_figures(report: Report, draw: Draw, print_: Print) -> tuple[tuple[Figure, ...], tuple[str, ...]]:
    """All figures, in the report's order, and the names of charts that could not be drawn."""
    report = clean(report)
    captions = _captions(report)
    pictures = {key: name_units(svg, report.level) for key, svg in _drawn(report, draw).items()}
    whole = {key: _standing_alone(svg, captions[key[0]].drawn, key[1]) for key, svg in pictures.items()}
    printed = print_({f"{name}-{column.name}": in_points for (name, column), (in_points, _) in whole.items()})
    complete = [name for name in captions if all((name, column) in whole for column in COLUMNS)]
    return tuple(_figure(name, captions[name], whole, printed) for name in complete), tuple(name for name in captions if name not in complete)


def _captions(report: Report) -> dict[str, Caption]:
    """The caption of each figure, by its name."""
    found: dict[str, Caption] = {}
    for section in report.sections:
        charts = {chart: spec.get("description", "") for chart, spec in section.charts.items()} | draw_matrices(section, COLUMNS[0]).descriptions
        names = {f"{section.name}-{chart}": text for chart, text in charts.items()}
        found |= {name: caption_of(section, name, text, report.level) for name, text in names.items()}
    return found


def _drawn(report: Report, draw: Draw) -> dict[tuple[str, Column], str]:
    specs = {f"{section.name}-{chart}": spec for section in report.sections for chart, spec in section.charts.items()}
    charts = {key: str(clean_svg(svg, key[0])) for key, svg in fitted(specs, draw).items()}
    for section in report.sections:
        for column in COLUMNS:
            charts |= {(f"{section.name}-{name}", column): svg for name, svg in draw_matrices(section, column).pictures.items()}
    return charts


def _standing_alone(svg: str, description: str, column: Column) -> tuple[str, str]:
    """The picture as a file of its own, of exactly the column's width: in points for printing, and in inches."""
    root = ElementTree.fromstring(svg)
    close_seams(root)
    width, height = (float(root.attrib[side]) for side in ("width", "height"))
    for attribute in ("class", "role", "aria-label"):
        root.attrib.pop(attribute, None)
    title = ElementTree.Element("title")
    title.text = description
    root.insert(0, title)
    scale = column.points / width
    own = {"xmlns": "http://www.w3.org/2000/svg", "font-family": FONTS, "viewBox": root.get("viewBox", f"0 0 {width:g} {height:g}")}
    sizes = [(f"{column.points:g}", f"{height * scale:.4g}"), (f"{column.points / 72:g}in", f"{height * scale / 72:.4g}in")]
    return tuple(_serialised(root, own | {"width": wide, "height": high}) for wide, high in sizes)


def close_seams(element: ElementTree.Element, seen: Mapping[str, str] = MappingProxyType({})) -> None:
    """Boxes of one full colour get an edge of it; `seen` is what the elements around say."""
    seen = {**seen, **element.attrib}
    plain = "stroke" not in seen and not {"opacity", "fill-opacity"} & set(seen)
    if plain and seen.get("fill", "").startswith("#") and BOXES.fullmatch(element.get("d", "")):
        element.attrib |= {"stroke": seen["fill"], "stroke-width": SEAM}
    for child in element:
        close_seams(child, seen)


def _serialised(root: ElementTree.Element, attributes: Mapping[str, str]) -> str:
    copy = ElementTree.Element(root.tag.rpartition("}")[2], {**root.attrib, **attributes})
    copy.extend(root)
    return ElementTree.tostring(copy, encoding="unicode") + "\n"


def _figure(name: str, caption: Caption, whole: Mapping[tuple[str, Column], tuple[str, str]], printed: Mapping[str, bytes]) -> Figure:
    files: dict[str, bytes] = {}
    for column in COLUMNS:
        own = f"{name}-{column.name}"
        files[f"{own}.svg"] = whole[name, column][1].encode("utf-8")
        if own in printed:
            files[f"{own}.pdf"] = in_order(printed[own])
    return Figure(name=name, caption=caption, files=files)
