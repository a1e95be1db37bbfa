"""Heads masked for real, against models whose output projections have zeros in the place of those heads; the order, the steps and the stretch of text."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from families import SEAM
from per_layer_models import tiny_longformer
from test_attribution import MASK, language_model, texts
from tiny import eager_experts, made_up_layout, tiny_gpt2, tiny_llama, vars_of

from reportgen.capture.attribution import measure_gradients
from reportgen.capture.feeding import Feed
from reportgen.capture.layout import TextLayout
from reportgen.capture.pruning import Pruned, measure_pruning
from reportgen.capture.pruning.curve import SEEDS, masking_order
from reportgen.capture.pruning.stretch import end_of_text
from reportgen.capture.streaming import attention_implementation
from reportgen.capture.targets import Target, default_target
from reportgen.errors import ModelError

FAMILIES = {family.name: family for family in SEAM}


def silent(stage: str, share: float) -> None:
    pass


def projections(model: Any) -> dict[str, list[torch.Tensor]]:
    """By stack and layer the weight that a layer's heads go through last, inputs first: rows of the same number for each head."""
    match model.config.model_type:
        case "gpt2":
            return {"decoder": [layer.attn.c_proj.weight for layer in model.transformer.h]}
        case "llama" | "gpt_oss" | "gemma2":
            return {"decoder": [layer.self_attn.o_proj.weight.T for layer in model.model.layers]}
        case "bert":
            return {"encoder": [layer.attention.output.dense.weight.T for layer in model.bert.encoder.layer]}
        case "t5":
            return {
                "encoder": [block.layer[0].SelfAttention.o.weight.T for block in model.encoder.block],
                "decoder": [block.layer[0].SelfAttention.o.weight.T for block in model.decoder.block],
                "cross": [block.layer[1].EncDecAttention.o.weight.T for block in model.decoder.block],
            }
        case "bart":
            return {
                "encoder": [layer.self_attn.out_proj.weight.T for layer in model.model.encoder.layers],
                "decoder": [layer.self_attn.out_proj.weight.T for layer in model.model.decoder.layers],
                "cross": [layer.encoder_attn.out_proj.weight.T for layer in model.model.decoder.layers],
            }
    raise KeyError(model.config.model_type)


def by_zeroed_projections(model: Any, given: Feed, target: Target, heads: np.ndarray, shapes: Mapping[str, tuple[int, int]]) -> float:
    """The target of a copy of the model in whose projections the rows of these heads are zero, by its own eager attention."""
    changed = copy.deepcopy(model)
    weights = projections(changed)
    with torch.no_grad():
        for stack, layer, head in heads.tolist():
            name = list(shapes)[stack]
            rows = weights[name][layer].unflatten(0, (shapes[name][1], -1))
            rows[head] = 0
    with attention_implementation(changed, "eager"), torch.no_grad():
        return float(target.read(changed(**given.keywords(changed))))


def made(build: Callable[[], Any], kind: str) -> tuple[Any, Feed, Target, dict[str, np.ndarray]]:
    model, given = eager_experts(build()), texts(kind)
    target = default_target(language_model(model, kind), given)
    aimed = target.feed(given, MASK)
    gradients = measure_gradients(model, aimed, target, silent)
    order = [stack for stack in ("encoder", "decoder", "cross") if stack in gradients.stacks]
    return model, aimed, target, {stack: gradients.stacks[stack].importance for stack in order}


MODELS = {"GPT-2": "causal", "Llama": "causal", "Gemma 2": "causal", "gpt-oss": "causal", "BERT": "masked", "T5": "seq2seq", "BART": "seq2seq"}


@pytest.mark.parametrize("name", MODELS)
def test_masking_heads_equals_zeros_in_the_output_projection(name: str) -> None:
    model, given, target, importance = made(FAMILIES[name].build, MODELS[name])
    shapes = {stack: values.shape for stack, values in importance.items()}
    found = measure_pruning(language_model(model, MODELS[name]), given, target, importance, silent).arrays
    order, counts = found["pruning.order"], found["pruning.heads"]
    total = sum(layers * heads for layers, heads in shapes.values())
    assert (counts[0], counts[-1]) == (0, total)
    expected = [by_zeroed_projections(model, given, target, order[:count], shapes) for count in counts.tolist()]
    np.testing.assert_allclose(found["pruning.loss"], expected, rtol=2e-5)
    assert np.ptp(expected) > 1e-2
    for row, seed in enumerate(SEEDS):
        shuffled = np.random.default_rng(seed).permutation(order)
        expected = [by_zeroed_projections(model, given, target, shuffled[:count], shapes) for count in counts[1:4].tolist()]
        np.testing.assert_allclose(found["pruning.random_loss"][row, 1:4], expected, rtol=2e-5)


def test_the_least_important_heads_go_first_each_layer_by_its_own_length() -> None:
    order = masking_order({"encoder": np.array([[3.0, 4.0], [0.0, 0.0]], np.float32), "cross": np.array([[0.05], [7.0]], np.float32)})
    # Over their lengths: 0.6, 0.8, 0, 0 and 1, 1.
    assert order.tolist() == [[0, 1, 0], [0, 1, 1], [0, 0, 0], [0, 0, 1], [1, 0, 0], [1, 1, 0]]


def pruned(model: Any, given: Feed, **options: Any) -> tuple[Pruned, Target]:
    target = default_target(language_model(model, "causal"), given)
    aimed = target.feed(given, MASK)
    shape = (model.config.num_hidden_layers, model.config.num_attention_heads)
    importance = {"decoder": np.random.default_rng(0).random(shape).astype(np.float32)}
    return measure_pruning(language_model(model, "causal"), aimed, target, importance, options.pop("report", silent), **options), target


@pytest.mark.parametrize("build", [tiny_gpt2, tiny_llama], ids=["logits of all", "grouped"])
def test_of_a_long_text_the_sentences_at_its_end_are_read_and_that_is_said(build: Any) -> None:
    model, given = build(), Feed(source=made_up_layout(67, 5))
    found, target = pruned(model, given, tokens=40)
    kept = found.settings["tokens"]
    assert int((given.source.sentence_of_token == 4).sum()) < kept <= 40
    assert given.source.sentence_of_token[67 - kept] != given.source.sentence_of_token[66 - kept]
    assert (found.settings["of"], found.settings["seeds"]) == (67, [0, 1])
    assert f"the last {kept} of the 67 tokens alone" in found.notices[0]
    ids = torch.from_numpy(given.source.ids[-kept:].astype(np.int64))[None]
    with torch.no_grad():
        logits = model(ids).logits[0].log_softmax(-1)
    rows = target.rows - (67 - kept)
    assert found.arrays["pruning.loss"][0] == pytest.approx(-float(logits[rows, ids[0, rows + 1]].sum()), rel=1e-5)
    whole, _ = pruned(model, given)
    assert whole.notices == ()
    assert whole.arrays["pruning.loss"][0] != found.arrays["pruning.loss"][0]


def test_what_stands_before_the_first_sentence_is_kept_and_all_that_the_target_reads() -> None:
    source = made_up_layout(67, 5)
    members = source.sentence_of_token.copy()
    members[:2] = -1
    given = Feed(source=TextLayout(**{**vars_of(source), "sentence_of_token": members}))
    target = default_target(language_model(tiny_gpt2(), "causal"), given)
    kept = end_of_text(given, target, 30).source
    np.testing.assert_array_equal(kept.ids[:2], source.ids[:2])
    np.testing.assert_array_equal(kept.ids[2:], source.ids[-(kept.tokens - 2) :])
    assert kept.tokens <= 30
    shortest = end_of_text(given, target, 3).source
    assert shortest.tokens == 2 + 67 - int(target.rows[0])
    assert end_of_text(given, target, 67).source.tokens == 67


def test_few_heads_have_few_steps_and_progress_goes_over_all_passes() -> None:
    said: list[tuple[str, float]] = []
    found, _ = pruned(tiny_gpt2(n_layer=1, n_head=2, n_embd=22), Feed(source=made_up_layout(67, 5)), report=lambda *step: said.append(step))
    assert found.arrays["pruning.heads"].tolist() == [0, 1, 2]
    assert found.settings["passes"] == 2 + 3
    assert [share for _, share in said] == pytest.approx(np.arange(6) / 5)
    assert said[0][0] == "pruning of 2 heads"
    assert said[1][0].startswith("pruning of 2 heads, about")
    assert (found.arrays["pruning.random_loss"][:, [0, 2]] == found.arrays["pruning.loss"][[0, 2]]).all()


def test_models_that_are_read_one_layer_at_a_time_are_left_out_with_a_notice() -> None:
    given = Feed(source=made_up_layout(67, 5))
    target = default_target(language_model(tiny_longformer(), "masked"), given)
    found = measure_pruning(language_model(tiny_longformer(), "masked"), given, target, {}, silent)
    assert (dict(found.arrays), found.settings) == ({}, None)
    assert "where no head can be masked exactly" in found.notices[0]


def test_the_model_is_left_as_it_was_also_after_an_error() -> None:
    model = tiny_llama().train()
    before = model.config._attn_implementation
    with torch.no_grad():
        model.lm_head.weight[0] = torch.nan
    with pytest.raises(ModelError, match="not finite with 0 heads masked"):
        pruned(model, Feed(source=made_up_layout(67, 5)))
    assert (model.config._attn_implementation, model.training) == (before, True)
