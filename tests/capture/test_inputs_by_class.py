"""What a model's own class adds to its inputs: every pass has it, against the weights, outputs and gradients of the whole class on the ids alone."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "tokens"))
from fed import LONG, SECOND, big_bird_for_questions, document, longformer_for_classes
from per_layer_models import WINDOWS, banded, block_sparse, dense_big_bird, ids_of, own_attention, tiny_led, tiny_longformer
from test_measure_kinds import longformer
from transformers import (
    LongformerForMaskedLM,
    LongformerForMultipleChoice,
    LongformerForQuestionAnswering,
    LongformerForSequenceClassification,
    LongformerForTokenClassification,
    LongformerModel,
)

from reportgen.capture import MeasureOptions, measure, token_weights
from reportgen.capture.per_layer import attention_types_kept, global_mask
from reportgen.errors import ModelError
from reportgen.measurements import Measurements
from reportgen.models import LanguageModel, given_model

TEXT = LONG[:500].rpartition(".")[0] + "."
TYPES = "bert.embeddings.token_type_embeddings"


def own_banded(model: Any, ids: torch.Tensor) -> np.ndarray:
    """Of Longformer's class for sequences, whose first token alone has global attention."""
    output = own_attention(model, {"input_ids": ids})
    return np.stack(banded(output.attentions, output.global_attentions, ids.shape[1], [0]))


def own_blocks(model: Any, ids: torch.Tensor) -> np.ndarray:
    return np.stack(block_sparse(model, {"input_ids": ids})["encoder"])


def own_full(model: Any, ids: torch.Tensor) -> np.ndarray:
    return np.stack(dense_big_bird(model, {"input_ids": ids})["encoder"])


@dataclass(frozen=True, kw_only=True)
class Case:
    """A model, how it is measured, and the weights of one that was not measured, layer x head x query x key."""

    build: Callable[[], LanguageModel]
    own: Callable[[Any, torch.Tensor], np.ndarray]
    options: dict[str, Any]


CASES = {
    "longformer for sequences": Case(build=longformer_for_classes, own=own_banded, options={}),
    "big_bird for questions": Case(build=big_bird_for_questions, own=own_blocks, options={"question": SECOND}),
    "big_bird for questions, full": Case(build=lambda: big_bird_for_questions(60), own=own_full, options={"question": SECOND}),
}


@cache
def case_of(name: str) -> tuple[Measurements, LanguageModel]:
    model = CASES[name].build()
    return measure(document(TEXT), model, options=MeasureOptions(**CASES[name].options)), model


def own_weights(name: str) -> np.ndarray:
    return CASES[name].own(CASES[name].build().model, ids_in(case_of(name)[0].arrays))


def ids_in(arrays: Any, prefix: str = "") -> torch.Tensor:
    return torch.from_numpy(arrays[f"{prefix}token_ids"].astype(np.int64))[None]


def between_sentences(weights: np.ndarray, members: np.ndarray) -> np.ndarray:
    """The mean over the tokens of the one sentence of the sum over those of the other."""
    own = [np.flatnonzero(members == sentence) for sentence in range(members.max() + 1)]
    return np.array([[[[head[np.ix_(i, j)].sum(1).mean() for j in own] for i in own] for head in layer] for layer in weights])


def own_target(found: Measurements, output: Any) -> torch.Tensor:
    """The logit of the predicted class, or those of the answer's first and last token."""
    if "logits" in output:
        return output.logits[0].max()
    first, last = found.metadata["target"]["answer"]["characters"]
    start, end = (np.flatnonzero(found["token_spans"][:, side] == place)[0] for side, place in ((0, first), (1, last)))
    return output.start_logits[0, start] + output.end_logits[0, end]


def own_gradient(model: Any, found: Measurements) -> tuple[float, np.ndarray]:
    """The target's value, and its gradient by the embeddings of the words, where the class is given the ids."""
    made: list[torch.Tensor] = []

    def keep(module: Any, inputs: Any, output: torch.Tensor) -> torch.Tensor:
        made.append(output.detach().requires_grad_(True))
        return made[0]

    hook = model.get_input_embeddings().register_forward_hook(keep)
    with attention_types_kept(model):
        value = own_target(found, model(input_ids=ids_in(found.arrays)))
    hook.remove()
    return float(value.detach()), torch.autograd.grad(value, made)[0][0, : len(found["token_ids"])].numpy()


@pytest.mark.parametrize("name", CASES)
def test_the_weights_measured_are_those_of_the_whole_class(name: str) -> None:
    found, _ = case_of(name)
    expected = between_sentences(own_weights(name), found["token_sentences"])
    np.testing.assert_allclose(found["encoder.sentence_attention"], expected, atol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_the_target_and_its_gradient_are_those_of_the_whole_class(name: str) -> None:
    found, model = case_of(name)
    value, gradient = own_gradient(model.model, found)
    members = found["token_sentences"]
    assert found.metadata["target"]["value"] == pytest.approx(value, rel=1e-5)
    expected = np.bincount(members[members >= 0], weights=np.abs(gradient).sum(1)[members >= 0])
    np.testing.assert_allclose(found["attribution.gradient"], expected, rtol=1e-4, atol=1e-6 * expected.max())


@pytest.mark.parametrize("name", CASES)
def test_weights_of_tokens_are_those_of_the_whole_class(name: str, tmp_path: Path) -> None:
    found, model = case_of(name)
    found.save(tmp_path / "x.npz")
    again = token_weights(Measurements.load(tmp_path / "x.npz"), model, (3, 2), (2, 1))
    np.testing.assert_allclose(again.weights, own_weights(name)[2, 1][np.ix_(again.query_tokens, again.key_tokens)], atol=1e-5)


def test_the_first_token_has_global_attention_in_every_window() -> None:
    model = longformer_for_classes()
    found = measure(document(TEXT), model, options=MeasureOptions(attribution="fast", window=90))
    assert found.metadata["global_tokens"] == [0]
    for number in range(len(found.windows)):
        own = own_banded(model.model, ids_in(found.arrays, f"window{number}/"))
        expected = between_sentences(own, found[f"window{number}/token_sentences"])
        np.testing.assert_allclose(found[f"window{number}/encoder.sentence_attention"], expected, atol=1e-5)
    last = own_attention(model.model, {"input_ids": ids_in(found.arrays, f"window{len(found.windows) - 1}/")})
    assert found.metadata["target"]["value"] == pytest.approx(float(last.logits.max()), rel=1e-5)


def test_the_first_token_is_said_to_have_global_attention() -> None:
    assert case_of("longformer for sequences")[0].metadata["global_tokens"] == [0]


def test_token_types_that_the_class_makes_are_in_the_file() -> None:
    found, model = case_of("big_bird for questions")
    made: list[torch.Tensor] = []
    hook = model.model.get_submodule(TYPES).register_forward_pre_hook(lambda module, inputs: made.append(inputs[0][0]))
    with torch.no_grad():
        model.model(input_ids=ids_in(found.arrays))
    hook.remove()
    np.testing.assert_array_equal(found["token_types"], made[0][: len(found["token_ids"])])
    assert sorted(set(found["token_types"].tolist())) == [0, 1]
    assert found["token_types"].argmax() == np.flatnonzero(found["token_sentences"] == 2)[0]  # the question has two sentences


def test_the_global_tokens_handed_in_are_those_that_each_class_hands_to_its_layers() -> None:
    question = ids_of(31)
    question[0, [4, 5, 30]] = 2  # question </s> </s> text </s>
    classes = (LongformerForMaskedLM, LongformerForSequenceClassification, LongformerForQuestionAnswering, LongformerModel)
    for model in (*map(tiny_longformer, classes), tiny_led()):
        made: list[Any] = []
        model.base_model.register_forward_pre_hook(lambda module, inputs, given, made=made: made.append(given.get("global_attention_mask")), with_kwargs=True)
        own_attention(model, {"input_ids": question} | ({"decoder_input_ids": question[:, :7]} if model.config.is_encoder_decoder else {}))
        (set_by_class,) = made
        found = global_mask(model, question[0].numpy())
        assert found.keys() == (set() if set_by_class is None else {"global_attention_mask"})
        for mask in found.values():
            np.testing.assert_array_equal(mask, set_by_class[0])


@pytest.mark.parametrize("model_class", [LongformerForTokenClassification, LongformerForMultipleChoice])
def test_classes_for_tokens_and_for_choices_are_not_measured(model_class: Any) -> None:
    with pytest.raises(ModelError, match=f"is a {model_class.__name__} .longformer., which reportgen does not measure"):
        given_model(tiny_longformer(model_class), object())


def test_longformer_for_questions_is_refused_in_windows_too() -> None:
    with pytest.raises(ModelError, match="3 separators .* there are 1. Give --pair"):
        measure(document(TEXT), longformer(), options=MeasureOptions(attribution="none", window=90))


def test_windows_of_the_cases_are_those_that_their_own_weights_are_put_back_by() -> None:
    assert longformer_for_classes().model.config.attention_window == list(WINDOWS)
