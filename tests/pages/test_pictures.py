"""Charts are drawn by a child that may die."""

from __future__ import annotations

import http.server
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from markupsafe import Markup
from pages.elements import read_page
from pages.reports import small_report

from reportgen.drawing import pictures
from reportgen.drawing.pictures import draw_pictures, ready_child, ready_for_page
from reportgen.drawing.svg import clean_svg
from reportgen.render import render_report

CHART = {"data": {"values": [{"x": 1}, {"x": 2}]}, "mark": "point", "encoding": {"x": {"field": "x", "type": "quantitative"}}}
FRAGILE_CHILD = """
import json, os, sys
for line in sys.stdin:
    name, spec = json.loads(line)
    if name.startswith("deadly"):
        os.abort()
    print(json.dumps([name, "<svg/>"]), flush=True)
"""


def child_running(code: str, folder: Path) -> tuple[str, str]:
    path = folder / "child.py"
    path.write_text(code, encoding="utf-8")
    return sys.executable, str(path)


def test_charts_become_pictures_and_the_same_each_time() -> None:
    drawn = draw_pictures({"one": CHART, "two": CHART})
    assert set(drawn) == {"one", "two"}
    assert drawn["one"].startswith("<svg")
    assert drawn == draw_pictures({"one": CHART, "two": CHART})


def test_no_charts_need_no_child() -> None:
    assert draw_pictures({}, child=("no such program",)) == {}


def test_a_child_that_got_ready_is_asked_first_and_ends_with_its_block(tmp_path: Path) -> None:
    child = child_running(FRAGILE_CHILD, tmp_path)
    with ready_child(child) as draw:
        assert draw({"one": CHART, "deadly": CHART, "two": CHART}) == {"one": "<svg/>", "two": "<svg/>"}
    with ready_child(child) as draw:
        assert draw({}) == {}
    with ready_child(child) as draw:
        draw.begin({"one": CHART})
        draw.begin({"two": CHART})
        assert draw({"one": CHART, "two": CHART, "three": CHART}) == dict.fromkeys(["one", "two", "three"], "<svg/>")
        assert draw({"one": CHART}) == {"one": "<svg/>"}  # by another child
    with pytest.raises(KeyError), ready_child((sys.executable, "-c", "import time; time.sleep(60)")):
        raise KeyError


def test_pictures_for_a_page_come_as_cleaning_makes_them_of_those_that_are_drawn() -> None:
    with ready_for_page() as draw:
        (picture,) = draw({"one": CHART, "bad": {"mark": 7}}).values()
    assert isinstance(picture, Markup)
    assert picture == clean_svg(draw_pictures({"one": CHART})["one"], "one")


def test_what_was_begun_and_is_wanted_otherwise_is_drawn_as_it_is_wanted() -> None:
    with ready_child() as draw:
        draw.begin({"one": CHART | {"title": "before"}, "two": CHART})
        drawn = draw({"one": CHART | {"title": "after"}})
    assert set(drawn) == {"one"}
    assert "after" in drawn["one"]
    assert "before" not in drawn["one"]


def test_a_child_that_dies_of_what_was_begun_loses_that_picture_alone(tmp_path: Path) -> None:
    specs = dict.fromkeys(["one", "deadly", "two"], CHART)
    with ready_child(child_running(FRAGILE_CHILD, tmp_path)) as draw:
        draw.begin(specs)
        assert draw(specs) == dict.fromkeys(["one", "two"], "<svg/>")
    with ready_child(child_running(FRAGILE_CHILD, tmp_path)) as draw:
        draw.begin({"deadly": CHART})  # the first to be begun is not the first to be wanted
        assert draw(specs) == dict.fromkeys(["one", "two"], "<svg/>")


def test_a_chart_that_is_refused_is_left_out() -> None:
    assert set(draw_pictures({"bad": {"mark": 7}, "good": CHART})) == {"good"}


def test_a_child_that_dies_loses_only_the_picture_it_died_of(tmp_path: Path) -> None:
    child = child_running(FRAGILE_CHILD, tmp_path)
    names = ["one", "deadly-1", "two", "deadly-2", "three"]
    assert draw_pictures(dict.fromkeys(names, CHART), child) == dict.fromkeys(["one", "two", "three"], "<svg/>")


def test_a_page_whose_child_is_killed_says_so_in_that_charts_place_and_has_the_rest(tmp_path: Path) -> None:
    killed = FRAGILE_CHILD.replace('name.startswith("deadly")', 'name == "sinks-maps"').replace("os.abort()", "os.kill(os.getpid(), 9)")
    child = child_running(killed, tmp_path)
    page = read_page(render_report(small_report(layers=2, heads=3), lambda specs: draw_pictures(specs, child)))
    assert page.text().count("This chart could not be drawn") == 1
    assert len([element for element in page.named("svg") if element.attributes.get("class") == "picture"]) > 5
    assert "Tokens that collect most attention" in page.values("aria-label")


def test_the_real_child_dies_of_a_character_that_was_not_cleaned_and_the_rest_is_drawn() -> None:
    assert "good" in draw_pictures({"deadly": CHART | {"title": "a\ufffe\x0cb"}, "good": CHART})


def test_a_child_that_never_ends_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "SECONDS", 0.5)
    child = child_running("import time; time.sleep(60)", tmp_path)
    assert draw_pictures({"one": CHART}, child) == {}


def test_a_child_that_talks_nonsense_is_not_believed(tmp_path: Path) -> None:
    child = child_running("print('hello'); print('[\"other\", \"<svg/>\"]')", tmp_path)
    assert draw_pictures({"one": CHART}, child) == {}


@pytest.fixture
def counting_server() -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def test_data_at_an_address_is_not_fetched(counting_server: tuple[str, list[str]]) -> None:
    address, asked = counting_server
    draw_pictures({"remote": CHART | {"data": {"url": f"{address}/data.json"}}})
    assert asked == []
