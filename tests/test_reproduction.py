"""A bundle checked: its files by checksums, its numbers by measuring again; hostile bundles are refused."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import stat
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up import Sizes, made_up
from tiny_folders import save_folder, tiny_gpt2

from reportgen.capture import MeasureOptions, measure
from reportgen.cli import main
from reportgen.documents import Document, document_from_text
from reportgen.errors import BundleError, MeasurementsError, ModelError
from reportgen.measurements import Measurements
from reportgen.models import LanguageModel, load_model
from reportgen.remeasuring import measure_again
from reportgen.reproduction import check_files, compare, opened
from reportgen.reproduction.differences import Difference
from reportgen.reproduction.tolerance import OF_GREATEST, tolerance

TEXT = "# Harbour\n\nThe ship left the harbour at dawn. Nobody on the quay waved.\n\nBy noon it was a point. The harbour slept, and the gulls were loud."
SECOND = "Who would have thought so?\n\nThe quay was empty. The ship left."

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_folder(tmp_path_factory.mktemp("models") / "tiny", tiny_gpt2())


@pytest.fixture(scope="module")
def model(folder: Path) -> LanguageModel:
    return load_model(str(folder), device="cpu")


def document(text: str = TEXT) -> Document:
    return document_from_text(text, title="Harbour", source="harbour.md")


@pytest.fixture(scope="module")
def measured(model: LanguageModel) -> Measurements:
    return measure(document(), model)


def manifest_of(files: dict[str, bytes]) -> bytes:
    return "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items()).encode()


@pytest.fixture(scope="module")
def files(measured: Measurements, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A bundle's files by name."""
    path = tmp_path_factory.mktemp("kept") / "measurements.npz"
    measured.save(path)
    found = {"measurements.npz": path.read_bytes(), "figures/layers.svg": b"<svg/>", "README": "Größe".encode()}
    return found | {"manifest-sha256.txt": manifest_of(found)}


def in_folder(place: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data)
    return place


def in_zip(path: Path, files: dict[str, bytes], top: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(top + name, data)
    return path


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """A run of `reportgen verify`: its exit code, what it says, and its errors."""

    def call(*words: Any) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["reportgen", "verify", *map(str, words)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return call


def test_a_whole_bundle_whose_numbers_come_out_again_ends_with_0(run: Run, files: dict[str, bytes], folder: Path, tmp_path: Path) -> None:
    found = tmp_path / "found.json"
    code, said, _ = run(in_zip(tmp_path / "b.zip", files, "paper/"), "--model", folder, "--device", "cpu", "--json", found)
    assert code == 0
    assert "All 3 files are as the manifest says (sha256)." in said
    assert "Reproduced: " in said
    numbers = json.loads(found.read_text(encoding="utf-8"))["numbers"]
    assert numbers["reproduced"]
    assert {one["outcome"] for one in numbers["differences"]} <= {"identical", "within tolerance"}
    assert "decoder.sentence_attention" in [one["name"] for one in numbers["differences"]]


def test_an_altered_number_ends_with_4_and_names_the_array(run: Run, measured: Measurements, folder: Path, tmp_path: Path) -> None:
    entropy = measured["*.entropy"].copy()
    entropy[1, 2] += 0.01
    replace(measured, arrays={**measured.arrays, "decoder.entropy": entropy}).save(tmp_path / "x.npz")
    assert "which has no checksums" in run(tmp_path / "x.npz", "--checksums")[2]
    code, said, _ = run(tmp_path / "x.npz", "--model", folder, "--device", "cpu")
    assert code == 4
    assert "Not reproduced: 1 of " in said
    assert "decoder.entropy: beyond tolerance; largest difference 0.0100" in said
    assert "1 of 6 beyond it" in said


def test_altered_missing_and_unlisted_files_end_with_3_and_nothing_is_measured(run: Run, files: dict[str, bytes], tmp_path: Path) -> None:
    changed = {**files, "README": b"other", "more.txt": b""}
    del changed["figures/layers.svg"]
    code, said, _ = run(in_folder(tmp_path / "bundle", changed))
    assert code == 3
    assert "altered: README; missing: figures/layers.svg; not listed: more.txt. 1 are." in said
    assert "Reproduced" not in said


def test_checksums_alone_need_no_model(run: Run, files: dict[str, bytes], tmp_path: Path) -> None:
    assert run(in_folder(tmp_path / "bundle", files), "--checksums")[0] == 0


def test_a_bundle_without_measurements_can_be_checked_by_its_checksums_alone(run: Run, files: dict[str, bytes], tmp_path: Path) -> None:
    less = {"README": files["README"]}
    bundle = in_folder(tmp_path / "bundle", {**less, "manifest-sha256.txt": manifest_of(less)})
    assert run(bundle, "--checksums")[:2] == (0, "The only file is as the manifest says (sha256).\n")
    code, _, errors = run(bundle)
    assert code == 2
    assert "check its files alone with --checksums" in errors


@pytest.mark.parametrize("place", ["bundle/README", "bundle/new.json", "linked/figures/new.json"])
def test_findings_are_not_written_into_the_bundle(run: Run, files: dict[str, bytes], tmp_path: Path, place: str) -> None:
    bundle = in_folder(tmp_path / "bundle", files)
    (tmp_path / "linked").symlink_to(bundle)
    code, said, errors = run(bundle, "--checksums", "--json", tmp_path / place)
    assert (code, said) == (2, "")
    assert errors == f"reportgen: {tmp_path / place} lies in the bundle, in which nothing is changed: name a file beside it.\n"
    assert {path.relative_to(bundle).as_posix(): path.read_bytes() for path in bundle.rglob("*") if path.is_file()} == files


def test_a_full_temporary_disk_is_nothing_that_is_said_of_the_bundle(
    run: Run, files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(source: Any, copy: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("shutil.copyfileobj", fill)
    for bundle in (in_folder(tmp_path / "bundle", files), in_zip(tmp_path / "b.zip", files)):
        code, _, errors = run(bundle)
        assert code == 2
        assert errors == f"reportgen: Cannot write a copy of measurements.npz into {tempfile.gettempdir()}: No space left on device.\n"


def test_a_damaged_entry_is_said_of_the_bundle(run: Run, files: dict[str, bytes], tmp_path: Path) -> None:
    bundle = in_zip(tmp_path / "b.zip", files)
    data = bytearray(bundle.read_bytes())
    data[data.index(b"measurements.npz") + 200] ^= 0xFF
    bundle.write_bytes(data)
    code, _, errors = run(bundle)
    assert code == 2
    assert "measurements.npz of " in errors
    assert errors.endswith(": get the bundle again.\n")


def test_a_name_that_no_bundle_can_have_is_refused(run: Run, tmp_path: Path) -> None:
    for words in ((), ("--checksums",), ("--json", tmp_path / "x.json")):
        assert run("n" * 300, *words) == (2, "", f"reportgen: There is no bundle {'n' * 300}.\n")


def test_another_model_and_one_that_nothing_names_are_refused(run: Run, files: dict[str, bytes], tmp_path: Path) -> None:
    bundle = in_folder(tmp_path / "bundle", files)
    code, _, errors = run(bundle)
    assert code == 2
    assert "name it with --model" in errors
    other = save_folder(tmp_path / "other", tiny_gpt2(initializer_range=0.1))
    code, _, errors = run(bundle, "--model", other, "--device", "cpu")
    assert code == 2
    assert "give the model that was measured" in errors


@pytest.mark.parametrize(
    "name",
    ["../outside.txt", "/etc/passwd", "a/../../b", "C:/x", "..\\x", "a//b", "./a", "a/", "line\nbreak", "measurements.npz"],
    ids=lambda name: name.encode().hex()[:20],
)
def test_a_zip_that_leads_out_of_itself_or_holds_a_file_twice_is_refused(files: dict[str, bytes], tmp_path: Path, name: str) -> None:
    held = io.BytesIO(in_zip(tmp_path / "b.zip", files).read_bytes())
    with zipfile.ZipFile(held, "a") as archive, pytest.warns(UserWarning, match="Duplicate") if name in files else pytest.MonkeyPatch.context():
        entry = zipfile.ZipInfo("placeholder")
        entry.filename = name
        archive.writestr(entry, b"x" if name != "a/" else b"")
    (tmp_path / "b.zip").write_bytes(held.getvalue())
    if name == "a/":  # a folder, which is nothing
        with opened(tmp_path / "b.zip") as bundle:
            assert set(bundle.files) == set(files)
        return
    with pytest.raises(BundleError, match="leads out of the bundle"), opened(tmp_path / "b.zip"):
        pass


def test_links_are_refused_in_zips_and_in_folders(files: dict[str, bytes], tmp_path: Path) -> None:
    link = zipfile.ZipInfo("README.link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(in_zip(tmp_path / "b.zip", files), "a") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(BundleError, match="is a link"), opened(tmp_path / "b.zip"):
        pass
    place = in_folder(tmp_path / "bundle", files)
    os.symlink("/etc", place / "figures" / "elsewhere")
    with pytest.raises(BundleError, match="figures/elsewhere of .* is a link"), opened(place):
        pass


def test_zip_bombs_are_refused_before_they_are_unpacked(files: dict[str, bytes], tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="as only a zip bomb does"), opened(in_zip(tmp_path / "b.zip", {**files, "zeros": bytes(30_000_000)})):
        pass
    many = {f"{number}.txt": b"" for number in range(10_001)}
    with pytest.raises(BundleError, match="10,001 files"), opened(in_zip(tmp_path / "many.zip", many)):
        pass


@pytest.mark.parametrize("line", ["nonsense", f"{'0' * 64} README", f"{'0' * 64}  ../README", f"{'0' * 64}  manifest-sha256.txt", ""])
def test_a_manifest_that_is_none_is_refused(files: dict[str, bytes], tmp_path: Path, line: str) -> None:
    with opened(in_folder(tmp_path, {**files, "manifest-sha256.txt": line.encode()})) as bundle, pytest.raises(BundleError, match="get the bundle again"):
        check_files(bundle)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 no archive"])
def test_what_is_no_bundle_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "b.zip").write_bytes(data)
    for place in (tmp_path / "b.zip", tmp_path, tmp_path / "none"):
        with pytest.raises(BundleError), opened(place):
            pass


def by_name(kept: Measurements, again: Measurements) -> dict[str, Difference]:
    return {one.name: one for one in compare(kept, again).differences}


def test_differences_by_hand() -> None:
    values = np.array([[1.0, 2, 3, 4, 5, 6, -8]] * 3, np.float32)
    other = values.copy()
    other[0, 0] += 0.0005  # within 1e-4 of 8
    other[1, 6] -= 0.002
    other[2, 1] = np.nan
    kept, again = (made_up(replaced={"decoder.entropy": one, "decoder.distance": values}) for one in (values, other))
    found = by_name(kept, again)["decoder.entropy"]
    assert (found.outcome, found.apart, found.size) == ("beyond tolerance", 2, 21)
    assert found.absolute == pytest.approx(0.002, rel=1e-3)
    assert found.relative == pytest.approx(0.0005, rel=1e-3)
    assert found.tolerance == pytest.approx(8e-4, rel=2e-3)
    assert by_name(kept, again)["decoder.distance"].outcome == "identical"
    verdict = compare(kept, again)
    assert not verdict.reproduced
    assert verdict.sentence.startswith("Not reproduced: 1 of ")


def test_numbers_within_tolerance_are_reproduced_and_the_rule_is_stated() -> None:
    kept = made_up()
    verdict = compare(kept, made_up(replaced={"decoder.entropy": kept["*.entropy"] * np.float32(1 + 1e-5)}))
    assert verdict.reproduced
    assert "1 are within tolerance (0.0001 of the array’s greatest number for a float32 model, and what storing rounds)" in verdict.sentence
    assert compare(kept, kept).sentence == f"Reproduced: all {len(verdict.differences)} arrays are the same, number for number."


def test_a_choice_that_fell_otherwise_is_said_and_what_hangs_on_it_not_compared() -> None:
    kept = made_up()
    orders, deletion = kept["faithfulness.orders"].copy(), kept["faithfulness.deletion"] + np.float32(1)
    orders[0, :2] = orders[0, 1::-1]
    verdict = compare(kept, made_up(replaced={"faithfulness.orders": orders, "faithfulness.deletion": deletion}))
    assert not verdict.reproduced  # 2 of 8 choices are more than nearly equal numbers explain
    links = kept["*.token_links"].copy()
    links["key"][4, :2] = links["key"][4, 1::-1]
    verdict = compare(kept, made_up(replaced={"decoder.token_links": links}))
    assert verdict.reproduced
    assert "choices between nearly equal numbers fell otherwise in decoder.token_links.key (2 of 184)" in verdict.sentence


@pytest.mark.parametrize("name", ["attribution.link_effect", "attribution.link_sample"])
def test_effects_of_links_are_held_against_the_greatest_effect_and_not_against_numbers_of_sentences(name: str) -> None:
    sizes = Sizes(sentences=151, tokens=700)
    kept = made_up(sizes=sizes)
    links = kept[name].copy()
    links[:, 2] += np.float32(3e-4)  # 2e-6 of the greatest number of a sentence
    assert by_name(kept, made_up(sizes=sizes, replaced={name: links}))[f"{name}.effects"].outcome == "beyond tolerance"
    links = kept[name].copy()
    links[[0, 1]] = links[[1, 0]]
    verdict = compare(kept, made_up(sizes=sizes, replaced={name: links, f"{name}_drop" if "sample" in name else "attribution.link_drop": links[:, 2]}))
    assert verdict.reproduced
    assert f"choices between nearly equal numbers fell otherwise in {name}.pairs" in verdict.sentence


def test_arrays_that_are_gone_fail_and_new_ones_do_not() -> None:
    less, more = made_up(leave_out=["decoder.entropy", "decoder.induction_"]), made_up()
    assert [one.outcome for one in compare(more, less).failed if one.name == "decoder.entropy"] == ["not measured again"]
    verdict = compare(less, more)
    assert verdict.reproduced
    assert "decoder.entropy" in verdict.further


def test_another_text_and_other_versions_are_named() -> None:
    kept = made_up()
    ids = kept["token_ids"].copy()
    ids[3] += 1
    libraries = {**kept.metadata["libraries"], "torch": "9.9"}
    verdict = compare(kept, made_up(replaced={"token_ids": ids}, metadata={"libraries": libraries, "device": "cuda"}))
    assert "What the model read differs (token_ids), so that nothing else can be the same." in verdict.sentence
    assert [row[0] for row in verdict.circumstances] == ["device", "torch"]


@pytest.mark.parametrize("dtype", OF_GREATEST)
def test_the_tolerance_grows_with_the_numbers_and_with_the_rounding_of_the_type(dtype: str) -> None:
    assert tolerance(dtype, np.dtype(np.float32), 6.0) == pytest.approx(3 * tolerance(dtype, np.dtype(np.float32), 2.0))
    assert tolerance(dtype, np.dtype(np.float16), 1.0) > tolerance(dtype, np.dtype(np.float32), 1.0)


OPTIONS = {
    "paragraphs, aimed": MeasureOptions(level="paragraph", target="sentence:3", probes=False),
    "windows": MeasureOptions(window=24, stride=9, attribution="none", probes=False),
    "second text": MeasureOptions(pair=document(SECOND), attribution="none", probes=False),
    "continued": MeasureOptions(generate=7, attribution="none", probes=False),
    "second text, continued": MeasureOptions(pair=document(SECOND), generate=5, attribution="none", probes=False),
    "in little memory, shuffled": MeasureOptions(memory=4_000_000_000, control=True, attribution="none", probes=False),
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_what_was_asked_for_is_asked_for_again(options: MeasureOptions, model: LanguageModel) -> None:
    kept = measure(document(), model, options=options)
    again = measure_again(kept, model)
    assert compare(kept, again).reproduced
    assert compare(kept, again).further == ()
    assert again.text == kept.text
    unsaid = {"sentences": None}  # the sentences are then given
    assert {**again.metadata["options"], **unsaid} == {**kept.metadata["options"], **unsaid}


def test_a_text_that_is_not_the_one_measured_and_an_old_file_are_refused(measured: Measurements, model: LanguageModel) -> None:
    with pytest.raises(MeasurementsError, match="is not the one that was measured"):
        measure_again(replace(measured, text=measured.text.replace("gulls", "goats")), model)
    old = {name: value for name, value in measured.metadata.items() if name not in ("block_spans", "block_levels")}
    with pytest.raises(MeasurementsError, match="does not say where the blocks"):
        measure_again(replace(measured, metadata=old), model)
    with pytest.raises(ModelError, match="give the model that was measured"):
        measure_again(replace(measured, metadata={**measured.metadata, "family": "llama"}), model)
