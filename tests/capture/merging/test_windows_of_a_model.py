"""A small model's document in windows, from text to page: every query counts once, every pair comes from the right window, and it is all in the file."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_folders import byte_level

sys.path.insert(0, str(Path(__file__).parent.parent))
from reference import Reference
from tiny import reference_of, tiny_gpt2

from reportgen.archive import StoredArrays
from reportgen.capture import MeasureOptions, measure
from reportgen.capture.attribution import integrated
from reportgen.capture.feeding import Feed
from reportgen.capture.knockout import measure_link_effects
from reportgen.capture.layout import layout_of
from reportgen.capture.merging import Merging
from reportgen.documents import document_from_text
from reportgen.errors import DocumentError, ModelError
from reportgen.measurements import Measurements
from reportgen.models import given_model
from reportgen.render import render_report
from reportgen.report import build_report
from reportgen.sentences import split_sentences
from reportgen.windows import WindowedText, tokenise_windows

TEXT = " ".join(f"The harbour number {index} slept at dawn{' and waited' * (index % 3)}." for index in range(1, 14))
POSITIONS = 120


@pytest.fixture(scope="module")
def model():
    return tiny_gpt2(vocab_size=len(byte_level()), n_positions=POSITIONS)


@pytest.fixture(scope="module")
def measured(model) -> Measurements:
    return measure(document_from_text(TEXT), model, byte_level())


@pytest.fixture(scope="module")
def windows() -> WindowedText:
    document = document_from_text(TEXT)
    return tokenise_windows(document, split_sentences(document), byte_level(), POSITIONS)


@pytest.fixture(scope="module")
def references(model, windows: WindowedText) -> list[Reference]:
    """The plain formulas over the model's own eager attention in each window, all its queries."""
    return [reference_of(model, layout_of(part, np.array([], np.int64))) for part in windows.parts]


def own_queries(windows: WindowedText, index: int) -> np.ndarray:
    """Tokens of the sentences that no earlier window holds."""
    window, members = windows.windows[index], windows.parts[index].sentence_of_token
    return np.flatnonzero(members >= window.own - window.first)


def over_all_queries(windows: WindowedText, values: list[np.ndarray], least: int = 0) -> np.ndarray:
    """The mean of layer x head x query arrays over every sentence query of the document, each in its own window."""
    taken = [rows[:, :, (mine := own_queries(windows, index))[mine >= least]] for index, rows in enumerate(values)]
    return np.concatenate(taken, axis=2).mean(2)


def test_a_document_longer_than_the_model_is_read_in_overlapping_windows(measured: Measurements, windows: WindowedText) -> None:
    assert len(windows.windows) > 2
    assert measured.metadata["windows"] == windows.metadata
    assert len(measured.sentences) == 13
    assert measured.metadata["options"]["sentence_attention_dtype"] == measured["*.sentence_attention"].dtype.name
    assert f"read in {len(windows.windows)} overlapping windows" in measured.notices[0]
    assert max(len(part.ids) for part in windows.parts) <= POSITIONS


def test_every_query_counts_once_in_the_numbers_of_heads(measured: Measurements, windows: WindowedText, references: list[Reference]) -> None:
    left = [reference.without_sink() for reference in references]
    own = {
        "entropy": [reference.entropies(reference.p) for reference in references],
        "distance": [(reference.p * reference.gap).sum(-1) for reference in references],
        "within_sentence": [(reference.p * (reference.members[:, None] == reference.members[None])).sum(-1) for reference in references],
        "confidence": [reference.p.max(-1) for reference in references],
    }
    for name, values in own.items():
        np.testing.assert_allclose(measured[f"*.{name}"], over_all_queries(windows, values), rtol=1e-4, atol=2e-5, err_msg=name)
    first = [reference.p[..., 0] for reference in references]
    np.testing.assert_allclose(measured["*.first_token"], over_all_queries(windows, first, least=1), rtol=1e-4, atol=2e-5)
    rest = [np.nan_to_num((weights * reference.gap).sum(-1)) for weights, reference in zip(left, references, strict=True)]
    np.testing.assert_allclose(measured["*.distance_without_sink"], over_all_queries(windows, rest, least=1), rtol=1e-4, atol=2e-5)


def test_numbers_over_other_rows_are_exact_too(measured: Measurements, windows: WindowedText, references: list[Reference]) -> None:
    rows, received, seen = {}, np.zeros((3, len(windows.whole.ids))), np.zeros(len(windows.whole.ids))
    pairs, mass = np.zeros(8), np.zeros((3, 7, 8))
    flat: list[np.ndarray] = []
    for index, reference in enumerate(references):
        counted, places = windows.counted[index], windows.places[index]
        queries = own_queries(windows, index)
        np.add.at(received, (slice(None), places), reference.p.mean(1)[:, counted].sum(1))
        np.add.at(seen, places, np.tri(reference.tokens)[counted].sum(0))
        bins = np.searchsorted([0, 1, 2, 4, 8, 16, 32, 64], reference.gap, side="right") - 1
        for query in queries:
            np.add.at(pairs, bins[query, : query + 1], 1)
            np.add.at(mass, (slice(None), slice(None), bins[query, : query + 1]), reference.p[:, :, query, : query + 1])
        flat.append(reference.p[:, :, counted].reshape(3, 7, -1))
        rows[index] = len(queries)
    assert sum(rows.values()) == (windows.whole.sentence_of_token >= 0).sum()
    np.testing.assert_allclose(measured["*.token_influence_total"], received, rtol=1e-4, atol=2e-5)
    np.testing.assert_allclose(measured["*.token_influence"], received / seen, rtol=1e-4, atol=2e-5)
    np.testing.assert_allclose(measured["*.decay"], mass / pairs, rtol=1e-4, atol=2e-5)
    every = np.concatenate(flat, axis=2)
    unit = every / np.linalg.norm(every, axis=2, keepdims=True)
    np.testing.assert_allclose(measured["*.head_similarity"], unit @ unit.transpose(0, 2, 1), rtol=1e-4, atol=2e-5)


def test_pairs_come_from_the_window_that_gives_the_query_most_before_it(measured: Measurements, windows: WindowedText, references: list[Reference]) -> None:
    coverage = np.zeros((13, 13), int)
    for window, reference in zip(windows.windows, references, strict=True):
        own, inside, old = slice(window.own, window.last), slice(window.first, window.last), window.own - window.first
        coverage[inside, inside] += 1
        np.testing.assert_allclose(measured["*.sentence_attention"][:, :, own, inside], reference.sentence_attention()[:, :, old:], atol=2e-5)
        np.testing.assert_allclose(measured["*.isa"][own, inside], reference.isa_by_layer().max(0)[old:], atol=2e-5)
        shares = np.nansum(measured["*.sentence_attention"][:, :, own], -1) + measured["*.outside_attention"][:, :, own]
        np.testing.assert_allclose(shares, 1, atol=1e-5)
    np.testing.assert_array_equal(measured["*.coverage"], coverage)
    assert np.isnan(measured["*.sentence_attention"][:, :, coverage == 0]).all()


def test_the_target_is_of_the_last_window_and_says_nothing_of_what_that_does_not_hold(measured: Measurements, windows: WindowedText) -> None:
    last = windows.windows[-1]
    assert measured.metadata["target"]["sentence"] == 12
    assert f"sentence 13 ({int((windows.parts[-1].sentence_of_token == 12 - last.first).sum())} tokens)" in measured.metadata["target"]["description"]
    for name in ("gradient", "attention", "rollout", "relevance"):
        assert np.isnan(measured[f"attribution.{name}"][: last.first]).all()
        assert np.isfinite(measured[f"attribution.{name}"][last.first :]).all()
    assert np.isnan(measured["attribution.attention_by_head"][..., : last.first]).all()
    assert np.isfinite(measured["attribution.attention_by_head"][..., last.first :]).all()


def test_methods_by_token_lie_at_the_documents_tokens_of_the_last_window(measured: Measurements, windows: WindowedText) -> None:
    members, read = windows.whole.sentence_of_token, np.isin(np.arange(len(windows.whole.ids)), windows.places[-1])
    assert 0 < read.sum() < len(read)
    names = [name for name in measured.arrays if name.startswith("attribution.token_")]
    assert len(names) == 7
    for name in names:
        by_token, by_sentence = measured[name], measured[name.replace("token_", "")]
        assert np.array_equal(np.isfinite(by_token), read), name
        summed = [np.nansum(by_token[members == sentence]) for sentence in range(windows.windows[-1].first, 13)]
        np.testing.assert_allclose(summed, by_sentence[windows.windows[-1].first :], rtol=1e-4, atol=1e-6 * np.nansum(np.abs(by_token)), err_msg=name)


def test_what_many_passes_give_concerns_the_last_window(model, windows: WindowedText, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrated, "STEPS", (2,))
    found, last = measure(document_from_text(TEXT), model, byte_level(), options=MeasureOptions(attribution="full")), windows.windows[-1]
    for name in ("integrated_gradients", "ablation", "surrogate"):
        values = found[f"attribution.{name}"]
        assert np.flatnonzero(np.isfinite(values)).tolist() == list(range(last.first, 13 - (name != "integrated_gradients"))), name
    assert found["attribution.pair_rows"].tolist() == list(range(last.first, 13))
    assert found["attribution.pairs"].shape == (13 - last.first, 13)
    for row, sentence in zip(found["attribution.pairs"], found["attribution.pair_rows"], strict=True):
        assert np.flatnonzero(np.isfinite(row)).tolist() == list(range(last.first, sentence))
    assert f"the target's window alone, sentences {last.first + 1} to 13: input x gradient of pairs of sentences" in " ".join(found.notices)
    np.testing.assert_allclose(found["attribution.pairs"][-1, :12], found["attribution.input_x_gradient"][:12], rtol=1e-4, atol=1e-5)


def test_hidden_links_are_those_of_the_last_window_numbered_as_the_documents(model, measured: Measurements, windows: WindowedText) -> None:
    last, given = windows.windows[-1], Feed(source=layout_of(windows.parts[-1], np.array([], np.int64)))
    stored = measured["attribution.link_effect"]
    links = stored[:, :2].astype(np.int64)
    assert last.first == links.min()
    assert links.max() == last.last - 1
    found = measure_link_effects(given_model(model, byte_level()), given, links - last.first, lambda stage, share: None)
    np.testing.assert_allclose(stored[:, 2], found.effect, rtol=1e-4, atol=1e-6)
    assert any(f"the target's window alone, sentences {last.first + 1} to 13: the effect of hiding" in notice for notice in measured.notices)


def test_the_file_holds_every_window_and_the_page_is_made(tmp_path: Path, measured: Measurements, windows: WindowedText, references: list[Reference]) -> None:
    measured.save(tmp_path / "x.npz")
    loaded = Measurements.load(tmp_path / "x.npz")
    assert isinstance(loaded.arrays, StoredArrays)
    for window, planned, reference in zip(loaded.windows, windows.windows, references, strict=True):
        assert (window.first, window.last) == (planned.first, planned.last)
        np.testing.assert_allclose(window.arrays["decoder.sentence_attention"], reference.sentence_attention(), atol=2e-5)
    page = render_report(build_report(loaded), lambda specs: {})
    assert "overlapping windows" in page
    assert "What does each head do?" in page


def test_a_document_stored_by_pair_has_the_same_numbers(model, measured: Measurements, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reportgen.capture.windowed.Merging", functools.partial(Merging, whole=0))
    found = measure(document_from_text(TEXT), model, byte_level())
    between = [name for name, values in measured.arrays.items() if not name.startswith("window") and values.shape[-2:] == (13, 13)]
    assert "decoder.attention_x_gradient" in between
    assert not set(between) & set(found.arrays)
    for name in measured.arrays:
        np.testing.assert_array_equal(found[name], measured[name], err_msg=name)


def test_windows_can_be_asked_for_and_are_refused_beside_other_texts(model) -> None:
    document = document_from_text(TEXT)
    found = measure(document, model, byte_level(), options=MeasureOptions(window=60, stride=20, attribution="none"))
    assert max(window["tokens"] for window in found.metadata["windows"]) <= 60
    assert found.metadata["options"]["window"] == 60
    with pytest.raises(DocumentError, match="Windows are for a document by itself"):
        measure(document, model, byte_level(), options=MeasureOptions(window=60, generate=3))
    with pytest.raises(DocumentError, match="larger than the model"):
        measure(document, model, byte_level(), options=MeasureOptions(window=600))


def test_a_tokenizer_of_another_model_is_refused_in_windows_too() -> None:
    with pytest.raises(ModelError, match="they do not belong together"):
        measure(document_from_text(TEXT), tiny_gpt2(vocab_size=70, n_positions=POSITIONS), byte_level())
