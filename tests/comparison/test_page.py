"""The page of a comparison as a file: self-contained, the same each time, text stays text, and small."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from comparison.versions import EDITED, FIRST, MANY, SHUFFLED, version
from pages.elements import read_page
from pages.hostile import ACTS, CASES

from reportgen.cli import app
from reportgen.comparison import Comparison, build_comparison, render_comparison
from reportgen.comparison.matrices import draw_pictures_of, pack_cells
from reportgen.errors import OutputError


@cache
def compared(a: tuple[str, ...], b: tuple[str, ...]) -> Comparison:
    return build_comparison(version(a), version(b))


def page_of(a: tuple[str, ...], b: tuple[str, ...]) -> str:
    return render_comparison(compared(a, b), lambda specs: {})


def test_the_same_files_give_the_same_bytes_and_nothing_is_fetched() -> None:
    pages = [render_comparison(build_comparison(version(FIRST), version(SHUFFLED)), lambda specs: {}), page_of(FIRST, SHUFFLED)]
    assert pages[0] == pages[1]
    found = read_page(pages[0])
    ids = [element.attributes["id"] for element in found.elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    links = [element.attributes[name] for element in found.elements for name in ("href", "src", "srcset") if name in element.attributes]
    assert all(link.startswith(("#", "data:")) for link in links)
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    assert "style=" not in re.sub(r"<(style|script)>.*?</\1>", "", pages[0], flags=re.DOTALL)


def test_what_was_changed_is_marked_word_by_word() -> None:
    html = page_of(FIRST, EDITED)
    assert "Nobody <del>waved</del><ins>sang</ins> to it." in html
    html = page_of(FIRST, SHUFFLED)
    assert "<ins>A bell rang twice.</ins>" in html
    assert "<del>Rain fell.</del>" in html
    assert '<small class="what">moved</small>' in html


def test_texts_that_try_to_be_more_stay_text() -> None:
    said = [*CASES, *ACTS]
    words = [" ".join(text.split()[:9]) for text in said[::2]]
    a = version([f"{word} one two." for word in words], title=said[0], model=said[1], source=said[2])
    b = version([f"{word} one three." for word in words], title=said[3], model=said[1], source=said[5])
    found = read_page(render_comparison(build_comparison(a, b), lambda specs: {}))
    names = {element.name for element in found.elements}
    assert not names & {"iframe", "object", "embed", "form", "base", "video", "math", "template"}
    assert sum(element.name == "script" for element in found.elements) == 2
    assert not [name for element in found.elements for name in element.attributes if name.startswith("on")]


def test_a_comparison_without_anything_between_sentences_is_a_page_too() -> None:
    html = page_of(FIRST, ("Up it went.", "Down we came again.", "All over now."))
    assert "cells-data" not in html.split("<script>")[0]
    assert "No sentence of A has a counterpart in B" in html


def test_cells_are_stored_as_halves_row_after_row() -> None:
    between = compared(FIRST, EDITED).between
    packed = pack_cells(between)
    found = np.frombuffer(base64.b64decode(packed.lift_b), "<f2").reshape(packed.cells, packed.cells)
    np.testing.assert_allclose(found, between.cells.b.lift, rtol=1e-3)
    assert (packed.cells, packed.group) == (5, 1)


def test_pictures_show_less_green_more_purple_and_nothing_where_nothing_is_compared(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    between = compared(FIRST, EDITED).between
    cells = replace(between.cells, b=replace(between.cells.b, share=between.cells.b.share.copy()))
    share = cells.b.share
    share[4, 1], share[4, 2] = 4 * cells.a.share[4, 1], cells.a.share[4, 2] / 4
    drawn = draw_pictures_of(replace(between, cells=cells, beyond=cells.common))
    (tmp_path / "change.png").write_bytes(base64.b64decode(drawn.light.address.partition(",")[2]))
    pixels = image.open(tmp_path / "change.png").convert("RGBA")
    assert pixels.size == (5, 5)
    assert pixels.getpixel((1, 4)) == (0x4B, 0x12, 0x63, 255)
    assert pixels.getpixel((2, 4)) == (0x0B, 0x53, 0x30, 255)
    assert pixels.getpixel((0, 0)) == (0xF1, 0xEF, 0xEA, 255)
    assert pixels.getpixel((4, 0))[3] == 0


def test_the_command_writes_page_and_data_and_spares_its_sources(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = tmp_path / "a.npz", tmp_path / "b.npz"
    version(MANY).save(a)
    version((*MANY[:5], *MANY[6:])).save(b)
    app(["compare", str(a), str(b), "-o", str(tmp_path / "out.html"), "--json", str(tmp_path / "out.json")], standalone_mode=False)
    assert (tmp_path / "out.html").stat().st_size < 1_000_000
    assert (tmp_path / "out.json").read_text(encoding="utf-8").startswith('{"schema":1')
    assert capsys.readouterr().out.strip() == str(tmp_path / "out.html")
    with pytest.raises(OutputError, match="named twice"):
        app(["compare", str(a), str(b), "-o", str(b)], standalone_mode=False)
