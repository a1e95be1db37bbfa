"""The whole comparison: nothing for identical files, exchanged signs for exchanged files, and honest where two files cannot be compared."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from comparison.versions import EDITED, FIRST, MANY, SHUFFLED, version
from made_up import Sizes, made_up
from made_up_pair import made_up_pair
from test_stored_by_pair import by_pair
from test_windowed_measurements import in_windows

from reportgen.analyses.agreement.controls import controls
from reportgen.comparison import Comparison, attribution, build_comparison, comparison_data
from reportgen.comparison.findings import NOTHING
from reportgen.errors import ComparisonError
from reportgen.measurements import Measurements

CHANGED = (*MANY[:5], "Nobody sang to it.", *MANY[7:])
OTHER = {"model": "made-up-2", "revision": "weights sha256 " + "2" * 64}


@pytest.fixture(scope="module")
def versions() -> tuple[Comparison, Comparison]:
    """Two versions, and the same the other way round."""
    a, b = version(MANY), version(CHANGED)
    return build_comparison(a, b), build_comparison(b, a)


@pytest.fixture(scope="module")
def models() -> Comparison:
    """A decoder of 2 layers of 3 heads and an encoder of 3 layers of 2 on one document."""
    return build_comparison(version(MANY), version(MANY, seed=1, layers=3, heads=2, both_ways=True, **OTHER))


def said(comparison: Comparison) -> str:
    return " ".join(finding.text for finding in comparison.said.findings)


def notes(comparison: Comparison) -> str:
    return " ".join(note.text for note in comparison.notes)


def with_arrays(measurements: Measurements, **arrays: np.ndarray) -> Measurements:
    named = {name.replace("__", "."): values for name, values in arrays.items()}
    return Measurements(arrays=dict(measurements.arrays) | named, metadata=measurements.metadata, text=measurements.text)


def test_identical_files_differ_in_nothing_and_one_sentence_says_so() -> None:
    found = build_comparison(version(MANY), version(MANY))
    assert [finding.text for finding in found.said.findings] == [NOTHING]
    between = found.between
    assert not np.nan_to_num(between.cells.doublings).any()
    assert not between.beyond.any()
    assert not np.nan_to_num(between.change.elsewhere).any()
    assert not np.nan_to_num(between.heads.heads).any()
    assert (between.links.gained, between.links.lost, between.links.moved, found.roles.changed) == ((), (), (), ())
    assert {row.apart for row in between.agreements} == {0.0}
    assert (between.zero.sentences, between.zero.greatest) == (12, 0.0)
    assert all(method.found.rho == pytest.approx(1) for method in found.attribution.methods)


def test_a_single_changed_number_is_enough_not_to_be_identical() -> None:
    one = version(MANY)
    attention = one["*.sentence_attention"].copy()
    attention[1, 2, 7, 3] += np.float32(0.001)
    found = build_comparison(one, with_arrays(one, decoder__sentence_attention=attention))
    assert len(found.said.findings) == 5
    assert np.argwhere(found.between.beyond).tolist() == [[7, 3]]
    assert np.unravel_index(np.nanargmax(found.between.heads.heads), (2, 3)) == (1, 2)
    assert "rounds" not in found.said.findings[1].text


def test_two_versions_are_said_in_five_sentences_with_numbers(versions: tuple[Comparison, Comparison]) -> None:
    found = versions[0]
    assert [finding.about for finding in found.said.findings] == ["text", "matrices", "links", "heads", "attribution"]
    assert found.said.findings[0].text.endswith("matched by their words: 10 are the same, 2 deleted, 1 inserted.")
    assert found.between.zero == replace(found.between.zero, sentences=5, greatest=0.0, beyond=0)
    assert [row.kind for row in found.between.means] == ["all", "the same, nothing changed before", "the same, something changed before"]
    assert found.between.means[1].mean == 0
    assert found.between.means[2].low < found.between.means[2].mean < found.between.means[2].high
    assert np.array_equal(found.between.change.to_gone[:5], np.zeros(5))
    assert (found.between.change.to_new[5:] > 0).all()


def test_exchanged_files_exchange_signs_and_sides(versions: tuple[Comparison, Comparison]) -> None:
    one, other = (found.between for found in versions)
    np.testing.assert_array_equal(one.cells.doublings, -other.cells.doublings)
    np.testing.assert_array_equal(one.beyond, other.beyond)
    np.testing.assert_allclose(one.change.elsewhere, other.change.elsewhere, rtol=1e-12)
    np.testing.assert_array_equal(one.change.to_gone, other.change.to_new)
    np.testing.assert_array_equal(one.change.own, other.change.own[::-1])
    assert [(row.query, row.key, row.doublings) for row in one.links.gained] == [(row.query, row.key, -row.doublings) for row in other.links.lost]
    assert one.links.only_a == other.links.only_b
    for row, turned in zip(one.agreements, other.agreements, strict=True):
        assert (row.mean_a, row.apart) == (turned.mean_b, turned.apart)
        assert row.found.within == pytest.approx(turned.found.within, nan_ok=True)
        assert row.found.within_p == pytest.approx(turned.found.within_p, nan_ok=True)
    roles = [found.roles for found in versions]
    assert [(row.head, row.role, row.gained, row.score_a) for row in roles[0].changed] == [
        (row.head, row.role, not row.gained, row.score_b) for row in roles[1].changed
    ]
    assert [(role.heads_a, role.chance_a) for role in roles[0].roles] == [(role.heads_b, role.chance_b) for role in roles[1].roles]
    ranks = [found.attribution.methods[0] for found in versions]
    assert (ranks[0].ranks_a == ranks[1].ranks_b).all()
    assert ranks[0].found.rho == pytest.approx(ranks[1].found.rho)


def test_moved_sentences_are_compared_with_themselves_and_left_out_of_distances() -> None:
    a, b = version(FIRST), version(SHUFFLED)
    found = build_comparison(a, b).between
    assert [match.kind for match in found.ground.matches] == ["same", "moved", "same", "edited"]
    assert {row.found.pairs for row in found.agreements} == {1}
    assert found.means[0].units == 3  # the first sees nothing but itself


def test_heads_of_two_models_are_counted_and_matched_and_never_taken_for_each_other(models: Comparison) -> None:
    assert models.relation.kind == "two models on one document"
    assert models.between.heads is None
    assert models.between.change.low is None
    assert models.between.zero is None
    assert models.roles.changed == ()
    assert {role.both for role in models.roles.roles} == {None}
    assert models.roles.notes[0].startswith("Heads of two models are different heads")
    assert models.matches_of_heads.best_a.shape == (2, 3)
    assert models.matches_of_heads.best_b.shape == (3, 2)
    assert (models.matches_of_heads.best_a <= 1).all()
    assert any(curve.relative and curve.unit == "times even attention" for curve in models.layers.curves)


def test_a_causal_mask_and_none_are_compared_where_both_see(models: Comparison) -> None:
    assert models.between.cells.common.tolist() == np.tri(12, dtype=bool).tolist()
    assert "A is read by a causal decoder, B by a bidirectional encoder" in notes(models)
    assert "66 of the 144 cells are known to one file alone" in notes(models)


def test_both_document_and_model_may_not_differ() -> None:
    with pytest.raises(ComparisonError, match="both in the document .* and in the model"):
        build_comparison(version(FIRST, sha256="1" * 64), version(EDITED, **OTHER))


def test_documents_without_a_sentence_in_common_are_compared_by_layers_and_heads_alone() -> None:
    found = build_comparison(version(FIRST), version(("Up it went.", "Down we came again.", "All over now.")))
    assert found.between.startswith("No sentence of A has a counterpart in B")
    assert found.layers.curves
    assert found.roles.roles
    assert "because the targets are not the same sentences" in found.attribution
    assert len(found.said.findings) == 5
    assert found.matches_of_heads is None


def test_pairs_that_no_window_holds_are_left_out_and_said() -> None:
    found = build_comparison(made_up(), in_windows())
    unknown = np.isnan(found.between.cells.b.share)
    assert unknown.any()
    assert not (found.between.cells.common & unknown).any()
    assert "read in windows" in notes(found)
    assert found.between.zero is None
    assert build_comparison(by_pair(), in_windows()).between.exact  # however matrices are stored


def test_a_single_sentence_has_nothing_between_and_is_the_same_as_itself() -> None:
    one = made_up(sizes=Sizes(sentences=1, tokens=4))
    found = build_comparison(one, one)
    assert found.between == "Only one sentence of A has a counterpart in B, so that nothing between sentences can be compared."
    assert found.said.identical


def test_of_encoder_decoders_the_encoder_is_compared_and_the_rest_is_named() -> None:
    found = build_comparison(made_up_pair(), made_up_pair())
    assert found.between.cells.common.shape == (5, 5)
    assert "what the decoder writes and cross-attention are not" in notes(found)


def test_other_sentences_of_the_same_text_are_joined_until_they_are_whole_in_both() -> None:
    one = version(MANY)
    spans = one["sentence_spans"]
    joined = Measurements(
        arrays={key: values for key, values in version((*MANY[:10], " ".join(MANY[10:]))).arrays.items() if not key.startswith("attribution.")},
        metadata={key: value for key, value in one.metadata.items() if key != "target"},
        text=one.text,
    )
    assert (joined["sentence_spans"][-1] == [spans[10, 0], spans[11, 1]]).all()
    found = build_comparison(one, joined)
    assert [match.kind for match in found.matches] == ["same"] * 10 + ["joined"]
    np.testing.assert_allclose(found.between.cells.a.share, found.between.cells.b.share, rtol=1e-5)
    assert not found.between.beyond.any()
    assert "within-sentence" not in [role.name for role in found.roles.roles]
    assert "sentences as each file cuts them" in " ".join(found.roles.notes)
    assert found.attribution == "Attribution cannot be compared: it was not measured in B."


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (version((*FIRST[:4], "Rain came.")), "words of the target were edited|targets are not the same sentences"),
        (version(FIRST, leave_out=("attribution.",)), "not measured in B"),
        (version(FIRST, target={"sentence": 2, "description": "sentence 3"}), "not the same sentences"),
        (version(FIRST, target={"sentence": None, "unit": "logit", "description": "class 1"}), "targets are of two kinds"),
    ],
    ids=["edited", "not measured", "another sentence", "another kind"],
)
def test_attribution_of_other_targets_is_not_compared_and_the_reason_is_said(other: Measurements, reason: str) -> None:
    found = build_comparison(version(FIRST), other)
    assert isinstance(found.attribution, str)
    assert any(part in found.attribution for part in reason.split("|"))


def test_what_differs_beside_what_is_compared_is_said() -> None:
    other = version(FIRST, half=True, dtype="bfloat16", level="paragraph", libraries={"numpy": "2.0", "torch": "2.1"}, options={"probes": None})
    found = build_comparison(version(FIRST), other)
    assert "A was computed in float32 on cpu, B in bfloat16 on cpu" in notes(found)
    assert "Libraries differ: torch 2.0 and 2.1." in notes(found)
    assert "probes: seed 0, rows 4, period 100 in A, none in B" in notes(found)
    assert "A stores shares of attention by head as float32, B as float16" in notes(found)
    assert "A is measured by sentence, B by paragraph" in notes(found)
    assert not any(curve.key.startswith("within_sentence") for curve in found.layers.curves)


def test_a_score_that_one_file_lacks_is_not_compared_with_another() -> None:
    found = build_comparison(version(MANY, leave_out=("decoder.within_sentence_without_sink",)), version(MANY))
    role = next(role for role in found.roles.roles if role.name == "within-sentence")
    assert not role.without_sink
    assert role.heads_a == role.heads_b == role.both
    assert not found.said.identical
    assert "one file has no score without the first token: " in " ".join(found.roles.notes)


def test_plain_data_has_every_part_and_no_number_that_json_does_not_know(versions: tuple[Comparison, Comparison], models: Comparison) -> None:
    pairs = [(versions[0], version(MANY), version(CHANGED)), (models, version(MANY), version(MANY, both_ways=True, **OTHER))]
    for found, a, b in pairs:
        data = comparison_data(found, a, b)
        assert json.loads(json.dumps(data, allow_nan=False)) == data
        assert data["schema"] == 1
        assert len(data["findings"]) == 5
    assert data["between"]["matrices"]["doublings"][0][1] is None


def test_in_windows_the_sink_of_attribution_is_the_first_sentence_read_with_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    sinks = []
    monkeypatch.setattr(attribution, "controls", lambda graded, sink: sinks.append(sink.tolist()) or controls(graded, sink))
    measured = in_windows({}, target={"sentence": 4, "description": "x"})
    found = build_comparison(measured, measured)
    assert found.attribution.units == (2, 3)
    assert sinks == [[True, False]]
