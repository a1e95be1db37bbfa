"""Pictures made fit to stand inside a page: known elements and attributes only, ids of their own, no link out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from xml.etree import ElementTree

from markupsafe import Markup

from reportgen.characters import clean_text
from reportgen.drawing.shortening import shorten

ELEMENTS = frozenset(
    [
        "svg",
        "g",
        "path",
        "line",
        "rect",
        "circle",
        "ellipse",
        "polygon",
        "polyline",
        "text",
        "tspan",
        "defs",
        "clipPath",
        "linearGradient",
        "radialGradient",
        "stop",
    ]
)
ATTRIBUTES = frozenset(
    [
        "id",
        "viewBox",
        "width",
        "height",
        "transform",
        "d",
        "x",
        "y",
        "x1",
        "y1",
        "x2",
        "y2",
        "cx",
        "cy",
        "r",
        "rx",
        "ry",
        "dx",
        "dy",
        "points",
        "offset",
        "fill",
        "fill-opacity",
        "fill-rule",
        "stroke",
        "stroke-width",
        "stroke-opacity",
        "stroke-dasharray",
        "stroke-dashoffset",
        "stroke-linecap",
        "stroke-linejoin",
        "stroke-miterlimit",
        "opacity",
        "stop-color",
        "stop-opacity",
        "clip-path",
        "clip-rule",
        "text-anchor",
        "dominant-baseline",
        "font-size",
        "font-weight",
        "font-style",
        "gradientUnits",
        "gradientTransform",
        "clipPathUnits",
    ]
)
DRAWN = frozenset(["viewBox", "transform", "d", "points", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "dx", "dy"])  # in pixels
LONG_NUMBER = re.compile(r"-?\d*\.\d{3,}(?:e[-+]?\d+)?")
COLOUR = re.compile(r"rgb\((\d+), (\d+), (\d+)\)")
GRADIENTS = frozenset(["linearGradient", "radialGradient"])  # whose missing ends mean something else than 0
COUNTED = re.compile(r"-gradient_\d+$")
SAME_WITHOUT = {("opacity", "1"), ("x2", "0"), ("y2", "0"), ("transform", "translate(0,0)")}
START_END = re.compile("/?>")  # of a tag: attributes have no `>`
REFERENCE = re.compile(r"url\(\s*['\"]?(#?)([^)'\"]*)['\"]?\s*\)")


def inline_picture(pictures: Mapping[str, str], name: str, description: str) -> Markup | None:
    """A drawn chart as an inline picture that a screen reader reads as `description`; None where it could not be drawn, and the page says so in its place.

    Markup is a picture that has been cleaned.
    """
    svg = pictures.get(name)
    try:
        return None if svg is None else described(svg if isinstance(svg, Markup) else clean_svg(svg, name), description)
    except ElementTree.ParseError:
        return None


def described(svg: Markup, description: str) -> Markup:
    """A clean picture with what a screen reader reads in its place."""
    said = ElementTree.Element("svg", {"role": "img", "aria-label": description, "class": "picture"})
    attributes = ElementTree.tostring(said, encoding="unicode").removeprefix("<svg").removesuffix(" />")
    return Markup(START_END.sub(lambda end: attributes + end[0], svg, count=1))


def clean_svg(svg: str, prefix: str) -> Markup:
    """`svg` as an inline picture, whose ids begin with `prefix`. Raises ParseError if it is not XML."""
    drawn = ElementTree.fromstring(clean_text(svg))
    root = _clean_element(drawn, _local(drawn.tag), prefix)
    _number_gradients(root, prefix)
    shorten(root)
    return Markup(ElementTree.tostring(root, encoding="unicode").replace(" />", "/>"))


def _number_gradients(root: ElementTree.Element, prefix: str) -> None:
    """Numbers gradients from 0 in each picture: Vega counts on from what it drew before, so that a picture would depend on which others were drawn."""
    gradients = [element for element in root.iter() if element.tag in GRADIENTS and COUNTED.search(element.get("id", ""))]
    if not gradients:
        return
    numbered = {element.attrib["id"]: f"{prefix}-gradient_{number}" for number, element in enumerate(gradients)}
    references = {f"url(#{name})": f"url(#{new})" for name, new in numbered.items()}
    for element in gradients:
        element.set("id", numbered[element.attrib["id"]])
    for element in root.iter():
        for name in ("fill", "stroke"):
            if (value := element.get(name)) in references:
                element.set(name, references[value])


def _clean_element(element: ElementTree.Element, tag: str, prefix: str) -> ElementTree.Element:
    """A copy named `tag`, without names of namespaces, foreign attributes, hidden marks, or elements that could do anything."""
    in_gradient = tag in GRADIENTS
    cleaned = [(name, _clean_value(name, value, prefix, in_gradient)) for name, value in element.items()]
    copy = ElementTree.Element(tag, {name: value for name, value in cleaned if value is not None})
    copy.text, copy.tail = element.text, element.tail
    copy.extend([_clean_element(child, name, prefix) for child, name in _flatten(element) if name in ELEMENTS and _is_drawn(child)])
    return copy


def _flatten(element: ElementTree.Element) -> Iterator[tuple[ElementTree.Element, str]]:
    """The children with their names, links replaced by what they enclose: a mark may carry a link, and the page has none to follow."""
    for child in element:
        if (name := _local(child.tag)) == "a":
            yield from _flatten(child)
        else:
            yield child, name


def _is_drawn(element: ElementTree.Element) -> bool:
    return element.get("d") != "M0,0h0v0h0Z" and element.get("display") != "none"


@lru_cache(maxsize=4096)
def _clean_value(name: str, value: str, prefix: str, in_gradient: bool) -> str | None:
    """An attribute's value with ids of the picture's own, short numbers and short colours; None for what is left out. Most occur many times in a picture."""
    if name not in ATTRIBUTES:
        return None
    if name == "id":
        return f"{prefix}-{value}"
    local = REFERENCE.sub(lambda found: _local_reference(found, prefix), value) if "url" in value else value
    short = LONG_NUMBER.sub(_hundredths, local) if name in DRAWN else COLOUR.sub(_hexadecimal, local)
    return None if (name, short) in SAME_WITHOUT and not in_gradient else short


def _hundredths(found: re.Match[str]) -> str:
    """A length in hundredths of a pixel, which nobody sees the rounding of."""
    return f"{round(float(found[0]), 2) + 0.0:g}"


def _hexadecimal(found: re.Match[str]) -> str:
    return "#" + "".join(f"{int(part):02x}" for part in found.groups())


def _local_reference(found: re.Match[str], prefix: str) -> str:
    return f"url(#{prefix}-{found[2]})" if found[1] else "none"


@lru_cache(maxsize=128)
def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
