"""site.toml as values, what it refuses, and adding to it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from website.sites import save

from reportgen.errors import SiteError
from reportgen.website import Said, add_reports, read_source

WHOLE = """# ours
title = "Readings"
description = "Of two."
author = "A. Nobody"
base_url = "https://example.org/readings"
about = "about.md"

[[report]]
measurements = "x.npz"
tags = ["a", "b", "a"]
date = 2026-01-02
genre = "essay"

[[report]]
document = "../texts/y.txt"
model = "all-minilm-l6-v2"
options = { attribution = "none", window = 512 }
licence = "CC0 1.0"
source = "Ours."
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "site.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_everything_in_a_source_is_read_with_files_as_seen_from_it(tmp_path: Path) -> None:
    (tmp_path / "about.md").write_text("# Why", encoding="utf-8")
    site = read_source(written(tmp_path, WHOLE))
    assert (site.title, site.description, site.author, site.about) == ("Readings", "Of two.", "A. Nobody", "# Why")
    assert (site.base_url, site.output, site.measured) == ("https://example.org/readings/", tmp_path / "_build", tmp_path / "_measured")
    first, second = site.reports
    assert (first.measurements, first.document, first.tags, first.date, first.genre) == (tmp_path / "x.npz", None, ("a", "b"), "2026-01-02", "essay")
    assert (second.document, second.model, second.options) == (tmp_path / "../texts/y.txt", "all-minilm-l6-v2", {"attribution": "none", "window": 512})
    assert (second.licence, second.source, second.date) == ("CC0 1.0", "Ours.", None)


REFUSED = {
    "": "has no title",
    'title = "x"\ncolour = "red"': "'colour', which is not known",
    'title = "x"\n[report]\ndocument = "y.txt"': "write [[report]] with two brackets",
    'title = "x"\n[[report]]\n': "report 1 needs either measurements or document, and has neither",
    'title = "x"\n[[report]]\nmeasurements = "a.npz"\ndocument = "b.txt"': "has both",
    'title = "x"\n[[report]]\nmeasurements = "a.npz"\nmodel = "default"': "leave model out",
    'title = "x"\n[[report]]\nmeasurements = "a.npz"\ntags = "a"': "tags is a list of texts",
    'title = "x"\n[[report]]\nmeasurements = "a.npz"\ndate = "yesterday"': "date is a day such as",
    'title = "x"\n[[report]]\ndocument = "a.txt"\noptions = ["--window"]': "options is a table",
    'title = "x"\nbase_url = "example.org"': "base_url is where the site will lie",
    'title = "x"\nabout = "nowhere.md"': "about names nowhere.md",
    'title = "x': "is not TOML",
    "title = 3": "title is a text, not 3",
}


@pytest.mark.parametrize(("text", "said"), REFUSED.items(), ids=REFUSED.values())
def test_what_is_unknown_or_of_another_kind_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SiteError, match=".") as refused:
        read_source(written(tmp_path, text))
    assert said in str(refused.value)
    assert "site.toml" in str(refused.value)


def test_a_report_is_added_at_the_end_and_everything_before_stays(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    path = written(tmp_path / "site", WHOLE.removesuffix("\n"))
    measured, text = save(tmp_path, "z"), tmp_path / 'a "quoted"\\ name.txt'
    text.write_text("Words.", encoding="utf-8")
    add_reports(path, [measured], Said(tags=("new", 'quoted "tag"\n'), date="2026-05-06", genre="log"))
    add_reports(path, [text], Said(model="default", licence="CC0\x00 1.0"))
    after = path.read_text(encoding="utf-8")
    assert after.startswith(WHOLE)
    *before, third, fourth = tomllib.loads(after)["report"]
    assert before == tomllib.loads(WHOLE)["report"]
    assert third == {"measurements": "../z.npz", "tags": ["new", 'quoted "tag"\n'], "date": "2026-05-06", "genre": "log"}
    assert fourth == {"document": '../a "quoted"\\ name.txt', "model": "default", "licence": "CC0 1.0"}


def test_what_is_there_already_or_nowhere_is_not_added(tmp_path: Path) -> None:
    path, measured = written(tmp_path, 'title = "x"\n'), save(tmp_path, "z")
    add_reports(path, [measured], Said())
    before = path.read_bytes()
    (tmp_path / "z2.txt").write_text("Words.", encoding="utf-8")
    for files, said, why in (
        ([measured], Said(), "z.npz is in .* already"),
        ([tmp_path / "nowhere.txt"], Said(), "nowhere.txt is not there"),
        ([measured], Said(model="default"), "leave --model out"),
        ([tmp_path / "z2.txt"], Said(date="tomorrow"), "z2.txt: date is a day such as 2026-05-17, not tomorrow"),
        ([tmp_path / "z2.txt"], Said(date="2026-02-30"), "not 2026-02-30"),
        ([tmp_path / "z2.txt"], Said(date="20260217"), "not 20260217"),
        ([tmp_path / "z2.txt"], Said(genre=" "), "genre is a text"),
    ):
        with pytest.raises(SiteError, match=why):
            add_reports(path, files, said)
    assert path.read_bytes() == before
    inline = written(tmp_path, 'title = "x"\nreport = []\n')
    with pytest.raises(SiteError, match="cannot be added to at its end"):
        add_reports(inline, [measured], Said())
    assert inline.read_text(encoding="utf-8") == 'title = "x"\nreport = []\n'
    assert before.startswith(b'title = "x"\n\n[[report]]\n')
