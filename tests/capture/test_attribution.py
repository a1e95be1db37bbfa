"""Gradients against autograd through the model's own eager attention."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from tiny import made_up_layout, tiny_gpt2, tiny_llama, tiny_mistral

from reportgen.capture.attribution import last_sentence, measure_gradients
from reportgen.capture.streaming import attention_implementation
from reportgen.errors import ModelError
from reportgen.sentences import Sentence
from reportgen.tokens import TokenisedText


def tokenised(tokens: int, sentences: int) -> TokenisedText:
    layout = made_up_layout(tokens, sentences)
    return TokenisedText(
        ids=layout.ids,
        spans=np.stack([np.arange(tokens), np.arange(tokens) + 1], 1).astype(np.int32),
        sentence_of_token=layout.sentence_of_token,
        special=np.zeros(tokens, bool),
        delimiter=layout.delimiter,
        sentences=tuple(Sentence(start=index, end=index + 1, block=0) for index in range(sentences)),
        part_of_sentence=np.zeros(sentences, np.int32),
        notices=(),
    )


@pytest.mark.parametrize("build", [tiny_gpt2, tiny_llama, lambda: tiny_mistral(13)], ids=["gpt2", "llama", "mistral"])
def test_gradients_equal_autograd_through_eager_attention(build) -> None:
    model, text = build().double(), tokenised(67, 5)
    target = last_sentence(text)
    found = measure_gradients(model, text, target, lambda stage, share: None)
    ids = torch.from_numpy(text.ids.astype(np.int64))[None]
    embeddings = model.get_input_embeddings()(ids).detach().requires_grad_(True)
    with attention_implementation(model, "eager"):
        scores = model(inputs_embeds=embeddings, use_cache=False).logits[0].log_softmax(-1)
        loss = -sum(scores[token - 1, ids[0, token]] for token in np.flatnonzero(text.sentence_of_token == 4))
        (gradient,) = torch.autograd.grad(loss, embeddings)
    assert found.loss == pytest.approx(float(loss.detach()), rel=1e-5)
    for sentence in range(5):
        inside = text.sentence_of_token == sentence
        assert found.gradient[sentence] == pytest.approx(float(gradient[0][inside].abs().sum()), rel=1e-4)
        assert found.input_x_gradient[sentence] == pytest.approx(float((gradient * embeddings)[0][inside].sum().detach()), rel=1e-4, abs=1e-4)


def test_input_x_gradient_is_the_change_of_the_target_when_embeddings_shrink() -> None:
    model, text = tiny_llama(), tokenised(41, 3)
    found = measure_gradients(model.double(), text, last_sentence(text), lambda stage, share: None)
    ids = torch.from_numpy(text.ids.astype(np.int64))[None]
    embeddings, step = model.get_input_embeddings()(ids).detach(), 1e-3
    scale = torch.ones_like(embeddings)
    scale[0, text.sentence_of_token == 1] = 1 + step
    rows = last_sentence(text).rows
    change = _loss(model, embeddings * scale, ids, rows) - _loss(model, embeddings * (2 - scale), ids, rows)
    assert found.input_x_gradient[1] == pytest.approx(float(change) / (2 * step), rel=1e-2)


def _loss(model, embeddings, ids, rows) -> torch.Tensor:
    with torch.no_grad():
        scores = model(inputs_embeds=embeddings, use_cache=False).logits[0].log_softmax(-1)
    return -scores[rows, ids[0, rows + 1]].sum()


def test_the_model_is_left_as_it_was_also_after_an_error(monkeypatch) -> None:
    model, text = tiny_gpt2().train(), tokenised(31, 3)
    before = (model.config._attn_implementation, {name: "forward" in module.__dict__ for name, module in model.named_modules()})
    measure_gradients(model, text, last_sentence(text), lambda stage, share: None)
    with torch.no_grad():
        model.lm_head.weight[:] = torch.nan
    with pytest.raises(ModelError, match="not finite"):
        measure_gradients(model, text, last_sentence(text), lambda stage, share: None)
    after = (model.config._attn_implementation, {name: "forward" in module.__dict__ for name, module in model.named_modules()})
    assert before == after
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())
