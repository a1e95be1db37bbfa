"""The commands about a site: options of documents mean what the command line's do, a build from site.toml, and adding to it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from website.sites import save

from reportgen.batch import store
from reportgen.cli import main, site
from reportgen.errors import SiteError
from reportgen.website import Built, Entry, ReportSource, SiteSettings

SOURCE = Path("somewhere/site.toml")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["reportgen", *map(str, arguments)])
    main()


def test_options_of_a_document_are_those_of_the_command_line() -> None:
    options = {"attribution": "none", "no_probes": True, "control": False, "window": 512, "max-size": "2MB", "pair": "b.txt"}
    asked = site._asked(ReportSource(document=Path("a.txt"), model="all-minilm-l6-v2", options=options), 1, SOURCE)
    assert asked.model == "all-minilm-l6-v2"
    assert {name: asked.measuring[name] for name in ("attribution", "probes", "control", "window")} == {
        "attribution": "none",
        "probes": False,
        "control": False,
        "window": 512,
    }
    assert (asked.reading["max_size"], asked.reading["pair"]) == (2_000_000, Path("somewhere/b.txt"))


@pytest.mark.parametrize(
    ("options", "said"),
    [({"colour": "red"}, "No such option: --colour"), ({"attribution": "much"}, "'--attribution'"), ({"window": 1}, "'--window'")],
    ids=str,
)
def test_an_option_that_is_not_known_or_wrong_is_refused_with_the_report_it_is_of(options: dict[str, object], said: str) -> None:
    with pytest.raises(SiteError) as refused:
        site._asked(ReportSource(document=Path("a.txt"), options=options), 3, SOURCE)
    assert str(refused.value).startswith(f"{SOURCE}, report 3: ")
    assert said in str(refused.value)


def test_a_document_is_measured_under_its_options_and_a_measurements_file_taken_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured, given, asked_for = save(tmp_path, "x", seed=1), save(tmp_path, "y", seed=2), []

    def measured_once(doc: str, asked: object, folder: Path, progress: object = None) -> Path:
        asked_for.append((doc, asked.measuring["attribution"], folder))
        return measured

    def write_site(settings: SiteSettings, entries: list[Entry], output: Path, progress: object) -> Built:
        asked_for.append((settings, [replace(entry, sha256="") for entry in entries], output))
        return Built(written=("a", "b"), kept=("c",), removed=(), notices=("Something is left out.",))

    monkeypatch.setattr(store, "measured_once", measured_once)
    monkeypatch.setattr("reportgen.website.write_site", write_site)
    monkeypatch.setattr(site, "prepare", lambda model: None)
    text = 'title = "Readings"\n[[report]]\ndocument = "a.txt"\noptions = { attribution = "none" }\n[[report]]\nmeasurements = "y.npz"\ntags = ["t"]\n'
    (tmp_path / "site.toml").write_text(text, encoding="utf-8")
    run(monkeypatch, "site", "build", tmp_path / "site.toml", "--base-url", "https://example.org")
    assert asked_for[0] == (str(tmp_path / "a.txt"), "none", tmp_path / "_measured")
    settings, entries, output = asked_for[1]
    assert (settings.title, settings.base_url, output) == ("Readings", "https://example.org/", tmp_path / "_build")
    assert entries == [Entry(path=measured, sha256=""), Entry(path=given, sha256="", tags=("t",))]
    said = capsys.readouterr()
    assert said.out == f"{tmp_path / '_build' / 'index.html'}\n"
    assert "Something is left out.\n2 files written, 1 unchanged, 0 removed.\n" in said.err


def test_a_measurements_file_that_is_not_there_and_a_source_that_is_not_there_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "site.toml").write_text('title = "x"\n[[report]]\nmeasurements = "gone.npz"\n', encoding="utf-8")
    for source in ("site.toml", "gone.toml"):
        with pytest.raises(SystemExit) as ended:
            run(monkeypatch, "site", "build", tmp_path / source)
        assert ended.value.code == 2
        assert f"reportgen: Cannot read {tmp_path / 'gone'}" in capsys.readouterr().err


def test_reports_are_added_with_what_is_said_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "site.toml").write_text('title = "x"  # ours\n', encoding="utf-8")
    path = save(tmp_path, "x")
    run(monkeypatch, "site", "add", path, "--site", tmp_path / "site.toml", "--tag", "a", "--tag", "b", "--date", "2026-01-02")
    assert capsys.readouterr().out == f"{tmp_path / 'site.toml'}\n"
    expected = 'title = "x"  # ours\n\n[[report]]\nmeasurements = "x.npz"\ntags = ["a", "b"]\ndate = "2026-01-02"\n'
    assert (tmp_path / "site.toml").read_text(encoding="utf-8") == expected


def test_a_document_that_cannot_be_read_is_not_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "site.toml").write_text('title = "x"\n', encoding="utf-8")
    (tmp_path / "script.py").write_text("pass", encoding="utf-8")
    with pytest.raises(SystemExit, match="2"):
        run(monkeypatch, "site", "add", tmp_path / "script.py", "--site", tmp_path / "site.toml")
    assert "script.py is of no supported kind" in capsys.readouterr().err
    assert (tmp_path / "site.toml").read_text(encoding="utf-8") == 'title = "x"\n'


def test_the_example_sites_source_is_read_and_its_options_are_known() -> None:
    from reportgen.website import read_source

    source = Path(__file__).parent.parent.parent / "site" / "site.toml"
    read = read_source(source)
    assert len(read.reports) == 14
    assert {one.document.resolve().name for one in read.reports} == {one.name for one in (source.parent.parent / "samples").iterdir()} - {"README.md"}
    for place, one in enumerate(read.reports, 1):
        site._asked(one, place, source)
