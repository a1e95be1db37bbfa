"""From a document to measurements, on a tiny model and on the default one."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from tiny import tiny_gpt2, tiny_mistral, weights_of

from reportgen.capture import MeasureOptions, measure
from reportgen.capture.probes import PERIOD, measure_probes, probe_tokens
from reportgen.contract import CONTRACT, spec_of
from reportgen.documents import document_from_text
from reportgen.errors import DocumentError, ModelError
from reportgen.measurements import Measurements

TEXT = (
    "Jonas Lund left the harbour with Mary Dent. Dent saw that Lund had his coat and his hat. "
    "She gave Lund her lamp and he thanked her. Dent slept and Lund kept his watch."
)


@pytest.fixture(scope="module")
def small_measurements(default_model) -> Measurements:
    model = tiny_gpt2(vocab_size=len(default_model.tokenizer))
    return measure(document_from_text(TEXT), model, default_model.tokenizer, options=MeasureOptions(attribution="full", control=True))


def test_every_key_of_the_contract_is_written(small_measurements: Measurements) -> None:
    elsewhere = {"token_types"} | {key for key in CONTRACT if key.startswith(("*.next_token", "cross.", "target_", "*.syntax", "attribution.link_sample"))}
    written = {key if key in CONTRACT else key.replace("decoder.", "*.", 1) for key in small_measurements.arrays}
    assert written == set(CONTRACT) - elsewhere - {"*.sentence_attention_by_layer"}


def test_metadata_says_what_was_measured_with_what(small_measurements: Measurements) -> None:
    metadata = small_measurements.metadata
    assert metadata["family"] == "gpt2"
    assert metadata["revision"] == "given by the caller"
    assert metadata["target"]["sentence"] == 3
    assert metadata["target"]["value"] > 0
    assert metadata["target"]["unit"] == "nats"
    assert metadata["stacks"] == {"decoder": [3, 7]}
    assert metadata["options"]["attribution"] == "full"
    assert metadata["options"]["pair_rows"] == {"rows": 4, "rule": "all sentences up to 60, else 24 spread evenly"}
    assert set(metadata["target"]["integrated_gradients"]) == {"baseline", "steps", "completeness_error"}
    assert metadata["target"]["surrogate"] == {"passes": 8, "held_out": 2, "lds": None, "alpha": 0.01, "chance": None, "seed": 0}
    expected = (
        "Integrated gradients: with 128 steps",
        "Surrogate: how well",
        "Control run: ",
        "Not measured, because it takes a parser, which --syntax asks for",
    )
    assert all(notice.startswith(expected) for notice in metadata["notices"])
    assert metadata["mentions"] == {"decoder": {"names": 7, "pronouns": 7, "entities": 2, "later": 12, "without_antecedent": 0}}
    assert set(metadata["libraries"]) >= {"torch", "transformers", "numba", "numpy"}


def test_the_fast_attribution_is_the_default_and_says_what_it_leaves_out(default_model) -> None:
    model = tiny_gpt2(vocab_size=len(default_model.tokenizer))
    found = measure(document_from_text(TEXT), model, default_model.tokenizer, options=MeasureOptions(probes=False))
    assert found.metadata["options"]["attribution"] == "fast"
    assert "attribution.gradient" in found
    assert not {"attribution.integrated_gradients", "attribution.ablation", "attribution.pairs", "attribution.pair_rows"} & set(found.arrays)
    assert "which --attribution full asks for: integrated gradients, ablation, input x gradient of pairs" in " ".join(found.notices)


def test_another_attribution_is_refused() -> None:
    with pytest.raises(ValueError, match="'slow'; it can be none, fast, full"):
        MeasureOptions(attribution="slow")


def test_passes_that_are_asked_away_leave_no_keys_and_a_notice(default_model) -> None:
    model = tiny_gpt2(vocab_size=len(default_model.tokenizer))
    found = measure(document_from_text(TEXT), model, default_model.tokenizer, options=MeasureOptions(attribution="none", probes=False))
    assert not [key for key in found.arrays if "probe_" in key or key.startswith("attribution.")]
    assert len(found.notices) == 3
    assert "target" not in found.metadata


def test_a_document_longer_than_the_model_is_read_in_windows_with_a_notice(default_model) -> None:
    model = tiny_gpt2(vocab_size=len(default_model.tokenizer), n_positions=25)
    found = measure(document_from_text(TEXT), model, default_model.tokenizer, options=MeasureOptions(probes=False))
    assert len(found.sentences) == 4
    assert all(window["tokens"] <= 25 for window in found.metadata["windows"])
    assert "longer than a window of 25 tokens" in found.notices[0]


def test_what_was_said_in_reading_a_document_and_a_second_text_comes_first_in_the_notices(default_model) -> None:
    model = tiny_gpt2(vocab_size=len(default_model.tokenizer))
    document = replace(document_from_text(TEXT), notices=("Left out: 1 picture.",))
    pair = replace(document_from_text("He waved. She left.", source="b.docx"), notices=("Left out: 2 comments.",))
    found = measure(document, model, default_model.tokenizer, options=MeasureOptions(attribution="none", probes=False, pair=pair))
    assert found.notices[:2] == ("Left out: 1 picture.", "b.docx: Left out: 2 comments.")
    short = tiny_gpt2(vocab_size=len(default_model.tokenizer), n_positions=25)
    windowed = measure(document, short, default_model.tokenizer, options=MeasureOptions(attribution="none", probes=False))
    assert windowed.notices[0] == "Left out: 1 picture."
    assert "window of 25 tokens" in windowed.notices[1]


def test_a_document_too_long_for_what_the_model_is_to_write_as_well_is_cut_with_a_notice(default_model) -> None:
    model = tiny_gpt2(vocab_size=len(default_model.tokenizer), n_positions=30)
    found = measure(document_from_text(TEXT), model, default_model.tokenizer, options=MeasureOptions(probes=False, generate=5))
    assert len(found["token_ids"]) <= 30
    assert "longer than the model" in found.notices[0]


def test_one_sentence_is_refused(default_model) -> None:
    with pytest.raises(DocumentError, match="at least two"):
        measure(document_from_text("Only one sentence."), tiny_gpt2(vocab_size=len(default_model.tokenizer)), default_model.tokenizer)


def test_a_handed_in_model_needs_its_tokenizer() -> None:
    with pytest.raises(ModelError, match="tokenizer"):
        measure(document_from_text(TEXT), tiny_gpt2())


def test_measuring_twice_gives_the_same_numbers_and_leaves_the_model_alone(default_model) -> None:
    model = tiny_gpt2(vocab_size=len(default_model.tokenizer)).train()
    first, second = (measure(document_from_text(TEXT), model, default_model.tokenizer) for _ in range(2))
    assert model.training
    assert model.config._attn_implementation == "sdpa"
    assert first.metadata == second.metadata
    for key, values in first.arrays.items():
        np.testing.assert_array_equal(values, second.arrays[key], err_msg=key)


def test_stored_keys_have_rows_in_the_contract(small_measurements: Measurements) -> None:
    assert all(spec_of(key) is not None for key in small_measurements.arrays)


def test_probe_rows_are_random_ordinary_tokens_repeated_once(default_model) -> None:
    tokens = probe_tokens(default_model.tokenizer, 49152)
    assert tokens.shape == (4, 2 * PERIOD)
    np.testing.assert_array_equal(tokens[:, :PERIOD], tokens[:, PERIOD:])
    assert not np.isin(tokens, default_model.tokenizer.all_special_ids).any()


@pytest.mark.parametrize("build", [tiny_gpt2, partial(tiny_mistral, 30)], ids=["all keys", "a window of 30 keys"])
def test_probe_scores_equal_eager_attention(default_model, build) -> None:
    model = build()
    tokens = np.random.default_rng(3).integers(0, 101, (2, PERIOD)).repeat(1, axis=0)
    tokens = np.concatenate([tokens, tokens], axis=1).astype(np.int32)
    weights = np.stack([weights_of(model, row) for row in tokens])  # row layer head query key
    found = measure_probes(model, default_model.tokenizer, {"decoder": weights.shape[1:3]}, lambda stage, share: None, tokens=tokens)
    left = weights / np.maximum(weights[..., 1:].sum(-1, keepdims=True), 1e-300)
    later = np.arange(PERIOD, 2 * PERIOD)
    by_hand = {
        "probe_induction": weights[..., later, later - PERIOD + 1].mean((0, 3)),
        "probe_duplicate_token": weights[..., later, later - PERIOD].mean((0, 3)),
        "probe_previous_token": weights[..., np.arange(1, 2 * PERIOD), np.arange(2 * PERIOD - 1)].mean((0, 3)),
        "probe_induction_without_sink": left[..., later, later - PERIOD + 1].mean((0, 3)),
        "probe_duplicate_token_without_sink": left[..., later[1:], later[1:] - PERIOD].mean((0, 3)),
        "probe_previous_token_without_sink": left[..., np.arange(2, 2 * PERIOD), np.arange(1, 2 * PERIOD - 1)].mean((0, 3)),
    }
    assert set(found) == set(by_hand)
    for name, values in by_hand.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=2e-5, err_msg=name)


KNOWN_INDUCTION = {"18.6": 0.91, "17.3": 0.79, "17.4": 0.65, "18.7": 0.63}
ALSO_INDUCTION = {"17.5", "23.2", "20.6", "23.7"}
KNOWN_PREVIOUS = ["16.0", "11.1", "19.3", "2.1", "1.2", "22.1"]
KNOWN_DUPLICATE = ["8.0", "14.3", "15.6"]


@pytest.mark.model
def test_probes_find_the_known_heads_of_the_default_model(default_model) -> None:
    found = measure_probes(default_model.model, default_model.tokenizer, {"decoder": (30, 9)}, lambda stage, share: None)
    induction, previous, duplicate = (named(found[f"probe_{name}"]) for name in ("induction", "previous_token", "duplicate_token"))
    for head, score in KNOWN_INDUCTION.items():
        assert induction[head] == pytest.approx(score, abs=0.1), head
    assert set(strongest(induction, 8)) == set(KNOWN_INDUCTION) | ALSO_INDUCTION
    assert strongest(previous, 6) == KNOWN_PREVIOUS
    assert previous["16.0"] == pytest.approx(0.90, abs=0.05)
    assert set(strongest(duplicate, 3)) == set(KNOWN_DUPLICATE)
    assert duplicate["8.0"] == pytest.approx(0.71, abs=0.1)


def named(scores: np.ndarray) -> dict[str, float]:
    return {f"{layer}.{head}": float(scores[layer, head]) for layer, head in np.ndindex(scores.shape)}


def strongest(scores: dict[str, float], count: int) -> list[str]:
    return sorted(scores, key=scores.__getitem__, reverse=True)[:count]
