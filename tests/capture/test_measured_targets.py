"""Targets that are asked for, from a document to measurements: equal to those of a document that ends with them, and nothing where they do not read."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from transformers import BertConfig, BertForMaskedLM, BertModel

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "tokens"))
from fed import LONG, SECOND, bart, bert, bert_for_questions, document, gpt2
from test_measure_kinds import BERT, SHORT, built, with_mask
from tiny_folders import word_piece

from reportgen.capture import MeasureOptions, measure
from reportgen.capture.attribution import integrated
from reportgen.contract import spec_of
from reportgen.errors import DocumentError, ModelError
from reportgen.measurements import Measurements
from reportgen.models import LanguageModel
from reportgen.render import render_report
from reportgen.report import build_report
from reportgen.sentences import split_sentences

WHOLE_TEXT = (
    "attribution.pairs",
    "attribution.pair_rows",
    "attribution.link_effect",
    "attribution.link_drop",
    "attribution.link_sample",
    "attribution.link_sample_drop",
)
QUESTION = "Who waved?"


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrated, "STEPS", (2,))


def asked(text: str, model: LanguageModel, **options: object) -> Measurements:
    return measure(document(text), model, options=MeasureOptions(**options))


def of_target(found: Measurements) -> dict[str, np.ndarray]:
    """What depends on the target."""
    named = {name: values for name, values in found.arrays.items() if name.startswith("attribution.") and name not in WHOLE_TEXT}
    return named | {name: found[name] for name in ("decoder.importance", "decoder.attention_x_gradient")}


def assert_equal_as_far_as_it_reads(found: dict[str, np.ndarray], alone: dict[str, np.ndarray], first: int = 0) -> None:
    """Equal where the shorter document has sentences, from `first` on in the longer one, and no number elsewhere."""
    assert set(found) == set(alone)
    for name, values in found.items():
        starts = [_start(axis, values, first) for axis in spec_of(name).axes]
        read = tuple(slice(start, start + size) for start, size in zip(starts, alone[name].shape, strict=True))
        np.testing.assert_allclose(values[read], alone[name], rtol=1e-4, atol=1e-6, err_msg=name)
        elsewhere = values.copy()
        elsewhere[read] = np.nan
        assert np.isnan(elsewhere).all(), name


def _start(axis: str, values: np.ndarray, first: int) -> int:
    """Where along an axis what was read begins."""
    if axis == "token":
        return int(np.flatnonzero(~np.isnan(values))[0])
    return first if "sentence" in axis else 0


def test_a_sentence_is_explained_as_in_a_document_that_ends_with_it() -> None:
    ends = [sentence.end for sentence in split_sentences(document(SHORT))]
    model = gpt2()
    found = asked(SHORT, model, target="sentence:3", attribution="full")
    alone = asked(SHORT[: ends[2]], model, attribution="full")
    assert_equal_as_far_as_it_reads(of_target(found), of_target(alone))
    assert found.metadata["target"]["value"] == pytest.approx(alone.metadata["target"]["value"], rel=1e-5)
    target = found.metadata["target"]
    assert (target["sentence"], target["asked"], target["tokens_read"]) == (2, "sentence:3", len(alone["token_ids"]))
    assert target["description"] == alone.metadata["target"]["description"]
    assert any("sentences that begin after them have no numbers" in notice for notice in found.notices)
    links = found["attribution.link_effect"]
    assert links[:, 0].max() == 3  # links are those of the whole text
    assert "sentence 3" in render_report(build_report(found), lambda specs: {})


def test_characters_of_a_sentence_are_that_sentence_and_those_of_several_are_several() -> None:
    (_, second, third, _), model = split_sentences(document(SHORT)), gpt2()
    sentence, characters = asked(SHORT, model, target="sentence:2"), asked(SHORT, model, target=f"chars:{second.start}-{second.end}")
    for name, values in of_target(sentence).items():
        np.testing.assert_array_equal(of_target(characters)[name], values)
    both = asked(SHORT, model, target=f"chars:{second.start + 3}-{third.end - 4}", attribution="full")
    assert (both.metadata["target"]["sentence"], both.metadata["target"]["last_sentence"]) == (1, 2)
    assert np.isnan(both["attribution.ablation"]).tolist() == [False, True, True, True]
    assert np.isnan(both["attribution.gradient"]).tolist() == [False, False, False, True]


@pytest.mark.parametrize("number", [2, 9, 20])
def test_in_windows_a_sentence_is_read_in_the_window_that_gives_it_the_most_text_before_it(number: int) -> None:
    sentences, model = split_sentences(document(LONG)), gpt2(n_positions=230)
    found = asked(LONG, model, target=f"sentence:{number}")
    window = next(window for window in found.windows if window.last >= number)
    alone = asked(LONG[sentences[window.first].start : sentences[number - 1].end], model)
    assert_equal_as_far_as_it_reads(of_target(found), of_target(alone), window.first)
    assert found.metadata["target"]["sentence"] == number - 1
    assert f"sentences {window.first + 1} to {window.last}" in found.metadata["target"]["description"]
    links = found["attribution.link_effect"][:, :2]
    assert window.first <= links.min() <= links.max() < window.last


def test_characters_that_no_window_holds_are_refused() -> None:
    with pytest.raises(DocumentError, match="No window reads sentences 1 to 29 together"):
        asked(LONG, gpt2(n_positions=230), target=f"chars:0-{len(LONG)}")
    with pytest.raises(DocumentError, match="There is no sentence 30 to explain: the text that the model reads has 29"):
        asked(LONG, gpt2(n_positions=230), target="sentence:30")


def test_a_masked_sentence_in_the_middle_is_compared_with_what_is_around_it() -> None:
    model = built(BertForMaskedLM, BertConfig(**BERT), with_mask())
    found = asked(f"{SHORT} {SHORT}", model, target="sentence:3")
    assert np.isfinite(found["attribution.gradient"]).all()
    result = next(section.result for section in build_report(found).sections if section.name == "attribution_agreement")
    assert result.sentences == (0, 1, 3, 4, 5, 6, 7)
    (finding,) = (section.finding for section in build_report(found).sections if section.name == "attribution_agreement")
    assert "its ranking of the 7 sentences" in finding


def test_sentences_of_an_encoder_decoder_are_those_that_its_decoder_reads() -> None:
    found = asked(SHORT, bart(), pair=document(SECOND, "summary.txt"), target="sentence:1")
    assert found.metadata["target"]["sentence"] is None
    assert found.metadata["target"]["description"].startswith("negative log-likelihood of sentence 1 (")
    assert "of what the decoder reads" in found.metadata["target"]["description"]
    assert np.isnan(found["cross.attention_x_gradient"][0]).all(1).tolist() == [False, True]
    assert np.isfinite(found["attribution.attention"]).all()


def test_a_question_is_read_before_the_document_and_its_answer_is_the_target() -> None:
    model = bert_for_questions(type_vocab_size=2)
    found, by_file = asked(SHORT, model, question=QUESTION), asked(SHORT, model, pair=document(QUESTION, "question.txt"))
    assert found.text == f"{QUESTION}\n\n{document(SHORT).text}"
    assert found.metadata["sentence_parts"] == ["question", *["document"] * 4]
    np.testing.assert_array_equal(np.unique(found["token_types"][found["token_sentences"] == 0]), [0])
    np.testing.assert_array_equal(np.unique(found["token_types"][found["token_sentences"] > 0]), [1])
    for name, values in by_file.arrays.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
    answer = found.metadata["target"]["answer"]
    first, last = answer["characters"]
    assert found.text[first:last] == answer["text"]
    assert answer["text"] in document(SHORT).text
    assert answer["sentence"] >= 1
    page = render_report(build_report(found), lambda specs: {})
    assert "<p class=part>The question</p>" in page
    assert "logits of the start and the end of the predicted answer" in page


def test_a_bare_encoder_says_what_is_compared_where_sentences_are_left_out() -> None:
    found = asked(SHORT, built(BertModel, BertConfig(**BERT), word_piece()), attribution="full")
    target = found.metadata["target"]
    assert target["unit"] == "product"
    assert (target["left_out"]["unit"], target["left_out"]["value"]) == ("cosine", 1.0)
    assert ((found["attribution.ablation"] < 0) & (found["attribution.ablation"] >= -2)).all()
    assert found["pruning.loss"][0] == pytest.approx(1.0, abs=1e-5)
    assert found.metadata["pruning"]["unit"] == "cosine"


WRONG = [
    (gpt2, {"question": QUESTION}, ModelError, "does not find answers in a text: --question is for extractive question answering"),
    (gpt2, {"target": "sentence:2", "attribution": "none"}, DocumentError, "leave out --target sentence:2, or --attribution none"),
    (bert_for_questions, {}, ModelError, "answers questions, so there is nothing to explain without one: ask it with --question"),
    (bert_for_questions, {"question": "  "}, DocumentError, "The question is empty"),
    (bert_for_questions, {"question": QUESTION, "pair": document(SECOND)}, DocumentError, "given twice"),
    (bert_for_questions, {"question": QUESTION, "target": "sentence:2"}, ModelError, "predicts no text"),
    (bert, {"target": "class:9"}, ModelError, "knows no class '9'; it knows LABEL_0, LABEL_1"),
]


@pytest.mark.parametrize(("build", "options", "error", "said"), WRONG)
def test_what_cannot_be_explained_is_refused_before_any_pass(build, options, error, said, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build()
    monkeypatch.setattr(model.model, "forward", None)
    with pytest.raises(error, match=said):
        asked(SHORT, model, **options)


def test_a_target_that_is_written_otherwise_is_no_option() -> None:
    with pytest.raises(ValueError, match="names no target"):
        MeasureOptions(target="the last one")
