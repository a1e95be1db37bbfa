"""Attention knockout against the model's own eager attention under a whole additive mask, for every family that is read through the interface."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from families import LLAMA_LIKE, SMALL, Family
from knockout_reference import FAMILIES, KINDS, built, fed, language_model, link_by_eager_attention
from tiny import VOCABULARY, made_up_layout, tiny_gpt2, tiny_llama, tiny_mistral

from reportgen.capture.feeding import Feed
from reportgen.capture.knockout import LinkEffects, all_links, attending, linked_texts, measure_link_effects
from reportgen.capture.knockout.distributions import Intact
from reportgen.capture.knockout.kept_keys import KeptKeys
from reportgen.capture.layout import layout_of
from reportgen.errors import DocumentError, ModelError
from reportgen.sentences import split_sentences
from reportgen.tokens import align_tokens

TOLERANCE = 3e-5
NO_POSITIONS = {"vocab_size": VOCABULARY, "d_model": 55, "decoder_layers": 2, "decoder_attention_heads": 5, "decoder_ffn_dim": 31, "init_std": 0.3}
NOT_AGAIN = {
    "positions cannot be given": Family(
        name="BART", classes="BartConfig BartForCausalLM", options={**NO_POSITIONS, "is_decoder": True, "is_encoder_decoder": False}, kind="decoder-only"
    ),
    "positions start elsewhere": Family(
        name="RoBERTa",
        classes="RobertaConfig RobertaForCausalLM",
        options={**SMALL, "num_hidden_layers": 2, "num_attention_heads": 7, "hidden_size": 77, "intermediate_size": 64, "is_decoder": True},
        kind="decoder-only",
    ),
    "convolutions carry something over": Family(
        name="LFM2", classes="Lfm2Config Lfm2ForCausalLM", options={**LLAMA_LIKE, "layer_types": ["conv", "full_attention", "conv"]}, kind="decoder-only"
    ),
}


def measured(model: Any, kind: str, given: Feed, links: Any = None, **options: Any) -> LinkEffects:
    links = all_links(linked_texts(kind, given)) if links is None else np.array(links, np.int64).reshape(-1, 2)
    return measure_link_effects(language_model(model, kind), given, links, lambda stage, share: None, **options)


def by_eager_attention(model: Any, kind: str, given: Feed, links: np.ndarray) -> np.ndarray:
    return np.array([link_by_eager_attention(model, kind, given, tuple(link)) for link in links.tolist()])


@pytest.mark.parametrize("name", FAMILIES)
def test_every_link_equals_a_whole_pass_of_eager_attention_with_the_link_masked(name: str) -> None:
    kind, model = KINDS[FAMILIES[name].kind], built(FAMILIES[name])
    given = fed(kind)
    found = measured(model, kind, given)
    assert found.whole_passes == (kind != "causal")
    expected = by_eager_attention(model, kind, given, found.links)
    np.testing.assert_allclose(found.effect, expected[:, 0], rtol=TOLERANCE, atol=TOLERANCE)
    np.testing.assert_allclose(found.drop, expected[:, 1], rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("name", FAMILIES)
def test_in_double_precision_every_link_equals_it_to_the_last_digits_that_its_layers_keep(name: str) -> None:
    kind, model = KINDS[FAMILIES[name].kind], built(FAMILIES[name]).double()
    given = fed(kind)
    found = measured(model, kind, given)
    expected = by_eager_attention(model, kind, given, found.links)
    np.testing.assert_allclose(found.effect, expected[:, 0], rtol=0, atol=1e-6 * expected[:, 0].max())
    np.testing.assert_allclose(found.drop, expected[:, 1], rtol=0, atol=2e-6 * np.abs(expected[:, 1]).max())


@pytest.mark.parametrize("name", NOT_AGAIN)
def test_causal_models_that_cannot_be_run_again_take_whole_passes(name: str) -> None:
    model, given = NOT_AGAIN[name].build(), fed("causal")
    found = measured(model, "causal", given, all_links(linked_texts("causal", given))[:7])
    assert found.whole_passes
    expected = by_eager_attention(model, "causal", given, found.links)
    np.testing.assert_allclose(found.effect, expected[:, 0], rtol=TOLERANCE, atol=TOLERANCE)
    np.testing.assert_allclose(found.drop, expected[:, 1], rtol=TOLERANCE, atol=TOLERANCE)


@drawn(seed=st.integers(0, 1000), tokens_at_once=st.integers(1, 90))
@settings(max_examples=8, deadline=None)
def test_neither_the_order_of_links_nor_the_size_of_batches_matters(seed: int, tokens_at_once: int) -> None:
    model, given = tiny_llama(), fed("causal")
    links = all_links(linked_texts("causal", given))
    order = np.random.default_rng(seed).permutation(len(links))
    at_once = measured(model, "causal", given, links)
    found = measured(model, "causal", given, links[order], tokens_at_once=tokens_at_once)
    np.testing.assert_array_equal(found.links, links[order])
    np.testing.assert_allclose(found.effect, at_once.effect[order], rtol=TOLERANCE, atol=1e-6)
    np.testing.assert_allclose(found.drop, at_once.drop[order], rtol=TOLERANCE, atol=1e-5)


@pytest.mark.parametrize("name", ["Llama", "Gemma 2", "gpt-oss", "BERT", "T5"])
def test_block_boundaries_do_not_matter(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, model = KINDS[FAMILIES[name].kind], built(FAMILIES[name])
    given = fed(kind)
    whole = measured(model, kind, given)
    monkeypatch.setattr(attending, "CELLS_AT_MOST", 700)
    found = measured(model, kind, given)
    np.testing.assert_allclose(found.effect, whole.effect, rtol=TOLERANCE, atol=1e-6)


@pytest.mark.parametrize("name", ["Llama", "Gemma 2", "gpt-oss"])
def test_sentences_side_by_side_give_the_same_as_one_after_another(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With so few tokens at once the sentences that have links are no neighbours that are run together."""
    model, given = built(FAMILIES[name]), fed("causal")
    links = all_links(linked_texts("causal", given))

    def in_lanes(count: int) -> tuple[LinkEffects, list[float]]:
        monkeypatch.setattr("reportgen.capture.lanes.count_on", lambda device: count)
        shares: list[float] = []
        return measure_link_effects(language_model(model, "causal"), given, links, lambda stage, share: shares.append(share), tokens_at_once=30), shares

    (one, shares), (several, shares_of_several) = in_lanes(1), in_lanes(3)
    np.testing.assert_allclose(several.effect, one.effect, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(several.drop, one.drop, rtol=1e-5, atol=1e-6)
    assert shares_of_several == shares
    assert len(shares) == len(links) + 1


def test_a_sentence_that_fails_beside_others_is_told_and_the_model_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reportgen.capture.lanes.count_on", lambda device: 3)
    model, given = tiny_llama(), fed("causal")
    links, before = all_links(linked_texts("causal", given)), model.config._attn_implementation
    whole, failing = KeptKeys.effects, int(links[len(links) // 2, 0])

    def effects(kept: KeptKeys, some: np.ndarray, at_once: int) -> Any:
        if (some[:, 0] == failing).any():
            raise ModelError("made up")
        return whole(kept, some, at_once)

    monkeypatch.setattr(KeptKeys, "effects", effects)
    with pytest.raises(ModelError, match="made up"):
        measured(model, "causal", given, links, tokens_at_once=30)
    assert model.config._attn_implementation == before


def test_a_link_that_every_window_hides_already_does_nothing() -> None:
    given = fed("causal")
    starts = [int(np.flatnonzero(given.source.sentence_of_token == sentence)[0]) for sentence in range(5)]
    ends = [int(np.flatnonzero(given.source.sentence_of_token == sentence)[-1]) for sentence in range(5)]
    found = measured(tiny_mistral(3), "causal", given)
    far = np.array([starts[looking] - ends[looked_at] >= 3 for looking, looked_at in found.links.tolist()])
    assert 0 < far.sum() < len(far)
    assert (found.effect[far] < 1e-7).all()
    assert (found.effect[~far] > 1e-4).any()


def test_tokens_of_no_sentence_inside_a_sentence_keep_seeing_what_is_hidden_from_it() -> None:
    layout = made_up_layout(67, 5)
    members = layout.sentence_of_token.copy()
    inside = np.flatnonzero(members == 3)[1:-1:2]
    members[inside] = -1
    given, model = Feed(source=layout.changed(sentence_of_token=members)), tiny_gpt2()
    found = measured(model, "causal", given, [[3, 0], [3, 2]])
    np.testing.assert_allclose(found.effect, by_eager_attention(model, "causal", given, found.links)[:, 0], rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("apart", [1e-3, 0.3, 5.0, 400.0])
def test_effects_in_single_precision_equal_the_plain_formula_in_double(apart: float) -> None:
    torch.manual_seed(0)
    logits = torch.randn(41, 997) * 4 + 30
    changed, actual = logits + apart * torch.randn(41, 997) - 2, torch.randint(-1, 997, (41,))
    actual[[3, 40]] = -1
    before, after = (values.double().log_softmax(-1) for values in (logits, changed))
    found, known = Intact(logits=logits, actual=actual).effect(changed), actual >= 0
    assert found.divergence == pytest.approx(float((before.exp() * (before - after)).sum(-1).mean()), rel=1e-5, abs=1e-6)
    drop = (before - after)[known].gather(1, actual[known, None]).mean()
    assert found.drop == pytest.approx(float(drop), rel=1e-5, abs=1e-6)


def test_the_last_token_of_a_text_has_a_divergence_and_no_drop() -> None:
    layout = made_up_layout(31, 3)
    members = np.where(np.arange(31) == 30, 3, layout.sentence_of_token).astype(np.int32)
    found = measured(tiny_gpt2(), "causal", Feed(source=layout.changed(sentence_of_token=members)), [[3, 1]])
    assert found.effect[0] > 0
    assert np.isnan(found.drop[0])


def test_what_is_hidden_can_only_be_another_sentence_that_is_seen() -> None:
    model, given = tiny_gpt2(), fed("causal")
    with pytest.raises(DocumentError, match="comes later"):
        measured(model, "causal", given, [[2, 0], [1, 3]])
    with pytest.raises(DocumentError, match="from itself"):
        measured(model, "causal", given, [[2, 2]])
    with pytest.raises(DocumentError, match="There is no link from sentence 5 to 0"):
        measured(model, "causal", given, [[5, 0]])
    with pytest.raises(DocumentError, match="from itself"):
        measured(built(FAMILIES["BERT"]), "masked", fed("masked"), [[1, 1]])


def test_all_links_are_those_that_the_kind_of_model_can_see() -> None:
    links = {kind: all_links(linked_texts(kind, fed(kind))).tolist() for kind in ("causal", "masked", "seq2seq")}
    assert links["causal"] == [[i, j] for i in range(5) for j in range(i)]
    assert links["masked"] == [[i, j] for i in range(5) for j in range(5) if i != j]
    assert links["seq2seq"] == [[i, j] for i in range(3) for j in range(5)]


@pytest.mark.parametrize("name", ["Llama", "BERT", "BART"])
def test_no_links_give_no_effects(name: str) -> None:
    kind = KINDS[FAMILIES[name].kind]
    found = measured(built(FAMILIES[name]), kind, fed(kind), [])
    assert found.links.shape == (0, 2)
    assert found.effect.shape == found.drop.shape == (0,)


def test_progress_goes_from_nothing_by_the_tokens_of_one_link_after_another() -> None:
    shares: list[float] = []
    given = fed("causal")
    links = all_links(linked_texts("causal", given))
    measure_link_effects(language_model(tiny_gpt2(), "causal"), given, links, lambda stage, share: shares.append(share))
    tokens = np.array([np.ptp(np.flatnonzero(given.source.sentence_of_token == sentence)) + 1 for sentence, _ in links])
    assert shares == pytest.approx(np.cumsum([0, *tokens]) / tokens.sum())


@pytest.mark.parametrize("name", ["Llama", "BERT", "T5"])
def test_the_model_is_as_it_was_afterwards_also_after_an_error(name: str) -> None:
    kind, model = KINDS[FAMILIES[name].kind], built(FAMILIES[name]).train()
    model.set_attn_implementation("eager")
    measured(model, kind, fed(kind))
    with torch.no_grad():
        model.get_output_embeddings().weight[0] = torch.nan
    with pytest.raises(ModelError, match="not finite"):
        measured(model, kind, fed(kind))
    assert model.config._attn_implementation == "eager"
    assert model.training


def test_models_of_half_precision_are_near_those_of_single_precision() -> None:
    given = fed("causal")
    exact, found = (measured(model, "causal", given) for model in (tiny_llama(), tiny_llama().bfloat16()))
    assert not found.whole_passes
    np.testing.assert_allclose(found.effect, exact.effect, rtol=0.2, atol=0.1 * exact.effect.max())


@pytest.mark.model
def test_links_of_the_default_model_equal_whole_passes_of_eager_attention(default_model: Any, sample_document: Any) -> None:
    text = align_tokens(sample_document, split_sentences(sample_document), default_model.tokenizer, 700)
    given = Feed(source=layout_of(text, np.array([], np.int64)))
    assert 600 < given.source.tokens < 800
    last = given.source.sentences - 1
    found = measured(default_model.model, "causal", given, [[last, 0], [last, last - 1]])
    assert not found.whole_passes
    expected = by_eager_attention(default_model.model, "causal", given, found.links)
    assert expected[:, 0].min() > 1e-3
    np.testing.assert_allclose(found.effect, expected[:, 0], rtol=1e-4, atol=TOLERANCE)
    np.testing.assert_allclose(found.drop, expected[:, 1], rtol=1e-4, atol=TOLERANCE)
