"""Templates are kept compiled, and what is kept never changes a page."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader

from reportgen.compiled_templates import CompiledTemplates
from reportgen.render import template_files


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    (tmp_path / "greeting.jinja").write_text("Hello {{ name }}", encoding="utf-8")
    return tmp_path


def say(folder: Path, settings: str = "") -> str:
    environment = Environment(loader=FileSystemLoader(folder), autoescape=True, bytecode_cache=CompiledTemplates(settings))
    return environment.get_template("greeting.jinja").render(name="<you>")


def kept(folder: Path) -> list[Path]:
    return list((folder / "__pycache__").glob("*"))


def test_what_was_compiled_is_kept_and_taken_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert say(folder) == "Hello &lt;you&gt;"
    assert len(kept(folder)) == 1
    monkeypatch.setattr(Environment, "compile", None)
    assert say(folder) == "Hello &lt;you&gt;"


def test_another_source_other_settings_and_broken_code_are_compiled_anew(folder: Path) -> None:
    say(folder)
    (file,) = kept(folder)
    first = file.read_bytes()
    say(folder, "others")
    assert file.read_bytes() != first
    (folder / "greeting.jinja").write_text("Goodbye {{ name }}", encoding="utf-8")
    assert say(folder) == "Goodbye &lt;you&gt;"
    for broken in (b"", file.read_bytes()[:40], file.read_bytes()[:32] + b"\xff\xff"):
        file.write_bytes(broken)
        assert say(folder) == "Goodbye &lt;you&gt;"


def test_nothing_is_kept_where_python_keeps_nothing_or_the_folder_cannot_be_made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert say(folder) == "Hello &lt;you&gt;"
    assert kept(folder) == []
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (folder / "__pycache__").write_text("a file", encoding="utf-8")
    assert say(folder) == "Hello &lt;you&gt;"


def test_what_is_kept_is_no_template(folder: Path) -> None:
    written = template_files(folder)
    say(folder)
    assert kept(folder)
    assert template_files(folder) == written == [folder / "greeting.jinja"]
