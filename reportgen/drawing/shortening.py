"""The same picture in fewer bytes: nothing that is not seen, numbers no finer than is seen, what neighbours share said once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import groupby
from xml.etree.ElementTree import Element

from reportgen.drawing.paths import DIGITS, NUMBER, PART, in_steps, short, shortened

INHERITED = (
    *("fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linecap", "stroke-linejoin"),
    *("font-size", "font-weight", "font-style", "text-anchor"),
)
APART = frozenset(["opacity", "id", "clip-path", "transform"])  # a path that says one of these is made one with no other
ALONE = APART | {"fill-opacity"}  # nor one of these with a neighbour that it may lie upon
SHAPES = ("path", "line", "circle")
TAKEN_FOR_GRANTED = {"stroke-width": "1", "stroke-dasharray": "1,0", "text-anchor": "start", "font-weight": "normal"}
MOVED = re.compile(r"translate\((-?[\d.e-]+),(-?[\d.e-]+)\)")
CIRCLE = re.compile(r"M([\d.]+),0A\1,\1,0,1,1,-\1,0A\1,\1,0,1,1,\1,0Z?")
TOUCHING = 0.01
Box = tuple[float, float, float, float]
ONE_START = re.compile(r"M(-?[\d.]+)(?:,|(?=-))(-?[\d.]+)([a-z][^M]*)")
UNREAD = re.compile("[^Mlhvcsz0-9., -]")  # paths that were left as they are


def shorten(root: Element) -> None:
    """Shortens in place what lies in a picture's groups without fill, as Vega draws them. It looks as before to a twentieth of a pixel; what was invisible is gone."""
    for drawing in root:
        if drawing.tag == "g" and drawing.get("fill") == "none":
            _drop_granted(drawing)
            _drop_unseen(drawing, painted=False, stroked=False)
            for group in drawing.iter("g"):
                for child in group:
                    _shorten_shape(child)
            _join(drawing, {})
            _share(drawing)
            _unwrap(drawing)
            _gather_all(drawing, {})
            _join(drawing, {})  # what stood alone in groups of one look


def _drop_granted(drawing: Element) -> None:
    """Takes out what is so unless something else is said, where no group says anything of it."""
    said = {name for group in drawing.iter("g") for name in group.attrib}
    granted = [(name, value) for name, value in TAKEN_FOR_GRANTED.items() if name not in said]
    for element in drawing.iter():
        for name, value in granted:
            if element.get(name) == value:
                del element.attrib[name]
        if element.tag in SHAPES and element.get("opacity", "0") != "0" and not {"stroke", "fill-opacity"} & (said | element.attrib.keys()):
            element.set("fill-opacity", element.attrib.pop("opacity"))  # groups can say this of what is only filled


def _drop_unseen(element: Element, *, painted: bool, stroked: bool) -> None:
    """Takes out shapes without paint and texts of no opacity, and widths of lines that are not drawn."""
    painted = painted or element.get("fill", "none") != "none"
    stroked = stroked or element.get("stroke", "none") != "none"
    if not stroked and element.tag in SHAPES:
        element.attrib.pop("stroke-width", None)
    for child in list(element):
        _drop_unseen(child, painted=painted, stroked=stroked)
        if _is_unseen(child, painted=painted, stroked=stroked):
            element.remove(child)


def _is_unseen(element: Element, *, painted: bool, stroked: bool) -> bool:
    if element.get("opacity") == "0" or (element.tag == "g" and not len(element)):
        return True
    filled = element.get("fill", "" if painted else "none") != "none"
    return element.tag in SHAPES and not filled and element.get("stroke", "" if stroked else "none") == "none"


def _shorten_shape(element: Element) -> None:
    """Moves a shape by its own numbers where it was moved by a transform, and writes its path in short."""
    if element.tag == "g":
        return
    found = MOVED.fullmatch(element.get("transform", ""))
    across, down = (float(found[1]), float(found[2])) if found else (0.0, 0.0)
    if element.tag == "text" and found and not len(element):
        del element.attrib["transform"]
        _set(element, x=across + float(element.get("x", 0)), y=down + float(element.get("y", 0)))
    elif element.tag == "line" and element.get("transform", "") in ("", found and found[0]):
        _line_as_path(element, across, down)
    elif element.tag == "path" and "id" not in element.attrib and element.get("transform", "") in ("", found and found[0]):
        _shorten_path(element, across, down)


def _set(element: Element, **places: float) -> None:
    for name, place in places.items():
        element.attrib.pop(name, None)
        if rounded := round(place, DIGITS):
            element.set(name, short(rounded))


def _line_as_path(element: Element, across: float, down: float) -> None:
    x1, y1, x2, y2 = (float(element.attrib.pop(name, 0)) for name in ("x1", "y1", "x2", "y2"))
    element.attrib.pop("transform", None)
    element.tag = "path"
    element.set("d", in_steps([("M", [x1 + across, y1 + down]), ("L", [x2 + across, y2 + down])]))


def _shorten_path(element: Element, across: float, down: float) -> None:
    d = element.get("d", "")
    if round_one := CIRCLE.fullmatch(d):
        del element.attrib["d"]
        element.attrib.pop("transform", None)
        element.tag = "circle"
        _set(element, cx=across, cy=down)
        element.set("r", f"{float(round_one[1]):.2f}".rstrip("0").rstrip("."))
    elif shape := shortened(d, across, down):
        element.attrib.pop("transform", None)
        element.set("d", shape)


def _join(group: Element, said: Mapping[str, str]) -> None:
    """Joins paths in the group and in those inside it; `said` is what the groups around it say of them."""
    said = {**said, **{name: value for name, value in group.attrib.items() if name in INHERITED}}
    for child in group:
        if child.tag == "g":
            _join(child, said)
    group[:] = list(_joined(group, said))


def _gather_all(group: Element, said: Mapping[str, str]) -> None:
    """Makes one path of all of a look that no neighbour of theirs touches: it makes no difference when these are painted."""
    said = {**said, **{name: value for name, value in group.attrib.items() if name in INHERITED}}
    found: list[Element] = []
    for filled, run in groupby(group, lambda child: _is_only_filled(child, said)):
        paths = list(run)
        found += _gather(paths) if filled else paths
    group[:] = found
    for child in group:
        if child.tag == "g":
            _gather_all(child, said)


def _is_only_filled(element: Element, said: Mapping[str, str]) -> bool:
    if element.tag != "path" or not APART.isdisjoint(element.attrib):
        return False
    fill, stroke = (element.get(name) or said.get(name, "none") for name in ("fill", "stroke"))
    return fill != "none" and stroke == "none"


def _gather(paths: list[Element]) -> Iterator[Element]:
    looks = [tuple(sorted((name, value) for name, value in path.attrib.items() if name != "d")) for path in paths]
    shapes = [path.get("d", "") for path in paths]
    if len(set(looks)) == len(looks) or any(map(UNREAD.search, shapes)):
        yield from paths
        return
    overlapped = touched([_box(shape) for shape in shapes])
    first: dict[tuple[tuple[str, str], ...], Element] = {}
    for place, (path, look, shape) in enumerate(zip(paths, looks, shapes, strict=True)):
        if place in overlapped or look not in first:
            yield path if place in overlapped else first.setdefault(look, path)
        else:
            first[look].set("d", first[look].get("d", "") + shape)


def touched(boxes: list[Box]) -> set[int]:
    """The places of those that another overlaps."""
    start = max((0, 1), key=lambda side: len({box[side] for box in boxes}))  # along this side fewest are met at once
    near: list[int] = []
    found: set[int] = set()
    for place in sorted(range(len(boxes)), key=lambda place: boxes[place][start]):
        left, top, right, bottom = boxes[place]
        near = [other for other in near if boxes[other][start + 2] > boxes[place][start]]
        met = [other for other in near if boxes[other][0] < right and boxes[other][1] < bottom and boxes[other][2] > left and boxes[other][3] > top]
        found.update(met, [place] if met else [])
        near.append(place)
    return found


def _box(shape: str) -> Box:
    """Left, top, right and bottom of what a shortened path's points lie in, a little less wide and high, so that what only touches does not overlap."""
    found = ONE_START.fullmatch(shape)
    x, y, there = (float(found[1]), float(found[2]), f"M0,0{found[3]}") if found else (0.0, 0.0, shape)
    left, top, right, bottom = _box_there(there)
    return x + left, y + top, x + right, y + bottom


@lru_cache(maxsize=1024)
def _box_there(shape: str) -> Box:
    x = y = 0.0
    across, down = [], []
    for name, text in PART.findall(shape):
        numbers = [float(number) for number in NUMBER.findall(text)]
        size = {"h": 1, "v": 1, "c": 6, "s": 4}.get(name, 2)  # points of a curve are steps from where it begins
        for start in range(0, len(numbers), size):
            steps = (numbers[start], 0.0) if name == "h" else (0.0, numbers[start]) if name == "v" else numbers[start : start + size]
            from_x, from_y = (0.0, 0.0) if name == "M" else (x, y)
            across += [from_x + step for step in steps[::2]]
            down += [from_y + step for step in steps[1::2]]
            x, y = across[-1], down[-1]
    return min(across) + TOUCHING, min(down) + TOUCHING, max(across) - TOUCHING, max(down) - TOUCHING


def _joined(group: Element, said: Mapping[str, str]) -> Iterator[Element]:
    """The children, neighbouring paths of the same look as one: of what is filled or stroked, not both, and lets nothing shine through."""
    for look, alike in groupby(group, lambda child: _look(child, said)):
        paths = list(alike)
        if look is not None:
            paths[0].set("d", "".join(path.get("d", "") for path in paths))
            del paths[1:]
        yield from paths


def _look(element: Element, said: Mapping[str, str]) -> tuple[tuple[str, str], ...] | None:
    """What a path looks like, but for its shape; None for what is not to be joined."""
    if element.tag != "path":
        return None
    looks = {**said, **{name: value for name, value in element.attrib.items() if name != "d"}}
    alone = not ALONE.isdisjoint(looks)
    one_paint = (looks.get("fill", "none") == "none") != (looks.get("stroke", "none") == "none")
    # Lines that are nothing but a step across or down, as of a grid, lie beside each other and may shine through.
    sheer = "stroke-opacity" not in looks or re.fullmatch(r"M[^a-z]*[hv][^a-z]*", element.get("d", "")) is not None
    return tuple(sorted(looks.items())) if not alone and one_paint and sheer and "stroke-dasharray" not in looks else None


def _share(element: Element) -> None:
    """Gives a group what all its children say, where most of them say the same of it."""
    for child in element:
        _share(child)
    if element.tag != "g" or len(element) < 2:
        return
    for name in [name for name in INHERITED if name in element[0].attrib and name not in element.attrib]:
        said = [child.get(name) for child in element]
        if None in said:
            continue
        ((most, times),) = Counter(said).most_common(1)
        if times > 1:
            element.set(name, str(most))
            for child in element:
                if child.get(name) == most:
                    del child.attrib[name]


def _unwrap(element: Element) -> None:
    """Puts the children of groups that say nothing in the place of these."""
    for child in element:
        _unwrap(child)
    element[:] = [inner for child in element for inner in (child if child.tag == "g" and not child.attrib else [child])]
