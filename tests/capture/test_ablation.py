"""The target without each sentence, against the model's own eager attention under its own masks with the sentence hidden cell by cell."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, eager_mask

sys.path.insert(0, str(Path(__file__).parent))
from families import HEADS, SEAM, Family
from test_attribution import KINDS, MASK, language_model, texts
from tiny import eager_experts, made_up_layout, tiny_llama, tiny_mistral

from reportgen.capture.attribution.ablation import measure_ablation
from reportgen.capture.attribution.passes_without import KeptPasses, WholePasses
from reportgen.capture.feeding import Feed
from reportgen.capture.streaming import attention_implementation
from reportgen.capture.targets import Target, default_target
from reportgen.errors import ModelError

KIND_OF = {"decoder-only": "causal", "encoder-only": "masked", "encoder-decoder": "seq2seq"}
MODELS: Mapping[str, tuple[str, Family]] = {family.name: (KIND_OF[family.kind], family) for family in SEAM} | {
    kind: (kind, family) for kind, family in zip(KINDS, HEADS, strict=True)
}
Cells = Mapping[tuple[int, int], np.ndarray]  # hidden, by the number of queries and keys


def silent(stage: str, share: float) -> None:
    pass


def built(family: Family) -> Any:
    return eager_experts(family.build()).double()


def aimed_at(model: Any, kind: str, given: Feed) -> tuple[Target, Feed]:
    target = default_target(language_model(model, kind), given)
    return target, target.feed(given, MASK)


@contextmanager
def masks_without(cells: Cells) -> Iterator[None]:
    """Inside the block eager masks, whatever they are of, hide these cells too."""

    def masked(*, q_length: int, kv_length: int, dtype: torch.dtype, **keywords: Any) -> torch.Tensor:
        own = eager_mask(q_length=q_length, kv_length=kv_length, dtype=dtype, **keywords)
        own = torch.zeros(1, 1, q_length, kv_length, dtype=dtype) if own is None else own
        return own.masked_fill(torch.from_numpy(cells[q_length, kv_length]), torch.finfo(dtype).min)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ALL_MASK_ATTENTION_FUNCTIONS._global_mapping, "eager", masked)
        yield


def by_eager_attention(model: Any, given: Feed, target: Target, hidden: np.ndarray) -> float:
    source = given.source.tokens
    cells = {(source, source): np.array([[hidden[key] and not hidden[query] for key in range(source)] for query in range(source)])}
    if given.target is not None:
        decoder = given.target.tokens
        cells |= {(decoder, decoder): np.zeros((decoder, decoder), bool), (decoder, source): np.tile(hidden, (decoder, 1))}
    with masks_without(cells), attention_implementation(model, "eager"), torch.no_grad():
        output = model(**given.keywords(model))
        return float(target.read(output)) if "last_hidden_state" not in output else cosine_to_the_intact(model, given, output.last_hidden_state[0][~hidden])


def cosine_to_the_intact(model: Any, given: Feed, states: torch.Tensor) -> float:
    """Of a bare encoder's mean over the states that are left; the intact document's by a plain pass without any mask of this file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ALL_MASK_ATTENTION_FUNCTIONS._global_mapping, "eager", eager_mask)
        intact = model(**given.keywords(model)).last_hidden_state[0].mean(0)
    return float(torch.nn.functional.cosine_similarity(states.mean(0), intact, dim=0))


def effects_by_eager_attention(model: Any, given: Feed, target: Target) -> tuple[float, np.ndarray]:
    members = given.source.sentence_of_token
    intact = by_eager_attention(model, given, target, np.zeros(len(members), bool))
    return intact, np.array([by_eager_attention(model, given, target, members == sentence) - intact for sentence in range(given.source.sentences)])


@pytest.mark.parametrize("name", MODELS)
def test_the_target_without_each_sentence_equals_eager_attention_with_it_hidden(name: str) -> None:
    kind, family = MODELS[name]
    model, given = built(family), texts(kind)
    target, aimed = aimed_at(model, kind, given)
    intact, expected = effects_by_eager_attention(model, aimed, target)
    found = measure_ablation(language_model(model, kind), aimed, target, intact, target.sentences, silent)
    assert found.dtype == np.float32
    assert np.isnan(found).tolist() == [sentence == target.sentence for sentence in range(5)]
    assert np.abs(expected[:4]).min() > 1e-6
    np.testing.assert_allclose(np.delete(found, target.sentence or []), np.delete(expected, target.sentence or []), rtol=1e-4, atol=1e-6 * abs(intact))


def with_a_gap() -> Feed:
    """A sentence whose tokens do not follow each other, as where a token belongs to none."""
    source = made_up_layout(67, 5)
    members = source.sentence_of_token.copy()
    inside = np.flatnonzero(members == 1)
    assert len(inside) > 4
    members[inside[2]] = -1
    return Feed(source=source.changed(sentence_of_token=members))


@pytest.mark.parametrize("build", [tiny_llama, lambda: tiny_mistral(11)], ids=["llama", "mistral"])
def test_running_only_what_changes_equals_eager_attention_also_where_a_sentence_has_gaps(build: Any) -> None:
    model, given = build().double(), with_a_gap()
    target, aimed = aimed_at(model, "causal", given)
    intact, expected = effects_by_eager_attention(model, aimed, target)
    kept, whole = KeptPasses.of(model, aimed, target), WholePasses(model=model, given=aimed, target=target)
    assert kept.value == pytest.approx(intact, rel=1e-6)
    for sentence in range(4):
        hidden = aimed.source.sentence_of_token == sentence
        assert kept.value_without(hidden) == pytest.approx(intact + expected[sentence], rel=1e-6)
        assert whole.value_without(hidden) == pytest.approx(intact + expected[sentence], rel=1e-6)
        assert kept.tokens_run(hidden) <= 67 - int(hidden.argmax()) - 1 < whole.tokens_run(hidden) or sentence == 3


def test_the_sentence_before_the_target_still_predicts_its_first_token() -> None:
    """Its last token's logits are the target's first row, so it is run again, and sees its own sentence."""
    model, source = tiny_llama().double(), texts("causal").source
    members = source.sentence_of_token.copy()
    members[np.flatnonzero(members == 4)[0] - 1] = 3
    target, aimed = aimed_at(model, "causal", Feed(source=source.changed(sentence_of_token=members)))
    before = members == 3
    assert before[target.rows[0]]
    assert KeptPasses.of(model, aimed, target).tokens_run(before) == 67 - target.rows[0]
    intact, expected = effects_by_eager_attention(model, aimed, target)
    found = measure_ablation(language_model(model, "causal"), aimed, target, intact, (4,), silent)
    np.testing.assert_allclose(found[:4], expected[:4], rtol=1e-4, atol=1e-6 * intact)


def test_models_that_keep_something_else_than_keys_and_values_are_run_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    model, given = tiny_llama(), texts("causal")
    target, aimed = aimed_at(model, "causal", given)
    monkeypatch.setattr(model, "_is_stateful", True)
    assert KeptPasses.of(model, aimed, target) is None


def test_whole_passes_are_made_where_kept_keys_give_another_value(monkeypatch: pytest.MonkeyPatch) -> None:
    model, given = tiny_llama().double(), texts("causal")
    target, aimed = aimed_at(model, "causal", given)
    intact, expected = effects_by_eager_attention(model, aimed, target)
    monkeypatch.setattr(KeptPasses, "value_from", lambda passes, start, left_out: passes.value + 1)
    found = measure_ablation(language_model(model, "causal"), aimed, target, intact, (4,), silent)
    np.testing.assert_allclose(found[:4], expected[:4], rtol=1e-4, atol=1e-6 * intact)


def test_a_model_that_gives_another_target_with_nothing_hidden_is_refused_with_the_figures() -> None:
    model, given = tiny_llama(), texts("causal")
    target, aimed = aimed_at(model, "causal", given)
    with pytest.raises(ModelError, match=r"With nothing hidden the target is \d+\.?\d* where 17 was measured"):
        measure_ablation(language_model(model, "causal"), aimed, target, 17.0, (4,), silent)


def test_the_model_is_left_as_it_was_also_after_an_error() -> None:
    model, given = tiny_llama().train(), texts("causal")
    target, aimed = aimed_at(model, "causal", given)
    before = model.config._attn_implementation
    with pytest.raises(ModelError):
        measure_ablation(language_model(model, "causal"), aimed, target, 17.0, (4,), silent)
    assert (model.config._attn_implementation, model.training) == (before, True)
