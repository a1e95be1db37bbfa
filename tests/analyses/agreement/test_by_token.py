"""Tokens of the sentences that the reference puts first: which, what of the text they are, and how they are shaded."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from made_up import Sizes, made_up

from reportgen.analyses import attribution_agreement
from reportgen.analyses.agreement import by_token as tokens_module
from reportgen.analyses.agreement.by_token import ByToken, SentenceTokens, by_token
from reportgen.analyses.agreement.reading import compared
from reportgen.measurements import Measurements
from reportgen.render import render_report
from reportgen.report import build_report
from reportgen.report_data import report_data

GRADIENT = [3.0, 1.0, 9.0, 4.0, 7.0, 5.0, 100.0]


def measured(**arrays: np.ndarray) -> Measurements:
    whole = made_up(sizes=Sizes(layers=2, heads=3, sentences=7, tokens=31), replaced={"attribution.gradient": np.array(GRADIENT, np.float32)})
    return Measurements(arrays={**whole.arrays, **arrays}, metadata=whole.metadata, text=whole.text)


def found_in(measurements: Measurements) -> ByToken:
    found = by_token(measurements, compared(measurements, flow=False))
    assert found is not None
    return found


def test_sentences_come_as_the_reference_puts_them_with_the_values_of_their_tokens() -> None:
    whole = measured()
    found = found_in(whole)
    assert [tokens.sentence for tokens in found.sentences] == [2, 4, 5, 3, 0, 1]
    assert set(found.methods) >= {"attention", "gradient", "input_x_gradient"}
    assert not {"rollout", "length", "random"} & set(found.methods)
    for tokens in found.sentences:
        places = np.flatnonzero(whole["token_sentences"] == tokens.sentence)
        for method, values in zip(found.methods, tokens.values, strict=True):
            np.testing.assert_array_equal(values, whole[f"attribution.token_{method}"][places])


def test_pieces_are_the_sentences_text() -> None:
    whole = measured()
    for tokens in found_in(whole).sentences:
        assert "".join(tokens.pieces) == whole.sentences[tokens.sentence]


def test_a_token_of_the_same_character_as_the_one_before_has_no_text_of_its_own() -> None:
    whole = measured()
    spans = whole["token_spans"].copy()
    first = int(np.flatnonzero(whole["token_sentences"] == 2)[0])
    spans[first + 1] = spans[first]
    changed = found_in(measured(token_spans=spans)).sentences[0]
    assert changed.pieces[1] == ""
    assert "".join(changed.pieces) == whole.sentences[2]


def test_sentences_longer_than_what_is_left_are_passed_over_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = measured()
    lengths = np.bincount(whole["token_sentences"][whole["token_sentences"] >= 0])
    monkeypatch.setattr(tokens_module, "TOKENS_AT_MOST", int(lengths[2] + lengths[5]))
    monkeypatch.setattr(tokens_module, "SENTENCES_AT_MOST", 2)
    members = np.where(whole["token_sentences"] == 3, 4, whole["token_sentences"])  # sentence 4 is longer for it
    chosen, passed_over = tokens_module._that_fit(np.array([2, 4, 5, 0]), members)
    assert (chosen, passed_over) == ((2, 5), (4,))
    monkeypatch.setattr(tokens_module, "TOKENS_AT_MOST", 0)
    assert by_token(whole, compared(whole, flow=False)) is None


def test_shades_are_steps_of_the_square_root_and_tell_what_is_under_0() -> None:
    values = np.array([[1.0, 0.5, 0.0, -0.039], [7, 7, 7, 7]])
    one, other = (SentenceTokens(sentence=0, pieces=("a",) * 4, values=values * factor) for factor in (1, -0.3))
    found = ByToken(methods=("gradient", "attention"), sentences=(one, other), passed_over=())
    assert (found.shaded, found.labels) == (0, ("gradient", "attention"))
    # Square roots: 1, .71, 0, .197; .55, .39, 0, .108.
    assert found.shades == [["o5", "o4", "", "u1"], ["u3", "u2", "", "o1"]]
    nothing = replace(found, sentences=(replace(one, values=values * 0),))
    assert nothing.shades == [[""] * 4]


def test_without_values_by_token_there_is_no_such_part() -> None:
    whole = measured()
    bare = Measurements(
        arrays={name: values for name, values in whole.arrays.items() if not name.startswith("attribution.token_")}, metadata=whole.metadata, text=whole.text
    )
    assert attribution_agreement.analyse(bare).tokens is None
    assert "<ol class=attributed>" not in render_report(build_report(bare), lambda specs: {})


def test_the_part_of_the_page_is_small_also_where_as_many_tokens_as_fit_are_in_it() -> None:
    sizes = Sizes(layers=1, heads=1, sentences=29, tokens=929)
    whole = made_up(sizes=sizes)
    report = build_report(whole)
    (section,) = [section for section in report.sections if section.name == "attribution_agreement"]
    assert sum(len(tokens.pieces) for tokens in section.result.tokens.sentences) > 280
    page = render_report(report, lambda specs: {})
    part = re.search(r"<h3>Which tokens of the first sentences\?</h3>.*?<h3>", page, re.DOTALL)
    assert len(part[0].encode()) < 40_000


def test_json_holds_them() -> None:
    whole = measured()
    found = report_data(build_report(whole), whole)["analyses"]["attribution_agreement"]["tokens"]
    assert found["methods"] == list(found_in(whole).methods)
    assert found["sentences"][0]["sentence"] == 2
    assert len(found["sentences"][0]["values"][0]) == len(found["sentences"][0]["pieces"])
