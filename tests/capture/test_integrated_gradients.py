"""Integrated gradients against plain quadrature of gradients through the model's own eager attention."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import roots_legendre

sys.path.insert(0, str(Path(__file__).parent))
from test_attribution import MASK, MODELS, best_answer, by_kind, language_model, texts
from tiny import tiny_gpt2, tiny_llama

from reportgen.capture.attribution import integrated
from reportgen.capture.attribution.gradients import differentiate
from reportgen.capture.attribution.integrated import IntegratedGradients, measure_integrated_gradients, moved_tokens
from reportgen.capture.embedding import embedded
from reportgen.capture.feeding import Feed
from reportgen.capture.streaming import attention_implementation
from reportgen.capture.targets import default_target
from reportgen.models import LanguageModel

END = 11


def silent(stage: str, share: float) -> None:
    pass


def with_tokens(model: Any, kind: str, **tokens: int) -> LanguageModel:
    names = {name.removesuffix("_id"): f"<{token}>" for name, token in tokens.items()}
    return LanguageModel(model=model, tokenizer=SimpleNamespace(**tokens, **names), name="tiny", identity="made up", kind=kind)


def measured(model: Any, kind: str, given: Feed) -> IntegratedGradients:
    target = default_target(language_model(model, kind), given)
    aimed = target.feed(given, MASK)
    value = differentiate(model, aimed, target, embedded(model, aimed.source)).value
    named = with_tokens(model, kind, mask_token_id=MASK, eos_token_id=END)
    return measure_integrated_gradients(named, aimed, target, value, silent)


class Plain:
    """The same by hand: every token but the special one in the middle starts as the baseline's embedding."""

    def __init__(self, model: Any, kind: str, given: Feed) -> None:
        self.model, self.keywords = model, given.keywords(model)
        ids, self.read = by_kind(kind, given)
        del self.keywords["input_ids"]
        with torch.no_grad():
            self.end = model.get_input_embeddings()(torch.from_numpy(ids)[None])
            self.start = model.get_input_embeddings()(torch.full_like(torch.from_numpy(ids)[None], MASK if kind == "masked" else END))
        special = given.source.sinks[given.source.sentence_of_token[given.source.sinks] < 0]
        self.start[:, special] = self.end[:, special]
        self.members = given.source.sentence_of_token
        if kind in ("classifier", "question answering", "encoder"):  # which class, which answer and which direction is settled by the text itself
            self.read = chosen_by(model(inputs_embeds=self.end, **self.keywords))

    def at(self, share: float) -> tuple[float, torch.Tensor]:
        inputs = (self.start + share * (self.end - self.start)).requires_grad_(True)
        with attention_implementation(self.model, "eager"):
            value = self.read(self.model(inputs_embeds=inputs, **self.keywords))
        return float(value.detach()), torch.autograd.grad(value, inputs)[0]

    def by_token(self, places: np.ndarray, weights: np.ndarray) -> np.ndarray:
        mean = sum(weight * self.at(place)[1] for place, weight in zip(places, weights, strict=True))
        return ((self.end - self.start) * mean)[0].sum(1).double().numpy()

    def change(self) -> float:
        return self.at(1.0)[0] - self.at(0.0)[0]


def chosen_by(output: Any) -> Callable[[Any], torch.Tensor]:
    if hasattr(output, "start_logits"):
        return best_answer(output)
    if hasattr(output, "last_hidden_state"):
        mean = output.last_hidden_state[0].mean(0).detach()
        return lambda output: output.last_hidden_state[0].mean(0) @ (mean / mean.norm())
    chosen = int(output.logits[0].argmax())
    return lambda output: output.logits[0, chosen]


@pytest.mark.parametrize("name", MODELS)
def test_values_and_completeness_equal_plain_quadrature(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrated, "STEPS", (3, 7))
    monkeypatch.setattr(integrated, "ALLOWED", 0.0)
    kind, build = MODELS[name]
    model = build() if "masked, read" in name else build().double()  # Longformer's padding gives NaN gradients in double precision
    given = texts(kind)
    found, plain = measured(model, kind, given), Plain(model, kind, given)
    places, weights = roots_legendre(7)
    by_token, change = plain.by_token((places + 1) / 2, weights / 2), plain.change()
    expected = np.array([by_token[plain.members == sentence].sum() for sentence in range(5)])
    np.testing.assert_allclose(found.values, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    assert found.steps == 7
    assert found.completeness_error == pytest.approx(abs(by_token.sum() - change) / abs(change), rel=1e-2, abs=1e-4)
    assert found.baseline == (f"embedding of the mask token <{MASK}>" if kind == "masked" else f"embedding of the end-of-text token <{END}>")


def test_values_equal_many_small_steps_of_the_trapezoid_rule() -> None:
    model, given = tiny_gpt2(initializer_range=0.1).double(), texts("causal")
    found, plain = measured(model, "causal", given), Plain(model, "causal", given)
    weights = np.full(101, 1 / 100)
    weights[[0, -1]] /= 2
    by_token = plain.by_token(np.linspace(0, 1, 101), weights)
    expected = np.array([by_token[plain.members == sentence].sum() for sentence in range(5)])
    assert found.completeness_error < 0.05
    assert found.notices == []
    np.testing.assert_allclose(found.values, expected, atol=0.05 * abs(plain.change()))


def test_steps_are_doubled_until_the_sum_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    model, given = tiny_llama(), texts("causal")
    monkeypatch.setattr(integrated, "STEPS", (2, 4, 8))
    monkeypatch.setattr(integrated, "ALLOWED", 1e9)
    assert measured(model, "causal", given).steps == 2
    monkeypatch.setattr(integrated, "ALLOWED", 0.0)
    found = measured(model, "causal", given)
    assert found.steps == 8
    assert f"with 8 steps the completeness error is {found.completeness_error:.1%}, where 0% was sought" in found.notices[0]


def test_hidden_tokens_of_a_masked_target_are_the_baseline_and_count_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrated, "STEPS", (3,))
    kind, build = MODELS["masked"]
    found = measured(build(), kind, texts(kind))
    assert found.values[4] == 0
    assert (found.values[:4] != 0).all()


def test_special_tokens_keep_their_embeddings_and_a_first_word_does_not() -> None:
    source = texts("causal").source
    members = source.sentence_of_token.copy()
    members[22] = -1
    moved = moved_tokens(source.changed(sentence_of_token=members, sinks=np.array([0, 22])))
    assert np.flatnonzero(~moved).tolist() == [22]
    members[0] = -1
    assert np.flatnonzero(~moved_tokens(source.changed(sentence_of_token=members, sinks=np.array([0, 22])))).tolist() == [0, 22]


@pytest.mark.parametrize(
    ("kind", "tokens", "name"),
    [
        ("causal", {"pad_token_id": 3, "eos_token_id": 5, "mask_token_id": 4}, "embedding of the padding token <3>"),
        ("masked", {"pad_token_id": 3, "mask_token_id": 4}, "embedding of the mask token <4>"),
        ("causal", {"pad_token_id": 101, "eos_token_id": 5}, "embedding of the end-of-text token <5>"),
        ("causal", {"bos_token_id": 6}, "embedding of the start-of-text token <6>"),
        ("causal", {}, "zero vector"),
    ],
)
def test_the_baseline_is_named(kind: str, tokens: dict[str, int], name: str) -> None:
    model = tiny_llama()
    found, start = integrated._baseline(with_tokens(model, kind, **tokens))
    assert found == name
    expected = torch.zeros(48) if name == "zero vector" else model.get_input_embeddings().weight[int(name[name.index("<") + 1 : -1])]
    torch.testing.assert_close(start.expand(1, 1, 48)[0, 0], expected.detach())


def test_a_target_that_does_not_change_says_that_completeness_cannot_be_told() -> None:
    unchanged = IntegratedGradients(by_token=np.zeros(3, np.float32), values=np.zeros(2, np.float32), baseline="zero vector", steps=8, completeness_error=None)
    assert "same value at the baseline" in unchanged.notices[0]
