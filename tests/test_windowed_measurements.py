"""Measurements of a document that was read in windows: on disk window by window, whole when read, checked like all others."""

from __future__ import annotations

import json
import tracemalloc
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up import HEADS, LAYERS, SENTENCES, TOKENS, made_up
from test_files import fill_disk, names_in
from test_measurements import assert_same

from reportgen.archive import Spool, StoredArrays, described, writing
from reportgen.contract import spec_of
from reportgen.errors import MeasurementsError, OutputError
from reportgen.measurements import Measurements
from reportgen.report import build_report

WINDOWS = ((0, 3), (2, 5))
# Tokens 0 to 12 are of sentences 0 to 2 (and the break after the second), 9 to 22 of sentences 2 to 4.
TOKENS_OF_WINDOW = (slice(0, 13), slice(9, 23))


def window_arrays(index: int) -> dict[str, np.ndarray]:
    """What a window gives: the document's own arrays cut to its sentences and tokens, raised by its number."""
    (first, last), tokens, whole = WINDOWS[index], TOKENS_OF_WINDOW[index], made_up()
    found = {"sentences": np.array([first, last], np.int32)}
    for key, values in whole.arrays.items():
        if key.startswith(("decoder.", "token_")) and "probe" not in key:
            cut = [{"sentence": slice(first, last), "token": tokens}.get(axis.split("_")[-1], slice(None)) for axis in spec_of(key).axes]
            found[key] = values[tuple(cut)].copy()
    members = found["token_sentences"]
    found["token_sentences"] = np.where(members < 0, -1, members - first).astype(np.int32)
    found["decoder.isa"] += np.float32(index)
    return {f"window{index}/{name}": values for name, values in found.items()}


def in_windows(replaced: Mapping[str, np.ndarray] | None = None, drop: tuple[str, ...] = (), **metadata: Any) -> Measurements:
    whole = made_up()
    coverage = np.zeros((SENTENCES, SENTENCES), np.int32)
    for first, last in WINDOWS:
        coverage[first:last, first:last] += 1
    document = dict(whole.arrays) | {"decoder.coverage": coverage}
    for key, values in document.items():
        if values.dtype.kind == "f" and {"query_sentence", "key_sentence"} <= set(spec_of(key).axes):
            document[key] = np.where(coverage > 0, values, np.nan).astype(values.dtype)
        elif key.startswith("attribution.") and spec_of(key).axes == ("sentence",):
            document[key] = np.where(np.arange(SENTENCES) >= WINDOWS[-1][0], values, np.nan).astype(values.dtype)
    arrays = {**window_arrays(0), **window_arrays(1), **document, **(replaced or {})}
    kept = {key: values for key, values in arrays.items() if not key.startswith(drop)} if drop else arrays
    entries = {"windows": [{"sentences": list(window)} for window in WINDOWS], **metadata}
    return Measurements(arrays=kept, metadata={**whole.metadata, **entries}, text=whole.text)


def test_each_window_has_its_arrays_by_the_names_they_have_without_windows() -> None:
    first, second = in_windows().windows
    assert (first.first, first.last, second.first, second.last) == (0, 3, 2, 5)
    assert set(first.arrays) == {name.removeprefix("window0/") for name in window_arrays(0)}
    assert len(second.arrays) == len(first.arrays)
    np.testing.assert_array_equal(second.arrays["decoder.isa"], made_up()["*.isa"][2:, 2:] + np.float32(1))
    np.testing.assert_array_equal(second.arrays["token_sentences"], [0] * 4 + [1] * 7 + [2] * 3)
    assert made_up().windows == ()
    assert in_windows().first_read.tolist() == [0, 0, 0, 2, 2]
    assert made_up().first_read is None


def test_saving_and_loading_changes_nothing_and_windows_stay_on_disk(tmp_path: Path) -> None:
    before = in_windows()
    before.save(tmp_path / "x.npz")
    loaded = Measurements.load(tmp_path / "x.npz")
    assert_same(before, loaded)
    assert isinstance(loaded.arrays, StoredArrays)
    assert set(loaded.arrays.held) == set(made_up().arrays)
    with pytest.raises(ValueError, match="read-only"):
        loaded.windows[1].arrays["decoder.isa"][...] = 0
    with pytest.raises(ValueError, match="read-only"):
        loaded["*.isa"][...] = 0


def test_a_file_written_part_by_part_is_the_one_that_is_saved_at_once(tmp_path: Path) -> None:
    whole = in_windows()
    whole.save(tmp_path / "at-once.npz")
    with writing(tmp_path / "by-part.npz") as writer:
        for name, values in whole.arrays.items():
            writer.add(name, values)
        writer.finish(whole.metadata, whole.text)
    assert (tmp_path / "by-part.npz").read_bytes() == (tmp_path / "at-once.npz").read_bytes()
    assert_same(Measurements.load(tmp_path / "by-part.npz"), whole)


def test_the_file_is_one_that_numpy_reads(tmp_path: Path) -> None:
    whole = in_windows()
    whole.save(tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz", allow_pickle=False) as stored:
        assert set(stored.files) == {"metadata", "text", *whole.arrays}
        np.testing.assert_array_equal(stored["window1/decoder.isa"], whole["window1/decoder.isa"])
        assert json.loads(str(stored["metadata"])) == whole.metadata


def test_a_loaded_file_can_be_saved_over_itself(tmp_path: Path) -> None:
    in_windows().save(tmp_path / "x.npz")
    before = (tmp_path / "x.npz").read_bytes()
    loaded = Measurements.load(tmp_path / "x.npz")
    loaded.save(tmp_path / "x.npz")
    assert (tmp_path / "x.npz").read_bytes() == before
    made_up().save(tmp_path / "x.npz")
    assert_same(loaded, in_windows())  # what was loaded is still there


def test_a_spool_holds_windows_on_disk_and_leaves_nothing(tmp_path: Path) -> None:
    whole = in_windows()
    spool = Spool(tmp_path)
    for name, values in {**window_arrays(0), **window_arrays(1)}.items():
        spool.add(name, values)
    document = {name: values for name, values in whole.arrays.items() if not name.startswith("window")}
    measurements = Measurements(arrays=spool.finish(document), metadata=whole.metadata, text=whole.text)
    assert_same(measurements, whole)
    measurements.save(tmp_path / "from-spool.npz")
    whole.save(tmp_path / "at-once.npz")
    assert (tmp_path / "from-spool.npz").read_bytes() == (tmp_path / "at-once.npz").read_bytes()
    del measurements, spool
    assert names_in(tmp_path) == ["at-once.npz", "from-spool.npz"]


def test_a_spool_that_is_discarded_leaves_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.add("window0/sentences", np.array([0, 3], np.int32))
    spool.discard()
    assert names_in(tmp_path) == []


def test_a_spool_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="Cannot write .*nowhere: No such file or directory"):
        Spool(tmp_path / "nowhere")


def write_and_fail(path: Path, error: type[BaseException] | None) -> None:
    with writing(path) as writer:
        writer.add("window0/decoder.isa", np.zeros((3, 3), np.float32))
        if error is not None:
            raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, SystemExit])
def test_an_interruption_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "x.npz").write_bytes(b"old")
    with pytest.raises(error):
        write_and_fail(tmp_path / "x.npz", error)
    assert (tmp_path / "x.npz").read_bytes() == b"old"
    assert names_in(tmp_path) == ["x.npz"]


def test_a_file_without_its_end_is_never_left_behind(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not finished"):
        write_and_fail(tmp_path / "x.npz", None)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("room", [0, 5_000, 20_000])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    (tmp_path / "x.npz").write_bytes(b"old")
    fill_disk(monkeypatch, room)
    with pytest.raises(OutputError, match=r"Cannot write .*x\.npz: No space left on device\."):
        in_windows().save(tmp_path / "x.npz")
    assert (tmp_path / "x.npz").read_bytes() == b"old"
    assert names_in(tmp_path) == ["x.npz"]


def test_an_array_is_written_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.add("window0/decoder.isa", np.zeros((3, 3), np.float32))
    with pytest.raises(ValueError, match="window0/decoder.isa is written twice"):
        spool.add("window0/decoder.isa", np.zeros((3, 3), np.float32))


def test_loading_reads_windows_only_when_asked(tmp_path: Path) -> None:
    whole, cells = in_windows(), 1 << 20
    values = np.repeat(np.random.default_rng(0).integers(0, 9, cells >> 6), 1 << 6).astype(np.float32)  # all zeros would unpack as a zip bomb does
    with writing(tmp_path / "x.npz") as writer:
        for index in range(40):
            writer.add(f"window{index}/decoder.isa", values)
        writer.finish(whole.metadata, whole.text)
    tracemalloc.start()
    stored = StoredArrays(tmp_path / "x.npz")
    for name, shape, dtype in described(stored):
        assert shape == (cells,) or not name.startswith("window")
        assert dtype.kind in "fU"
    assert sum(float(stored[f"window{index}/decoder.isa"].sum()) for index in range(40)) == 40 * float(values.sum())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 << 20  # all windows have 168 MB


# What is not as it should be


@pytest.mark.parametrize(
    ("replaced", "said"),
    [
        ({"window1/decoder.isa": np.zeros((4, 4), np.float32)}, "has 4 along query_sentence where other arrays have 3|has 3 along"),
        ({"window1/decoder.isa": np.zeros((3, 3), np.int32)}, "window1/decoder.isa is 2-dimensional int32"),
        ({"window1/decoder.entropy": np.zeros((LAYERS, HEADS + 1), np.float32)}, "has 8 along head where other arrays have 7|has 7 along head"),
        ({"window1/decoder.surprise": np.zeros((LAYERS, HEADS), np.float32)}, "holds window1/decoder.surprise, which format 1 does not know"),
        ({"window1/attribution.gradient": np.zeros(3, np.float32)}, "holds window1/attribution.gradient"),
        ({"window1/sentence_spans": np.zeros((3, 2), np.int32)}, "holds window1/sentence_spans"),
        ({"window2/decoder.isa": np.zeros((3, 3), np.float32)}, "lists 2 windows, its arrays are of 3"),
        ({"window1/token_sentences": np.zeros(14, np.int32)}, "under window1/ .* are not of its 3 sentences"),
        ({"window1/token_spans": np.full((14, 2), 999, np.int32)}, "token spans under window1/"),
        ({"window1/sentences": np.array([3, 5], np.int32)}, "are not of its 2 sentences"),
        ({"window1/sentences": np.array([2, 4], np.int32)}, "do not cover its 5 sentences"),
        ({"window1/sentences": np.array([4, 5], np.int32)}, "do not cover its 5 sentences"),
        ({"window1/sentences": np.array([0, 5], np.int32)}, "do not cover its 5 sentences"),
        ({"window0/sentences": np.array([1, 4], np.int32)}, "do not cover its 5 sentences"),
        ({"window1/sentences": np.array([2, 5, 6], np.int32)}, "has 2 along span where other arrays have 3"),
        ({"windowed": np.zeros(3, np.int32)}, "holds windowed"),
    ],
)
def test_windows_that_break_the_contract_are_refused(replaced: Mapping[str, np.ndarray], said: str) -> None:
    with pytest.raises(MeasurementsError, match=said):
        in_windows(replaced)


def test_windows_that_the_metadata_does_not_list_or_that_are_missing_are_refused() -> None:
    with pytest.raises(MeasurementsError, match="lists 0 windows, its arrays are of 2"):
        in_windows(windows=[])
    with pytest.raises(MeasurementsError, match="lists 3 windows, its arrays are of 2"):
        in_windows(windows=[{}, {}, {}])
    with pytest.raises(MeasurementsError, match=r"window1/token_ids missing"):
        in_windows(drop=("window1/token_ids",))


def test_damage_within_a_window_is_refused_when_it_is_read(tmp_path: Path) -> None:
    whole, noise = in_windows(), np.random.default_rng(0).random(1 << 17, np.float32)
    with writing(tmp_path / "x.npz") as writer:
        writer.add("window0/decoder.isa", noise)
        writer.finish(whole.metadata, whole.text)
    data = bytearray((tmp_path / "x.npz").read_bytes())
    data[len(data) // 2] ^= 8
    (tmp_path / "x.npz").write_bytes(data)
    stored = StoredArrays(tmp_path / "x.npz")
    with pytest.raises(MeasurementsError, match="x.npz is damaged"):
        stored["window0/decoder.isa"]


def test_saving_from_a_damaged_file_leaves_nothing(tmp_path: Path) -> None:
    whole = in_windows()
    whole.save(tmp_path / "x.npz")
    loaded = Measurements.load(tmp_path / "x.npz")
    with zipfile.ZipFile(tmp_path / "x.npz") as archive:
        info = archive.getinfo("window1/decoder.sentence_attention.npy")
    with (tmp_path / "x.npz").open("r+b") as file:
        file.seek(info.header_offset + info.compress_size // 2)
        file.write(bytes(40))
    with pytest.raises(MeasurementsError, match="x.npz is damaged"):
        loaded.save(tmp_path / "y.npz")
    assert names_in(tmp_path) == ["x.npz"]


# Matrices of the document that are not stored


def test_without_attention_by_head_the_mean_over_heads_stands_in() -> None:
    per_head = in_windows()["*.sentence_attention"]
    by_layer = in_windows({"decoder.sentence_attention_by_layer": per_head.mean(1)})
    kept = {key: values for key, values in by_layer.arrays.items() if key != "decoder.sentence_attention"}
    measurements = Measurements(arrays=kept, metadata=by_layer.metadata, text=by_layer.text)
    assert measurements.stack == "decoder"
    report, whole = build_report(measurements), build_report(in_windows())
    assert [section.name for section in report.sections] == [section.name for section in whole.sections if section.name != "head_matrices"]
    np.testing.assert_array_equal(report.sections[0].result.attention, whole.sections[0].result.attention)
    assert ("Storage", "float32; sentence attention by head for each window only") in report.provenance.rows
    (left_out,) = report.notices
    assert left_out.endswith("(sentence_attention).")


def test_without_any_matrix_of_the_document_the_report_says_what_it_leaves_out() -> None:
    matrices = ("decoder.sentence_attention", "decoder.isa", "decoder.rollout", "decoder.sentence_expected")
    measurements = in_windows(drop=matrices)
    assert measurements.stack == "decoder"
    report = build_report(measurements)
    names = [section.name for section in report.sections]
    assert names == [
        "head_roles",
        "head_redundancy",
        "layer_progression",
        "layer_claims",
        "decay",
        "sinks",
        "attribution_agreement",
        "faithfulness",
        "head_agreement",
    ]
    assert len(report.notices) == 9
    assert "sentence_attention or sentence_attention_by_layer" in report.notices[0]


def test_windows_of_single_sentences_have_no_links_and_the_report_says_so() -> None:
    arrays = dict(in_windows().arrays)
    for key, values in arrays.items():
        if not key.startswith("window") and values.dtype.kind == "f" and {"query_sentence", "key_sentence"} <= set(spec_of(key).axes):
            arrays[key] = np.where(np.eye(SENTENCES, dtype=bool), values, np.nan).astype(values.dtype)
    report = build_report(Measurements(arrays=arrays, metadata=in_windows().metadata, text=made_up().text))
    assert report.sections[0].finding.startswith("Sentences are too long for the model")
    assert all("nan" not in section.finding for section in report.sections)


def test_the_report_of_windows_has_nan_where_no_window_saw_a_pair() -> None:
    report = build_report(in_windows())
    matrix = report.sections[0].result
    assert np.isnan(matrix.attention[0][[3, 4, 0], [0, 1, 4]]).all()
    assert matrix.causal
    assert report.sections[0].finding.startswith("On average one of the 2 sentences read together with the first gives ")
    assert dict(report.provenance.rows)["Read"].endswith(f"{TOKENS} tokens, {SENTENCES} sentences, 2 passes")
    agreement = next(section for section in report.sections if section.name == "attribution_agreement").result
    assert agreement.sentences == (2, 3)  # those that the target's window reads
