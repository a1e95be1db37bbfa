"""Roles of heads: thresholds, names, what is left when the first token is set aside, what is sure."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import HEADS, LAYERS, Sizes, made_up

from reportgen.analyses import head_roles
from reportgen.analyses.roles.definitions import LABELS, ROLES
from reportgen.contract import CONTRACT
from reportgen.measurements import Measurements

SIZES = Sizes(layers=2, heads=3, sentences=17, tokens=229)
SCORED = ("previous_token", "first_token", "induction", "duplicate_token", "delimiter", "within_sentence", "locality", "relative_entropy")
PROBES = ("probe_induction", "probe_duplicate_token", "probe_previous_token")
NOT_ASKED = ("decoder.coreference", "decoder.pronoun", "decoder.syntax", "decoder.fixed", "decoder.rare")
THRESHOLDS = {
    "sink": ("first_token", 0.3),
    "previous-token": ("previous_token", 0.5),
    "delimiter": ("delimiter", 0.6),
    "local": ("locality", 0.5),
    "within-sentence": ("within_sentence", 0.5),
    "broad": ("relative_entropy", 3.8 / math.log(128)),
    "induction": ("induction", 0.4),
    "duplicate-token": ("duplicate_token", 0.4),
}


def scores(*rows: list[float]) -> np.ndarray:
    return np.array(rows, np.float32)


def by_sentence(values: np.ndarray, sentences: int = SIZES.sentences) -> np.ndarray:
    """The same value in every sentence."""
    return np.repeat(values[..., None], sentences, -1).astype(np.float16)


def quiet(sizes: Sizes = SIZES) -> dict[str, np.ndarray]:
    """Scores of heads that do nothing, in every sentence."""
    low = np.full((sizes.layers, sizes.heads), 0.1, np.float32)
    names = [f"decoder.{name}{suffix}" for name in SCORED for suffix in ("", "_without_sink") if (name, suffix) != ("first_token", "_without_sink")]
    found = {name: low for name in names} | {f"{name}_by_sentence": by_sentence(low, sizes.sentences) for name in names}
    return found | {f"decoder.{name}{suffix}": low for name in PROBES for suffix in ("", "_without_sink")}


def steady(**changed: np.ndarray) -> dict[str, np.ndarray]:
    """Quiet scores with some changed, the same in every sentence."""
    found = quiet()
    for name, values in changed.items():
        found[f"decoder.{name}"] = values
        if f"decoder.{name}_by_sentence" in found:
            found[f"decoder.{name}_by_sentence"] = by_sentence(values)
    return found


def by_hand() -> Measurements:
    """Six heads: 0.0 local without the sink alone, 0.1 previous-token, 0.2 nothing, 1.0 sink and induction, 1.1 duplicate-token, 1.2 broad."""
    replaced = steady(
        first_token=scores([0.9, 0.0, 0.2], [0.7, 0.1, 0.1]),
        previous_token=scores([0.05, 0.6, 0.1], [0.1, 0.1, 0.1]),
        previous_token_without_sink=scores([0.2, 0.6, 0.1], [0.1, 0.1, 0.1]),
        locality=scores([0.1, 0.7, 0.1], [0.1, 0.1, 0.1]),
        locality_without_sink=scores([0.8, 0.7, 0.1], [0.1, 0.1, 0.1]),
        probe_induction=scores([0.0, 0.0, 0.0], [0.35, 0.0, 0.0]),
        probe_induction_without_sink=scores([0.0, 0.0, 0.0], [0.95, 0.0, 0.0]),
        duplicate_token=scores([0.0, 0.0, 0.0], [0.0, 0.45, 0.0]),
        duplicate_token_without_sink=scores([0.0, 0.0, 0.0], [0.0, 0.5, 0.0]),
        relative_entropy=scores([0.1, 0.5, 0.6], [0.3, 0.7, 0.85]),
        relative_entropy_without_sink=scores([0.7, 0.5, 0.6], [0.3, 0.7, 0.79]),
    )
    return made_up(sizes=SIZES, replaced=replaced, leave_out=NOT_ASKED)


def test_heads_carry_the_roles_whose_thresholds_they_pass() -> None:
    result = head_roles.analyse(by_hand())
    assert result.roles == {
        "0.0": ("sink",),
        "0.1": ("previous-token", "local"),
        "0.2": (),
        "1.0": ("sink",),
        "1.1": ("duplicate-token",),
        "1.2": ("broad",),
    }


def test_without_the_sink_other_roles_come_to_light() -> None:
    result = head_roles.analyse(by_hand())
    assert result.roles_without_sink == {
        "0.0": ("sink", "local"),
        "0.1": ("previous-token", "local"),
        "0.2": (),
        "1.0": ("sink", "induction"),
        "1.1": ("duplicate-token",),
        "1.2": ("broad",),
    }


def test_the_finding_counts_the_roles_and_names_the_strongest_induction_head() -> None:
    finding = head_roles.find(head_roles.analyse(by_hand()))
    assert (
        "Of 6 heads 2 put over 0.3 of their attention on the first token in this text and in at least 95\N{NARROW NO-BREAK SPACE}% of resamples of its sentences;"
        in finding
    )
    assert "1 previous-token, 2 local, 1 broad, 1 induction, 1 duplicate-token (" in finding
    assert "No head is delimiter or within-sentence." in finding
    assert "The strongest induction head is 1.0 (score 0.35)." in finding


def test_finding_and_lead_count_the_same_heads_and_every_head_once() -> None:
    result = head_roles.analyse(by_hand())
    sinks = sum("sink" in roles for roles in result.roles.values())
    named = sum(any(role != "sink" for role in roles) for roles in result.roles_without_sink.values())
    neither = sum(not {*result.roles[head], *roles} for head, roles in result.roles_without_sink.items())
    for said in (head_roles.find(result), head_roles.lead(result)):
        assert f"Of 6 heads {sinks} put over" in said
        assert f"set aside {named} " in said
        assert f"{neither} ha" in said
    assert "set aside 5 have another role that the scores and resampled sentences bear out. 1 has neither." in head_roles.lead(result)


def test_thresholds_are_the_published_ones() -> None:
    stated = {role.name: (role.score, pytest.approx(role.threshold, abs=5e-4)) for role in ROLES if role.name in THRESHOLDS}
    assert stated == THRESHOLDS


def test_names_and_marks_of_roles_are_different_ones() -> None:
    assert len({role.name for role in ROLES}) == len({role.mark for role in ROLES}) == len(ROLES)
    assert all(len(role.mark) == 2 for role in ROLES)


@pytest.mark.parametrize("role", [role for role in ROLES if role.name in THRESHOLDS], ids=lambda role: role.name)
def test_a_score_has_to_be_above_the_threshold(role: head_roles.Role) -> None:
    edge = np.float32(role.threshold)
    at = edge if float(edge) <= role.threshold else np.nextafter(edge, np.float32(0))
    values = np.full((SIZES.layers, SIZES.heads), at, np.float32)
    values[1, 2] = np.nextafter(np.float32(max(float(at), role.threshold)), np.float32(2))
    replaced = quiet() | {f"decoder.{role.score}": values}
    result = head_roles.analyse(made_up(sizes=SIZES, replaced=replaced, leave_out=[*NOT_ASKED, f"decoder.{role.score}_by_sentence"]))
    assert [head for head, names in result.roles.items() if role.name in names] == ["1.2"]


def test_a_score_that_rests_on_few_sentences_is_unsure() -> None:
    """Over half on the token before in the mean, by all sentences but one of the first head, by one of the second."""
    values = np.full((2, 3, SIZES.sentences), 0.1)
    values[0, 0], values[0, 1] = 0.9, 0.48
    values[0, 0, 3] = 0.1
    values[0, 1, 3] = 1.0
    mean = values.mean(-1).astype(np.float32)
    replaced = quiet() | {"decoder.previous_token_by_sentence": values.astype(np.float16), "decoder.previous_token": mean}
    result = head_roles.analyse(made_up(sizes=SIZES, replaced=replaced, leave_out=NOT_ASKED))
    assert mean[0, 1] > 0.5
    assert "previous-token" in result.roles["0.0"]
    assert "previous-token" not in result.roles["0.1"]
    assert result.uncertain["0.1"] == ("previous-token",)
    metric = next(metric for metric in result.metrics if metric.key == "previous_token")
    assert 0.3 < metric.evidence.confidence[0, 1] < 0.95 < metric.evidence.confidence[0, 0]
    assert metric.evidence.low[0, 1] < 0.5 < mean[0, 1] < metric.evidence.high[0, 1]


def test_a_probe_is_enough_where_the_text_has_no_occasion() -> None:
    """A head that looks at copies in random tokens carries the role, whatever it does on this text."""
    probe = scores([0.0, 0.9, 0.0], [0.0, 0.0, 0.3])
    result = head_roles.analyse(made_up(sizes=SIZES, replaced=steady(probe_duplicate_token=probe), leave_out=NOT_ASKED))
    assert [head for head, names in result.roles.items() if "duplicate-token" in names] == ["0.1"]


def test_what_the_mask_alone_gives_is_no_role() -> None:
    """In a text of 5 tokens even attention puts most of its weight within 3 tokens and on the sentence."""
    sizes = Sizes(layers=2, heads=3, sentences=1, tokens=5)
    high = np.full((2, 3), 0.8, np.float32)
    result = head_roles.analyse(made_up(sizes=sizes, replaced={f"decoder.{name}": high for name in ("locality", "within_sentence")}))
    assert not any({"local", "within-sentence"} & set(names) for names in result.roles.values())
    level = {role.name: role.chance for role in result.known}
    assert level["local"] == pytest.approx(np.mean([1, 1, 1, 1, 4 / 5]))


def test_heads_are_named_by_layer_and_head_counted_from_zero() -> None:
    result = head_roles.analyse(made_up())
    assert list(result.roles) == [f"{layer}.{head}" for layer in range(LAYERS) for head in range(HEADS)]
    assert list(result.roles_without_sink) == list(result.uncertain) == list(result.roles)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_roles_agree_with_a_look_at_every_single_score(seed: int) -> None:
    random = np.random.default_rng(seed)
    drawn = {name: random.random((2, 3), np.float32) for name in quiet() if not name.endswith("_by_sentence")}
    measurements = made_up(sizes=SIZES, replaced=drawn, leave_out=[*NOT_ASKED, *(name for name in quiet() if name.endswith("_by_sentence"))])
    result = head_roles.analyse(measurements)
    levels = {role.name: role.threshold for role in result.known}
    for layer, head in np.ndindex(2, 3):
        for role, (score, _) in THRESHOLDS.items():
            probe = f"decoder.probe_{score}"
            expected = drawn[f"decoder.{score}"][layer, head] > levels[role]
            probed = probe in drawn and drawn[probe][layer, head] > (0.5 if role == "previous-token" else 0.4)
            assert (role in result.roles[f"{layer}.{head}"]) == (expected or probed)


def test_every_score_is_given_with_its_unit_formula_and_source() -> None:
    measurements = made_up()
    metrics = {metric.key: metric for metric in head_roles.analyse(measurements).metrics}
    for key in (key for key in LABELS if f"*.{key}" in measurements):
        np.testing.assert_array_equal(metrics[key].values, measurements[f"decoder.{key}"])
        spec = CONTRACT[f"*.{key}"]
        assert (metrics[key].unit, metrics[key].formula, metrics[key].source) == (spec.unit, spec.formula, spec.source)
        without = f"decoder.{key}_without_sink"
        assert (metrics[key].values_without_sink is None) == (without not in measurements)
        if without in measurements:
            np.testing.assert_array_equal(metrics[key].values_without_sink, measurements[without])


def test_without_probes_the_text_decides() -> None:
    measurements = made_up(sizes=SIZES, replaced=steady(induction=np.full((2, 3), 0.7, np.float32)), leave_out=["decoder.probe_", *NOT_ASKED])
    result = head_roles.analyse(measurements)
    assert all("induction" in names for names in result.roles.values())
    assert "strongest" not in head_roles.find(result)


def test_roles_that_cannot_be_decided_are_named_with_the_reason() -> None:
    result = head_roles.analyse(made_up(leave_out=NOT_ASKED))
    reasons = {role.name: role.reason for role in result.left_out}
    assert set(reasons) == {"next-token", "rare-token", "coreference", "syntactic", "thematic", "bridge", "receiver", "other fixed offsets"}
    assert "--syntax" in reasons["syntactic"]
    assert "5 sentences" in reasons["thematic"]
    assert not set(reasons) & set(result.role_names)


def test_offsets_are_roles_of_their_own() -> None:
    offsets = np.zeros((2, 3, 8), np.float32)
    offsets[1, 0, 2] = 0.8
    by_sentence = np.repeat(offsets[..., None], SIZES.sentences, -1).astype(np.float16)
    replaced = quiet() | {f"decoder.fixed_offset{suffix}": offsets for suffix in ("", "_without_sink")}
    replaced |= {f"decoder.fixed_offset{suffix}_by_sentence": by_sentence for suffix in ("", "_without_sink")}
    measurements = made_up(sizes=SIZES, replaced=replaced)
    result = head_roles.analyse(measurements)
    assert "offset -3" in result.roles["1.0"]
    example = next(example for example in result.examples if example.role == "offset -3")
    marked = [piece.text for piece in (*example.query_text, *example.key_text) if piece.marked]
    spans = measurements["token_spans"]
    words = [measurements.text[slice(*span)].strip() for span in spans]
    assert words.index(marked[-1] if example.query == example.key else marked[0]) - words.index(marked[0] if example.query == example.key else marked[1]) == 3
    assert [name for name in result.role_names if name.startswith("offset")] == ["offset -3"]
    metric = next(metric for metric in result.metrics if metric.key == "fixed_offset")
    assert metric.values[1, 0] == pytest.approx(0.8)


def test_an_offset_that_few_sentences_show_is_unsure() -> None:
    offsets, by_sentence = np.zeros((2, 3, 8), np.float32), np.zeros((2, 3, 8, SIZES.sentences), np.float16)
    offsets[1, 0, 2], by_sentence[1, 0, 2, 1] = 0.51, 1.0
    replaced = quiet() | {f"decoder.fixed_offset{suffix}": offsets for suffix in ("", "_without_sink")}
    replaced |= {f"decoder.fixed_offset{suffix}_by_sentence": by_sentence for suffix in ("", "_without_sink")}
    result = head_roles.analyse(made_up(sizes=SIZES, replaced=replaced))
    assert "offset -3" not in result.roles["1.0"]


@pytest.mark.filterwarnings("error")
def test_a_score_that_does_not_exist_gives_no_role() -> None:
    nothing = {name: np.full_like(values, np.nan) for name, values in quiet().items()}
    result = head_roles.analyse(made_up(sizes=SIZES, replaced=nothing, leave_out=NOT_ASKED))
    assert set(result.roles.values()) == {()}
    assert set(result.roles_without_sink.values()) == {()}
    finding = head_roles.find(result)
    assert "Of 6 heads 0 put over 0.3" in finding
    assert "none has another role" in finding
    assert "nan" not in finding


def test_the_strongest_induction_head_is_found_among_missing_scores() -> None:
    induction = np.full((LAYERS, HEADS), np.nan, np.float32)
    induction[1, 6] = 0.25
    finding = head_roles.find(head_roles.analyse(made_up(replaced={"decoder.probe_induction": induction})))
    assert "The strongest induction head is 1.6 (score 0.25)." in finding


@pytest.mark.parametrize("sentences", [1, 2])
def test_very_few_sentences_are_enough(sentences: int) -> None:
    result = head_roles.analyse(made_up(sizes=Sizes(sentences=sentences, tokens=5)))
    assert len(result.roles) == LAYERS * HEADS
    assert "Of 21 heads" in head_roles.find(result)


def test_one_layer_of_one_head_is_enough() -> None:
    result = head_roles.analyse(made_up(sizes=Sizes(layers=1, heads=1, sentences=23, tokens=101)))
    assert list(result.roles) == ["0.0"]


def test_nothing_is_drawn_as_a_chart() -> None:
    assert head_roles.draw(head_roles.analyse(made_up())) == {}
