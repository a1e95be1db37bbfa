"""Token-to-token weights of a pair of sentences, from a saved file and the model, against the model's own eager attention on the same tokens."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent.parent / "tokens"))
sys.path.insert(0, str(Path(__file__).parent))
from elsewhere import PLACES, Moving
from families import LLAMA_LIKE
from fed import SECOND, bart, bert, document, t5
from test_measure_kinds import longformer
from tiny_folders import byte_level, tiny_gpt2, word_piece
from transformers import (
    BertConfig,
    BertModel,
    BloomConfig,
    BloomForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GptOssConfig,
    GptOssForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
)

from reportgen.capture import MeasureOptions, measure, token_weights
from reportgen.capture.self_check import eager_weights
from reportgen.capture.streaming import attention_implementation
from reportgen.errors import MeasurementsError, ModelError, SelectionError
from reportgen.measurements import Measurements
from reportgen.models import LanguageModel, given_model

TEXT = " ".join(f"The harbour number {index} slept at dawn{' and waited' * (index % 3)}." for index in range(1, 8))
OF_BERT = {"num_hidden_layers": 2, "num_attention_heads": 3, "hidden_size": 24, "intermediate_size": 31, "vocab_size": 120, "initializer_range": 0.3}
ATTENTIONS = {"encoder": "encoder_attentions", "decoder": "decoder_attentions", "cross": "cross_attentions"}
QUIET = {"attribution": "none", "probes": False}


def built(model_class: Any, config: Any, tokenizer: Any) -> LanguageModel:
    torch.manual_seed(0)
    return given_model(model_class._from_config(config).eval(), tokenizer)


def like_llama(model_class: Any, config_class: Any, **options: Any) -> LanguageModel:
    return built(model_class, config_class(**{**LLAMA_LIKE, "vocab_size": len(byte_level()), **options}), byte_level())


def gpt2(positions: int = 700) -> LanguageModel:
    return given_model(tiny_gpt2(n_positions=positions), byte_level())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """A model, how a document is measured with it, and a pair of sentences in a stack, layer and head."""

    build: Callable[[], LanguageModel]
    stack: str
    pair: tuple[int, int]
    head: tuple[int, int]
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    texts: tuple[str, str] = ("", "")  # whose tokens look, and whose are looked at


BESIDE = {"pair": document(SECOND, "second.txt")}
CASES = {
    "llama, grouped queries": Case(build=lambda: like_llama(LlamaForCausalLM, LlamaConfig), stack="decoder", pair=(5, 2), head=(1, 4)),
    "gemma 2, soft cap and local layers": Case(
        build=lambda: like_llama(Gemma2ForCausalLM, Gemma2Config, sliding_window=29, attn_logit_softcapping=3.0, query_pre_attn_scalar=8),
        stack="decoder",
        pair=(4, 3),
        head=(2, 5),
    ),
    "gpt-oss, sinks": Case(
        build=lambda: like_llama(GptOssForCausalLM, GptOssConfig, sliding_window=900, num_local_experts=2, num_experts_per_tok=1),
        stack="decoder",
        pair=(4, 4),
        head=(0, 1),
    ),
    "gpt2, continued": Case(build=gpt2, stack="decoder", pair=(7, 6), head=(1, 2), options={"generate": 13}),
    "bert, looking ahead": Case(build=lambda: built(BertModel, BertConfig(**OF_BERT), word_piece()), stack="encoder", pair=(1, 5), head=(1, 2)),
    "bert, two texts with token types": Case(build=lambda: bert(num_labels=3), stack="encoder", pair=(8, 2), head=(0, 1), options=BESIDE),
    "t5, encoder": Case(build=t5, stack="encoder", pair=(2, 4), head=(1, 1), options=BESIDE),
    "t5, decoder": Case(build=t5, stack="decoder", pair=(1, 0), head=(1, 0), options=BESIDE, texts=("target_", "target_")),
    "bart, cross": Case(build=bart, stack="cross", pair=(1, 3), head=(1, 1), options=BESIDE, texts=("target_", "")),
    "bloom, one layer at a time": Case(
        build=lambda: built(BloomForCausalLM, BloomConfig(n_layer=3, n_head=3, hidden_size=24, vocab_size=320, initializer_range=0.3), byte_level()),
        stack="decoder",
        pair=(4, 2),
        head=(1, 2),
    ),
}


@cache
def case_of(name: str) -> tuple[Measurements, LanguageModel]:
    model = CASES[name].build()
    return measure(document(TEXT), model, options=MeasureOptions(**QUIET, **CASES[name].options)), model


def eager(model: Any, measurements: Measurements, stack: str, prefix: str = "") -> np.ndarray:
    """Layer x head x query x key, as the model itself returns it for the file's tokens."""
    given = {"input_ids": f"{prefix}token_ids", "token_type_ids": "token_types", "decoder_input_ids": "target_token_ids"}
    tensors = {name: torch.from_numpy(measurements.arrays[key].astype(np.int64))[None] for name, key in given.items() if key in measurements.arrays}
    implementation = model.config._attn_implementation if model.config.model_type == "bloom" else "eager"
    with attention_implementation(model, implementation), torch.no_grad():
        layers = eager_weights(model, model(**tensors, output_attentions=True))[stack]
    return torch.stack(list(layers)).double().numpy()


@pytest.mark.parametrize("name", CASES)
def test_the_weights_are_those_of_the_models_own_eager_attention(name: str, tmp_path: Path) -> None:
    case, (measurements, model) = CASES[name], case_of(name)
    measurements.save(tmp_path / "x.npz")
    found = token_weights(Measurements.load(tmp_path / "x.npz"), model, case.pair, case.head, stack=case.stack)
    queries = np.flatnonzero(measurements.arrays[f"{case.texts[0]}token_sentences"] == case.pair[0])
    keys = np.flatnonzero(measurements.arrays[f"{case.texts[1]}token_sentences"] == case.pair[1])
    own = eager(model.model, measurements, case.stack)
    np.testing.assert_array_equal(found.query_tokens, queries)
    np.testing.assert_array_equal(found.key_tokens, keys)
    np.testing.assert_allclose(found.weights, own[case.head][np.ix_(queries, keys)], rtol=1e-4, atol=2e-5)
    assert found.weights.dtype == np.float32
    assert found.mass == pytest.approx(float(own[case.head][np.ix_(queries, keys)].sum(1).mean()), rel=1e-4)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", ["llama, grouped queries", "bart, cross", "bloom, one layer at a time"])
def test_a_model_elsewhere_gives_the_same_weights(name: str, place: Callable[[], AbstractContextManager[Moving]]) -> None:
    case, (measurements, model), there = CASES[name], case_of(name), CASES[name].build()
    expected = token_weights(measurements, model, case.pair, case.head, stack=case.stack)
    with place() as move:
        move(there.model)
        found = token_weights(measurements, there, case.pair, case.head, stack=case.stack)
    np.testing.assert_allclose(found.weights, expected.weights, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("name", ["llama, grouped queries", "bart, cross", "bloom, one layer at a time"])
def test_the_mean_is_over_all_layers_and_heads(name: str) -> None:
    case, (measurements, model) = CASES[name], case_of(name)
    found = token_weights(measurements, model, case.pair, "mean", stack=case.stack)
    own = eager(model.model, measurements, case.stack).mean((0, 1))
    np.testing.assert_allclose(found.weights, own[np.ix_(found.query_tokens, found.key_tokens)], rtol=1e-4, atol=2e-5)
    assert found.pair.mass == pytest.approx(float(measurements[f"{case.stack}.sentence_attention"][:, :, *case.pair].mean()), rel=1e-6)


def test_tokens_with_global_attention_are_set_again() -> None:
    model = longformer()
    measurements = measure(document(TEXT), model, options=MeasureOptions(**QUIET, **BESIDE))
    found = token_weights(measurements, model, (6, 0), (1, 1))
    assert measurements.sentences[0] == "Who would have thought so?"
    assert found.mass == pytest.approx(float(measurements["*.sentence_attention"][1, 1, 6, 0]), rel=1e-4)
    assert found.weights.min() > 0


def test_words_are_what_the_tokens_stand_for() -> None:
    measurements, model = case_of("llama, grouped queries")
    found = token_weights(measurements, model, (5, 2), (0, 0))
    assert "".join(found.query_words).strip() == measurements.sentences[5] == found.pair.query_sentence
    assert "".join(found.key_words).strip() == measurements.sentences[2] == found.pair.key_sentence


def test_long_sentences_are_worked_through_a_few_rows_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    measurements, model = case_of("llama, grouped queries")
    whole = token_weights(measurements, model, (5, 2), (2, 3)).weights
    monkeypatch.setattr(sys.modules["reportgen.capture.token_weights"], "CELLS_AT_MOST", 6 * len(measurements["token_ids"]) * 4)
    np.testing.assert_allclose(token_weights(measurements, model, (5, 2), (2, 3)).weights, whole, rtol=1e-5)  # products of other shapes are rounded otherwise


@pytest.fixture(scope="module")
def windowed() -> tuple[Measurements, LanguageModel]:
    model = gpt2(120)
    return measure(document(TEXT), model, options=MeasureOptions(**QUIET)), model


def test_a_pair_is_measured_in_the_window_of_the_merged_view(windowed: tuple[Measurements, LanguageModel]) -> None:
    measurements, model = windowed
    assert len(measurements.windows) > 1
    coverage, checked = measurements["*.coverage"], 0
    for query, key in np.argwhere((coverage > 0) & (np.tri(len(coverage)) > 0)).tolist():
        found = token_weights(measurements, model, (query, key), (1, 1))
        window = next(index for index, one in enumerate(measurements.windows) if one.first <= key and query < one.last)
        assert found.pair.window == window
        own = eager(model.model, measurements, "decoder", f"window{window}/")[1, 1]
        np.testing.assert_allclose(found.weights, own[np.ix_(found.query_tokens, found.key_tokens)], rtol=1e-4, atol=2e-5)
        assert found.mass == pytest.approx(float(measurements["*.sentence_attention"][1, 1, query, key]), rel=1e-4)
        checked += window > 0
    assert checked > 3


def test_a_pair_that_no_window_read_is_refused(windowed: tuple[Measurements, LanguageModel]) -> None:
    measurements, model = windowed
    query, key = np.argwhere(measurements["*.coverage"] == 0)[-1].tolist()
    with pytest.raises(SelectionError, match=f"Sentences {query + 1} and {key + 1} were never read together: none of the . windows holds both"):
        token_weights(measurements, model, (query, key), (0, 0))


def test_queries_and_keys_behind_links_are_each_windows_own_with_a_notice(windowed: tuple[Measurements, LanguageModel]) -> None:
    measurements, _ = windowed
    assert "decoder.query_key" not in measurements.arrays
    for window in measurements.windows:
        vectors, pairs = window.arrays["decoder.query_key"], window.arrays["decoder.query_key_pairs"]
        assert vectors.shape == (len(pairs), 3, 8)
        assert pairs[:, 2:].max() < len(window.arrays["token_ids"])
    assert measurements.notices[-1].startswith("Stored for each window's strongest links")


REFUSED = {
    "a sentence beyond the last": ((7, 0), (0, 0), None, "There is no query sentence 8 in the decoder: its 7 sentences are numbered from 1 as on the page"),
    "a key sentence below the first": ((3, -1), (0, 0), None, "There is no key sentence 0"),
    "a layer that is not there": ((3, 1), (3, 0), None, "There is no head 3.0 in the decoder: it has layers 0 to 2 of heads 0 to 5, named layer.head"),
    "a head that is not there": ((3, 1), (0, 6), None, "There is no head 0.6"),
    "the future": ((1, 3), (0, 0), None, "Sentence 2 cannot look at sentence 4: the decoder's mask hides all of it"),
    "a stack that is not there": ((3, 1), (0, 0), "cross", "There is no stack 'cross' in this measurements file; it holds decoder"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_in_the_file_is_refused_in_a_sentence(name: str) -> None:
    pair, head, stack, said = REFUSED[name]
    measurements, model = case_of("llama, grouped queries")
    with pytest.raises(SelectionError, match=said):
        token_weights(measurements, model, pair, head, stack=stack)


def test_a_stack_must_be_named_where_there_are_several() -> None:
    measurements, model = case_of("bart, cross")
    with pytest.raises(SelectionError, match="several stacks of attention, encoder, decoder, cross: name one with --stack"):
        token_weights(measurements, model, (0, 0), (0, 0))


def test_a_layer_whose_window_ends_before_the_key_sentence_says_so() -> None:
    measurements, model = case_of("gemma 2, soft cap and local layers")
    assert measurements["*.sentence_expected"].ndim == 3
    with pytest.raises(SelectionError, match="Sentence 6 cannot look at sentence 1: the mask of layer 0 of the decoder hides all of it"):
        token_weights(measurements, model, (5, 0), (0, 0))
    assert token_weights(measurements, model, (5, 0), (1, 0)).mass > 0


def test_another_family_or_other_weights_are_refused() -> None:
    measurements, model = case_of("llama, grouped queries")
    with pytest.raises(ModelError, match="this model's family is gpt2"):
        token_weights(measurements, gpt2(), (5, 2), (0, 0))
    other = dataclasses.replace(model, identity="weights sha256 " + "0" * 64)
    named = dataclasses.replace(measurements, metadata={**measurements.metadata, "revision": "weights sha256 " + "1" * 64})
    with pytest.raises(ModelError, match="this model's revision is weights sha256 0000"):
        token_weights(named, other, (5, 2), (0, 0))
    with pytest.raises(ModelError, match="number type|dtype is bfloat16"):
        token_weights(measurements, dataclasses.replace(model, model=like_llama(LlamaForCausalLM, LlamaConfig).model.bfloat16()), (5, 2), (0, 0))


def test_a_model_that_computes_something_else_is_refused_with_the_figures() -> None:
    measurements, _ = case_of("llama, grouped queries")
    torch.manual_seed(1)
    other = LlamaForCausalLM(LlamaConfig(**{**LLAMA_LIKE, "vocab_size": len(byte_level())})).eval()
    with pytest.raises(ModelError, match=r"a mass of .* on sentence 3, where the measurements file has .* \(float32\): it does not compute what was measured"):
        token_weights(measurements, other, (5, 2), (1, 4))


def test_masses_stored_in_half_precision_are_compared_within_their_rounding() -> None:
    measurements, model = case_of("llama, grouped queries")
    halved = {**measurements.arrays, "decoder.sentence_attention": measurements["*.sentence_attention"].astype(np.float16)}
    found = token_weights(dataclasses.replace(measurements, arrays=halved), model, (5, 2), (1, 4))
    assert found.pair.kind == "float16"
    assert found.mass == pytest.approx(float(measurements["*.sentence_attention"][1, 4, 5, 2]), rel=1e-4)


def test_tokens_that_the_model_cannot_read_are_refused() -> None:
    measurements, model = case_of("gpt2, continued")
    ids = measurements["token_ids"].copy()
    ids[3] = 1000
    with pytest.raises(MeasurementsError, match="but the model knows 0 to 319"):
        token_weights(dataclasses.replace(measurements, arrays={**measurements.arrays, "token_ids": ids}), model, (3, 1), (0, 0))
    with pytest.raises(MeasurementsError, match="tokens read at once, but the model reads 50 at most"):
        token_weights(measurements, dataclasses.replace(model, model=gpt2(50).model), (3, 1), (0, 0))


@pytest.mark.parametrize("name", ["llama, grouped queries", "t5, encoder", "bloom, one layer at a time"])
def test_the_pass_ends_after_the_layer_and_leaves_the_model_as_it_was(name: str) -> None:
    measurements, model = case_of(name)
    bare, passed = model.model, []
    bare.train()
    stack = "encoder" if "encoder" in name else "decoder"
    blocks = [module for module in bare.modules() if type(module).__name__ in ("LlamaMLP", "BloomMLP", "T5LayerFF")]
    hooks = [block.register_forward_hook(lambda module, inputs, output: passed.append(module)) for block in blocks]
    try:
        token_weights(measurements, model, CASES[name].pair, (1, 0), stack=stack)
    finally:
        for hook in hooks:
            hook.remove()
        assert bare.training
        bare.eval()
    assert len(passed) == 1
    assert bare.config._attn_implementation == "sdpa" or name.startswith("bloom")
    assert not [module for module in bare.modules() if "forward" in module.__dict__]
