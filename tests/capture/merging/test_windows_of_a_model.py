"""A small model's document in windows: everything that is measured has a rule, is stored, loads, and makes a page."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from made_up import made_up
from tiny_folders import byte_level

sys.path.insert(0, str(Path(__file__).parent.parent))
from tiny import tiny_gpt2

from reportgen.archive import Spool, StoredArrays
from reportgen.capture.forward import measure_forward
from reportgen.capture.layout import layout_of
from reportgen.capture.merging import MergedNumbers, WindowNumbers, merge, text_weights
from reportgen.documents import document_from_text
from reportgen.measurements import Measurements
from reportgen.render import render_report
from reportgen.report import build_report
from reportgen.sentences import split_sentences
from reportgen.windows import WindowedText, tokenise_windows

TEXT = " ".join(f"The harbour number {index} slept at dawn{' and waited' * (index % 3)}." for index in range(1, 14))
NONE = np.zeros(0, np.int64)


@pytest.fixture(scope="module")
def tokenizer():
    return byte_level()


@pytest.fixture(scope="module")
def text(tokenizer) -> WindowedText:
    document = document_from_text(TEXT)
    return tokenise_windows(document, split_sentences(document), tokenizer, 120)


@pytest.fixture(scope="module")
def measured(text: WindowedText, tokenizer) -> list[dict[str, np.ndarray]]:
    model = tiny_gpt2(vocab_size=len(tokenizer))
    return [measure_forward(model, layout_of(part, NONE), lambda stage, share: None).arrays for part in text.parts]


def windows(text: WindowedText, measured: list[dict[str, np.ndarray]]) -> Iterator[WindowNumbers]:
    for window, part, places, counted, arrays in zip(text.windows, text.parts, text.places, text.counted, measured, strict=True):
        queries = int((counted & (part.sentence_of_token >= 0)).sum())
        yield WindowNumbers(window=window, arrays=arrays, queries=queries, weights=text_weights(part, counted), places=places, counted=counted)


@pytest.fixture(scope="module")
def merged(text: WindowedText, measured: list[dict[str, np.ndarray]]) -> MergedNumbers:
    return merge(windows(text, measured), stack="decoder", sentences=len(text.whole.sentences), tokens=len(text.whole.ids))


def test_everything_that_a_window_gives_is_merged(text: WindowedText, measured: list[dict[str, np.ndarray]], merged: MergedNumbers) -> None:
    assert len(text.windows) > 2
    assert set(merged.arrays) == set(measured[0])


def test_rows_of_each_sentence_in_its_own_window_are_the_windows(text: WindowedText, measured: list[dict[str, np.ndarray]], merged: MergedNumbers) -> None:
    for window, arrays in zip(text.windows, measured, strict=True):
        own, inside = slice(window.own, window.last), slice(window.first, window.last)
        old = window.own - window.first
        for name in ("sentence_attention", "isa", "rollout_by_layer", "sentence_expected"):
            np.testing.assert_array_equal(merged.arrays[name][..., own, inside], arrays[name][..., old:, :], err_msg=name)
        shares = np.nansum(merged.arrays["sentence_attention"][:, :, own], -1) + merged.arrays["outside_attention"][:, :, own]
        np.testing.assert_allclose(shares, 1, atol=1e-5)


def test_links_of_the_document_lead_back_from_each_token_to_itself_or_before(merged: MergedNumbers) -> None:
    keys = merged.arrays["token_links"]["key"]
    assert (keys <= np.arange(len(keys))[:, None]).all()
    assert (keys[:, 0] >= 0).all()


def test_the_file_holds_every_window_and_the_page_is_made(
    tmp_path: Path, text: WindowedText, measured: list[dict[str, np.ndarray]], merged: MergedNumbers
) -> None:
    document = document_from_text(TEXT)
    spool = Spool(tmp_path)
    for index, arrays in enumerate(measured):
        for name, values in {**text.stored(index), **{f"window{index}/decoder.{name}": values for name, values in arrays.items()}}.items():
            spool.add(name, values)
    whole = {
        "sentence_spans": np.array([(sentence.start, sentence.end) for sentence in text.whole.sentences], np.int32),
        "sentence_blocks": np.array([sentence.block for sentence in text.whole.sentences], np.int32),
        "token_ids": text.whole.ids,
        "token_spans": text.whole.spans,
        "token_sentences": text.whole.sentence_of_token,
        **{f"decoder.{name}": values for name, values in merged.arrays.items()},
    }
    layers, heads = merged.arrays["entropy"].shape
    metadata = {name: value for name, value in made_up().metadata.items() if name != "target"}
    metadata |= {"layers": layers, "heads": heads, "windows": text.metadata, "notices": [*text.whole.notices, *merged.notices]}
    Measurements(arrays=spool.finish(whole), metadata=metadata, text=document.text).save(tmp_path / "x.npz")
    loaded = Measurements.load(tmp_path / "x.npz")
    assert isinstance(loaded.arrays, StoredArrays)
    for window, planned, arrays in zip(loaded.windows, text.windows, measured, strict=True):
        assert (window.first, window.last) == (planned.first, planned.last)
        np.testing.assert_array_equal(window.arrays["decoder.sentence_attention"], arrays["sentence_attention"])
    report = build_report(loaded)
    assert report.notices[:2] == tuple(metadata["notices"])
    assert "overlapping windows" in render_report(report)
