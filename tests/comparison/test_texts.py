"""Two files of one document with other words beside it, or other words that decoders read: what differs is said, and what does not is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from comparison.versions import MANY, version
from made_up_pair import OUTPUT, made_up_pair

from reportgen.comparison import Comparison, build_comparison, render_comparison
from reportgen.comparison.findings import NOTHING
from reportgen.errors import ComparisonError
from reportgen.measurements import Measurements

OTHER = {"model": "made-up-2", "revision": "weights sha256 " + "2" * 64}
ASKED, ELSE_ASKED = "Where did the gull go?", "Who took the sand away?"


def asked(question: str, document: tuple[str, ...] = MANY, **metadata: Any) -> Measurements:
    """A document behind a question, as a model that answers one reads them."""
    return version((question, *document), sentence_parts=["question", *["document"] * len(document)], **metadata)


def followed(second: str, part: str, **metadata: Any) -> Measurements:
    """A document before a second text, or before what the model wrote."""
    return version((*MANY, second), sentence_parts=[*["document"] * len(MANY), part], **metadata)


def first_finding(found: Comparison) -> str:
    return found.said.findings[0].text


def test_two_questions_on_one_document_are_said_to_be_that() -> None:
    found = build_comparison(asked(ASKED), asked(ELSE_ASKED))
    assert found.relation.kind == "one document on one model, read with two questions"
    assert first_finding(found) == (
        f"Both files hold one document; the question is “{ASKED}” in A and “{ELSE_ASKED}” in B. "
        "Sentences are matched by their words: 1 deleted, 1 inserted, 12 are the same."
    )
    assert "One document on one model, read with two questions." in render_comparison(found, lambda specs: {})


def test_a_question_in_one_file_alone_is_said() -> None:
    found = build_comparison(version(MANY), asked(ASKED))
    assert found.relation.kind == "one document on one model, read with and without a question"
    assert first_finding(found).startswith(f"Both files hold one document; the question “{ASKED}” is in B alone.")


def test_a_second_text_is_named_so_and_cut_where_it_is_long() -> None:
    found = build_comparison(followed("So it ended well. " * 20, "pair"), followed("It did not end.", "pair"))
    assert found.relation.kind == "one document on one model, read with two second texts"
    assert "the second text is “So it ended well. So it" in first_finding(found)
    assert "…” in A and “It did not end.” in B" in first_finding(found)


def test_two_documents_with_two_questions_are_said_to_differ_in_both() -> None:
    found = build_comparison(asked(ASKED), asked(ELSE_ASKED, MANY[:-1]))
    assert found.relation.kind == "two versions of a document on one model"
    assert "Not only the documents differ: the question is" in " ".join(found.notes_on("text"))


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (asked(ELSE_ASKED, **OTHER), f"both in the text read beside the document .the question is “{ASKED}” in A and “{ELSE_ASKED}” in B. and in the model"),
        (asked(ASKED, MANY[:-1], **OTHER), "both in the document .* and in the model"),
        (followed(ASKED, "pair", **OTHER), "both in the order of the document and the text read beside it and in the model"),
    ],
    ids=["question", "document", "order"],
)
def test_another_model_and_another_text_are_refused_with_what_differs(other: Measurements, reason: str) -> None:
    with pytest.raises(ComparisonError, match=reason.replace("?", r"\?")):
        build_comparison(asked(ASKED), other)


def test_what_two_models_wrote_after_one_document_has_no_counterpart() -> None:
    found = build_comparison(followed("And so it ended.", "generated"), followed("Nobody came.", "generated", **OTHER))
    assert found.relation.kind == "two models on one document"
    assert [match.kind for match in found.matches] == ["same"] * 12 + ["deleted", "inserted"]
    assert "different texts after it" in " ".join(found.notes_on("text"))


def of_other_output(*, output: str | None = None, **arrays: np.ndarray) -> Measurements:
    pair = made_up_pair(replaced={name.replace("__", "."): values for name, values in arrays.items()})
    return replace(pair, target_text=output or pair.target_text)


def test_two_texts_of_decoders_are_a_difference_though_the_encoder_read_the_same() -> None:
    other = of_other_output(output=OUTPUT.replace("night", "light"))
    found = build_comparison(made_up_pair(), other)
    assert first_finding(found).startswith("Both files have the same 5 sentences of one text, in the same places. The decoder reads “Birch and delta")
    assert "light to the" in first_finding(found)
    assert found.relation.kind == "one document on one model, read with two texts of the decoder"
    assert not found.said.identical
    assert [finding.text for finding in build_comparison(other, other).said.findings] == [NOTHING]


def test_other_numbers_of_a_decoder_are_a_difference_that_is_not_compared() -> None:
    attention = made_up_pair().arrays["cross.sentence_attention"].copy()
    attention[0, 0, 0, 0] += np.float32(0.01)
    found = build_comparison(made_up_pair(), of_other_output(cross__sentence_attention=attention))
    assert not found.said.identical
    assert "The numbers of the decoder and of cross-attention differ, which are not compared." in found.notes_on("text")


def test_targets_in_two_texts_of_decoders_are_not_compared() -> None:
    def explained(output: str) -> Measurements:
        pair = of_other_output(output=output)
        values = {f"attribution.{name}": np.arange(1, 6, dtype=np.float32) for name in ("gradient", "input_x_gradient", "ablation", "attention", "rollout")}
        target = {"sentence": None, "unit": "nats", "description": "negative log-likelihood of the last sentence"}
        return replace(pair, arrays={**pair.arrays, **values}, metadata={**pair.metadata, "target": target})

    found = build_comparison(explained(OUTPUT), explained(OUTPUT.replace("night", "light")))
    assert "the decoders, whose words the targets are, read two texts" in found.attribution
    assert not isinstance(build_comparison(explained(OUTPUT), explained(OUTPUT)).attribution, str)
