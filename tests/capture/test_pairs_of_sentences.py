"""Input x gradient of each sentence's loss against autograd through the model's own eager attention, and how many passes are told in time."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from test_attribution import MASK, MODELS, language_model, texts
from tiny import made_up_layout, tiny_llama

from reportgen.capture.attribution import pairs
from reportgen.capture.attribution.pairs import Pairs, measure_pairs
from reportgen.capture.attribution.steps import about, steps_of
from reportgen.capture.feeding import Feed
from reportgen.capture.streaming import attention_implementation


def silent(stage: str, share: float) -> None:
    pass


def row_by_hand(model: Any, kind: str, given: Feed, sentence: int) -> np.ndarray:
    """Input times gradient of each source token; the whole text is run."""
    ids, keywords = given.source.ids.astype(np.int64), given.keywords(model)
    read = given.source if given.target is None else given.target
    tokens = np.flatnonzero(read.sentence_of_token == sentence)
    wanted = read.ids[tokens]
    if kind == "masked":
        ids[tokens] = MASK
    del keywords["input_ids"]
    inputs = model.get_input_embeddings()(torch.from_numpy(ids)[None]).detach().requires_grad_(True)
    with attention_implementation(model, "eager"):
        scores = model(inputs_embeds=inputs, **keywords).logits[0].log_softmax(-1)
    rows = tokens if kind == "masked" else tokens - 1
    loss = -sum(scores[row, int(token)] for row, token in zip(rows, wanted, strict=True) if row >= 0)
    return (torch.autograd.grad(loss, inputs)[0] * inputs.detach())[0].sum(1).double().numpy()


@pytest.mark.parametrize("name", [name for name in MODELS if MODELS[name][0] in ("causal", "masked", "seq2seq")])
def test_each_row_equals_autograd_through_eager_attention(name: str) -> None:
    kind, build = MODELS[name]
    model = build() if "masked, read" in name else build().double()  # Longformer's padding gives NaN gradients in double precision
    given = texts(kind)
    found = measure_pairs(language_model(model, kind), given, silent)
    sentences = 3 if kind == "seq2seq" else 5
    assert found.rows.tolist() == list(range(sentences))
    assert found.values.shape == (sentences, 5)
    assert found.notices == []
    for sentence in range(0 if kind != "causal" else 1, sentences):
        by_token = row_by_hand(model, kind, given, sentence)
        expected = np.array([by_token[given.source.sentence_of_token == other].sum() for other in range(5)])
        expected[[other for other in range(5) if (kind == "causal" and other >= sentence) or (kind == "masked" and other == sentence)]] = np.nan
        np.testing.assert_allclose(found.values[sentence], expected, rtol=2e-3, atol=2e-4 * np.nanmax(np.abs(expected)), err_msg=str(sentence))
    if kind == "causal":
        assert np.isnan(found.values[0]).all()


def test_the_row_of_the_target_is_its_input_x_gradient() -> None:
    from test_attribution import found_for

    model, given = tiny_llama().double(), texts("causal")
    found = measure_pairs(language_model(model, "causal"), given, silent)
    np.testing.assert_allclose(found.values[4, :4], found_for(model, "causal", given)[2].input_x_gradient[:4], rtol=1e-4)


def test_of_many_sentences_some_spread_evenly_are_rows_with_a_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "ALL_ROWS", 7)
    monkeypatch.setattr(pairs, "SOME_ROWS", 3)
    model, source = tiny_llama(), made_up_layout(67, 11)
    found = measure_pairs(language_model(model, "causal"), Feed(source=source), silent)
    assert found.rows.tolist() == [1, 6, 10]
    assert found.rows.dtype == np.int32
    assert np.isfinite(found.values).sum(1).tolist() == [1, 6, 10]
    assert "of 11 sentences 3, spread evenly, are rows" in found.notices[0]


def test_up_to_sixty_sentences_all_are_rows_and_of_more_twenty_four() -> None:
    assert pairs._rows(60, causal=True).tolist() == list(range(60))
    for causal, first in ((True, 1), (False, 0)):
        some = pairs._rows(61, causal=causal)
        assert (len(some), some[0], some[-1]) == (24, first, 60)
        assert (np.diff(some) > 0).all()
    assert Pairs(values=np.zeros((2, 2)), rows=np.arange(2), of=2).notices == []


def test_steps_say_how_long_all_of_them_take_by_what_was_done() -> None:
    said: list[tuple[str, float]] = []
    assert list(steps_of("ablation of 3 sentences", [6, 3, 1], lambda stage, share: said.append((stage, share)))) == [0, 1, 2]
    assert [share for _, share in said] == [0, 0.6, 0.9, 1]
    assert said[0][0] == "ablation of 3 sentences"
    assert all(stage.startswith("ablation of 3 sentences, about ") for stage, _ in said[1:])


@pytest.mark.parametrize(("seconds", "words"), [(0.2, "about 1 s"), (89.0, "about 89 s"), (95.0, "about 2 min"), (1260.0, "about 21 min")])
def test_durations_are_told_in_words(seconds: float, words: str) -> None:
    assert about(seconds) == words
