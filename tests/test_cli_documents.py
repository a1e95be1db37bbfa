"""Documents through the command line: what is refused, with which exit code, and that nothing is written then."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile_files import PAGE, WORD, hostile_files
from made_up import made_up

from reportgen.asked import Asked, Texts, read_as_asked
from reportgen.cli import main

Run = Callable[..., tuple[int, str]]
FILES = hostile_files()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run a command in an empty folder; its exit code, and what it wrote on standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str, stdin: bytes = b"") -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["reportgen", *words])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        try:
            main()
        except SystemExit as ended:
            return int(ended.code or 0), capsys.readouterr().err
        return 0, capsys.readouterr().err

    return call


def refused(run: Run, *words: str, stdin: bytes = b"") -> str:
    """The one line that a command is refused with; nothing is left in the folder that was not there before."""
    before = sorted(Path.cwd().iterdir())
    code, said = run(*words, stdin=stdin)
    assert code == 2
    assert said.startswith("reportgen: ")
    assert said.count("\n") == 1
    assert sorted(Path.cwd().iterdir()) == before
    return said


@pytest.mark.parametrize("name", ["bomb.docx", "laughs.docx", "cut-0.docx", "encrypted.docx", "deep-0.html", "empty.html", "utf16.txt", "quotes.md"])
def test_a_hostile_file_is_refused_in_one_line_and_leaves_no_output(run: Run, name: str) -> None:
    Path(name).write_bytes(FILES[name])
    assert name in refused(run, "report", name, "-o", "x.html", "--json", "x.json")


def test_an_address_and_a_name_of_another_kind_are_refused(run: Run) -> None:
    assert "reportgen fetches nothing" in refused(run, "report", "https://example.org/a.html")
    Path("a.tex").write_text("\\section{A}", encoding="utf-8")
    assert "is LaTeX source" in refused(run, "measure", "a.tex", "-o", "x.npz")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Texts]:
    """The documents that a command reads; nothing is measured."""
    found = []

    def measured(doc: str, asked: Asked) -> object:
        found.append(read_as_asked(doc, asked))
        return made_up()

    monkeypatch.setattr("reportgen.cli.reporting.measured", measured)
    return found


def test_the_format_of_the_document_can_be_named_and_a_second_text_has_its_own(run: Run, read: list) -> None:
    Path("second.md").write_text("*Two*.", encoding="utf-8")
    assert run("measure", "-", "--format", "docx", "--pair", "second.md", "-o", "x.npz", stdin=WORD)[0] == 0
    (texts,) = read
    assert (texts.document.title, texts.second.text) == ("Gulls", "Two.")


def test_limits_can_be_raised_and_lowered(run: Run, read: list) -> None:
    Path("a.txt").write_bytes(b"One is here. " * 100_000)
    assert "--max-size" in refused(run, "measure", "a.txt", "-o", "x.npz", "--max-size", "1MiB")
    assert "--max-characters" in refused(run, "measure", "a.txt", "-o", "x.npz", "--max-characters", "1000000")
    assert "is no size" in refused(run, "measure", "a.txt", "-o", "x.npz", "--max-size", "plenty")
    asked = ("--max-size", "2MB", "--max-characters", "2000000", "--max-pages", "7", "--max-seconds", "7", "--max-memory", "3GB")
    assert run("measure", "a.txt", "-o", "x.npz", *asked)[0] == 0


def test_the_page_of_a_web_page_does_not_take_its_place(run: Run, read: list, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = []
    monkeypatch.setattr("reportgen.cli.reporting.write_page", lambda measurements, page, json_output: pages.append(page))
    Path("gulls.html").write_bytes(PAGE)
    assert run("report", "gulls.html")[0] == 0
    assert pages == [Path("gulls-report.html")]
    assert "named twice" in refused(run, "report", "gulls.html", "-o", "gulls.html")
