"""Models in half precision and in double: the numbers are those of the model's own eager attention in its own type; what is not finite is named."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from elsewhere import NEEDS_A_GPU
from tiny import made_up_layout, measured, references_of, tiny_llama

from reportgen.capture.attribution import measure_gradients
from reportgen.capture.feeding import Feed
from reportgen.capture.targets import default_target
from reportgen.errors import ModelError
from reportgen.models import LanguageModel

# The model's own eager attention rounds its weights to 8 or 11 bits of significance; what follows from later layers adds to that.
ROUNDED = {torch.bfloat16: 3e-2, torch.float16: 5e-3, torch.float64: 1e-5}


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=NEEDS_A_GPU)])
@pytest.mark.parametrize("dtype", ROUNDED, ids=str)
def test_a_model_in_another_number_type_has_the_numbers_of_its_own_eager_attention(dtype: torch.dtype, device: str) -> None:
    model, given = tiny_llama(initializer_range=0.1).to(dtype), Feed(source=made_up_layout(tokens=97, sentences=7))
    (reference,) = references_of(model, given).values()
    arrays = measured(model.to(device), given).arrays
    for name, values in reference.arrays().items():
        if name in ("sentence_attention", "outside_attention", "isa", "rollout", "confidence", "first_token", "within_sentence", "locality"):
            found = arrays[f"decoder.{name}"]
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, values, atol=ROUNDED[dtype], err_msg=name)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_the_target_of_a_model_in_half_precision_is_computed_in_single(dtype: torch.dtype) -> None:
    model, given = tiny_llama(initializer_range=0.1).to(dtype), Feed(source=made_up_layout(tokens=97, sentences=7))
    target = default_target(LanguageModel(model=model, tokenizer=None, name="made up", identity="", kind="causal"), given)
    with torch.no_grad():
        scores = model(**given.keywords(model)).logits[0].float().log_softmax(-1).numpy()
    found = measure_gradients(model, target.feed(given, None), target, lambda stage, share: None)
    assert found.value == pytest.approx(-sum(scores[row, given.source.ids[row + 1]] for row in target.rows), rel=0.02)
    assert np.isfinite(found.gradient).all()
    assert (found.gradient > 0).any()


def test_derivatives_that_half_precision_cannot_hold_are_said() -> None:
    model, given = tiny_llama(initializer_range=0.1), Feed(source=made_up_layout(tokens=97, sentences=7))
    target = default_target(LanguageModel(model=model, tokenizer=None, name="made up", identity="", kind="causal"), given)

    def notices(dtype: torch.dtype, scale: float) -> tuple[str, ...]:
        scaled = replace(target, read=lambda output: target.read(output) * scale)
        return measure_gradients(model.to(dtype), target.feed(given, None), scaled, lambda stage, share: None).notices

    assert notices(torch.float16, 1.0) == ()
    (said,) = notices(torch.float16, 1e-8)
    assert "ran in float16" in said
    assert notices(torch.float32, 1e-8) == ()
    assert notices(torch.bfloat16, 1e-8) == ()


def test_a_gradient_that_is_not_finite_is_refused_with_its_layer() -> None:
    model, given = tiny_llama(), Feed(source=made_up_layout(tokens=31, sentences=3))
    target = default_target(LanguageModel(model=model, tokenizer=None, name="made up", identity="", kind="causal"), given)
    projection = model.model.layers[1].self_attn.o_proj
    projection.register_full_backward_hook(lambda module, inputs, outputs: (inputs[0] * torch.inf,))
    with pytest.raises(ModelError, match="gradient that reaches the attention of layer 1 of the model's decoder is not finite"):
        measure_gradients(model, target.feed(given, None), target, lambda stage, share: None)
