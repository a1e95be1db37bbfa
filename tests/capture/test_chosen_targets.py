"""Targets that are asked for, against the model's own eager attention and autograd over the whole text."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2ForSequenceClassification

sys.path.insert(0, str(Path(__file__).parent))
from test_ablation import by_eager_attention
from test_attribution import MASK, MODELS, best_answer, eager_gradient, language_model, texts
from tiny import VOCABULARY

from reportgen.capture.attribution import measure_gradients
from reportgen.capture.attribution.ablation import measure_ablation
from reportgen.capture.feeding import Feed
from reportgen.capture.layout import TextLayout
from reportgen.capture.pruning import measure_pruning
from reportgen.capture.targets import Target, TargetText, chosen_target
from reportgen.capture.targets.answer import quoted_answer
from reportgen.capture.unread import with_unread
from reportgen.errors import DocumentError, ModelError
from reportgen.sentences import Sentence
from reportgen.tokens import TokenisedText
from reportgen.wanted_target import parse_target

Read = Callable[[Any], torch.Tensor]


def silent(stage: str, share: float) -> None:
    pass


def text_of(layout: TextLayout, questions: int = 0) -> TargetText:
    """Two characters for each token; the first sentences are of a question."""
    places, members = np.arange(layout.tokens, dtype=np.int32), layout.sentence_of_token
    bounds = [np.flatnonzero(members == sentence)[[0, -1]].tolist() for sentence in range(layout.sentences)]
    tokenised = TokenisedText(
        ids=layout.ids,
        spans=np.stack([2 * places, 2 * places + 2], 1),
        sentence_of_token=members,
        special=np.zeros(layout.tokens, bool),
        delimiter=layout.delimiter,
        sentences=tuple(Sentence(start=2 * first, end=2 * last + 2, block=0) for first, last in bounds),
        part_of_sentence=(np.arange(layout.sentences) < questions).astype(np.int32),
        notices=(),
    )
    return TargetText(tokenised=tokenised, text="ab" * layout.tokens)


def chosen(model: Any, kind: str, given: Feed, asked: str | None, questions: int = 0) -> tuple[Target, Feed]:
    text = text_of(given.source if given.target is None else given.target, questions)
    target = chosen_target(language_model(model, kind), given, text, None if asked is None else parse_target(asked))
    return target, target.feed(given, MASK)


def plainly(kind: str, given: Feed, tokens: np.ndarray) -> tuple[np.ndarray, Read]:
    """The whole source's ids as the target has them, and minus the log-likelihood of the tokens, read from an output of the whole text."""
    text, before = (given.source, 1) if given.target is None else (given.target, 1)
    ids = given.source.ids.astype(np.int64)
    wanted, shift = text.ids.astype(np.int64)[tokens], 0 if kind == "masked" else before
    if kind == "masked":
        ids = ids.copy()
        ids[tokens] = MASK
    return ids, lambda output: -output.logits[0].log_softmax(-1)[torch.from_numpy(tokens - shift), torch.from_numpy(wanted)].sum()


LIKELIHOODS = [(kind, asked) for kind in ("causal", "masked", "seq2seq") for asked in ("sentence:2", "chars:31-45")]


def tokens_asked_for(layout: TextLayout, asked: str) -> np.ndarray:
    return np.flatnonzero(layout.sentence_of_token == 1) if asked == "sentence:2" else np.arange(15, 23)


@pytest.mark.parametrize(("kind", "asked"), LIKELIHOODS)
def test_any_sentence_and_any_characters_equal_eager_attention_over_the_whole_text(kind: str, asked: str) -> None:
    model, given = MODELS[kind][1]().double(), texts(kind)
    target, aimed = chosen(model, kind, given, asked)
    read = given.source if given.target is None else given.target
    tokens = tokens_asked_for(read, asked)
    ids, plain = plainly(kind, given, tokens)
    value, gradient, _ = eager_gradient(model, given, ids, plain)
    found = measure_gradients(model, aimed, target, silent)
    assert found.value == pytest.approx(value, rel=1e-5)
    arrays, members = with_unread(found.arrays(), given), given.source.sentence_of_token
    end = tokens[-1] if kind == "causal" else len(members)
    for sentence in range(5):
        inside = members == sentence
        expected = float(gradient[inside].abs().sum()) if np.flatnonzero(inside)[0] <= end else np.nan
        assert arrays["attribution.gradient"][sentence] == pytest.approx(expected, rel=1e-4, nan_ok=True)
    own = np.unique(members[tokens][members[tokens] >= 0]).tolist() if kind != "seq2seq" else []
    assert list(target.sentences) == own
    check_ablation(model, kind, given.with_texts(given.source.changed(ids=ids.astype(np.int32)), given.target), (target, aimed), plain)
    importance = {name: arrays[f"{name}.importance"] for name in found.stacks}
    pruned = measure_pruning(language_model(model, kind), aimed, target, importance, silent)
    assert pruned.arrays["pruning.loss"][0] == pytest.approx(value, rel=1e-5)


def check_ablation(model: Any, kind: str, hidden_behind_masks: Feed, chosen: tuple[Target, Feed], plain: Read) -> None:
    """Every sentence that is read and is not predicted, hidden by eager masks over the whole text."""
    (target, aimed), members = chosen, hidden_behind_masks.source.sentence_of_token
    read = Target(description="", unit="nats", rows=target.rows, read=plain)
    intact = by_eager_attention(model, hidden_behind_masks, read, np.zeros(len(members), bool))
    found = measure_ablation(language_model(model, kind), aimed, target, intact, target.sentences, silent)
    for sentence, effect in enumerate(found):
        expected = by_eager_attention(model, hidden_behind_masks, read, members == sentence) - intact
        assert effect == pytest.approx(np.nan if sentence in target.sentences else expected, rel=1e-4, abs=1e-6 * abs(intact), nan_ok=True)


def test_the_arrays_of_an_encoder_decoder_have_no_numbers_for_what_its_decoder_does_not_read() -> None:
    model, given = MODELS["seq2seq"][1](), texts("seq2seq")
    target, aimed = chosen(model, "seq2seq", given, "sentence:2")
    arrays = with_unread(measure_gradients(model, aimed, target, silent).arrays(), given)
    assert aimed.target.tokens < given.target.tokens
    assert np.isnan(arrays["decoder.attention_x_gradient"]).any(0).tolist() == [[False, False, True]] * 2 + [[True] * 3]
    assert np.isnan(arrays["cross.attention_x_gradient"]).any((0, 2)).tolist() == [False, False, True]
    assert np.isfinite(arrays["attribution.attention_x_gradient"]).all()
    assert np.isfinite(arrays["encoder.attention_x_gradient"]).all()


@pytest.mark.parametrize("asked", [None, "class:LABEL_1", "class:label_0", "class:2"])
def test_the_logit_of_any_class_equals_eager_attention(asked: str | None) -> None:
    model, given = MODELS["classifier"][1]().double(), texts("classifier")
    with torch.no_grad():
        logits = model(**given.keywords(model)).logits[0]
    number = int(logits.argmax()) if asked is None else int(asked[-1])
    target, aimed = chosen(model, "classifier", given, asked)
    value, gradient, _ = eager_gradient(model, given, given.source.ids.astype(np.int64), lambda output: output.logits[0, number])
    found = measure_gradients(model, aimed, target, silent)
    assert found.value == pytest.approx(value, abs=2e-5 * float(logits.abs().max()))  # weights are float32, added up in the order that suits the processor
    for sentence in range(5):
        assert found.gradient[sentence] == pytest.approx(float(gradient[given.source.sentence_of_token == sentence].abs().sum()), rel=1e-4)
    assert target.said["class"] == f"LABEL_{number}"
    assert target.said["predicted_class"] == f"LABEL_{int(logits.argmax())}"
    assert target.said["probability"] == pytest.approx(float(logits.softmax(0)[number]), abs=1e-6)
    assert (" (predicted is " in target.description) is (number != int(logits.argmax()))


def test_a_classifier_that_looks_back_only_is_read_at_its_last_token() -> None:
    torch.manual_seed(0)
    config = GPT2Config(n_layer=2, n_head=3, n_embd=33, vocab_size=VOCABULARY, n_positions=90, num_labels=4, pad_token_id=None)
    model, given = GPT2ForSequenceClassification(config).eval(), texts("classifier")
    target, _ = chosen(model, "classifier", given, None)
    assert target.rows.tolist() == [66]


def test_an_answer_lies_in_the_document_and_does_not_end_before_it_starts() -> None:
    model, given = MODELS["question answering"][1]().double(), texts("question answering")
    target, aimed = chosen(model, "question answering", given, None, questions=2)
    inside = np.flatnonzero(given.source.sentence_of_token >= 2)
    with torch.no_grad():
        output = model(**given.keywords(model))
    for logits in (output.start_logits, output.end_logits):
        logits[0, : inside[0]] = -1e9
        logits[0, inside[-1] + 1 :] = -1e9
    start, end = target.said["answer"]["tokens"]
    assert float(output.start_logits[0, start] + output.end_logits[0, end]) == pytest.approx(float(best_answer(output)(output)))
    assert inside[0] <= start <= end <= inside[-1]
    assert target.said["answer"]["characters"] == [2 * start, 2 * end + 2]
    assert f"“{'ab' * (end + 1 - start)}"[:40] in target.description
    value, _, _ = eager_gradient(model, given, given.source.ids.astype(np.int64), lambda found: found.start_logits[0, start] + found.end_logits[0, end])
    assert measure_gradients(model, aimed, target, silent).value == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize(("answer", "quoted"), [("a  lake\n\nMethod", "“a lake Method”, "), ("water " * 40, f"“{'water ' * 19}water…”, "), ("", "")])
def test_an_answer_is_quoted_on_one_line_and_cut_where_it_is_long(answer: str, quoted: str) -> None:
    assert quoted_answer(answer) == quoted


WRONG = [
    ("causal", "sentence:6", DocumentError, "There is no sentence 6 to explain: the text that the model reads has 5"),
    ("causal", "sentence:1", DocumentError, "sentence 1, begins with the first token of its text, and tiny predicts each token from those before it"),
    ("causal", "chars:0-9", DocumentError, "characters 0 to 9, begins with the first token"),
    ("causal", "chars:130-135", DocumentError, "no characters 130 to 135 to explain: the text has 134"),
    ("causal", "class:0", ModelError, r"tiny \(causal\) tells no classes apart"),
    ("seq2seq", "sentence:4", DocumentError, "There is no sentence 4 .* has 3"),
    ("classifier", "sentence:2", ModelError, r"predicts no text; what can be explained of it is a classifier's class \(class:LABEL\)"),
    ("classifier", "class:sad", ModelError, "knows no class 'sad'; it knows LABEL_0, LABEL_1, LABEL_2"),
    ("question answering", "chars:2-9", ModelError, r"predicts no text; .* the answer to a question \(--question\)"),
    ("encoder", "sentence:2", ModelError, "predicts no text; .* the document's embedding"),
]


@pytest.mark.parametrize(("kind", "asked", "error", "said"), WRONG)
def test_a_target_that_there_is_not_is_refused_in_a_sentence(kind: str, asked: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        chosen(MODELS[kind][1](), kind, texts(kind), asked)


def test_characters_of_no_token_in_a_sentence_are_refused() -> None:
    given = texts("causal")
    outside = int(np.flatnonzero(given.source.sentence_of_token < 0)[0])
    with pytest.raises(DocumentError, match=f"Characters {2 * outside} to {2 * outside + 2} \\('ab'\\) are of no token in a sentence"):
        chosen(MODELS["causal"][1](), "causal", given, f"chars:{2 * outside}-{2 * outside + 2}")
