"""Roles of heads: thresholds, names, and what is left when the first token is set aside."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import HEADS, LAYERS, Sizes, made_up

from reportgen.analyses import head_roles
from reportgen.analyses.head_roles import LABELS, ROLES
from reportgen.contract import CONTRACT
from reportgen.measurements import Measurements

SIZES = Sizes(layers=2, heads=3, sentences=5, tokens=23)
SCORED = ("previous_token", "first_token", "probe_induction", "probe_duplicate_token", "locality", "relative_entropy")
THRESHOLDS = {
    "positional": ("previous_token", 0.5),
    "sink": ("first_token", 0.3),
    "induction": ("probe_induction", 0.4),
    "duplicate-token": ("probe_duplicate_token", 0.4),
    "local": ("locality", 0.5),
    "broad": ("relative_entropy", 3.8 / math.log(128)),
}


def scores(*rows: list[float]) -> np.ndarray:
    return np.array(rows, np.float32)


def by_hand() -> Measurements:
    """Six heads: 0.0 local without the sink alone, 0.1 positional, 0.2 nothing, 1.0 induction and sink, 1.1 duplicate-token, 1.2 broad."""
    low = scores([0.1, 0.1, 0.1], [0.1, 0.1, 0.1])
    replaced = {f"decoder.{name}": low for name in SCORED} | {f"decoder.{name}_without_sink": low for name in SCORED if name != "first_token"}
    replaced |= {
        "decoder.first_token": scores([0.9, 0.0, 0.2], [0.7, 0.1, 0.1]),
        "decoder.previous_token": scores([0.05, 0.6, 0.1], [0.1, 0.1, 0.1]),
        "decoder.previous_token_without_sink": scores([0.2, 0.6, 0.1], [0.1, 0.1, 0.1]),
        "decoder.locality": scores([0.1, 0.7, 0.1], [0.1, 0.1, 0.1]),
        "decoder.locality_without_sink": scores([0.8, 0.7, 0.1], [0.1, 0.1, 0.1]),
        "decoder.probe_induction": scores([0.0, 0.0, 0.0], [0.35, 0.0, 0.0]),
        "decoder.probe_induction_without_sink": scores([0.0, 0.0, 0.0], [0.95, 0.0, 0.0]),
        "decoder.probe_duplicate_token": scores([0.0, 0.0, 0.0], [0.0, 0.45, 0.0]),
        "decoder.probe_duplicate_token_without_sink": scores([0.0, 0.0, 0.0], [0.0, 0.5, 0.0]),
        "decoder.relative_entropy": scores([0.1, 0.5, 0.6], [0.3, 0.7, 0.85]),
        "decoder.relative_entropy_without_sink": scores([0.7, 0.5, 0.6], [0.3, 0.7, 0.79]),
    }
    return made_up(sizes=SIZES, replaced=replaced)


def test_heads_carry_the_roles_whose_thresholds_they_pass() -> None:
    result = head_roles.analyse(by_hand())
    assert result.roles == {
        "0.0": ("sink",),
        "0.1": ("positional", "local"),
        "0.2": (),
        "1.0": ("sink",),
        "1.1": ("duplicate-token",),
        "1.2": ("broad",),
    }


def test_without_the_sink_other_roles_come_to_light() -> None:
    result = head_roles.analyse(by_hand())
    assert result.roles_without_sink == {
        "0.0": ("sink", "local"),
        "0.1": ("positional", "local"),
        "0.2": (),
        "1.0": ("sink", "induction"),
        "1.1": ("duplicate-token",),
        "1.2": ("broad",),
    }


def test_the_finding_counts_the_roles_and_names_the_strongest_induction_head() -> None:
    finding = head_roles.find(head_roles.analyse(by_hand()))
    assert "Of 6 heads 2 put over 0.3 of their attention on the first token" in finding
    assert "1 positional, 1 induction, 1 duplicate-token, 2 local, 1 broad" in finding
    assert "1 heads have no role" in finding or "1 head has no role" in finding
    assert "The strongest induction head is 1.0 (score 0.35)." in finding


def test_thresholds_are_the_published_ones() -> None:
    assert {role.name: (role.score, pytest.approx(role.threshold, abs=5e-4)) for role in ROLES} == THRESHOLDS


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_a_score_has_to_be_above_the_threshold(role: head_roles.Role) -> None:
    edge = np.float32(role.threshold)
    at = edge if float(edge) <= role.threshold else np.nextafter(edge, np.float32(0))
    values = np.full((LAYERS, HEADS), at, np.float32)
    values[2, 5] = np.nextafter(np.float32(max(float(at), role.threshold)), np.float32(2))
    result = head_roles.analyse(made_up(replaced={f"decoder.{role.score}": values}))
    assert [head for head, names in result.roles.items() if role.name in names] == ["2.5"]


def test_heads_are_named_by_layer_and_head_counted_from_zero() -> None:
    result = head_roles.analyse(made_up())
    assert list(result.roles) == [f"{layer}.{head}" for layer in range(LAYERS) for head in range(HEADS)]
    assert list(result.roles_without_sink) == list(result.roles)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_roles_agree_with_a_look_at_every_single_score(seed: int) -> None:
    measurements = made_up(seed=seed)
    result = head_roles.analyse(measurements)
    for layer in range(LAYERS):
        for head in range(HEADS):
            for role, (score, threshold) in THRESHOLDS.items():
                plain = measurements[f"*.{score}"][layer, head]
                bare = plain if role == "sink" else measurements[f"*.{score}_without_sink"][layer, head]
                if abs(plain - threshold) > 1e-3 and abs(bare - threshold) > 1e-3:
                    assert (role in result.roles[f"{layer}.{head}"]) == (plain > threshold)
                    assert (role in result.roles_without_sink[f"{layer}.{head}"]) == (bare > threshold)


def test_every_score_is_given_with_its_unit_formula_and_source() -> None:
    measurements = made_up()
    result = head_roles.analyse(measurements)
    assert [metric.key for metric in result.metrics] == list(LABELS)
    for metric in result.metrics:
        np.testing.assert_array_equal(metric.values, measurements[f"decoder.{metric.key}"])
        spec = CONTRACT[f"*.{metric.key}"]
        assert (metric.unit, metric.formula, metric.source) == (spec.unit, spec.formula, spec.source)
        without = f"decoder.{metric.key}_without_sink"
        assert (metric.values_without_sink is None) == (without not in measurements)
        if without in measurements:
            np.testing.assert_array_equal(metric.values_without_sink, measurements[without])


def test_scores_that_decide_a_role_say_so() -> None:
    deciding = {metric.key: (metric.role, metric.threshold) for metric in head_roles.analyse(made_up()).metrics if metric.role}
    assert deciding == {role.score: (role.name, role.threshold) for role in ROLES}
    assert all(metric.threshold is None for metric in head_roles.analyse(made_up()).metrics if metric.role is None)


def test_without_probes_the_roles_that_need_them_are_left_out() -> None:
    result = head_roles.analyse(made_up(leave_out=["decoder.probe_"]))
    assert result.role_names == ("positional", "sink", "local", "broad")
    assert len(result.role_meanings) == len(result.role_sources) == 4
    assert not any({"induction", "duplicate-token"} & set(names) for names in result.roles.values())
    finding = head_roles.find(result)
    assert "induction" not in finding
    assert "duplicate" not in finding


@pytest.mark.filterwarnings("error")
def test_a_score_that_does_not_exist_gives_no_role() -> None:
    nothing = np.full((LAYERS, HEADS), np.nan, np.float32)
    keys = [f"decoder.{name}{suffix}" for name in SCORED for suffix in ("", "_without_sink") if f"decoder.{name}{suffix}" in made_up()]
    result = head_roles.analyse(made_up(replaced=dict.fromkeys(keys, nothing)))
    assert set(result.roles.values()) == {()}
    assert set(result.roles_without_sink.values()) == {()}
    finding = head_roles.find(result)
    assert "Of 21 heads 0 put over 0.3" in finding
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


def test_nothing_is_drawn_as_a_chart() -> None:
    assert head_roles.draw(head_roles.analyse(made_up())) == {}
