"""The same picture in fewer bytes: nothing that is not seen, numbers no finer than is seen, what neighbours share said once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import groupby
from math import nan
from xml.etree.ElementTree import Element

import numpy as np

INHERITED = (
    *("fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linecap", "stroke-linejoin"),
    *("font-size", "font-weight", "font-style", "text-anchor"),
)
ALONE = frozenset(["opacity", "fill-opacity", "id", "clip-path", "transform"])  # a path that says one of these is joined with no other
SHAPES = ("path", "line", "circle")
TAKEN_FOR_GRANTED = {"stroke-width": "1", "stroke-dasharray": "1,0", "text-anchor": "start", "font-weight": "normal"}
MOVED = re.compile(r"translate\((-?[\d.e-]+),(-?[\d.e-]+)\)")
CIRCLE = re.compile(r"M([\d.]+),0A\1,\1,0,1,1,-\1,0A\1,\1,0,1,1,\1,0Z?")
PART = re.compile(r"([A-Za-z])([^A-Za-z]*)")
NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?")
DIGITS = 1  # of a pixel
TOUCHING = 0.01
UNREAD = re.compile("[^Mlhvcsz0-9., -]")  # paths that were left as they are
MIRRORED = 0.15  # how near to the mirror image of the last curve's end a curve begins that is taken to be smooth
TAKES = {"M": 2, "L": 2, "C": 6, "H": 1, "V": 1, "h": 1, "v": 1, "Z": 0}


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
            element.set(name, _short(rounded))


def _line_as_path(element: Element, across: float, down: float) -> None:
    x1, y1, x2, y2 = (float(element.attrib.pop(name, 0)) for name in ("x1", "y1", "x2", "y2"))
    element.attrib.pop("transform", None)
    element.tag = "path"
    element.set("d", _relative([("M", [x1 + across, y1 + down]), ("L", [x2 + across, y2 + down])]))


def _shorten_path(element: Element, across: float, down: float) -> None:
    d = element.get("d", "")
    if round_one := CIRCLE.fullmatch(d):
        del element.attrib["d"]
        element.attrib.pop("transform", None)
        element.tag = "circle"
        _set(element, cx=across, cy=down)
        element.set("r", f"{float(round_one[1]):.2f}".rstrip("0").rstrip("."))
    elif parts := _parts(d):
        element.attrib.pop("transform", None)
        element.set("d", _relative([(command, _moved(command, numbers, across, down)) for command, numbers in parts]))


def _parts(d: str) -> list[tuple[str, list[float]]]:
    """The commands of a path, each with the numbers of one step; nothing where one is not known here."""
    found = [(command, [float(number) for number in NUMBER.findall(numbers)]) for command, numbers in PART.findall(d)]
    if not found or found[0][0] != "M" or any(TAKES.get(command) != len(numbers) for command, numbers in found):
        return []
    return found


def _moved(command: str, numbers: list[float], across: float, down: float) -> list[float]:
    if command in "hvZ":
        return numbers
    steps = {"H": (across,), "V": (down,)}.get(command, (across, down))
    return [number + steps[place % len(steps)] for place, number in enumerate(numbers)]


def _relative(parts: list[tuple[str, list[float]]]) -> str:
    """The path with steps in place of places; each step starts where the rounded ones before it have led, so that roundings do not add up."""
    written, at, start, last, smooth = "", (0.0, 0.0), (0.0, 0.0), "", [nan, nan]
    for command, numbers in parts:
        if command == "Z":
            written, at, last = f"{written}z", start, "z"
            continue
        ends = _absolute(command, numbers, at)
        name, steps = _steps(command, [round(end - at[place % 2], DIGITS) for place, end in enumerate(ends)])
        if command == "M":
            name, steps = "M", [round(end, DIGITS) for end in ends]
            start = (steps[0], steps[1])
        across, down = _end_of(name, steps)
        at = start if command == "M" else (at[0] + across, at[1] + down)
        if name == "c" and all(abs(step - wanted) < MIRRORED for step, wanted in zip(steps, smooth, strict=False)):
            name, steps = "s", steps[2:]
        smooth = [steps[-2] - steps[-4], steps[-1] - steps[-3]] if name in "cs" else [nan, nan]
        text = _numbers(steps)
        joined = name == last and name in "lhvcs"
        written += (("" if text.startswith("-") else " ") if joined else name) + text
        last = name
    return written


def _end_of(name: str, steps: list[float]) -> tuple[float, float]:
    """How far a step leads."""
    return {"h": (steps[-1], 0.0), "v": (0.0, steps[-1])}.get(name) or (steps[-2], steps[-1])


def _absolute(command: str, numbers: list[float], at: tuple[float, float]) -> list[float]:
    """The places of a step's points, across and down in turns."""
    match command:
        case "h" | "H":
            return [numbers[0] + (at[0] if command == "h" else 0.0), at[1]]
        case "v" | "V":
            return [at[0], numbers[0] + (at[1] if command == "v" else 0.0)]
        case _:
            return numbers


def _steps(command: str, steps: list[float]) -> tuple[str, list[float]]:
    """The shortest name of a step with what it takes."""
    if command == "C":
        return "c", steps
    if not steps[1]:
        return "h", steps[:1]
    return ("l", steps) if steps[0] else ("v", steps[1:])


def _numbers(numbers: list[float]) -> str:
    """Numbers with a space between them where no sign parts them."""
    texts = [_short(number) for number in numbers]
    return texts[0] + "".join(text if text.startswith("-") else f",{text}" for text in texts[1:])


@lru_cache(maxsize=8192)
def _short(number: float) -> str:
    """A rounded number, without zeros that say nothing."""
    text = f"{number + 0.0:.{DIGITS}f}".removesuffix(".0")
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


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
    if element.tag != "path" or {"opacity", "id", "clip-path", "transform"} & element.attrib.keys():
        return False
    fill, stroke = (element.get(name) or said.get(name, "none") for name in ("fill", "stroke"))
    return fill != "none" and stroke == "none"


def _gather(paths: list[Element]) -> Iterator[Element]:
    looks = [tuple(sorted((name, value) for name, value in path.attrib.items() if name != "d")) for path in paths]
    shapes = [path.get("d", "") for path in paths]
    if len(set(looks)) == len(looks) or any(map(UNREAD.search, shapes)):
        yield from paths
        return
    left, top, right, bottom = np.array([_box(shape) for shape in shapes]).T[:, :, None]
    beside = (left >= right.T) | (right <= left.T) | (top >= bottom.T) | (bottom <= top.T)
    first: dict[tuple[tuple[str, str], ...], Element] = {}
    for path, look, shape, touched in zip(paths, looks, shapes, (~beside).sum(1) > 1, strict=True):
        if touched or look not in first:
            yield path if touched else first.setdefault(look, path)
        else:
            first[look].set("d", first[look].get("d", "") + shape)


def _box(shape: str) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of what a shortened path's points lie in, a little less wide and high, so that what only touches does not overlap."""
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
