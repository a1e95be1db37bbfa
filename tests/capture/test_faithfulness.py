"""Curves of sentences taken out, against the model's own eager attention with the sentences hidden cell by cell; orders, counts and cost by hand."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from families import HEADS, SEAM, Family
from per_layer_models import tiny_bloom
from test_ablation import aimed_at, built, masks_without, silent
from test_attribution import KINDS, language_model, texts
from tiny import made_up_layout, tiny_gpt2, tiny_llama, tiny_mistral

from reportgen.capture.attribution.ablation import measure_ablation
from reportgen.capture.attribution.faithfulness import Faithfulness, measure_faithfulness
from reportgen.capture.attribution.faithfulness.orders import ranked, support
from reportgen.capture.attribution.faithfulness.plan import Plan, counts_of, full_steps, quick_steps
from reportgen.capture.attribution.faithfulness.taking_out import WhatIsLeft, WholeTexts, cheapest
from reportgen.capture.feeding import Feed
from reportgen.capture.streaming import attention_implementation
from reportgen.capture.targets import Target
from reportgen.contract.faithfulness import count_of

KIND_OF = {"decoder-only": "causal", "encoder-only": "masked", "encoder-decoder": "seq2seq"}
MODELS: Mapping[str, tuple[str, Family]] = {family.name: (KIND_OF[family.kind], family) for family in SEAM} | {
    kind: (kind, family) for kind, family in zip(KINDS, HEADS, strict=True)
}
CHOSEN = ["GPT-2", "Mistral", "Gemma 2", "BERT", "T5", "classifier", "encoder"]


def by_eager_attention(model: Any, given: Feed, target: Target, taken_out: np.ndarray) -> np.ndarray:
    """The target's parts with each token of these sentences hidden from all tokens but those of its own sentence."""
    members, source = given.source.sentence_of_token.tolist(), given.source.tokens
    out = [sentence >= 0 and bool(taken_out[sentence]) for sentence in members]
    cells = {(source, source): np.array([[out[key] and members[query] != members[key] for key in range(source)] for query in range(source)])}
    if given.target is not None:
        decoder = given.target.tokens
        cells |= {(decoder, decoder): np.zeros((decoder, decoder), bool), (decoder, source): np.tile(out, (decoder, 1))}
    with masks_without(cells), attention_implementation(model, "eager"), torch.no_grad():
        return target.parts_without(model(**given.keywords(model)), np.array(out))


def measured(model: Any, kind: str, given: Feed, target: Target, arrays: Mapping[str, np.ndarray], **options: Any) -> Faithfulness:
    with torch.no_grad(), attention_implementation(model, "eager"):
        value = target.intact(float(target.read(model(**given.keywords(model)))))
    options = {"full": True} | options
    return measure_faithfulness(language_model(model, kind), given, target, options.pop("value", value), arrays, options.pop("report", silent), **options)


def attributions(sentences: int = 5) -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    return {f"attribution.{name}": random.normal(size=sentences).astype(np.float32) for name in ("input_x_gradient", "attention")}


@pytest.mark.parametrize("name", CHOSEN)
def test_curves_equal_eager_attention_with_the_sentences_hidden(name: str) -> None:
    kind, family = MODELS[name]
    model, given = built(family), texts(kind)
    target, aimed = aimed_at(model, kind, given)
    found = measured(model, kind, aimed, target, attributions()).arrays
    counts, orders = found["faithfulness.counts"].tolist(), found["faithfulness.orders"]
    assert counts == list(range(orders.shape[1] + 1))
    for curve, taken in (("deletion", lambda order, count: order[:count]), ("insertion", lambda order, count: order[count:])):
        for method, order in enumerate(orders):
            for step, count in enumerate(counts):
                expected = by_eager_attention(model, aimed, target, np.isin(np.arange(5), taken(order, count)))
                np.testing.assert_allclose(found[f"faithfulness.{curve}"][method, step], expected, rtol=1e-5, atol=1e-5)
    assert np.ptp(found["faithfulness.deletion"].sum(2)) > 1e-4


@pytest.mark.parametrize("build", [tiny_gpt2, tiny_llama, lambda: tiny_mistral(11)], ids=["gpt2", "llama", "mistral"])
def test_running_only_what_is_left_equals_whole_passes_and_the_sentence_before_the_target_sees_itself(build: Any) -> None:
    model, source = build().double(), made_up_layout(67, 5)
    members = source.sentence_of_token.copy()
    members[np.flatnonzero(members == 4)[0] - 1] = 3
    target, aimed = aimed_at(model, "causal", Feed(source=source.changed(sentence_of_token=members)))
    whole, left = WholeTexts(model=model, given=aimed, target=target), cheapest(language_model(model, "causal"), aimed, target)
    assert isinstance(left, WhatIsLeft)
    for sentences in ([], [0], [1, 2], [0, 1, 2, 3], [3], [1, 3]):
        out = np.isin(np.arange(5), sentences)
        expected = by_eager_attention(model, aimed, target, out)
        np.testing.assert_allclose(whole.parts_without(out), expected, rtol=2e-6)  # rotary angles are of float32
        np.testing.assert_allclose(left.parts_without(out), whole.parts_without(out), rtol=1e-9)
        hidden = np.isin(members, [sentence for sentence in sentences if sentence != 3])
        assert left.tokens_run(out) == 67 - hidden.sum()
        assert whole.tokens_run(out) == 67
    assert target.parts_without(SimpleOutput(torch.zeros(1, 67, 101)), np.zeros(67, bool)).tolist() == pytest.approx([np.log(101)] * len(target.rows))


class SimpleOutput:
    def __init__(self, logits: torch.Tensor) -> None:
        self.logits = logits


def test_the_first_sentence_taken_out_gives_what_ablation_gives() -> None:
    model, given = tiny_llama().double(), texts("causal")
    target, aimed = aimed_at(model, "causal", given)
    found = measured(model, "causal", aimed, target, attributions()).arrays
    intact = float(found["faithfulness.deletion"][0, 0].sum())
    ablation = measure_ablation(language_model(model, "causal"), aimed, target, intact, [4], silent)
    for method, order in enumerate(found["faithfulness.orders"]):
        assert found["faithfulness.deletion"][method, 1].sum() - intact == pytest.approx(ablation[order[0]], rel=1e-4, abs=1e-5)


def test_whole_texts_are_run_where_positions_cannot_be_given() -> None:
    model, given = tiny_gpt2(), texts("causal")
    target, aimed = aimed_at(model, "causal", given)

    class WithoutPositions(torch.nn.Module):
        def forward(self, input_ids: torch.Tensor) -> None: ...

    assert isinstance(cheapest(language_model(model, "masked"), aimed, target), WholeTexts)
    assert isinstance(cheapest(language_model(WithoutPositions(), "causal"), aimed, target), WholeTexts)


def test_whole_texts_are_run_where_the_place_in_the_row_counts_too() -> None:
    model, given = tiny_gpt2(), texts("causal")
    target, aimed = aimed_at(model, "causal", given)
    forward = model.transformer.wpe.forward
    model.transformer.wpe.forward = lambda positions: forward(torch.arange(positions.shape[1])[None])
    assert isinstance(cheapest(language_model(model, "causal"), aimed, target), WholeTexts)


def test_support_lowers_a_loss_or_raises_a_score() -> None:
    values = np.array([-3.0, 2.0, 0.5], np.float32)
    assert support("input_x_gradient", values, "nats").tolist() == [3.0, -2.0, -0.5]  # what adds to a loss does not support
    assert support("input_x_gradient", values, "logit").tolist() == [-3.0, 2.0, 0.5]
    assert support("ablation", values, "nats").tolist() == [-3.0, 2.0, 0.5]  # a loss that is higher without a sentence
    assert support("ablation", values, "logit").tolist() == [3.0, -2.0, -0.5]
    assert support("surrogate", values, "nats").tolist() == support("surrogate", values, "logit").tolist() == values.tolist()
    assert support("gradient", values, "nats").tolist() == support("gradient", values, "product").tolist() == [3.0, 2.0, 0.5]


def test_ties_are_taken_out_as_they_are_read_and_the_own_sentence_never() -> None:
    candidates = np.array([0, 1, 3, 4], np.int32)
    assert ranked("attention", np.array([1.0, 2.0, 9.0, 2.0, 0.0], np.float32), "nats", candidates).tolist() == [1, 3, 0, 4]


def test_counts_are_those_of_the_paper_rounded_up_without_repeats() -> None:
    assert [count_of(percent, 30) for percent in (1, 5, 10, 20, 50)] == [1, 2, 3, 6, 15]
    assert counts_of(full_steps(), 30).tolist() == [0, 1, 2, 3, 6, 11, 15, 23, 30]
    assert counts_of(full_steps(), 2).tolist() == [0, 1, 2]
    assert counts_of((("deletion", 50),), 7).tolist() == [0, 4, 7]


def test_orders_that_begin_alike_share_their_passes() -> None:
    orders = [np.array([2, 0, 1, 3]), np.array([0, 2, 3, 1])]
    plan = Plan(sentences=5, orders=orders, steps=(("deletion", 50), ("insertion", 50), ("deletion", 10)))
    # None, all, {2}, {0}, {0, 2} by both deletions, {1, 3} by both insertions.
    assert sorted(np.flatnonzero(out).tolist() for out in plan.wanted().values()) == [[], [0], [0, 1, 2, 3], [0, 2], [1, 3], [2]]
    filled = plan.filled({name: np.array([float(out.sum()), out @ np.arange(5.0)]) for name, out in plan.wanted().items()})
    assert plan.counts.tolist() == [0, 1, 2, 4]
    assert filled["deletion"][0].tolist() == [[0, 0], [1, 2], [2, 2], [4, 6]]
    assert np.isnan(filled["insertion"][0, 1]).all()
    assert filled["insertion"][1, [0, 2, 3]].tolist() == [[4, 6], [2, 4], [0, 0]]


def test_a_quick_run_keeps_to_its_tokens() -> None:
    costs = {("deletion", 50): 50, ("deletion", 20): 80, ("insertion", 20): 20, ("insertion", 10): 10, ("insertion", 50): 50, ("deletion", 10): 90}
    assert quick_steps(costs.get, 30, tokens_at_most=120) == (("deletion", 50), ("insertion", 20), ("insertion", 10))
    assert quick_steps(costs.get, 0, tokens_at_most=300) == tuple(costs)
    assert quick_steps(costs.get, 100, tokens_at_most=105) == ()


@pytest.mark.parametrize("full", [True, False])
def test_passes_and_tokens_are_counted_as_they_are_made(full: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    model, given = tiny_llama(), Feed(source=made_up_layout(101, 11))
    target, aimed = aimed_at(model, "causal", given)
    run: list[int] = []
    inside = WhatIsLeft.parts_without
    monkeypatch.setattr(WhatIsLeft, "parts_without", lambda self, out: run.append(self.tokens_run(out)) or inside(self, out))
    arrays = attributions(11) | {"attribution.gradient": np.arange(11, dtype=np.float32)}
    found = measured(model, "causal", aimed, target, arrays, full=full, tokens_at_most=1000)
    assert (found.settings["passes"], found.settings["tokens_run"]) == (len(run), sum(run))
    assert found.settings["methods"] == (["input_x_gradient", "attention", "gradient"] if full else ["attention", "gradient"])
    assert found.settings["draws"] == len(found.arrays["faithfulness.random_deletion"]) == (9 if full else 3)
    if not full:
        assert sum(run) <= 1000
        assert np.isnan(found.arrays["faithfulness.deletion"]).any()
        assert not np.isnan(found.arrays["faithfulness.deletion"][:, [0, -1]]).any()


def test_where_no_step_fits_the_notice_says_how_to_get_it() -> None:
    model, given = tiny_llama(), texts("causal")
    target, aimed = aimed_at(model, "causal", given)
    found = measured(model, "causal", aimed, target, attributions(), full=False, tokens_at_most=100)
    assert (dict(found.arrays), found.settings) == ({}, None)
    assert "for 67 tokens" in found.notices[0]
    assert "--attribution full" in found.notices[0]


def test_what_cannot_be_taken_out_is_said() -> None:
    model, given = tiny_llama(), texts("causal")
    target, aimed = aimed_at(model, "causal", given)
    assert "past its attention" in measured(model, "causal", aimed, target, attributions(), attention_alone=False).notices[0]
    assert "came out as" in measured(model, "causal", aimed, target, attributions(), value=-1.0).notices[0]
    bloom = tiny_bloom()
    assert "no sentence can be hidden exactly" in measure_faithfulness(language_model(bloom, "causal"), aimed, target, 1.0, {}, silent, full=True).notices[0]
    two, aimed = aimed_at(model, "causal", Feed(source=made_up_layout(23, 2)))
    assert "fewer than 2 sentences" in measured(model, "causal", aimed, two, attributions(2)).notices[0]


def test_a_method_without_a_value_for_some_sentence_has_no_curve() -> None:
    model, given = tiny_llama(), texts("causal")
    target, aimed = aimed_at(model, "causal", given)
    lacking, own = np.array([1, np.nan, 1, 1, 1], np.float32), np.array([1, 2, 3, 4, np.nan], np.float32)
    arrays = attributions() | {"attribution.rollout": lacking, "attribution.ablation": own}
    found = measured(model, "causal", aimed, target, arrays)
    assert found.settings["methods"] == ["input_x_gradient", "attention", "ablation"]
    assert "rollout" in found.notices[0]
    assert found.arrays["faithfulness.orders"][2].tolist() == [3, 2, 1, 0]


def test_sentences_of_a_window_are_numbered_as_the_documents() -> None:
    model, given = tiny_llama(), texts("causal")
    target, aimed = aimed_at(model, "causal", given)
    plain = measured(model, "causal", aimed, target, attributions()).arrays["faithfulness.orders"]
    moved = Target(**{**vars(target), "sentence": 104, "last_sentence": 104})
    np.testing.assert_array_equal(measured(model, "causal", aimed, moved, attributions(), first_sentence=100).arrays["faithfulness.orders"], plain + 100)


def attending_to(marked: int) -> Any:
    """One layer of one head, all of whose attention goes to a token wherever there is one before; positions are not told apart."""
    model = tiny_gpt2(n_layer=1, n_head=1, n_embd=8)
    with torch.no_grad():
        model.transformer.wpe.weight.zero_()
        model.transformer.wte.weight[:, 0] = 0
        model.transformer.wte.weight[marked, 0] = 20
        projection = model.transformer.h[0].attn.c_attn
        projection.weight[:, :16] = 0
        projection.bias[:8] = 50.0
        projection.weight[0, 8:16] = 1.0
    return model


def test_where_one_sentence_alone_matters_the_curve_drops_at_once_or_at_last() -> None:
    model, source = attending_to(7), made_up_layout(101, 11)
    ids = np.where(source.ids == 7, 8, source.ids)
    ids[np.flatnonzero(source.sentence_of_token == 3)[1]] = 7
    target, aimed = aimed_at(model, "causal", Feed(source=source.changed(ids=ids)))
    knowing = (np.arange(11) == 3).astype(np.float32)
    arrays = {"attribution.attention": knowing, "attribution.input_x_gradient": knowing}  # of a loss, what adds to it is taken out last
    found = measured(model, "causal", aimed, target, arrays).arrays
    deletion, insertion = (found[f"faithfulness.{curve}"].sum(2) for curve in ("deletion", "insertion"))
    intact = deletion[0, 0]
    assert found["faithfulness.orders"][:, [0, -1]].tolist() == [[3, 9], [0, 3]]
    assert (np.abs(deletion[0, 1:] - intact) > 0.1).all()
    np.testing.assert_allclose(insertion[0, 1:], intact, rtol=1e-5)
    np.testing.assert_allclose(deletion[1, :-1], intact, rtol=1e-5)
    assert (np.abs(insertion[1, :-1] - intact) > 0.1).all()
