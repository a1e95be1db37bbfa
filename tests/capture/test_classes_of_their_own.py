"""Classes that take attention's output, a cache, their logits or their encoder's output in a way of their own, from a document to the numbers of plain passes."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    BioGptConfig,
    BioGptForSequenceClassification,
    BloomConfig,
    BloomForQuestionAnswering,
    FalconConfig,
    FalconForQuestionAnswering,
    JetMoeConfig,
    JetMoeForCausalLM,
    JetMoeForSequenceClassification,
    NllbMoeConfig,
    NllbMoeForConditionalGeneration,
)

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "tokens"))
from families import BART_LIKE
from fed import SECOND, document
from tiny_folders import byte_level, unigram

from reportgen.capture import MeasureOptions, measure
from reportgen.capture.attribution import integrated, surrogate
from reportgen.capture.feeding import leaves_out_logits
from reportgen.measurements import Measurements
from reportgen.models import given_model

TEXT = "The ship left the harbour. Nobody waved!\n\nBy noon, the gulls slept. So be it."
SIZES = {"vocab_size": 320, "num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 32, "intermediate_size": 24, "initializer_range": 0.3}
ENDS = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
EXPERTS = {**SIZES, **ENDS, "num_key_value_heads": 2, "kv_channels": 8, "num_local_experts": 2, "num_experts_per_tok": 2}
NAMED = {"vocab_size": 320, "n_layer": 2, "n_head": 4, "hidden_size": 32, "initializer_range": 0.3}
FALCON = {"vocab_size": 320, "num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 32, "initializer_range": 0.3, "alibi": True}
NLLB = {**BART_LIKE, "init_std": 0.05, "d_model": 110, "encoder_sparse_step": 0, "decoder_sparse_step": 0}
CASES: dict[str, tuple[Callable[[], Any], MeasureOptions]] = {
    "views its output": (lambda: JetMoeForCausalLM(JetMoeConfig(**EXPERTS)), MeasureOptions()),
    "a classifier that views its output": (lambda: JetMoeForSequenceClassification(JetMoeConfig(**EXPERTS)), MeasureOptions()),
    "a classifier that is asked for logits": (lambda: BioGptForSequenceClassification(BioGptConfig(**SIZES, **ENDS)), MeasureOptions()),
    "BLOOM that always keeps its keys": (lambda: BloomForQuestionAnswering(BloomConfig(**NAMED)), MeasureOptions(question=SECOND)),
    "Falcon that always keeps its keys": (lambda: FalconForQuestionAnswering(FalconConfig(**FALCON)), MeasureOptions(question=SECOND)),
    "an encoder's output of its own": (lambda: NllbMoeForConditionalGeneration(NllbMoeConfig(**NLLB)), MeasureOptions(pair=document(SECOND, "b.txt"))),
}


def measured(name: str, **changes: Any) -> tuple[Measurements, Any]:
    """The measurements of a case, and a copy of its model as it was before."""
    build, options = CASES[name]
    torch.manual_seed(0)
    model = build().eval()
    before = copy.deepcopy(model)
    found = measure(document(TEXT), given_model(model, unigram() if model.config.is_encoder_decoder else byte_level()), options=replace(options, **changes))
    assert model.config.to_dict() == before.config.to_dict()
    return found, before


def target_of(found: Measurements, output: Any) -> torch.Tensor:
    """The target by hand: the likelihood of the last sentence, the greatest logit, or the logits of the answer's ends."""
    if found.metadata["kind"] == "classifier":
        return output.logits[0].max()
    if found.metadata["kind"] == "question answering":
        start, end = found.metadata["target"]["answer"]["tokens"]
        return output.start_logits[0, start] + output.end_logits[0, end]
    text = "target_token" if found.metadata["kind"] == "seq2seq" else "token"
    ids, sentences = found[f"{text}_ids"].astype(np.int64), found[f"{text}_sentences"]
    predicted = torch.from_numpy(np.flatnonzero(sentences == sentences.max()))
    return torch.nn.functional.cross_entropy(output.logits[0][predicted - 1], torch.from_numpy(ids)[predicted], reduction="sum")


@pytest.mark.parametrize("name", CASES)
def test_target_and_gradient_are_those_of_a_plain_pass(name: str) -> None:
    found, model = measured(name)
    embeddings = model.get_input_embeddings()(torch.from_numpy(found["token_ids"].astype(np.int64))[None]).detach().requires_grad_(True)
    answer = {"decoder_input_ids": torch.from_numpy(found["target_token_ids"].astype(np.int64))[None]} if model.config.is_encoder_decoder else {}
    value = target_of(found, model(inputs_embeds=embeddings, **answer))
    (gradient,) = torch.autograd.grad(value, embeddings)
    expected = gradient[0].abs().sum(1).numpy()
    assert found.metadata["target"]["value"] == pytest.approx(float(value.detach()), rel=1e-4)
    np.testing.assert_allclose(found["attribution.token_gradient"], expected, rtol=1e-4, atol=1e-4 * expected.max())


@pytest.mark.parametrize("name", CASES)
def test_every_pass_of_many_goes_through(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrated, "STEPS", (2, 3))
    monkeypatch.setattr(surrogate, "FITTED", 5)
    monkeypatch.setattr(surrogate, "HELD_OUT", 2)
    found, model = measured(name, attribution="full")
    through_the_interface = model.config.model_type not in ("bloom", "falcon")
    assert "attribution.integrated_gradients" in found.arrays
    assert ("attribution.ablation" in found.arrays) == through_the_interface
    assert ("attribution.link_effect" in found.arrays) == (through_the_interface and found.metadata["kind"] != "classifier")


def test_a_classifier_is_asked_for_no_logits_of_some_tokens_and_a_language_model_is() -> None:
    assert [leaves_out_logits(CASES[name][0]()) for name in ("a classifier that is asked for logits", "views its output")] == [False, True]
