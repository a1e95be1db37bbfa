"""What the self-check says of models that cannot run, or whose attention it cannot read: one sentence, not the model's own error."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    BigBirdPegasusConfig,
    BigBirdPegasusForConditionalGeneration,
    DogeConfig,
    DogeForCausalLM,
    DPRConfig,
    DPRQuestionEncoder,
    PegasusXConfig,
    PegasusXForConditionalGeneration,
    XmodConfig,
    XmodForMaskedLM,
)

sys.path.insert(0, str(Path(__file__).parent))
from families import BART_LIKE, BERT_LIKE, LLAMA_LIKE
from tiny import made_up_layout, tiny_llama

from reportgen.capture.feeding import Feed
from reportgen.capture.self_check import check_model
from reportgen.errors import ModelError

EVEN = {"d_model": 48, "encoder_attention_heads": 6, "decoder_attention_heads": 6}


def checked(model: Any) -> Any:
    target = made_up_layout(31, 3, seed=1) if model.config.is_encoder_decoder else None
    return check_model(model.eval(), Feed(source=made_up_layout(61, 5), target=target))


@pytest.mark.parametrize(
    ("build", "error"),
    [
        (lambda: DogeForCausalLM(DogeConfig(**LLAMA_LIKE)), AttributeError),
        (lambda: BigBirdPegasusForConditionalGeneration(BigBirdPegasusConfig(**BART_LIKE | EVEN, attention_type="original_full")), TypeError),
    ],
    ids=["doge", "bigbird-pegasus"],
)
def test_a_model_that_does_with_its_mask_what_only_an_array_allows_is_refused_by_name(build: Any, error: type[Exception]) -> None:
    with pytest.raises(ModelError, match=rf"^\w+For\w+'s attention is not of a form that reportgen reads: .* {error.__name__} \(.+\)\.$") as told:
        checked(build())
    assert isinstance(told.value.__cause__, error)


def test_a_model_that_itself_cannot_run_is_said_to_fail_itself() -> None:
    with pytest.raises(
        ModelError, match=r"^XmodForMaskedLM itself fails on the text's first 48 tokens.*: ValueError \(Input language unknown\..*\)\.$"
    ) as told:
        checked(XmodForMaskedLM(XmodConfig(**BERT_LIKE, languages=("en_XX",))))
    assert isinstance(told.value.__cause__, ValueError)


def test_a_model_that_returns_its_attention_in_blocks_is_refused() -> None:
    with pytest.raises(ModelError, match="PegasusXForConditionalGeneration does not return its attention, layer by layer"):
        checked(PegasusXForConditionalGeneration(PegasusXConfig(**BART_LIKE | EVEN, block_size=8)))


def test_a_model_that_gives_one_pooled_vector_alone_is_refused_with_what_could_be_checked() -> None:
    with pytest.raises(ModelError, match="DPRQuestionEncoder gives none of logits, start_logits, end_logits, last_hidden_state"):
        checked(DPRQuestionEncoder(DPRConfig(**BERT_LIKE)))


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, MemoryError, KeyboardInterrupt, ModelError])
@pytest.mark.parametrize("streamed", [False, True])
def test_too_little_memory_an_interruption_and_refusals_are_handed_on_as_they_are(error: type[BaseException], streamed: bool) -> None:
    model = tiny_llama()

    def fail(module: Any, inputs: Any) -> None:
        if not streamed or model.config._attn_implementation.startswith("reportgen"):
            raise error("as it was")

    model.model.register_forward_pre_hook(fail)
    with pytest.raises(error, match="^as it was$"):
        checked(model)
    assert not model.config._attn_implementation.startswith("reportgen")
