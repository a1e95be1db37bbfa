"""Every array of the forward pass against the plain formula over the model's own eager attention."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from tiny import (
    FLOAT16,
    FLOAT32,
    HEADS,
    LAYERS,
    arrays_of,
    assert_equal_to_reference,
    assert_links_are_the_strongest,
    made_up_layout,
    measured,
    reference_of,
    tiny_gpt2,
    tiny_llama,
    tiny_mistral,
    vars_of,
)

from reportgen.capture.feeding import Feed
from reportgen.capture.layout import layout_of
from reportgen.documents import document_from_text
from reportgen.sentences import split_sentences
from reportgen.tokens import align_tokens

MODELS = {"gpt2": tiny_gpt2, "llama with grouped queries": tiny_llama, "mistral with a window of 23": lambda: tiny_mistral(23)}


@pytest.mark.parametrize("name", MODELS)
def test_every_array_equals_the_formula_on_eager_attention(name: str) -> None:
    model, layout = MODELS[name](), made_up_layout(tokens=131, sentences=11)
    found, reference = arrays_of(model, layout), reference_of(model, layout)
    assert_equal_to_reference(found, reference.arrays())
    assert_links_are_the_strongest(found["token_links"], reference.p.mean((0, 1)))
    assert (found["token_links"]["key"][0] == [0, *[-1] * 7]).all()


@pytest.mark.parametrize("name", MODELS)
def test_what_attention_says_of_the_target_is_of_its_rows_alone(name: str) -> None:
    model, layout = MODELS[name](), made_up_layout(tokens=131, sentences=11)
    found, reference = measured(model, Feed(source=layout)), reference_of(model, layout)
    rows = reference.p[:, :, layout.target_rows].mean((0, 1, 2))
    by_sentence = np.array([rows[layout.sentence_of_token == sentence].sum() for sentence in range(layout.sentences)])
    np.testing.assert_allclose(found.target_attention["decoder"]["attribution.attention"], by_sentence, atol=FLOAT32)
    joint = reference.rollout_by_layer()[-1][layout.target_rows] @ reference.indicator
    np.testing.assert_allclose(found.target_rollout["decoder"], joint.mean(0), atol=FLOAT32)


def test_600_real_tokens_on_a_tiny_gpt2(default_model, sample_document) -> None:
    tokenised = align_tokens(sample_document, split_sentences(sample_document), default_model.tokenizer, 600)
    layout = layout_of(tokenised, np.array([len(tokenised.ids) - 2]))
    layout = type(layout)(**{**vars_of(layout), "ids": layout.ids % 101})
    model = tiny_gpt2()
    assert 550 < layout.tokens <= 600
    assert_equal_to_reference(arrays_of(model, layout), reference_of(model, layout).arrays())


@pytest.mark.model
def test_300_real_tokens_on_the_default_model(default_model, sample_document) -> None:
    tokenised = align_tokens(sample_document, split_sentences(sample_document), default_model.tokenizer, 300)
    layout = layout_of(tokenised, np.array([len(tokenised.ids) - 2]))
    found = arrays_of(default_model.model, layout)
    reference = reference_of(default_model.model, layout)
    assert 250 < layout.tokens <= 300
    assert_equal_to_reference(found, reference.arrays())
    assert_links_are_the_strongest(found["token_links"], reference.p.mean((0, 1)))


@given(rows=st.integers(1, 60), seed=st.integers(0, 3))
@settings(max_examples=7, deadline=None)
def test_any_cutting_into_blocks_gives_the_same_numbers(rows: int, seed: int) -> None:
    model, layout = tiny_gpt2(), made_up_layout(tokens=61, sentences=5, seed=seed)
    whole = arrays_of(model, layout, rows_at_most=layout.tokens)
    cut = arrays_of(model, layout, rows_at_most=rows)
    for name, values in whole.items():
        if name not in ("token_links", "query_key", "query_key_pairs"):  # which of two links of equal weight is the strongest is left to rounding
            relative, absolute = (1e-3, 1e-4) if values.dtype == np.float16 else (1e-4, 1e-5)
            np.testing.assert_allclose(cut[name], values, rtol=relative, atol=absolute, err_msg=name)


def test_any_number_of_lanes_gives_the_same_bytes() -> None:
    model, layout, before = tiny_llama(), made_up_layout(tokens=97, sentences=7), torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(arrays_of(model, layout, rows_at_most=5))
    finally:
        torch.set_num_threads(before)
    for name, values in found[0].items():
        assert [other[name].tobytes() == values.tobytes() for other in found[1:]] == [True, True], name


def test_masses_of_a_sentence_sum_to_one() -> None:
    arrays = arrays_of(tiny_llama(), made_up_layout(tokens=97, sentences=7))
    np.testing.assert_allclose(arrays["sentence_attention"].sum(-1) + arrays["outside_attention"], 1, atol=1e-5)
    np.testing.assert_allclose(arrays["token_influence_total"].sum(1), 97, rtol=1e-5)


def test_isa_is_at_least_each_heads_share_per_token() -> None:
    layout = made_up_layout(tokens=97, sentences=7)
    arrays = arrays_of(tiny_gpt2(), layout)
    mean_weight = arrays["sentence_attention"] / layout.tokens_in_sentence
    assert (arrays["isa_by_layer"] + 1e-6 >= mean_weight.max(1)).all()
    np.testing.assert_array_equal(arrays["isa"], arrays["isa_by_layer"].max(0))


def test_nothing_looks_at_the_future_under_a_causal_mask() -> None:
    arrays = arrays_of(tiny_gpt2(), made_up_layout(tokens=97, sentences=7))
    for name in ("sentence_attention", "isa_by_layer", "rollout_by_layer", "rollout_without_sink_by_layer", "sentence_expected"):
        assert not np.triu(arrays[name], 1).any(), name


def test_a_head_of_even_attention_has_the_scores_worked_out_by_hand() -> None:
    model = tiny_gpt2()
    with torch.no_grad():
        for block in model.transformer.h:
            block.attn.c_attn.weight.zero_()
            block.attn.c_attn.bias.zero_()
    tokens = 29
    layout = made_up_layout(tokens=tokens, sentences=3)
    layout = type(layout)(**{**vars_of(layout), "sentence_of_token": np.repeat([0, 1, 2], [5, 17, 7]).astype(np.int32)})
    arrays = arrays_of(model, layout)
    seen = np.arange(1, tokens + 1)
    by_hand = {
        "entropy": np.log(seen).mean(),
        "relative_entropy": 1.0,
        "distance": ((seen - 1) / 2).mean(),
        "previous_token": (1 / seen[1:]).mean(),
        "first_token": (1 / seen[1:]).mean(),
        "confidence": (1 / seen).mean(),
        "locality": (np.minimum(seen, 4) / seen).mean(),
    }
    for name, value in by_hand.items():
        np.testing.assert_allclose(arrays[name], np.full((LAYERS, HEADS), value), rtol=1e-5, err_msg=name)
    share = arrays["sentence_attention"][1, 4]
    np.testing.assert_allclose(share, arrays["sentence_expected"], atol=1e-6)
    np.testing.assert_allclose(share[1, 0], (5 / np.arange(6, 23)).mean(), rtol=1e-5)  # 17 queries, each giving 5 of its visible keys to sentence 0


def test_a_row_with_nothing_but_sinks_is_left_out_of_the_sink_free_numbers() -> None:
    layout = made_up_layout(tokens=31, sentences=3)
    layout = type(layout)(**{**vars_of(layout), "sinks": np.arange(10)})
    model = tiny_llama()
    assert_equal_to_reference(arrays_of(model, layout), reference_of(model, layout).arrays())


def test_a_document_of_two_sentences_is_measured() -> None:
    tokenised_text = document_from_text("One thing. Another thing.")
    assert len(split_sentences(tokenised_text)) == 2
    layout = made_up_layout(tokens=9, sentences=2)
    arrays = arrays_of(tiny_gpt2(), layout)
    assert arrays["sentence_attention"].shape == (LAYERS, HEADS, 2, 2)


def test_large_matrices_are_kept_in_half_precision_within_their_tolerance(monkeypatch) -> None:
    from reportgen.capture.reducers import sentence_mass

    monkeypatch.setattr(sentence_mass, "FLOAT32_CELLS", 1)
    model, layout = tiny_gpt2(), made_up_layout(tokens=131, sentences=11)
    found = arrays_of(model, layout)["sentence_attention"]
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, reference_of(model, layout).sentence_attention(), rtol=FLOAT16, atol=FLOAT16)
