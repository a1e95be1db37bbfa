"""Pictures in fewer bytes show what they showed."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from reportgen.drawing.shortening import touched
from reportgen.drawing.svg import clean_svg

DRAWING = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 90"><g fill="none">{}</g></svg>'


def shortened(inside: str) -> ElementTree.Element:
    return ElementTree.fromstring(clean_svg(DRAWING.format(inside), "chart"))


def points(d: str) -> list[tuple[float, float]]:
    """Where a path of straight steps leads, read step by step."""
    found, at = [], (0.0, 0.0)
    for name, text in re.findall(r"([Mlhvz])([^A-Za-z]*)", d):
        numbers = [float(number) for number in re.findall(r"-?(?:\d+\.?\d*|\.\d+)", text)]
        if name in "hv":
            numbers = [step for number in numbers for step in ((number, 0.0) if name == "h" else (0.0, number))]
        for step in zip(numbers[::2], numbers[1::2], strict=True):
            at = step if name == "M" else (at[0] + step[0], at[1] + step[1])
            found.append(at)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_a_line_of_many_steps_stays_within_about_a_twentieth_of_a_pixel(seed: int) -> None:
    drawn = np.random.default_rng(seed).uniform(-300, 300, (211, 2)).round(3)
    drawn[7] = drawn[6] + [0, 3]
    path = "M" + "L".join(f"{across},{down}" for across, down in drawn)
    (found,) = shortened(f'<path d="{path}" stroke="#123456" transform="translate(5.5,-2)"/>').iter("path")
    assert found.get("transform") is None
    np.testing.assert_allclose(points(found.get("d")), drawn + np.array([5.5, -2]), atol=0.0551)  # places were rounded to hundredths before


def test_a_mark_that_is_a_circle_stays_one_where_it_was() -> None:
    mark = "M2.5,0A2.5,2.5,0,1,1,-2.5,0A2.5,2.5,0,1,1,2.5,0"
    (found,) = shortened(f'<path d="{mark}" fill="#123456" stroke-width="2" opacity="0.7" transform="translate(31,17.25)"/>').iter("circle")
    assert dict(found.attrib) == {"cx": "31", "cy": "17.2", "r": "2.5", "fill": "#123456", "fill-opacity": "0.7"}


def test_a_curve_that_goes_on_as_it_came_does_not_say_so_and_one_with_a_corner_does() -> None:
    smooth = '<path d="M0,0C1,2,2,3,3,3C4,3,5,2,6,0C7,-2,8,-2,9,0" stroke="#123456"/>'
    corner = '<path d="M0,0C1,2,2,3,3,3C4,5,5,2,6,0" stroke="#123456"/>'
    assert [path.get("d") for path in shortened(smooth).iter("path")] == ["M0,0c1,2,2,3,3,3s2-1,3-3 2-2,3,0"]
    assert [path.get("d") for path in shortened(corner).iter("path")] == ["M0,0c1,2,2,3,3,3 1,2,2-1,3-3"]


def test_what_is_taken_for_granted_is_not_said_unless_a_group_says_something_else() -> None:
    line = '<path d="M0,0h3" stroke="#111111" stroke-width="1" stroke-dasharray="1,0"/>'
    assert dict(next(shortened(line).iter("path")).attrib) == {"d": "M0,0h3", "stroke": "#111111"}
    around = f'<g stroke-width="2"><g transform="rotate(9)">{line}</g></g>'
    assert next(shortened(around).iter("path")).get("stroke-width") == "1"


def test_what_is_outlined_too_keeps_its_own_opacity() -> None:
    marks = (
        '<path d="M0,0h2v2h-2Z" fill="#222222" stroke="#333333" opacity="0.5"/><g stroke="#333333"><path d="M0,0h2v2h-2Z" fill="#222222" opacity="0.5"/></g>'
    )
    assert [path.get("opacity") for path in shortened(marks).iter("path")] == ["0.5", "0.5"]


def test_what_cannot_be_seen_is_left_out() -> None:
    hidden = '<path d="M0,0h9v9h-9Z"/><text opacity="0">7</text><g><g/></g>'
    assert [element.tag for element in shortened(f'{hidden}<path d="M1,2h3" stroke="#111111"/>').iter()] == ["svg", "g", "path"]


def test_neighbours_of_one_look_become_one_and_others_do_not() -> None:
    grid = "".join(f'<line x1="{place}" x2="{place}" y2="9" stroke="#d8d6d0" stroke-opacity="0.7"/>' for place in (2, 3, 5))
    slanting = '<line x2="5" y2="9" stroke="#111111" stroke-opacity="0.7"/>' * 2
    shining = '<path d="M0,0h2v2h-2Z" fill="#222222" opacity="0.5"/>' * 2
    both = '<path d="M0,0h2v2h-2Z" fill="#222222" stroke="#333333"/>' * 2
    assert [path.get("d") for path in shortened(grid).iter("path")] == ["M2,0v9M3,0v9M5,0v9"]
    assert all(len([*shortened(marks).iter("path")]) == 2 for marks in (slanting, shining, both))


def test_lines_in_groups_of_their_own_become_one_unless_what_is_around_them_lets_them_shine_through() -> None:
    lines = '<g stroke="#111111"><g><path d="M0,0l5,5"/></g><g><path d="M5,0l-5,5"/></g></g>'
    filled = '<g fill="#222222"><g><path d="M0,0h2v2h-2Z" stroke="#333333"/></g><g><path d="M1,1h2v2h-2Z" stroke="#333333"/></g></g>'
    assert [path.get("d") for path in shortened(lines).iter("path")] == ["M0,0l5,5M5,0l-5,5"]
    for kept in (lines.replace('stroke="', 'stroke-opacity="0.5" stroke="'), filled):
        assert len([*shortened(kept).iter("path")]) == 2


@pytest.mark.parametrize(("across", "down"), [(9, 9), (1, 60), (60, 1)])
def test_what_is_touched_is_what_overlaps_another(across: int, down: int) -> None:
    random = np.random.default_rng(0)
    corner, size = random.integers(0, (across, down), (40, 2)), random.uniform(0.2, 1.6, (40, 2))
    low, high = corner.astype(float), corner + size
    overlaps = (low[:, None] < high).all(2) & (low < high[:, None]).all(2) & ~np.eye(40, dtype=bool)
    boxes = [(*start, *end) for start, end in zip(low.tolist(), high.tolist(), strict=True)]
    assert touched(boxes) == set(np.flatnonzero(overlaps.any(1)).tolist())
    assert 0 < len(touched(boxes)) < 40


def test_filled_shapes_that_nothing_touches_are_one_for_each_look() -> None:
    def cell(across: float, down: float, colour: str) -> str:
        return f'<path d="M0,0h2v2h-2Z" fill="{colour}" transform="translate({across},{down})"/>'

    cells = cell(0, 0, "#111111") + cell(2, 0, "#222222") + cell(0, 2, "#111111") + cell(2, 2, "#222222")
    assert [path.get("d") for path in shortened(cells).iter("path")] == ["M0,0h2v2h-2zM0,2h2v2h-2z", "M2,0h2v2h-2zM2,2h2v2h-2z"]
    over = cells + cell(1, 1, "#333333")  # touches all of them
    assert [path.get("fill") for path in shortened(over).iter("path")] == ["#111111", "#222222", "#111111", "#222222", "#333333"]
    curve = '<path d="M0,0C9,0,9,9,0,9Z" fill="#111111"/>'
    assert [path.get("fill") for path in shortened(curve + cell(5, 4, "#222222") + cell(20, 4, "#111111")).iter("path")] == ["#111111", "#222222", "#111111"]


def test_the_order_of_painting_stays() -> None:
    marks = "".join(f'<path d="M0,0h{place}v2h-2Z" fill="{colour}"/>' for place, colour in ((2, "#111111"), (3, "#222222"), (5, "#111111")))
    assert [path.get("d") for path in shortened(marks).iter("path")] == ["M0,0h2v2h-2z", "M0,0h3v2h-2z", "M0,0h5v2h-2z"]


def test_what_neighbours_share_is_said_by_their_group() -> None:
    labels = "".join(
        f'<text fill="{colour}" font-size="12px" transform="translate(0,{place})">{place}</text>'
        for place, colour in ((3, "#111111"), (5, "#111111"), (7, "#222222"))
    )
    drawing = shortened(f'<g transform="rotate(9)">{labels}</g><path d="M0,0h3" stroke="#333333"/>')
    (group,) = [element for element in drawing.iter("g") if element.get("transform")]
    assert (group.get("fill"), group.get("font-size")) == ("#111111", "12px")
    assert [(text.get("fill"), text.get("y"), text.text) for text in group] == [(None, "3", "3"), (None, "5", "5"), ("#222222", "7", "7")]


@pytest.mark.parametrize("d", ["M0,0Q1,1,2,2", "m1,1h3", "M0,0L1,1,2,2", "M0,0A3,2,0,0,1,4,4"])
def test_paths_of_other_commands_stay_as_they_are(d: str) -> None:
    (found,) = shortened(f'<path d="{d}" stroke="#123456" transform="translate(5,7)"/>').iter("path")
    assert (found.get("d"), found.get("transform")) == (d, "translate(5,7)")


def test_a_drawing_that_is_filled_unless_it_says_otherwise_is_left_alone() -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><g><path d="M0,0h9v9h-9Z"/></g></svg>'
    assert [path.get("d") for path in ElementTree.fromstring(clean_svg(svg, "chart")).iter("path")] == ["M0,0h9v9h-9Z"]
