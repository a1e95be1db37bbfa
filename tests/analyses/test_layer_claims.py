"""Trends over layers and verdicts: by hand, against scipy and by enumeration, and none where there is only noise."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import RELATIONS, Sizes, made_up

from reportgen.analyses import layer_claims
from reportgen.analyses.layer_claims import Claim, holm, kendall
from reportgen.measurements import Measurements

LAYERS, HEADS = 11, 3
SIZES = Sizes(layers=LAYERS, heads=HEADS, tokens=61)
KEYS = ("distance", "entropy", "locality", "first_token", "within_sentence")
UP, DOWN = np.arange(1.0, LAYERS + 1), np.arange(LAYERS, 0.0, -1)
FLAT = np.array([5, 6, 5, 6, 5, 6, 5, 6, 5, 6, 5.0])


def with_layers(**layers: np.ndarray) -> Measurements:
    """Each score the same in all heads of a layer."""
    return made_up(sizes=SIZES, replaced={f"decoder.{key}": np.repeat(values[:, None], HEADS, 1) for key, values in layers.items()})


def claim(measurements: Measurements, words: str) -> Claim:
    return next(found for found in layer_claims.analyse(measurements).claims if words in found.claim)


def trend(measurements: Measurements, key: str, without_sink: bool = False) -> layer_claims.Trend:
    return next(found for found in layer_claims.analyse(measurements).trends if (found.key, found.without_sink) == (key, without_sink))


def test_tau_counts_pairs_of_layers_and_p_counts_orders() -> None:
    values = np.array([2.0, 1.0, 4.0, 3.0, 5.0])
    tau, p_value = kendall(values)
    pairs = list(itertools.combinations(range(5), 2))

    def score(order: tuple[float, ...]) -> int:
        return sum(1 if order[j] > order[i] else -1 for i, j in pairs)

    orders = list(itertools.permutations(values.tolist()))
    assert tau == pytest.approx(score(tuple(values)) / 10)
    assert p_value == pytest.approx(sum(abs(score(order)) >= abs(score(tuple(values))) for order in orders) / len(orders))


def test_a_constant_and_two_layers_have_no_trend() -> None:
    assert all(math.isnan(number) for values in (np.ones(9), np.arange(2.0)) for number in kendall(values))


def test_the_correction_is_holms() -> None:
    found = holm(np.array([0.01, 0.04, 0.03, 0.005, np.nan]))
    np.testing.assert_allclose(found, [0.03, 0.06, 0.06, 0.02, np.nan])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_corrected_values_are_no_smaller_and_at_most_one_and_keep_their_order(p_values: list[float]) -> None:
    given_values = np.array(p_values)
    found = holm(given_values)
    assert (found >= given_values).all()
    assert (found <= 1).all()
    assert (np.diff(found[np.argsort(given_values, kind="stable")]) >= 0).all()


def test_a_trend_needs_a_change_that_matters_too() -> None:
    assert trend(with_layers(distance=UP), "distance").direction == "rises"
    assert trend(with_layers(distance=DOWN), "distance").direction == "falls"
    assert trend(with_layers(distance=1000 + UP), "distance").direction == "neither"
    assert trend(with_layers(distance=FLAT), "distance").direction == "neither"


def test_thirds_are_means_of_whole_layers() -> None:
    found = trend(with_layers(distance=UP), "distance")
    assert (found.early, found.late, found.unit) == (2.0, 10.0, "tokens")


def test_locality_that_falls_from_well_above_even_attention_holds() -> None:
    share = DOWN / 11  # 0.91 in the first third, even attention 0.24
    assert claim(with_layers(locality=share, locality_without_sink=share), "more local").verdict == "holds"
    assert claim(with_layers(locality=share / 5, locality_without_sink=share), "more local").verdict == "cannot be said"
    assert claim(with_layers(locality=1 - share, locality_without_sink=1 - share), "more local").verdict == "does not hold"


def test_a_claim_that_hangs_on_the_sink_cannot_be_said() -> None:
    found = claim(with_layers(distance=UP, distance_without_sink=DOWN), "look further")
    assert found.verdict == "cannot be said"
    assert found.reason.startswith("It depends on whether the sink is counted: mean distance 2.00 to 10.0 tokens, even attention ")
    assert claim(with_layers(distance=UP, distance_without_sink=UP), "look further").verdict == "holds"
    assert claim(with_layers(distance=DOWN, distance_without_sink=DOWN), "look further").verdict == "does not hold"


@pytest.mark.parametrize(("share", "verdict"), [(0.79, "holds"), (0.71, "holds"), (0.69, "does not hold"), (0.95, "does not hold"), (0.4, "does not hold")])
def test_eighty_per_cent_is_taken_at_its_word_with_a_margin(share: float, verdict: str) -> None:
    values = np.full(LAYERS, share)
    assert claim(with_layers(locality=values, locality_without_sink=values), "within 3 tokens").verdict == verdict


def test_sinks_that_grow_are_found_with_the_figures_and_the_chance_level() -> None:
    found = claim(with_layers(first_token=UP / 20), "sinks grow")
    assert found.verdict == "holds"
    assert "10.0" in found.reason
    assert "even attention" in found.reason
    assert claim(with_layers(first_token=DOWN / 20), "sinks grow").verdict == "does not hold"


def test_syntax_cannot_be_said_without_a_parser() -> None:
    assert claim(made_up(sizes=SIZES, leave_out=("decoder.syntax",)), "syntax").verdict == "cannot be said"


def with_syntax(best: list[float]) -> Measurements:
    """Seven layers whose best head finds the heads of one relation this often, against 0.3 by a fixed offset; the other relations have no words."""
    accuracy = np.full((7, HEADS, len(RELATIONS)), np.nan)
    accuracy[:, :, 0], accuracy[:, 1, 0] = 0.1, best
    baseline, pairs = np.full(len(RELATIONS), np.nan), np.zeros(len(RELATIONS), np.int32)
    baseline[0], pairs[0] = 0.3, 19
    arrays = {"accuracy": accuracy, "baseline": baseline, "pairs": pairs}
    replaced = {f"decoder.{name}_{part}": values for name in ("syntax", "syntax_reverse") for part, values in arrays.items()}
    return made_up(sizes=Sizes(layers=7, heads=HEADS, tokens=61), replaced=replaced)


def test_syntax_of_middle_layers_is_checked_where_a_parser_was_run() -> None:
    middle = with_syntax([0.30, 0.31, 0.71, 0.72, 0.73, 0.32, 0.33])
    np.testing.assert_allclose(layer_claims.syntax_by_layer(middle), [0.0, 0.01, 0.41, 0.42, 0.43, 0.02, 0.03], atol=1e-6)
    found = claim(middle, "syntax")
    assert found.verdict == "holds"
    assert "0.5, 42, 2.5 percentage points" in found.reason
    assert "p 0.0286" in found.reason  # 1 of 35 ways to place three layers of seven
    assert claim(with_syntax([0.30, 0.31, 0.32, 0.33, 0.34, 0.71, 0.72]), "syntax").verdict == "does not hold"
    assert claim(with_syntax([0.30, 0.60, 0.71, 0.29, 0.73, 0.32, 0.33]), "syntax").verdict == "cannot be said"


def test_too_few_layers_say_so() -> None:
    result = layer_claims.analyse(made_up(sizes=Sizes(layers=3)))
    assert {found.verdict for found in result.claims if "80" not in found.claim} == {"cannot be said"}
    assert "3 layers are too few for a trend" in result.claims[0].reason


def test_without_even_attention_locality_cannot_be_judged() -> None:
    share = DOWN / 12
    layers = {key: np.repeat(share[:, None], HEADS, 1) for key in ("decoder.locality", "decoder.locality_without_sink")}
    by_layer = np.repeat(made_up(sizes=SIZES)["*.sentence_expected"][None], LAYERS, axis=0)
    found = claim(made_up(sizes=SIZES, replaced=layers | {"decoder.sentence_expected": by_layer}), "more local")
    assert found.verdict == "cannot be said"
    assert "even attention" in found.reason


def test_the_finding_names_every_claim_once() -> None:
    result = layer_claims.analyse(made_up(sizes=SIZES))
    finding = layer_claims.find(result)
    assert all(finding.count(found.claim[1:].rstrip(".")) == 1 for found in result.claims)
    assert layer_claims.draw(result) == {}


def test_noise_has_hardly_ever_a_trend() -> None:
    found = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        noise = {key: 0.5 + 0.3 * random.random(LAYERS) for key in (*KEYS, *(f"{key}_without_sink" for key in KEYS[:3]))}
        found += any(one.direction != "neither" for one in layer_claims.analyse(with_layers(**noise)).trends)
    assert found <= 7  # 5 % of 60 documents, and luck


def test_layers_that_are_nearly_alike_confirm_no_claim() -> None:
    almost = {key: 0.1 + 1e-4 * UP for key in (*KEYS, *(f"{key}_without_sink" for key in KEYS[:3]))}
    assert "holds" not in {found.verdict for found in layer_claims.analyse(with_layers(**almost)).claims}


@pytest.mark.filterwarnings("error")
def test_scores_without_a_value_are_said_in_words() -> None:
    nothing = np.full(LAYERS, np.nan)
    finding = layer_claims.analyse(with_layers(distance=nothing, distance_without_sink=nothing, locality=nothing))
    assert "no value" in finding.claims[2].reason
    assert "nan" not in " ".join(found.reason for found in finding.claims)
