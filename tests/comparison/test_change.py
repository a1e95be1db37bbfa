"""How much attention lands elsewhere: by hand, none where both look alike at what they see, and what has to be zero."""

from __future__ import annotations

import numpy as np
import pytest
from comparison.versions import EDITED, FIRST, MANY, version
from tiny_folders import byte_level, tiny_gpt2

from reportgen.capture import MeasureOptions, measure
from reportgen.comparison import build_comparison
from reportgen.comparison.change import elsewhere
from reportgen.comparison.ground import Cells, Side
from reportgen.comparison.rounding import beyond_rounding, known_zero, precision_of
from reportgen.documents import document_from_text

CAUSAL = np.array([[1.0, 0, 0], [0.6, 0.4, 0], [0.2, 0.3, 0.5]])
BOTH_WAYS = np.array([[0.2, 0.3, 0.5]] * 3)
FIRST_UNIT = np.array([True, False, False])


def cells_of(one: Side, other: Side) -> Cells:
    return Cells(a=one, b=other, first=FIRST_UNIT)


def test_what_lands_elsewhere_is_half_of_all_differences_of_shares() -> None:
    side = [
        Side(share=np.array(share), expected=CAUSAL) for share in ([[1, 0, 0], [0.5, 0.5, 0], [0.5, 0.3, 0.2]], [[1, 0, 0], [0.5, 0.5, 0], [0.1, 0.4, 0.5]])
    ]
    cells = cells_of(*side)
    np.testing.assert_allclose(elsewhere(side[0].share, side[1].share, cells, cells.common), [0, 0, 0.4], atol=1e-15)
    kept = cells.common & ~FIRST_UNIT
    np.testing.assert_allclose(elsewhere(side[0].share, side[1].share, cells, kept)[2], abs(0.3 / 0.5 - 0.4 / 0.9), atol=1e-15)


def test_even_attention_under_a_causal_mask_and_without_one_is_the_same_on_common_ground() -> None:
    cells = cells_of(Side(share=CAUSAL, expected=CAUSAL), Side(share=BOTH_WAYS, expected=BOTH_WAYS))
    np.testing.assert_allclose(elsewhere(CAUSAL, BOTH_WAYS, cells, cells.common), 0, atol=1e-15)
    np.testing.assert_allclose(cells.doublings[cells.common], 0, atol=1e-15)
    assert cells.common.tolist() == np.tri(3, dtype=bool).tolist()


def test_rounding_to_float16_is_never_a_change_and_a_change_of_one_percent_is() -> None:
    whole, half = version(FIRST), version(FIRST, half=True)
    between = build_comparison(whole, half).between
    assert not between.beyond.any()
    assert not between.links.gained
    assert between.zero.beyond == 0
    assert 0 < between.zero.greatest < 1e-3
    assert precision_of(half).relative == 2.0**-11
    more = {"decoder.sentence_attention": whole["*.sentence_attention"] * np.float32(1.01)}
    raised = type(whole)(arrays=dict(whole.arrays) | more, metadata=whole.metadata, text=whole.text)
    ground = between.ground
    cells = build_comparison(raised, half).between.cells
    assert beyond_rounding(ground, cells, raised, half)[cells.common].all()


def test_nothing_before_an_edit_changes_under_a_causal_mask() -> None:
    found = build_comparison(version(FIRST), version(EDITED)).between
    # The sentence that is edited begins with the same word.
    assert (found.zero.sentences, found.zero.greatest, found.zero.beyond) == (2, 0.0, 0)
    assert found.change.elsewhere[:2].tolist() == [0, 0]


def test_files_without_attention_by_head_have_no_changes_by_head() -> None:
    whole = version(FIRST)
    arrays = {key: values for key, values in whole.arrays.items() if key != "decoder.sentence_attention"}
    arrays["decoder.sentence_attention_by_layer"] = whole["*.sentence_attention"].mean(1)
    by_layer = type(whole)(arrays=arrays, metadata=whole.metadata, text=whole.text)
    between = build_comparison(by_layer, by_layer).between
    assert between.heads is None
    assert known_zero(by_layer, by_layer, 5).cells == 2 * 15


@pytest.fixture(scope="module")
def tiny():
    model, tokenizer = tiny_gpt2(), byte_level()

    def measured(sentences):
        options = MeasureOptions(attribution="none", probes=False)
        return measure(document_from_text(" ".join(sentences)), model, tokenizer, options=options)

    return measured(MANY), measured([*MANY[:5], "Nobody sang to it.", *MANY[6:]])


def test_a_real_causal_model_reads_what_stands_before_an_edit_as_before(tiny) -> None:
    found = build_comparison(*tiny)
    between = found.between
    assert [match.kind for match in found.matches].count("same") == 11
    assert between.zero.sentences == 5
    assert between.zero.greatest < 1e-6
    assert np.nan_to_num(between.change.elsewhere[:5]).max() < 1e-6
    assert between.change.elsewhere[5:].min() > 1e-5
