"""Parts of a document: planted ones found, distance alone cut nowhere, agreement and bridges by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from charts import assert_drawable, rows_of
from distance_driven import by_layer_only, distance_driven, measured
from made_up import Sizes, made_up
from nltk.metrics import segmentation

from reportgen.analyses import chunks
from reportgen.analyses.chunks import Result
from reportgen.measurements import Measurements

SENTENCES, PART = 89, 22
PLANTED = [21, 43, 65]
KINDS = ["heading", "paragraph", "heading", "paragraph", "paragraph"]
BLOCKS = np.repeat([0, 1, 2, 3, 4], [1, 21, 1, 40, 26])  # borders after sentences 0, 21, 22, 62; heading after 21


def planted(views: int = 6, seed: int = 0) -> np.ndarray:
    """Three layers of two heads."""
    return distance_driven(SENTENCES, views=views, seed=seed, blocks=PART).reshape(3, -1, SENTENCES, SENTENCES)


def with_blocks(shares: np.ndarray, **options) -> Measurements:
    whole = measured(shares, metadata={"block_kinds": KINDS}, **options)
    return Measurements(arrays=dict(whole.arrays) | {"sentence_blocks": BLOCKS.astype("int32")}, metadata=whole.metadata, text=whole.text)


def result_of(shares: np.ndarray) -> Result:
    return chunks.analyse(with_blocks(shares))


def test_planted_parts_are_found_in_the_whole_model_and_in_layers() -> None:
    result = result_of(planted())
    assert [border.after for border in result.borders] == PLANTED
    assert all(border.layers >= 2 for border in result.borders)
    assert len(result.borders_by_layer) == 3
    assert result.strength_by_layer.shape == (3, SENTENCES - 1)
    finding = chunks.find(result)
    assert "into 4 parts, with borders after sentences 22, 44, 66" in finding
    assert "of 3 layers" in finding


def test_borders_know_their_place_in_the_document() -> None:
    first, second, third = result_of(planted()).borders
    assert (first.ends_paragraph, first.before_heading) == (True, True)
    assert (second.ends_paragraph, second.before_heading) == (False, False)
    assert (third.ends_paragraph, third.before_heading) == (False, False)


def test_agreement_is_nltks_with_the_documents_own_borders() -> None:
    result = result_of(planted())
    assert result.paragraph_ends == (0, 21, 22, 62)
    assert result.headings == (21,)
    found = "".join("1" if gap in PLANTED else "0" for gap in range(SENTENCES - 1))
    for row, own, window in zip(result.agreements, ((0, 21, 22, 62), (21,)), (9, 22), strict=True):
        reference = "".join("1" if gap in own else "0" for gap in range(SENTENCES - 1))
        assert (row.window, row.shared, row.reference_borders) == (window, 1, len(own))
        assert row.pk == pytest.approx(segmentation.pk(reference, found, window))
        assert row.windowdiff == pytest.approx(segmentation.windowdiff(reference, found, window))
    assert [row.reference for row in result.agreements] == ["ends of paragraphs", "headings"]


def test_distance_and_length_alone_are_cut_seldom() -> None:
    cut = sum(bool(result_of(distance_driven(SENTENCES, seed=seed)[None]).borders) for seed in range(16))
    assert cut <= 2


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("even", [True, False], ids=["even", "distance"])
def test_even_attention_and_distance_without_noise_are_never_cut(even: bool) -> None:
    apart = np.abs(np.subtract.outer(np.arange(SENTENCES), np.arange(SENTENCES)))
    shares = (np.ones((SENTENCES, SENTENCES)) if even else 1.0 / (1 + apart) ** 0.7) * np.tri(SENTENCES)
    shares = np.repeat((shares / shares.sum(1, keepdims=True))[None, None], 2, axis=0)
    result = result_of(shares)
    assert result.borders == ()
    assert result.borders_by_layer == ((), ())
    assert result.triangles == ()
    assert result.agreements == ()
    assert result.bridging_pairs == ()
    assert "to look for borders" in chunks.find(result)
    assert chunks.draw(result) == {}


def test_a_planted_link_across_a_border_bridges() -> None:
    shares = planted()
    shares[:, :, 75, 25] *= 12
    shares[:, :, 40, 30] *= 12  # within a part
    result = result_of(shares)
    best = result.bridging_pairs[0]
    assert (best.query, best.key) == (75, 25)
    assert best.lift > 4
    borders = [border.after for border in result.borders]
    assert all(any(pair.key <= border < pair.query for border in borders) for pair in result.bridging_pairs)


def test_a_head_that_crosses_is_named_by_layer_and_head() -> None:
    shares = planted(views=21)
    part = np.arange(SENTENCES) // PART
    shares[1, 4] *= np.where(np.equal.outer(part, part), 1, 5)
    result = result_of(shares)
    assert result.crossing is not None
    assert result.crossing.lift.shape == (3, 7)
    assert result.bridging_heads[0].head == "1.4"
    assert "(head 1.4, q" in chunks.find(result)


def test_triangles_lie_within_parts() -> None:
    for triangle in result_of(planted()).triangles:
        assert triangle.first // PART >= (triangle.last - 1) // PART - 1
        assert triangle.last - triangle.first <= PART + 3


def test_without_attention_by_head_no_head_is_named() -> None:
    result = chunks.analyse(by_layer_only(with_blocks(planted())))
    assert result.crossing is None
    assert [border.after for border in result.borders] == PLANTED
    assert "not stored by head" in chunks.find(result)


def test_pairs_that_no_window_saw_make_no_borders_of_their_own() -> None:
    shares = planted()
    shares[..., np.subtract.outer(np.arange(SENTENCES), np.arange(SENTENCES)) > 45] = math.nan
    found = {border.after for border in result_of(shares).borders}
    assert found
    assert found <= set(PLANTED)


def test_a_model_that_sees_both_ways_is_cut_too() -> None:
    shares = distance_driven(SENTENCES, views=2, causal=False, blocks=PART)[:, None]
    assert [border.after for border in result_of(shares).borders] == PLANTED


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("sizes", [Sizes(), Sizes(sentences=2, tokens=5), Sizes(layers=1, heads=1, sentences=1, tokens=2)])
def test_short_documents_are_not_cut(sizes: Sizes) -> None:
    result = chunks.analyse(made_up(sizes=sizes))
    assert (result.width, result.borders, result.triangles, result.crossing) == (0, (), (), None)
    assert "too few links" in chunks.find(result)
    assert chunks.draw(result) == {}


def test_two_sentences_that_see_each_other_are_not_cut() -> None:
    result = chunks.analyse(measured(np.array([[0.6, 0.4], [0.3, 0.7]])[None, None]))
    assert (result.width, result.borders, result.bridging_pairs) == (0, (), ())


@pytest.mark.filterwarnings("error")
def test_no_number_at_all_gives_no_border() -> None:
    result = result_of(np.full((2, 1, SENTENCES, SENTENCES), np.nan))
    assert result.width == 0
    assert chunks.draw(result) == {}


def test_charts_draw_the_curve_the_documents_borders_and_the_layers() -> None:
    result = result_of(planted())
    charts = chunks.draw(result)
    assert list(charts) == ["novelty", "layers"]
    for spec in charts.values():
        assert_drawable(spec)
    curve, level, own, heads, borders, _ = rows_of(charts["novelty"])
    assert len(curve) == SENTENCES - 1
    assert curve[0]["strength"] is None
    assert level == [{"strength": round(result.novelty.level, 3)}]
    assert [row["after"] for row in own] == [1, 23, 63]
    assert [row["after"] for row in heads] == [22]
    assert [row["after"] for row in borders] == [22, 44, 66]
    whole, points = rows_of(charts["layers"])
    assert [row["after"] for row in whole] == [22, 44, 66]
    assert {(row["layer"], row["after"] - 1) for row in points} == {(layer, gap) for layer, gaps in enumerate(result.borders_by_layer) for gap in gaps}
    assert "follow sentences: 22, 44, 66" in charts["novelty"]["description"]


def test_without_borders_there_is_no_map_of_layers() -> None:
    result = result_of(distance_driven(SENTENCES, seed=1)[None])
    assert result.borders_by_layer == ((),)
    assert list(chunks.draw(result)) == ["novelty"]
    assert "Attention shows no border" in chunks.find(result)


def test_each_layer_is_compared_with_the_documents_own_borders() -> None:
    result = result_of(planted())
    assert len(result.layer_agreements) == 3
    for gaps, row in zip(result.borders_by_layer, result.layer_agreements, strict=True):
        found, reference = ("".join("1" if gap in borders else "0" for gap in range(SENTENCES - 1)) for borders in (gaps, (0, 21, 22, 62)))
        assert (row is None) == (not gaps)
        if row:
            assert row.pk == pytest.approx(segmentation.pk(reference, found, 9))
            assert row.windowdiff == pytest.approx(segmentation.windowdiff(reference, found, 9))
