"""Shapes are checked in every test; models and snapshots that several tests share."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

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


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-snapshots", action="store_true", help="Write the stored snapshots anew instead of comparing with them.")


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
