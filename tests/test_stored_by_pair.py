"""Matrices of which only the pairs are stored that some window holds: the same matrices, report and refusals; and what a page shows of many sentences."""

from __future__ import annotations

import dataclasses
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import HEADS, LAYERS, SENTENCES, made_up
from pages.elements import read_page
from test_windowed_measurements import in_windows

from reportgen.analyses import sentence_matrix
from reportgen.analyses.sentence_matrix import Shown
from reportgen.archive import PAIRS, Spool, StoredArrays
from reportgen.contract import spec_of
from reportgen.errors import MeasurementsError
from reportgen.measurements import Measurements
from reportgen.render import render_report
from reportgen.report import build_report
from reportgen.report_data import plain
from reportgen.sentence_pairs import SentencePairs

NAN = np.nan


def is_between_sentences(name: str) -> bool:
    return not name.startswith("window") and spec_of(name).axes[-2:] == ("query_sentence", "key_sentence")


def by_pair(**replaced: np.ndarray) -> Measurements:
    """The document in two windows, with each matrix stored by pair."""
    whole = in_windows()
    queries, keys = np.nonzero(whole["*.coverage"])
    arrays = {name: values for name, values in whole.arrays.items() if not is_between_sentences(name)}
    arrays |= {PAIRS + name: values[..., queries, keys] for name, values in whole.arrays.items() if is_between_sentences(name)}
    arrays |= {f"{PAIRS}sentences": np.stack([queries, keys], 1).astype(np.int32), **replaced}
    return Measurements(arrays=arrays, metadata=whole.metadata, text=whole.text)


def test_matrices_are_whole_again_when_they_are_asked_for(tmp_path: Path) -> None:
    by_pair().save(tmp_path / "x.npz")
    for measurements in (by_pair(), Measurements.load(tmp_path / "x.npz")):
        assert measurements.stack == "decoder"
        for name, values in in_windows().arrays.items():
            assert name in measurements
            assert measurements[name].dtype == values.dtype, name
            np.testing.assert_array_equal(measurements[name], values, err_msg=name)
        assert measurements["*.isa"].shape == (SENTENCES, SENTENCES)
        assert "*.entropy" in measurements
        assert "*.surprise" not in measurements


def test_numpy_reads_them_in_one_line(tmp_path: Path) -> None:
    by_pair().save(tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz", allow_pickle=False) as stored:
        found = np.full((SENTENCES, SENTENCES), NAN, np.float32)
        found[tuple(stored["pairs/sentences"].T)] = stored["pairs/decoder.isa"]
    np.testing.assert_array_equal(found, in_windows()["*.isa"])


def test_a_layer_at_a_time_is_the_array(tmp_path: Path) -> None:
    by_pair().save(tmp_path / "x.npz")
    loaded = Measurements.load(tmp_path / "x.npz")
    assert isinstance(loaded.arrays, StoredArrays)
    for measurements in (by_pair(), loaded, in_windows()):
        for name in ("*.isa_by_layer", "*.sentence_attention"):
            layers = list(measurements.by_pair.layers(name))
            assert len(layers) == LAYERS
            whole = measurements.by_pair.pairs.matrix(np.stack(layers))
            np.testing.assert_array_equal(whole, in_windows()[name])
        assert measurements.by_pair.dtype("*.sentence_attention") == np.float32


def test_a_layer_of_many_is_read_without_the_others(tmp_path: Path) -> None:
    big = np.broadcast_to(np.arange(16, dtype=np.float32)[:, None], (16, 1 << 20))
    spool = Spool(tmp_path)
    spool.add("pairs/decoder.isa_by_layer", big)
    on_disk = spool.finish({})
    tracemalloc.start()
    assert [float(layer[-1]) for layer in on_disk.layers("pairs/decoder.isa_by_layer")] == list(range(16))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 24 << 20  # all layers have 67 MB


def test_the_report_of_pairs_is_the_report_of_whole_matrices() -> None:
    whole, found = (plain(dataclasses.asdict(build_report(measurements))) for measurements in (in_windows(), by_pair()))
    assert found == whole
    one, other = (render_report(build_report(measurements), lambda specs: {}) for measurements in (by_pair(), in_windows()))
    assert one == other


@pytest.mark.parametrize(
    ("replaced", "said"),
    [
        ({"pairs/sentences": np.zeros((17, 2), np.int32)}, "not pairs of its 5 sentences in reading order"),
        ({"pairs/sentences": np.full((17, 2), 5, np.int32)}, "not pairs of its 5 sentences in reading order"),
        ({"pairs/sentences": np.zeros((16, 2), np.int32)}, "pairs/.* has 1[67] along pair where other arrays have 1[67]"),
        ({"pairs/decoder.isa": np.zeros((17, 1), np.float32)}, "pairs/decoder.isa is 2-dimensional float32; expected pair of float32"),
        ({"pairs/decoder.isa": np.zeros(17, np.int32)}, "pairs/decoder.isa is 1-dimensional int32"),
        ({"pairs/decoder.isa_by_layer": np.zeros((LAYERS + 1, 17), np.float32)}, f"has {LAYERS + 1} along layer|has {LAYERS} along layer"),
        ({"pairs/decoder.entropy": np.zeros((LAYERS, HEADS), np.float32)}, "holds pairs/decoder.entropy, which format 1 does not know"),
        ({"pairs/window0/decoder.isa": np.zeros(17, np.float32)}, "holds pairs/window0/decoder.isa, which format 1 does not know"),
        ({"pairs/pairs/decoder.isa": np.zeros(17, np.float32)}, "holds pairs/pairs/decoder.isa, which format 1 does not know"),
    ],
)
def test_pairs_that_break_the_contract_are_refused(replaced: dict[str, np.ndarray], said: str) -> None:
    with pytest.raises(MeasurementsError, match=said):
        by_pair(**replaced)


def test_pairs_that_are_not_listed_are_refused() -> None:
    whole = by_pair()
    arrays = {name: values for name, values in whole.arrays.items() if name != "pairs/sentences"}
    with pytest.raises(MeasurementsError, match="and no pairs/sentences"):
        Measurements(arrays=arrays, metadata=whole.metadata, text=whole.text)


def test_a_whole_array_that_no_memory_holds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reportgen.sentence_pairs.WHOLE_AT_MOST", 99)
    with pytest.raises(MeasurementsError, match="take it by pair, from pairs/decoder.isa"):
        by_pair()["*.isa"]


# Groups of sentences

BY_HAND = np.array([[1, 2, 9, 9, NAN], [3, 4, 9, 9, NAN], [5, 6, 7, 9, 9], [NAN, 8, 10, 11, 9], [NAN, NAN, 12, 13, 14]], np.float32)


def shown(causal: bool, group: int = 2) -> np.ndarray:
    return Shown(pairs=SentencePairs.every(5), group=group, causal=causal).matrix(BY_HAND.ravel())


def test_a_cell_is_the_mean_over_the_pairs_of_its_groups_that_were_read_together() -> None:
    expected = [[(1 + 2 + 3 + 4) / 4, 9, NAN], [(5 + 6 + 8) / 3, (7 + 9 + 10 + 11) / 4, 9], [NAN, (12 + 13) / 2, 14]]
    np.testing.assert_allclose(shown(causal=False), np.array(expected, np.float32))


def test_in_a_causal_model_a_cell_leaves_out_what_comes_later() -> None:
    expected = [[(1 + 3 + 4) / 3, NAN, NAN], [(5 + 6 + 8) / 3, (7 + 10 + 11) / 3, NAN], [NAN, (12 + 13) / 2, 14]]
    np.testing.assert_allclose(shown(causal=True), np.array(expected, np.float32))


def test_one_sentence_a_row_is_the_matrix_as_it_is() -> None:
    np.testing.assert_array_equal(shown(causal=True, group=1), BY_HAND)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), sentences=st.integers(1, 13), group=st.integers(2, 7))
def test_groups_are_means_over_cells_that_have_a_value(seed: int, sentences: int, group: int) -> None:
    values = np.random.default_rng(seed).random((sentences, sentences), np.float32)
    values[np.random.default_rng(seed + 1).random(values.shape) < 0.6] = NAN
    found = SentencePairs.every(sentences).pooled(values.ravel(), group)
    for row in range(-(-sentences // group)):
        for column in range(-(-sentences // group)):
            cells = values[row * group : (row + 1) * group, column * group : (column + 1) * group]
            np.testing.assert_allclose(found[row, column], NAN if np.isnan(cells).all() else np.nanmean(cells), rtol=1e-6)


@pytest.fixture
def in_groups(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Pages that show at most three rows: five sentences in groups of two."""
    monkeypatch.setattr(sentence_matrix, "SHOWN_AT_MOST", 3)
    return build_report


def test_many_sentences_are_shown_in_groups_and_a_notice_says_so(in_groups: Any) -> None:
    measurements = made_up()
    report, whole = in_groups(measurements), sentence_matrix.analyse(measurements)
    result = report.sections[0].result
    assert (result.group, result.layer_group, len(result.attention), result.expected.shape) == (2, 2, LAYERS + 1, (3, 3))
    assert {matrix.shape for matrix in result.attention} == {(3, 3)}
    assert len(result.sentences) == SENTENCES
    assert report.notices[-1].startswith("The matrix on this page shows groups of 2 consecutive sentences, because the document has 5")
    share = measurements["*.sentence_attention"].mean((0, 1))
    np.testing.assert_allclose(result.attention[0][1, 0], share[2:4, :2].mean(), rtol=1e-5)
    np.testing.assert_allclose(result.attention[0][1, 1], (share[2, 2] + share[3, 2] + share[3, 3]) / 3, rtol=1e-5)
    assert result.opening == whole.opening
    assert result.averages == whole.averages


def test_the_page_of_groups_says_what_its_rows_are(in_groups: Any) -> None:
    page = render_report(in_groups(in_windows()), lambda specs: {})
    assert "Each row and each column stands for <span></span> consecutive sentences" in page
    data = read_page(page).data("workspace-data")
    assert (data["group"], data["layer_group"]) == (2, 2)
