"""Classifiers of the mean state: what is left out of the text is left out of the mean, against eager attention and a mean taken by hand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import BertConfig, ModernBertConfig, ModernBertForSequenceClassification

sys.path.insert(0, str(Path(__file__).parent))
from families import HEADS
from test_ablation import masks_without
from test_attribution import MASK, language_model, texts

from reportgen.capture.attribution.ablation import measure_ablation
from reportgen.capture.feeding import Feed
from reportgen.capture.self_check import check_model
from reportgen.capture.streaming import attention_implementation
from reportgen.capture.targets import default_target
from reportgen.models import given_model
from reportgen.models.mean_pooled import MeanPooledBert


def mean_pooled_bert() -> Any:
    (family,) = (family for family in HEADS if family.name == "sequence classification")
    config = BertConfig(**{**family.build().config.to_dict(), "classifier_pooling": "mean"})
    torch.manual_seed(0)
    return MeanPooledBert(config).eval().double()


def modern_bert() -> Any:
    torch.manual_seed(0)
    sizes = {"num_hidden_layers": 2, "num_attention_heads": 3, "hidden_size": 36, "intermediate_size": 24, "vocab_size": 101, "initializer_cutoff_factor": 2.0}
    special = {"pad_token_id": 0, "cls_token_id": 1, "sep_token_id": 2, "bos_token_id": 1, "eos_token_id": 2}
    config = ModernBertConfig(**sizes, **special, num_labels=3, classifier_pooling="mean", local_attention=14, initializer_range=0.3)
    return ModernBertForSequenceClassification(config).eval().double()


def head_of(model: Any, mean: torch.Tensor) -> torch.Tensor:
    return model.classifier(mean) if isinstance(model, MeanPooledBert) else model.classifier(model.head(mean))


def logits_by_hand(model: Any, given: Feed, hidden: np.ndarray) -> torch.Tensor:
    """From the states of an eager pass in which no other token sees what is hidden."""
    tokens = len(hidden)
    cells = {(tokens, tokens): hidden[None] & ~hidden[:, None]}
    with masks_without(cells), attention_implementation(model, "eager"), torch.no_grad():
        states = model.base_model(**given.keywords(model)).last_hidden_state[0]
        return head_of(model, states[torch.from_numpy(~hidden)].mean(0)[None])[0]


@pytest.mark.parametrize("build", [mean_pooled_bert, modern_bert])
def test_a_sentence_that_is_left_out_is_left_out_of_the_mean(build: Any) -> None:
    model, given = build(), texts("classifier")
    check_model(model, given)
    target = default_target(language_model(model, "classifier"), given)
    aimed, members = target.feed(given, MASK), given.source.sentence_of_token
    intact = logits_by_hand(model, given, np.zeros(67, bool))
    chosen = int(intact.argmax())
    assert target.rows.tolist() == list(range(67))
    found = measure_ablation(language_model(model, "classifier"), aimed, target, float(intact[chosen]), target.sentences, lambda stage, share: None)
    expected = [float((logits_by_hand(model, given, members == sentence) - intact)[chosen]) for sentence in range(5)]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    assert not model.base_model._forward_pre_hooks


def test_it_is_a_classifier_by_its_class_and_its_mask_counts() -> None:
    model = mean_pooled_bert()
    assert given_model(model, object()).kind == "classifier"
    ids, mask = torch.arange(14).view(2, 7), torch.tensor([[1] * 7, [1] * 4 + [0] * 3])
    with torch.no_grad():
        both, alone = model(ids, attention_mask=mask).logits, model(ids[1:, :4]).logits
    torch.testing.assert_close(both[1], alone[0])
