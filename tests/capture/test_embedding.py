"""Gradients by embeddings of models that read more of their token ids than embeddings: against autograd by the rows of the embeddings' table, fed with ids alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    CTRLConfig,
    CTRLForSequenceClassification,
    Gemma3nForCausalLM,
    Gemma3nTextConfig,
    GPT2Config,
    GPT2ForSequenceClassification,
    LlamaConfig,
    LlamaForSequenceClassification,
    MarianConfig,
    MarianMTModel,
    RobertaConfig,
    RobertaForMaskedLM,
    SplinterConfig,
    SplinterForQuestionAnswering,
    T5EncoderModel,
)

sys.path.insert(0, str(Path(__file__).parent))
from families import BART_LIKE, T5_LIKE
from test_attribution import MASK, by_kind, language_model, texts
from tiny import VOCABULARY, grouped
from transformers import T5Config

from reportgen.capture.attribution import measure_gradients
from reportgen.capture.carrying import attention_alone
from reportgen.capture.embedding import embedded, embeddings_placed
from reportgen.capture.feeding import Feed
from reportgen.capture.streaming import attention_implementation
from reportgen.capture.targets import default_target
from reportgen.errors import ModelError

SIZES = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 24, "intermediate_size": 24, "vocab_size": VOCABULARY, "initializer_range": 0.3}
PAD = 7
UNTIED = {"tie_word_embeddings": False}
MODELS: dict[str, tuple[str, Any, Any]] = {
    "padding counted for positions": ("masked", RobertaForMaskedLM, lambda: RobertaConfig(**SIZES, **UNTIED, pad_token_id=PAD)),
    "a token of padding at the end, Llama": ("classifier", LlamaForSequenceClassification, lambda: LlamaConfig(**grouped(), pad_token_id=PAD)),
    "a token of padding at the end, GPT-2": (
        "classifier",
        GPT2ForSequenceClassification,
        lambda: GPT2Config(n_layer=2, n_head=2, n_embd=24, vocab_size=VOCABULARY, initializer_range=0.3, pad_token_id=PAD),
    ),
    "embeddings scaled behind their layer": (
        "seq2seq",
        MarianMTModel,
        lambda: MarianConfig(**BART_LIKE, **UNTIED, scale_embedding=True, share_encoder_decoder_embeddings=False),
    ),
    "a question found among ids": ("question answering", SplinterForQuestionAnswering, lambda: SplinterConfig(**SIZES, question_token_id=11)),
    "embeddings written to": (
        "classifier",
        CTRLForSequenceClassification,
        lambda: CTRLConfig(n_layer=2, n_head=2, n_embd=24, dff=24, vocab_size=VOCABULARY, initializer_range=0.3, pad_token_id=PAD),
    ),
    "an encoder alone": ("encoder", T5EncoderModel, lambda: T5Config(**T5_LIKE)),
}
OUT_OF_REACH = ("embeddings written to",)


def built(name: str) -> tuple[str, Any, Feed]:
    """The kind, the model, and a text of whose tokens the last is of padding and the 13th a question's."""
    kind, model_class, config = MODELS[name]
    torch.manual_seed(0)
    model, given = model_class(config()).eval(), texts(kind)
    ids = given.source.ids % (VOCABULARY - 20) + 15
    ids[12], ids[-1] = 11, PAD
    return kind, model, given.with_texts(given.source.changed(ids=ids), given.target)


@pytest.mark.parametrize("name", [name for name in MODELS if name not in OUT_OF_REACH])
def test_gradients_equal_autograd_by_the_rows_of_the_table(name: str) -> None:
    kind, model, given = built(name)
    target = default_target(language_model(model, kind), given)
    aimed = target.feed(given, MASK)
    found = measure_gradients(model, aimed, target, lambda stage, share: None)
    ids, read = by_kind(kind, given)
    table = (model.get_encoder() if kind == "seq2seq" else model).get_input_embeddings().weight
    with attention_implementation(model, "eager"):
        value = read(model(**aimed.keywords(model)))
    (by_row,) = torch.autograd.grad(value, [table])
    assert found.value == pytest.approx(float(value.detach()), rel=1e-4)
    products = (by_row * table.detach()).sum(1).numpy()
    summed = np.bincount(ids, weights=found.token_input_x_gradient, minlength=len(products))
    np.testing.assert_allclose(summed, products, rtol=1e-3, atol=1e-4 * np.abs(products).max())


def test_a_model_that_writes_to_its_embeddings_reads_those_that_are_placed() -> None:
    _, model, given = built("embeddings written to")
    placed = embedded(model, given.source).requires_grad_(True)
    with embeddings_placed(model, given.source, placed) as besides:
        output = model(**given.keywords(model)).logits
    assert besides == []
    torch.testing.assert_close(output, model(**given.keywords(model)).logits)
    assert torch.autograd.grad(output.sum(), [placed])[0].abs().sum() > 0


def test_an_encoder_of_an_encoder_decoder_is_looked_into_for_what_carries_between_tokens() -> None:
    _, model, given = built("an encoder alone")
    assert attention_alone(model, given)


def test_a_second_table_that_tokens_are_looked_up_in_is_named() -> None:
    sizes = {"num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 12, "hidden_size": 24, "vocab_size": VOCABULARY}
    sizes |= {"intermediate_size": 24, "vocab_size_per_layer_input": VOCABULARY, "hidden_size_per_layer_input": 8, "num_kv_shared_layers": 0}
    config = Gemma3nTextConfig(**sizes, laurel_rank=4, altup_num_inputs=2, activation_sparsity_pattern=[0.0, 0.0], layer_types=["full_attention"] * 2)
    torch.manual_seed(0)
    model, given = Gemma3nForCausalLM(config).eval(), texts("causal")
    for weights in model.parameters():
        torch.nn.init.normal_(weights, std=0.3)  # some are 0 at first, where the root of what is made of them has no slope
    target = default_target(language_model(model, "causal"), given)
    (notice,) = measure_gradients(model, given, target, lambda stage, share: None).notices
    assert "embed_tokens_per_layer" in notice


def test_a_model_that_makes_its_embeddings_elsewhere_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _, model, given = built("a token of padding at the end, Llama")
    monkeypatch.setattr(type(model), "get_input_embeddings", lambda self: torch.nn.Embedding(VOCABULARY, 24))
    with (
        pytest.raises(ModelError, match="does not look its tokens up in the layer that it names"),
        embeddings_placed(model, given.source, embedded(model, given.source)),
    ):
        model(**given.keywords(model))
