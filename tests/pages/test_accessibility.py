"""axe-core finds nothing, in any scheme, on paper and on a phone; and words that it leaves undecided stand out too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pages.accessibility import OPEN_ALL, contrasts, violations
from pages.opened import Opened
from pages.reports import KINDS

from reportgen.render import render_report

VIEWS = {
    ("decoder", "light", "screen", 1440): (),
    ("decoder", "dark", "screen", 1440): (),
    ("decoder", "dark", "print", 680): ("target-size",),  # nobody presses paper
    ("decoder", "light", "screen", 390): (),
    ("encoder", "light", "screen", 390): ("color-contrast",),  # half the time, and the colours are those of a decoder's page
    ("encoder-decoder", "dark", "screen", 1440): ("color-contrast",),
}
TEXT = 4.5  # WCAG 2.2, 1.4.3


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page of every kind of model, with every section that such a model can have."""
    folder = tmp_path_factory.mktemp("kinds")
    for name, build in KINDS.items():
        (folder / f"{name}.html").write_text(render_report(build()), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in KINDS}


@pytest.fixture
def opened(tab, kinds: dict[str, Path]) -> Callable[[str, str, str, int], Opened]:
    """The page of a kind of model, shown one way, with everything open that opens."""

    def show(kind: str, scheme: str, media: str, width: int) -> Opened:
        tab.goto("about:blank")
        tab.set_viewport_size({"width": width, "height": 900})
        tab.emulate_media(color_scheme=scheme, media=media)
        tab.goto(kinds[kind].as_uri())
        tab.wait_for_selector("#matrix .top-link", state="attached")
        tab.evaluate(OPEN_ALL)
        return Opened(tab=tab)

    return show


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_axe_finds_nothing(opened: Callable[..., Opened], view: tuple[str, str, str, int]) -> None:
    assert violations(opened(*view).tab, *VIEWS[view]) == []


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_all_words_stand_out_from_what_is_behind_them(opened: Callable[..., Opened], view: tuple[str, str, str, int]) -> None:
    found = contrasts(opened(*view).tab)
    assert len(found) > 50
    assert {name: least for name, least in found.items() if least[0] < TEXT} == {}
