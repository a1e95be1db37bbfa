"""The sentence matrices: views, causality, the pair that the page opens on, and the finding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import HEADS, LAYERS, SENTENCES, Sizes, made_up

from reportgen.analyses import sentence_matrix
from reportgen.measurements import Measurements

SIZES = Sizes(layers=2, heads=3, sentences=4, tokens=11)
FIRST_LAYER = np.array([[1, 0, 0, 0], [0.6, 0.4, 0, 0], [0.5, 0.1, 0.4, 0], [0.1, 0.2, 0.3, 0.2]])
SECOND_LAYER = np.array([[1, 0, 0, 0], [0.2, 0.8, 0, 0], [0.1, 0.3, 0.6, 0], [0.1, 0.4, 0.1, 0.4]])
BOTH = np.array([[1, 0, 0, 0], [0.4, 0.6, 0, 0], [0.3, 0.2, 0.5, 0], [0.1, 0.3, 0.2, 0.3]])
EXPECTED = np.array([[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0.4, 0.3, 0.3, 0], [0.4, 0.1, 0.4, 0.1]])


def by_hand() -> Measurements:
    """Two layers whose three heads have 0.5, 1.5 and 1 times the layer's mean."""
    layers = np.stack([FIRST_LAYER, SECOND_LAYER])
    heads = layers[:, None] * np.array([0.5, 1.5, 1.0])[:, None, None]
    return made_up(sizes=SIZES, replaced={"decoder.sentence_attention": heads.astype(np.float32), "decoder.sentence_expected": EXPECTED})


def test_views_are_the_whole_model_and_then_each_layer() -> None:
    result = sentence_matrix.analyse(by_hand())
    np.testing.assert_allclose(result.attention, np.stack([BOTH, FIRST_LAYER, SECOND_LAYER]), atol=1e-6)
    assert result.attention[0][3, 1] == pytest.approx(0.3)
    assert result.attention[0][1, 3] == 0


def test_the_page_opens_on_the_greatest_lift_that_is_neither_near_nor_first() -> None:
    assert sentence_matrix.analyse(by_hand()).opening == (3, 1)


def test_the_finding_gives_the_averages_and_the_opening_pair() -> None:
    finding = sentence_matrix.find(sentence_matrix.analyse(by_hand()))
    assert "gives 47% of its attention to itself, 27% to the first sentence and 27% to the rest" in finding
    assert "sentence 4 gives 30.0% to sentence 2, 3.0 times what even attention would give" in finding


def test_every_measure_has_its_own_views() -> None:
    measurements = made_up()
    result = sentence_matrix.analyse(measurements)
    for name in ("isa", "rollout", "rollout_without_sink"):
        views = getattr(result, name)
        assert [view.shape for view in views] == [(SENTENCES, SENTENCES)] * (LAYERS + 1)
        np.testing.assert_array_equal(views[0], measurements[f"decoder.{name}"])
        np.testing.assert_array_equal(views[1:], measurements[f"decoder.{name}_by_layer"])


def test_the_text_beside_the_matrix() -> None:
    result = sentence_matrix.analyse(made_up())
    assert result.stack == "decoder"
    assert result.sentences[3] == "Night ocean plume quill river stone trail."
    assert result.token_counts.tolist() == [3, 5, 4, 7, 3]
    assert result.blocks == (0, 1, 2, 2, 2)
    assert result.block_kinds == ("heading", "paragraph", "paragraph", "paragraph", "paragraph")


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), sentences=st.integers(2, 7))
def test_shares_lie_between_nothing_and_all_and_the_opening_pair_can_be_seen(seed: int, sentences: int) -> None:
    result = sentence_matrix.analyse(made_up(seed=seed, sizes=Sizes(layers=2, heads=3, sentences=sentences, tokens=19)))
    attention, isa = np.stack(result.attention), np.stack(result.isa)
    assert (attention >= 0).all()
    assert (attention.sum(-1) <= 1 + 1e-6).all()
    assert (isa <= 1 + 1e-6).all()
    assert (isa.max(-1) >= attention.max(-1) / 19).all()
    assert result.causal
    query, key = result.opening
    assert 0 <= key < query < sentences
    assert key > 0 or sentences == 2


def test_a_matrix_with_a_look_ahead_is_not_causal() -> None:
    shares = np.array(made_up()["*.sentence_attention"])
    shares[1, 2, 0, 4] = 0.01
    assert not sentence_matrix.analyse(made_up(replaced={"decoder.sentence_attention": shares})).causal


def test_half_precision_shares_are_averaged_in_single_precision() -> None:
    halves = np.full((LAYERS, HEADS, SENTENCES, SENTENCES), 0.1, np.float16)
    result = sentence_matrix.analyse(made_up(replaced={"decoder.sentence_attention": halves}))
    assert {view.dtype for view in result.attention} == {np.dtype(np.float32)}
    np.testing.assert_allclose(result.attention, np.float32(np.float16(0.1)), rtol=1e-6)


def test_expected_shares_that_differ_by_layer_are_averaged() -> None:
    flat = made_up()["*.sentence_expected"]
    by_layer = np.stack([flat, 0.5 * flat, 0.0 * flat])
    result = sentence_matrix.analyse(made_up(replaced={"decoder.sentence_expected": by_layer}))
    np.testing.assert_allclose(result.expected, 0.5 * flat, rtol=1e-6)


def test_two_sentences_open_on_the_only_pair() -> None:
    result = sentence_matrix.analyse(made_up(sizes=Sizes(sentences=2, tokens=5)))
    assert result.opening == (1, 0)
    assert "sentence 2 gives" in sentence_matrix.find(result)
    assert "nan" not in sentence_matrix.find(result)


def test_three_sentences_open_on_a_neighbour_because_there_is_no_other() -> None:
    assert sentence_matrix.analyse(made_up(sizes=Sizes(sentences=3, tokens=11))).opening == (2, 1)


@pytest.mark.filterwarnings("error")
def test_one_sentence_is_said_to_be_one() -> None:
    result = sentence_matrix.analyse(made_up(sizes=Sizes(sentences=1, tokens=2)))
    assert result.opening == (0, 0)
    assert sentence_matrix.find(result) == "There is only one sentence, and so no attention between sentences."


@pytest.mark.filterwarnings("error")
def test_pairs_that_no_window_saw_together_are_left_out_of_the_averages() -> None:
    shares = np.array(by_hand()["*.sentence_attention"])
    shares[:, :, 3, 0] = np.nan
    result = sentence_matrix.analyse(made_up(sizes=SIZES, replaced={"decoder.sentence_attention": shares, "decoder.sentence_expected": EXPECTED}))
    assert result.causal
    assert result.opening == (3, 1)
    assert (
        "2 sentences read together with the first gives 55% of its attention to itself, 35% to the first sentence and 10% to the rest"
        in sentence_matrix.find(result)
    )


@pytest.fixture
def few_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two layers of two rows each."""
    monkeypatch.setattr(sentence_matrix, "LAYER_CELLS_AT_MOST", 6)


@pytest.mark.usefixtures("few_cells")
def test_layers_of_more_cells_than_a_page_holds_are_means_over_groups_and_the_whole_model_is_not() -> None:
    result = sentence_matrix.analyse(by_hand())
    assert (result.group, result.layer_group) == (1, 2)
    np.testing.assert_allclose(result.attention[0], BOTH, atol=1e-6)
    np.testing.assert_allclose(result.attention[1], [[2 / 3, np.nan], [0.9 / 4, 0.9 / 3]], rtol=1e-6)
    for name in ("isa", "rollout", "rollout_without_sink"):
        whole, *layers = getattr(result, name)
        assert (whole.shape, {layer.shape for layer in layers}) == ((4, 4), {(2, 2)})


@pytest.mark.usefixtures("few_cells")
def test_a_notice_says_that_layers_are_shown_in_groups() -> None:
    (notice,) = sentence_matrix.notices(sentence_matrix.analyse(by_hand()))
    assert notice.startswith("The matrices of single layers on this page show groups of 2 consecutive sentences, because the document has 4")


@pytest.mark.parametrize(
    ("sentences", "causal", "with_heads", "group"),
    [
        (223, True, True, 1),
        (224, True, True, 2),
        (500, True, True, 3),
        (223, False, True, 2),
        (114, True, False, 1),
        (500, True, False, 5),
        (1000, True, False, 9),
    ],
)
def test_layers_take_more_cells_beside_heads(sentences: int, causal: bool, with_heads: bool, group: int) -> None:
    assert sentence_matrix.layer_group_of(sentences, 30, causal, with_heads) == group


@pytest.mark.usefixtures("few_cells")
def test_groups_of_layers_are_made_of_groups_of_the_whole_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentence_matrix, "SHOWN_AT_MOST", 7)
    result = sentence_matrix.analyse(made_up(sizes=Sizes(layers=2, heads=3, sentences=19, tokens=43)))
    assert (result.group, result.layer_group) == (3, 12)
    assert [len(view) for view in result.attention] == [7, 2, 2]
    assert [notice.split(" consecutive")[0] for notice in sentence_matrix.notices(result)] == [
        "The matrix on this page shows groups of 3",
        "The matrices of single layers on this page show groups of 12",
    ]


def test_nothing_is_drawn_as_a_chart() -> None:
    assert sentence_matrix.draw(sentence_matrix.analyse(made_up())) == {}


def test_analysing_changes_no_number() -> None:
    measurements = made_up()
    before = {key: values.tobytes() for key, values in measurements.arrays.items()}
    sentence_matrix.analyse(measurements)
    assert before == {key: values.tobytes() for key, values in measurements.arrays.items()}


def test_without_rollout_the_other_measures_are_there() -> None:
    measurements = made_up(leave_out=["decoder.rollout"])
    result = sentence_matrix.analyse(measurements)
    assert result.rollout is None
    assert result.rollout_without_sink is None
    assert [view.shape for view in result.isa] == [(SENTENCES, SENTENCES)] * (LAYERS + 1)
