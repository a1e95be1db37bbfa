"""The backward pass through models that are read one layer at a time against autograd through zeros added to the results of their softmaxes."""

from __future__ import annotations

import sys
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from backward_reference import assert_same, numbers_of, relevance_of_both_texts
from per_layer_gradients import Fed, placed, plain_gradient
from per_layer_models import CASES, GLOBAL, Case, tiny_big_bird, tiny_bloom, tiny_deberta, tiny_deberta_v2, tiny_falcon
from tiny import HEADS, LAYERS, made_up_layout

from reportgen.capture.backward import BackwardNumbers, BackwardPass, measure_backward
from reportgen.capture.carrying import attention_alone
from reportgen.capture.feeding import Feed
from reportgen.capture.per_layer import weighed_layers, weighing
from reportgen.errors import ModelError

KINDS = {name: "dense" for name in CASES} | {
    "longformer": "banded",
    "led": "banded",
    "longformer with global tokens": "banded with global tokens",
    "led with global tokens": "banded with global tokens",
    "big_bird, block-sparse": "blocks",
}
BIASED = Case(build=lambda: tiny_falcon(alibi=True), own=lambda model, inputs: {})  # its explicit softmax adds the bias twice, its own fused one once


def measured(fed: Fed, **options: Any) -> BackwardNumbers:
    backward_pass = BackwardPass(layouts=fed.layouts, rows_at_most=19, **options)
    return measure_backward(fed.model, fed.embeddings, fed.target, backward_pass, through=weighed_layers)


@pytest.mark.parametrize("name", CASES)
def test_all_numbers_equal_autograd_through_the_models_own_softmax(name: str) -> None:
    fed = Fed.of(CASES[name])
    found, products = measured(fed).stacks, placed(fed, LAYERS, KINDS[name])
    assert {stack: len(numbers.importance) for stack, numbers in found.items()} == {stack: len(layers) for stack, layers in products.items()}
    texts = {"encoder": (fed.source, fed.source), "decoder": (fed.layouts["decoder"],) * 2, "cross": (fed.answer, fed.source)}
    for stack, layers in products.items():
        expected = vars(numbers_of(layers, *texts[stack]))
        if fed.answer is not None:
            both = relevance_of_both_texts(products, fed.answer, fed.source) if stack == "encoder" else (None, None)
            expected["relevance"], expected["token_relevance"] = both
        assert_same(found[stack], type(found[stack])(**expected))


@pytest.mark.parametrize("case", [*CASES.values(), BIASED], ids=[*CASES, "falcon, fused, with position bias"])
def test_value_and_gradient_are_those_of_the_model_as_it_is(case: Case) -> None:
    fed = Fed.of(case)
    found, (value, gradient) = measured(fed), plain_gradient(fed)
    assert found.value == pytest.approx(value, rel=1e-6)
    torch.testing.assert_close(found.gradient, gradient, rtol=1e-4, atol=1e-5 * float(gradient.abs().max()))


@pytest.mark.parametrize("name", ["bloom", "longformer with global tokens", "big_bird, block-sparse"])
def test_no_two_layers_are_in_memory_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fed, seen, close = Fed.of(CASES[name]), [], weighing._WeighedCall._close

    def watched(call: Any, products: torch.Tensor) -> None:
        assert not [reference for reference in seen if reference() is not None]
        seen.append(weakref.ref(products))
        close(call, products)

    monkeypatch.setattr(weighing._WeighedCall, "_close", watched)
    measured(fed)
    assert len(seen) == LAYERS


@pytest.mark.parametrize("name", ["longformer", "led"])
def test_padding_of_a_band_in_float32(name: str) -> None:
    fed = Fed.of(CASES[name], torch.float32)
    found, products = measured(fed), placed(fed, LAYERS, KINDS[name])
    assert fed.source.tokens == 53
    assert bool(torch.isfinite(found.gradient).all())
    for stack, layers in products.items():
        expected = np.abs(np.stack(layers)).sum((2, 3))
        np.testing.assert_allclose(found.stacks[stack].importance_abs, expected, rtol=1e-3, atol=1e-4 * expected.max())


def state_of(model: Any) -> list[Any]:
    own = [(name, id(module), sorted(vars(module)), getattr(module, "attention_type", None)) for name, module in model.named_modules()]
    return [own, model.config.to_dict(), model.config._attn_implementation, [tensor.grad for tensor in model.parameters()]]


@pytest.mark.parametrize("name", ["falcon", "led with global tokens", "big_bird, short and therefore full"])
def test_the_model_is_as_it_was_afterwards_also_after_an_error(name: str) -> None:
    fed = Fed.of(CASES[name])
    before = state_of(fed.model)
    measured(fed)
    assert state_of(fed.model) == before
    with pytest.raises(ZeroDivisionError), weighed_layers(fed.model, BackwardPass(layouts=fed.layouts)):
        raise ZeroDivisionError
    assert state_of(fed.model) == before


def test_progress_goes_from_the_first_block_of_the_last_layer_to_one() -> None:
    shares: list[float] = []
    measured(Fed.of(CASES["bloom"]), progress=shares.append)
    assert shares == pytest.approx([(layer * 53 + rows) / (LAYERS * 53) for layer in range(LAYERS) for rows in (19, 38, 53)])


def test_what_cannot_be_read_is_refused_by_name() -> None:
    fed = Fed.of(CASES["bloom"])
    shorter = BackwardPass(layouts={"decoder": made_up_layout(29, 3)})
    with pytest.raises(ModelError, match="looks from 53 tokens at 53, but the text has 29 and 29"):
        measure_backward(fed.model, fed.embeddings, fed.target, shorter, through=weighed_layers)
    unknown = Fed.of(CASES["big_bird, block-sparse"])
    for layer in unknown.model.bert.encoder.layer:
        attention = layer.attention.self
        attention.bigbird_block_sparse_attention = lambda *arguments, own=attention.bigbird_block_sparse_attention, **keywords: (
            own(*arguments, **keywords),
            torch.zeros(1).softmax(0),
        )[0]
    with pytest.raises(ModelError, match="calls softmax 6 times instead of 5"):
        measured(unknown)


def test_a_gradient_that_reaches_part_of_a_layer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    take = weighing._WeighedCall._take
    monkeypatch.setattr(weighing._WeighedCall, "_take", lambda call, part, product: take(call, part, product) if part else None)
    with pytest.raises(ModelError, match="only some of the weights of a layer of the encoder"):
        measured(Fed.of(CASES["longformer with global tokens"]))


def test_a_gradient_that_is_not_finite_is_refused_with_its_layer() -> None:
    fed = Fed.of(CASES["bloom"])
    projection = fed.model.transformer.h[1].self_attention.dense
    projection.register_full_backward_hook(lambda module, inputs, outputs: (inputs[0] * torch.inf,))
    with pytest.raises(ModelError, match="by the attention weights of layer 1 of the model's decoder is not finite"):
        measured(fed)


def test_the_convolution_of_deberta_v2_carries_beside_attention() -> None:
    given = Feed(source=made_up_layout(53, 5))
    assert [attention_alone(build(), given) for build in (tiny_deberta, tiny_deberta_v2)] == [True, False]


def test_the_cases_hold_what_makes_them_hard() -> None:
    assert set(KINDS) == set(CASES)
    assert CASES["led with global tokens"].chosen == GLOBAL
    assert tiny_big_bird().config.num_random_blocks == 2
    assert tiny_bloom().config.n_head == HEADS
