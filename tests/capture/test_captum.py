"""Methods against Captum's, through the model's own eager attention: on tiny models, and on the default one for a short text."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import FeatureAblation, InputXGradient, LayerIntegratedGradients, Saliency

sys.path.insert(0, str(Path(__file__).parent))
from test_ablation import by_eager_attention, silent
from test_attribution import MASK, MODELS, by_kind, language_model, texts
from test_integrated_gradients import END, with_tokens

from reportgen.capture.attribution import integrated, measure_gradients
from reportgen.capture.attribution.ablation import measure_ablation
from reportgen.capture.attribution.integrated import measure_integrated_gradients, moved_tokens
from reportgen.capture.feeding import Feed
from reportgen.capture.layout import layout_of
from reportgen.capture.streaming import attention_implementation
from reportgen.capture.targets import Target, default_target
from reportgen.documents import document_from_text
from reportgen.models import LanguageModel
from reportgen.sentences import split_sentences
from reportgen.tokens import align_tokens

STEPS = 5
SHORT = (
    "The lighthouse keeper wrote a letter to his sister. A storm had broken the lamp in the night. No ship could see the rocks below the tower. "
    "He asked her to send oil and glass before Sunday. The letter reached her when the storm was over."
)
Read = Callable[[Any], torch.Tensor]


def by_embeddings(model: Any, given: Feed, read: Read) -> Callable[[torch.Tensor], torch.Tensor]:
    keywords = given.keywords(model)
    del keywords["input_ids"]
    return lambda embeddings: read(model(inputs_embeds=embeddings, **keywords))[None]


def by_ids(model: Any, given: Feed, read: Read) -> Callable[[torch.Tensor], torch.Tensor]:
    keywords = given.keywords(model)
    return lambda ids: read(model(**{**keywords, "input_ids": ids}))[None]


def embeddings_of(model: Any, given: Feed) -> torch.Tensor:
    """A leaf, which what an embedding layer gives is not."""
    return model.get_input_embeddings()(given.keywords(model)["input_ids"]).detach().requires_grad_()


def assert_gradients_are_captums(model: Any, given: Feed, target: Target, read: Read, tolerance: float) -> None:
    found, inputs = measure_gradients(model, given, target, silent).arrays(), embeddings_of(model, given)
    with attention_implementation(model, "eager"):
        forward = by_embeddings(model, given, read)
        slopes = Saliency(forward).attribute(inputs, abs=False)[0].detach()
        expected = {
            "gradient": slopes.abs().sum(1),
            "gradient_norm": slopes.norm(dim=1),
            "input_x_gradient": InputXGradient(forward).attribute(inputs)[0].sum(1).detach(),
        }
    assert inputs.is_leaf
    for name, values in expected.items():
        largest = float(values.abs().max())
        np.testing.assert_allclose(found[f"attribution.token_{name}"], values.numpy(), rtol=tolerance, atol=tolerance * largest, err_msg=name)


def assert_integrated_gradients_are_captums(named: LanguageModel, given: Feed, target: Target, read: Read, baseline: int, tolerance: float) -> None:
    model, ids = named.model, given.keywords(named.model)["input_ids"]
    baselines = torch.where(torch.from_numpy(moved_tokens(given.source)), baseline, ids)
    with attention_implementation(model, "eager"):
        value = float(read(model(**given.keywords(model))).detach())
        layer = LayerIntegratedGradients(by_ids(model, given, read), model.get_input_embeddings())
        expected = (
            layer.attribute(ids, baselines=baselines, n_steps=integrated.STEPS[0], method="gausslegendre", internal_batch_size=1)[0].sum(1).detach().numpy()
        )
    found = measure_integrated_gradients(named, given, target, value, silent)
    assert found.steps == integrated.STEPS[0]
    np.testing.assert_allclose(found.by_token, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max())
    np.testing.assert_allclose(found.values, given.source.summed_by_sentence(expected), rtol=tolerance, atol=tolerance * np.abs(expected).max())


def assert_ablation_is_captums(named: LanguageModel, given: Feed, target: Target, tolerance: float) -> None:
    """Captum takes out one after the other of as many features as there are sentences; a sentence without its feature is hidden."""
    members, sentences = given.source.sentence_of_token, given.source.sentences

    def without(kept: torch.Tensor) -> torch.Tensor:
        hidden = np.isin(members, np.flatnonzero(kept[0].numpy() == 0))
        return torch.tensor([by_eager_attention(named.model, given, target, hidden)], dtype=torch.float64)

    kept = torch.ones(1, sentences, dtype=torch.float64)
    expected = -FeatureAblation(without).attribute(kept)[0].numpy()
    intact = float(without(kept)[0])
    found = measure_ablation(named, given, target, intact, target.sentences, silent)
    others = [sentence for sentence in range(sentences) if sentence != target.sentence]
    np.testing.assert_allclose(found[others], expected[others], rtol=tolerance, atol=tolerance * np.abs(expected).max())


def aimed(model: Any, kind: str) -> tuple[Target, Feed, Read]:
    given = texts(kind)
    target = default_target(language_model(model, kind), given)
    return target, target.feed(given, MASK), by_kind(kind, given)[1]


@pytest.mark.parametrize("kind", ["causal", "masked", "classifier", "seq2seq"])
def test_gradients_are_captums(kind: str) -> None:
    model = MODELS[kind][1]().double()
    target, given, read = aimed(model, kind)
    assert_gradients_are_captums(model, given, target, read, 1e-4)


@pytest.mark.parametrize(("kind", "baseline"), [("causal", END), ("masked", MASK)])
def test_integrated_gradients_are_captums_at_the_embedding_layer(kind: str, baseline: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrated, "STEPS", (STEPS,))
    model = MODELS[kind][1]().double()
    target, given, read = aimed(model, kind)
    assert_integrated_gradients_are_captums(with_tokens(model, kind, mask_token_id=MASK, eos_token_id=END), given, target, read, baseline, 1e-3)


@pytest.mark.parametrize("kind", ["causal", "masked"])
def test_ablation_is_captums_over_the_sentences(kind: str) -> None:
    model = MODELS[kind][1]().double()
    target, given, _ = aimed(model, kind)
    assert_ablation_is_captums(language_model(model, kind), given, target, 1e-4)


@pytest.mark.model
def test_on_the_default_model_gradients_integrated_gradients_and_ablation_are_captums(default_model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrated, "STEPS", (3,))
    document = document_from_text(SHORT)
    tokenised = align_tokens(document, split_sentences(document), default_model.tokenizer, 100)
    given = Feed(source=layout_of(tokenised, np.array([], np.int64)))
    assert 50 < given.source.tokens < 75
    target = default_target(default_model, given)
    given = target.feed(given, None)
    last = np.flatnonzero(given.source.sentence_of_token == given.source.sentences - 1)
    ids = torch.from_numpy(given.source.ids[last].astype(np.int64))

    def read(output: Any) -> torch.Tensor:
        return -output.logits[0, -len(last) - 1 : -1].log_softmax(-1)[np.arange(len(last)), ids].sum()

    baseline = next(token for role in integrated.ROLES if (token := getattr(default_model.tokenizer, f"{role}_id")) is not None)
    assert_gradients_are_captums(default_model.model, given, target, read, 1e-3)
    assert_integrated_gradients_are_captums(default_model, given, target, read, baseline, 1e-3)
    assert_ablation_is_captums(default_model, given, target, 1e-3)
