"""Models in which other parts than attention carry information too: measured where there is attention, equal to their own eager attention."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "tokens"))
from backward_reference import SENTENCES, TOKENS, assert_same, by_autograd, embeddings_of, likelihood, numbers_of
from backward_reference import measured as backward_measured
from families import SEAM, Family
from fed import LONG, document
from hybrids import HYBRIDS, SMALL, Hybrid
from tiny import arrays_of, assert_equal_to_reference, assert_links_are_the_strongest, eager_experts, made_up_layout, reference_of
from tiny_folders import byte_level

from reportgen.capture import MeasureOptions, measure
from reportgen.capture.attribution import integrated
from reportgen.capture.carrying import attention_alone
from reportgen.capture.feeding import Feed
from reportgen.capture.forward import run_through
from reportgen.capture.self_check import check_model, eager_weights
from reportgen.capture.streaming import StackPass, attention_implementation
from reportgen.contract import spec_of
from reportgen.errors import ModelError
from reportgen.measurements import Measurements
from reportgen.models import LanguageModel, given_model
from reportgen.render import render_report
from reportgen.report import build_report

TEXT = f"{LONG}\n\nSo be it. Nobody waved."


def named(name: str) -> Hybrid:
    return next(family for family in HYBRIDS if family.name == name)


def with_tokenizer(name: str) -> LanguageModel:
    family = named(name)
    return given_model(Hybrid(**{**vars(family), "options": {**family.options, "vocab_size": len(byte_level())}}).build(), byte_level())


def measured(name: str, **options: Any) -> Measurements:
    return measure(document(TEXT), with_tokenizer(name), options=MeasureOptions(**options))


def eager_output(model: Any) -> Any:
    with attention_implementation(model, "eager"), torch.no_grad():
        return model(input_ids=torch.arange(1, 20)[None], use_cache=False, output_attentions=True)


@pytest.mark.parametrize("family", HYBRIDS, ids=lambda family: family.name)
def test_every_array_equals_the_formula_on_the_eager_attention_of_the_layers_that_have_it(family: Hybrid) -> None:
    model, layout = family.build(), made_up_layout(tokens=131, sentences=11)
    arrays, reference = arrays_of(model, layout), reference_of(model, layout)
    assert reference.p.shape == (family.attending, 6, 131, 131)
    assert arrays["relative_entropy"].mean() < 0.96
    assert_equal_to_reference(arrays, reference.arrays())
    assert_links_are_the_strongest(arrays["token_links"], reference.p.mean((0, 1)))


@pytest.mark.parametrize("family", HYBRIDS, ids=lambda family: family.name)
def test_what_the_layers_give_is_as_without_measuring(family: Hybrid) -> None:
    model, given = family.build(), Feed(source=made_up_layout(tokens=131, sentences=11))
    states: list[torch.Tensor] = []
    shapes = check_model(model, given)
    hook = model.base_model.register_forward_hook(lambda module, inputs, output: states.append(output[0]))
    run_through(model, given, {name: StackPass(stack=stack, reducers=[]) for name, stack in given.stacks(shapes).items()})
    with torch.no_grad():
        model.base_model(**given.keywords(model))
    hook.remove()
    torch.testing.assert_close(states[0], states[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", HYBRIDS, ids=lambda family: family.name)
def test_the_backward_pass_equals_autograd_through_eager_attention(family: Hybrid) -> None:
    """Layers without attention are recomputed as well: their states start anew. Experts in the way that knows float64."""
    model, layout = eager_experts(family.build()).double(), made_up_layout(TOKENS, SENTENCES)
    target = likelihood(layout)
    found, eager = backward_measured(model, layout, "decoder", target, rows_at_most=19), by_autograd(model, embeddings_of(model, layout), target)
    assert found.value == pytest.approx(eager.value, rel=1e-5)
    torch.testing.assert_close(found.gradient, eager.gradient, rtol=1e-4, atol=1e-4 * float(eager.gradient.abs().max()))
    assert len(found.stacks["decoder"].importance) == family.attending
    assert_same(found.stacks["decoder"], numbers_of(eager.products["decoder"], layout, layout))


@pytest.mark.parametrize("family", [*HYBRIDS, *SEAM], ids=lambda family: family.name)
def test_it_is_known_whether_attention_alone_carries(family: Family) -> None:
    given = Feed(source=made_up_layout(tokens=131, sentences=11))
    if family.kind != "encoder-decoder":
        model = family.build()
        before = model.config._attn_implementation
        assert attention_alone(model, given) == (family not in HYBRIDS)
        assert model.config._attn_implementation == before
        assert not model.get_input_embeddings()._forward_hooks


def test_a_layer_whose_other_part_is_switched_off_leaves_attention_alone() -> None:
    model, given = named("Falcon-H1").build(), Feed(source=made_up_layout(tokens=131, sentences=11))
    with torch.no_grad():
        for layer in model.model.layers:
            layer.mamba.out_proj.weight.zero_()
    assert attention_alone(model, given)


def test_a_text_of_one_token_has_nothing_to_carry() -> None:
    assert attention_alone(named("LFM2").build(), Feed(source=made_up_layout(tokens=131, sentences=11).head(1)))


def test_states_of_linear_layers_are_not_taken_for_attention() -> None:
    model = named("MiniMax").build()
    output = eager_output(model)
    assert [tuple(states.shape[2:]) for states in output.attentions].count((19, 19)) == 3 < len(output.attentions)
    weights = eager_weights(model, output)["decoder"]
    assert len(weights) == 3
    for layer in weights:
        torch.testing.assert_close(layer.sum(-1), torch.ones(6, 19))


def test_a_model_that_returns_attention_of_other_layers_than_have_it_is_refused() -> None:
    model = named("Bamba").build()
    output = eager_output(model)
    output.attentions = (*output.attentions, output.attentions[0])
    with pytest.raises(ModelError, match="returns attention of 3 layers, but 2 of its 7 layers have it"):
        eager_weights(model, output)


def test_what_follows_attention_alone_is_left_out_and_said() -> None:
    found = measured("Qwen3-Next")
    assert not [key for key in found.arrays if "rollout" in key or "relevance" in key]
    assert {"decoder.importance", "decoder.attention_x_gradient", "attribution.attention_x_gradient", "attribution.attention"} <= set(found.arrays)
    assert found.metadata["stacks"] == {"decoder": [3, 6]}
    assert found.metadata["attention_layers"] == {"decoder": [1, 4, 5]}
    assert all(spec_of(key) is not None for key in found.arrays)
    where, *absences = found.notices
    assert where == (
        "Measured where there is attention: layers 1, 4 and 5 of the model's 7, counted from 0. Layers and heads are numbered among these: layer 0 is the "
        "model's layer 1."
    )
    assert (
        "Not measured, because other parts of the model than attention carry information between tokens too: rollout, and relevance of the attribution's target."
    ) in absences


def test_no_sentence_is_left_out_by_hiding_it_where_other_parts_carry_it_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrated, "STEPS", (2,))
    found = measured("LFM2", attribution="full", probes=False)
    assert not {"attribution.ablation", "attribution.surrogate"} & set(found.arrays)
    assert "attribution.integrated_gradients" in found.arrays
    assert any("carries information past its attention" in notice and notice.endswith("ablation, surrogate.") for notice in found.notices)


def test_attention_beside_other_parts_in_every_layer_has_no_layers_singled_out() -> None:
    found = measured("Falcon-H1", attribution="none", probes=False)
    assert "attention_layers" not in found.metadata
    assert found.metadata["stacks"] == {"decoder": [7, 6]}
    assert any(notice.endswith("carry information between tokens too: rollout.") for notice in found.notices)


def test_one_layer_with_attention_is_said_to_be_one() -> None:
    options = {**SMALL, "vocab_size": len(byte_level()), "layer_types": ["conv", "conv", "full_attention"], "num_hidden_layers": 3}
    model = given_model(Hybrid(**{**vars(named("LFM2")), "options": options}).build(), byte_level())
    found = measure(document(TEXT), model, options=MeasureOptions(probes=False))
    assert found.notices[0].startswith("Measured where there is attention: layer 2 of the model's 3, counted from 0.")


def test_a_hybrid_is_measured_in_windows_without_rollout() -> None:
    found = measured("LFM2", window=40, probes=False)
    assert len(found.metadata["windows"]) > 1
    assert all(window["tokens"] <= 40 for window in found.metadata["windows"])
    assert not [key for key in found.arrays if "rollout" in key or "relevance" in key]
    assert found.metadata["attention_layers"] == {"decoder": [1, 4, 5]}
    assert "carry information between tokens too" in " ".join(found.notices)
    assert np.isfinite(found["decoder.sentence_attention"]).any()


def test_the_page_of_a_hybrid_has_every_section_and_no_rollout() -> None:
    found = measured("LFM2", probes=False)
    report = build_report(found)
    assert {"sentence_matrix", "attribution_agreement"} <= {section.name for section in report.sections}
    page = render_report(report, lambda specs: {})
    assert report.subtitle.endswith(": 3 layers with attention of 6 heads")
    assert "Measured where there is attention: layers 1, 4 and 5" in page
    assert 'data-measure="rollout' not in page
    assert 'value="rollout' not in page
    assert '"rollout":' not in page
