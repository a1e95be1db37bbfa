"""Sites of made-up measurements, small and quick: reports without charts, and what is written where."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_up import Sizes, made_up

from reportgen.analyses import ANALYSES
from reportgen.website import Entry, SiteSettings
from reportgen.website.card import Card
from reportgen.website.entries import Listed

SETTINGS = SiteSettings(title="Readings", description="Made up.", author="A. Nobody", base_url="https://example.org/readings/", about="# Why\n\nMade up.")
BARE = SiteSettings(title="Readings")
REPORTS = (
    {"title": "Trees and water", "model": "made-up-1", "sha256": "0" * 64},
    {"title": "Trees and water", "model": "made-up-2", "sha256": "0" * 64},
    {"title": "A log of the north light", "model": "made-up-1", "sha256": "2" * 64},
)
SAID = (
    {"tags": ("forest", "water"), "genre": "essay", "date": "2026-01-02"},
    {"tags": ("water",), "genre": "essay", "date": "2026-03-04", "licence": "CC0 1.0", "source": "Made up."},
    {"tags": (), "genre": "log"},
)


def no_pictures(specs: Mapping[str, Any]) -> dict[str, str]:
    """In the place of a child process that draws charts."""
    return {}


LEFT_OUT = ("attribution.", "faithfulness.", "pruning.", "decoder.probe_", "decoder.syntax", "decoder.coreference")  # what takes most of a report's time
HOSTILE = (
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'--><!--<script>",
    "<base href=//evil.example><form action=//evil.example>",
    "</title></style><iframe srcdoc='<p>'>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "../../etc/passwd",
    "\u202egnp.exe\u2066 \u2028",
    "a\x00b\x1bc\ufffed\ud800e",
    "W" * 500,
)


@contextmanager
def without_charts() -> Iterator[None]:
    """Reports without charts, which take much of the time that a small report does."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("reportgen.report.ANALYSES", tuple(replace(analysis, draw=lambda result: {}) for analysis in ANALYSES))
        yield


def save(folder: Path, name: str, *, seed: int = 0, layers: int = 3, **metadata: Any) -> Path:
    """Made-up measurements as a file."""
    weights = {"revision": f"weights of {metadata['model']}"} if "model" in metadata else {}
    path = folder / f"{name}.npz"
    made_up(seed=seed, sizes=Sizes(layers=layers, heads=2), leave_out=LEFT_OUT, metadata=weights | metadata).save(path)
    return path


def entry(path: Path, **said: Any) -> Entry:
    return Entry(path=path, sha256=hashlib.sha256(path.read_bytes()).hexdigest(), **said)


def save_three(folder: Path) -> list[Entry]:
    """One document read by two models of 3 and 5 layers, and another read by the first."""
    layers = (3, 5, 3)
    paths = [save(folder, f"x{place}", seed=place, layers=layers[place], **one) for place, one in enumerate(REPORTS)]
    return [entry(path, **said) for path, said in zip(paths, SAID, strict=True)]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path in it."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def listed(card: Card, slug: str, **fields: Any) -> Listed:
    """A report under that slug, some fields of its card replaced."""
    return Listed(slug=slug, card=replace(card, **fields), tags=(), date=None, genre=None, licence=None, source=None)
