"""Pictures carry shapes and text into the page, and nothing else."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from reportgen.drawing.svg import clean_svg, described

HOSTILE = """<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9" onload="x()" style="color:red">
<defs><clipPath id="clip0"><rect width="3" height="3"/></clipPath><linearGradient id="g"><stop offset="0" stop-color="red"/></linearGradient></defs>
<script>alert(1)</script><style>*{}</style><image href="http://example.org/x.png"/><foreignObject><b>no</b></foreignObject>
<a xlink:href="javascript:alert(1)"><path d="M0,0h1" clip-path="url(#clip0)" fill="url(#g)" onclick="x()"/></a>
<rect fill="url(http://example.org/y)" width="1" height="1"/><g display="none"><path d="M1,1"/></g><text>a &lt; b</text>
</svg>"""


@pytest.fixture
def cleaned() -> ElementTree.Element:
    return ElementTree.fromstring(clean_svg(HOSTILE, "layers"))


def test_only_shapes_and_text_are_left(cleaned: ElementTree.Element) -> None:
    assert sorted({element.tag for element in cleaned.iter()}) == ["clipPath", "defs", "linearGradient", "path", "rect", "stop", "svg", "text"]
    assert cleaned.find("text").text == "a < b"


def test_no_attribute_can_act_or_lead_out(cleaned: ElementTree.Element) -> None:
    attributes = {name: value for element in cleaned.iter() for name, value in element.attrib.items()}
    assert not {name for name in attributes if name.startswith("on") or name in ("style", "href") or "}" in name}
    assert not any("example" in value for value in attributes.values())


def test_what_a_link_enclosed_is_kept(cleaned: ElementTree.Element) -> None:
    assert [path.get("d") for path in cleaned.iter("path")] == ["M0,0h1"]


def test_ids_and_what_refers_to_them_carry_the_name_of_the_picture(cleaned: ElementTree.Element) -> None:
    assert [element.get("id") for element in cleaned.iter() if element.get("id")] == ["layers-clip0", "layers-g"]
    (path,) = cleaned.iter("path")
    assert (path.get("clip-path"), path.get("fill")) == ("url(#layers-clip0)", "url(#layers-g)")


@pytest.mark.parametrize("svg", [HOSTILE, "<svg/>"])
def test_a_screen_reader_gets_the_description(svg: str) -> None:
    picture = ElementTree.fromstring(described(clean_svg(svg, "layers"), 'A "chart" > <b>others</b> & more'))
    assert (picture.get("role"), picture.get("aria-label")) == ("img", 'A "chart" > <b>others</b> & more')


def test_a_picture_does_not_tell_how_many_gradients_were_drawn_before_it() -> None:
    shapes = "".join(f'<rect width="3" height="3" {name}="url(#gradient_{{{place}}})"/>' for place, name in enumerate(("fill", "stroke", "fill")))
    gradients = "".join(f'<linearGradient id="gradient_{{{place}}}"><stop offset="{place}"/></linearGradient>' for place in range(3))
    drawing = f'<svg xmlns="http://www.w3.org/2000/svg"><text>url(#gradient_1)</text><g>{shapes}</g><defs>{gradients}</defs></svg>'
    first, later = (clean_svg(drawing.format(*numbers), "map") for numbers in ((0, 1, 2), (1, 2, 3)))
    assert first == later
    assert [element.get("fill") or element.get("stroke") for element in ElementTree.fromstring(later).iter("rect")] == [
        f"url(#map-gradient_{number})" for number in range(3)
    ]


def test_a_gradient_that_leads_down_keeps_its_direction() -> None:
    """Without its x2 a gradient would run to the far corner."""
    down = '<svg xmlns="http://www.w3.org/2000/svg"><defs><linearGradient id="g" x1="0" x2="0" y1="1" y2="0"/></defs><line x2="0" y2="5"/></svg>'
    drawn = ElementTree.fromstring(clean_svg(down, "legend"))
    assert dict(drawn.find("defs/linearGradient").attrib) == {"id": "legend-g", "x1": "0", "x2": "0", "y1": "1", "y2": "0"}
    assert drawn.find("line").attrib == {"y2": "5"}
