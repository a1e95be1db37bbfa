"""A bundle is the same each time, complete, and what it says it is."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from bundle.made_up_bundle import TITLE, Remembering, small
from bundle.typeset import NEEDS_LATEX, latex, run, words_of
from made_up import made_up

from reportgen.bundle.build import Built, Wanted, build_bundle
from reportgen.bundle.captions import caption_of
from reportgen.bundle.figures import close_seams
from reportgen.bundle.matrix_figure import _axes
from reportgen.bundle.packaging import check_place, refuse_too_large, write_files, zipped
from reportgen.bundle.references import RECORD
from reportgen.bundle.tables import Table, as_csv
from reportgen.errors import OutputError
from reportgen.measurements import Measurements
from reportgen.report import build_report

CITE = re.compile(r"\\cite\{([^}]*)\}")
UNIT = re.compile(r"\b[Ss]entences?\b")


@pytest.fixture(scope="module")
def draw() -> Remembering:
    return Remembering()


@pytest.fixture(scope="module")
def paper(draw: Remembering) -> Built:
    return build_bundle(small(), Wanted(purpose="paper"), draw)


@pytest.fixture(scope="module")
def folder(paper: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bundles") / "attention"
    write_files(paper.files, place)
    return place


def test_the_same_measurements_give_the_same_bytes(paper: Built, draw: Remembering) -> None:
    again = build_bundle(small(), Wanted(purpose="paper", without=frozenset({"page"})), draw).files
    about_all = {"report.html", "README.md", "ro-crate-metadata.json", "manifest-sha256.txt"}
    assert set(paper.files) - set(again) == {"report.html"}
    assert {name for name in again if paper.files[name] != again[name]} <= about_all
    assert zipped(again) == zipped(dict(reversed(again.items())))


def test_every_other_file_has_its_checksum(paper: Built, folder: Path) -> None:
    lines = (folder / "manifest-sha256.txt").read_text(encoding="utf-8").splitlines()
    listed = dict(reversed(line.split("  ")) for line in lines)
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert set(listed) == there - {"manifest-sha256.txt"}
    assert all(hashlib.sha256((folder / name).read_bytes()).hexdigest() == sum_ for name, sum_ in listed.items())


def test_the_measurements_and_the_page_are_those_of_the_report(paper: Built, folder: Path, draw: Remembering) -> None:
    from reportgen.render import render_report

    stored = Measurements.load(folder / "measurements.npz")
    assert stored.metadata["title"] == TITLE
    assert render_report(build_report(stored), draw).encode("utf-8") == paper.files["report.html"]


def test_figures_are_vectors_of_the_width_of_a_column_with_lettering_of_seven_to_nine_points(paper: Built) -> None:
    names = [name for name in paper.files if name.startswith("figures/") and name.endswith(".svg")]
    assert {name.rpartition("-")[0] for name in names} >= {"figures/sentence_matrix-share", "figures/sinks-maps"}
    for name in names:
        root = ElementTree.fromstring(paper.files[name])
        inches = 3.3 if name.endswith("-1col.svg") else 6.9
        assert root.attrib["width"] == f"{inches}in"
        scale = inches * 72 / float(root.attrib["viewBox"].split()[2])
        sizes = {float(element.get("font-size", "8").removesuffix("px")) * scale for element in root.iter() if element.tag.endswith("text")}
        assert sizes
        assert 6.8 <= min(sizes) <= max(sizes) <= 9.2, name
        assert not [element.tag for element in root.iter() if element.tag.endswith("image")]
        pdf = paper.files[name.removesuffix("svg") + "pdf"]
        assert float(re.search(rb"/MediaBox \[0 0 ([\d.]+)", pdf)[1]) == pytest.approx(inches * 72, abs=0.01)
        assert b"/FontFile2" in pdf
        assert not re.search(rb"/(?:Producer|CreationDate|ModDate|ID|Author|Image)\b", pdf)


def test_cells_that_touch_have_edges_of_their_colour() -> None:
    svg = (
        '<svg><g fill="#012345"><path d="M0,0h2v3h-2z"/><path d="M2,0h2v3h-2z" fill="#abcdef"/><path d="M0,0l5,5z"/></g>'
        '<g fill="#123456" fill-opacity="0.5"><path d="M0,0h2v3h-2z"/></g></svg>'
    )
    root = ElementTree.fromstring(svg)
    close_seams(root)
    assert [path.get("stroke") for path in root.iter("path")] == ["#012345", "#abcdef", None, None]


@pytest.mark.parametrize(("cells", "per_cell"), [(2, 1), (83, 1), (120, 70), (120, 400)])
def test_the_sides_of_a_matrix_are_numbered_however_long_the_document_is(cells: int, per_cell: int) -> None:
    numbers = set(re.findall(r">([0-9]+)</text>", "".join(_axes(cells, per_cell, 30.0, 200.0))))
    assert 2 <= len(numbers) <= 9
    assert "1" in numbers


def test_a_review_has_the_page_and_no_latex(draw: Remembering) -> None:
    files = build_bundle(small(), Wanted(purpose="review", without=frozenset({"measurements"})), draw).files
    assert {"report.html", "methods.txt", "references.bib", "tables/findings.csv", "README.md", "LICENCE.txt"} <= set(files)
    assert not [name for name in files if name.endswith((".tex", ".svg", ".npz", ".pdf"))]
    assert b"measurements.npz" not in files["README.md"]


def test_what_is_cited_has_a_record_and_the_other_way_round(paper: Built) -> None:
    cited = {key for keys in CITE.findall(paper.files["methods.tex"].decode("utf-8")) for key in keys.split(",")}
    assert cited == {match["key"] for match in RECORD.finditer(paper.files["references.bib"].decode("utf-8"))}
    assert {"abnar2020", "clark2019", "seo2025", "kiss2006"} <= cited


def test_a_bundle_of_paragraphs_calls_no_unit_a_sentence(draw: Remembering) -> None:
    wanted = Wanted(purpose="paper", without=frozenset({"page", "measurements"}))
    files = build_bundle(small(level="paragraph", options={"sentences": "Punkt"}), wanted, draw).files
    texts = {name: data.decode("utf-8") for name, data in files.items() if name.endswith((".tex", ".md", ".txt", ".csv", ".svg"))}
    said = {name: text for name, text in texts.items() if not name.startswith("tables/")}
    said |= {name: text.splitlines()[0] for name, text in texts.items() if name.endswith(".csv")}
    said |= {name: text.split(r"\midrule")[0] for name, text in texts.items() if name.startswith("tables/") and name.endswith(".tex")}
    said |= {name: texts[name].split("Options: ")[0] for name in ("methods.tex", "methods.txt")}
    said |= {name: "".join(ElementTree.fromstring(text).itertext()) for name, text in texts.items() if name.endswith(".svg")}
    assert {name: found for name, text in said.items() if name != "example.tex" and (found := UNIT.findall(text))} == {}
    assert "Which paragraphs does each paragraph look at?" in said["figures/sentence_matrix-share-1col.tex"]
    assert "As one paragraph counts each block of the document" in said["methods.txt"]
    assert "looks (query paragraph)" in said["figures/sentence_matrix-share-1col.svg"]
    assert b"kiss2006" not in files["references.bib"]
    assert "Which paragraphs does each paragraph look at?" in texts["tables/findings.csv"]


def test_every_caption_says_what_is_drawn() -> None:
    report = build_report(made_up())
    charts = {f"{section.name}-{chart}": (section, spec) for section in report.sections for chart, spec in section.charts.items()}
    captions = {name: caption_of(section, name, spec.get("description", ""), report.level) for name, (section, spec) in charts.items()}
    assert {"decay-layers", "flow-depth", "head_redundancy-pruning"} <= set(captions)
    assert [name for name, caption in captions.items() if not caption.drawn] == []


def test_the_caption_of_curves_speaks_of_those_that_are_drawn_alone() -> None:
    measurements = made_up()
    said = {}
    for gone in ("deletion", "insertion", ""):
        values = {name: measurements[name].copy() for name in (f"faithfulness.{gone}", f"faithfulness.random_{gone}")} if gone else {}
        for array in values.values():
            array[:, 1:-1] = np.nan
        section = next(section for section in build_report(made_up(replaced=values)).sections if section.name == "faithfulness")
        said[gone] = caption_of(section, "faithfulness-curves", "", "sentence").drawn
    rest = "; bands: from the least to the greatest of the random orders; points: what was measured."
    line = "Line: the target with so many per cent of the sentences taken out, those that the method puts first"
    assert said == {
        "": f"{line}; dashes: with those alone left in{rest}",
        "insertion": line + rest,
        "deletion": f"Dashes: the target with so many per cent of the sentences alone left in, those that the method puts first{rest}",
    }


def test_text_in_tables_is_never_a_formula(paper: Built) -> None:
    texts = ("=1+1", "+1", "-1", "@A1", "\t=1", "plain", 'a "b", c')
    written = as_csv(Table(name="x", title="x", head=("=a", "number"), rows=tuple((text, -0.5) for text in texts)))
    rows = list(csv.reader(io.StringIO(written.decode("utf-8"), newline="")))
    assert rows[0] == ["'=a", "number"]
    assert [row[0] for row in rows[1:]] == ["'=1+1", "'+1", "'-1", "'@A1", "'\t=1", "plain", 'a "b", c']
    assert {row[1] for row in rows[1:]} == {"-0.5"}
    for name, data in paper.files.items():
        if name.endswith(".csv"):
            cells = [cell for row in csv.reader(io.StringIO(data.decode("utf-8"), newline="")) for cell in row]
            assert not [cell for cell in cells if cell.startswith(("=", "+", "@", "\t")) or re.match(r"-[^\d.]", cell)]


@NEEDS_LATEX
def test_a_document_that_includes_everything_compiles(folder: Path, tmp_path: Path) -> None:
    for path in folder.rglob("*"):
        if path.suffix in (".tex", ".bib", ".pdf"):
            (tmp_path / path.relative_to(folder)).parent.mkdir(exist_ok=True)
            (tmp_path / path.relative_to(folder)).write_bytes(path.read_bytes())
    latex(tmp_path, "example")
    said = run(["bibtex", "example"], tmp_path)
    assert "Warning" not in said
    latex(tmp_path, "example")
    said = latex(tmp_path, "example")
    assert "undefined" not in said
    text = words_of(tmp_path / "example.pdf")
    assert "/etc/passwd" in text  # the title, in what was measured
    assert "Abnar and Willem Zuidema" in text


def test_an_archive_has_fixed_dates_no_owner_and_sorted_names(paper: Built) -> None:
    entries = zipfile.ZipFile(io.BytesIO(zipped(paper.files))).infolist()
    assert [entry.filename for entry in entries] == sorted(paper.files)
    assert {(entry.date_time, entry.create_system, entry.external_attr, entry.extra) for entry in entries} == {((1980, 1, 1, 0, 0, 0), 3, 0o100644 << 16, b"")}


def test_too_large_a_bundle_is_refused_with_its_largest_files() -> None:
    files = {"measurements.npz": bytes(9_000_000), "report.html": bytes(2_000_000), "README.md": b""}
    with pytest.raises(
        OutputError, match=r"would have 11\.0 MB, more than 10 MB; the largest files are measurements\.npz \(9\.0 MB\), report\.html .*--without"
    ):
        refuse_too_large(11_000_000, files, 10_000_000)
    refuse_too_large(10_000_000, files, 10_000_000)


def test_a_bundle_is_replaced_and_another_folder_is_not(tmp_path: Path) -> None:
    place = tmp_path / "attention"
    for text in (b"old", b"new"):
        check_place(place)
        write_files({"a.txt": text, "manifest-sha256.txt": b"0  a.txt\n"}, place)
    assert (place / "a.txt").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["attention"]
    (place / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="no bundle's"):
        check_place(place)
    with pytest.raises(OutputError, match="does not exist"):
        check_place(tmp_path / "none" / "attention")


@pytest.mark.parametrize(("error", "raised"), [(KeyboardInterrupt, KeyboardInterrupt), (SystemExit, SystemExit), (OSError, OutputError)])
@pytest.mark.parametrize("renamed", [1, 2])
def test_a_bundle_that_cannot_take_its_place_leaves_the_one_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException], raised: type[BaseException], renamed: int
) -> None:
    place, rename, calls = tmp_path / "attention", os.replace, []
    write_files({"a.txt": b"old"}, place)

    def replace(source: Path, target: Path) -> None:
        calls.append(source)
        if len(calls) == renamed:
            raise error
        rename(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(raised):
        write_files({"a.txt": b"new"}, place)
    assert (place / "a.txt").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["attention"]


@pytest.mark.parametrize("name", ["n" * 300, f"{'n' * 300}.zip", f"{'n' * 300}/bundle"])
def test_a_name_that_no_bundle_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match=r"^Cannot write .*: File name too long\.$"):
        check_place(tmp_path / name)


def test_the_description_keeps_what_the_specification_demands(paper: Built) -> None:
    """RO-Crate 1.1: sections on root data entity, data entities and contextual entities, their MUSTs."""
    crate = json.loads(paper.files["ro-crate-metadata.json"])
    assert crate["@context"] == "https://w3id.org/ro/crate/1.1/context"
    entities = {entity["@id"]: entity for entity in crate["@graph"]}
    assert len(entities) == len(crate["@graph"])  # flattened: each entity once
    assert all("@type" in entity for entity in crate["@graph"])
    descriptor = entities["ro-crate-metadata.json"]
    assert (descriptor["@type"], descriptor["about"], descriptor["conformsTo"]) == ("CreativeWork", {"@id": "./"}, {"@id": "https://w3id.org/ro/crate/1.1"})
    root = entities["./"]
    assert root["@type"] == "Dataset"
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", root["datePublished"])
    assert root["name"]
    assert root["description"]
    assert root["license"]["@id"] in entities
    files = {one["@id"] for one in root["hasPart"]}
    assert files == set(paper.files) - {"ro-crate-metadata.json", "manifest-sha256.txt"}
    assert all("File" in entities[name]["@type"] and entities[name]["contentSize"] == str(len(paper.files[name])) for name in files)
    assert not [name for name in files if name.startswith(("/", ".")) or "\\" in name or " " in name]
    kinds = {kind for entity in crate["@graph"] for kind in [entity["@type"]] if isinstance(kind, str)}
    assert {"SoftwareApplication", "CreateAction", "CreativeWork"} <= kinds
    assert _references(crate["@graph"]) <= {*entities, "https://w3id.org/ro/crate/1.1"}


def _references(part: object) -> set[str]:
    """What entities refer to: nothing but entities of the crate, and none is nested in another."""
    if isinstance(part, list):
        return set().union(*map(_references, part))
    if not isinstance(part, dict):
        return set()
    inner = set().union(*map(_references, part.values()), set())
    assert "@id" in part, "an entity is nested"
    return inner | ({part["@id"]} if set(part) == {"@id"} else set())
