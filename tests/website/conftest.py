"""One site for the tests that only look at it, and the browser of the tests of pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from website.sites import SETTINGS, no_pictures, save_three, without_charts

from reportgen.website import Built, Entry, write_site


@pytest.fixture(scope="package")
def entries(tmp_path_factory: pytest.TempPathFactory) -> list[Entry]:
    return save_three(tmp_path_factory.mktemp("measured"))


@pytest.fixture(scope="package")
def built(entries: list[Entry], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Built]:
    """A site of three reports: the folder and what the build said of itself."""
    folder = tmp_path_factory.mktemp("site") / "out"
    with without_charts():
        return folder, write_site(SETTINGS, entries, folder, draw=no_pictures)
