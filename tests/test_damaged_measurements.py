"""Measurements of which one array is damaged: they are refused in one sentence, or give a page; never anything else."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from made_up import made_up

from reportgen.contract.checking import BESIDE
from reportgen.errors import MeasurementsError, ReportgenError
from reportgen.measurements import Measurements
from reportgen.render import render_report
from reportgen.report import build_report
from reportgen.report_data import report_data

SHARE = 127  # of the arrays, one of so many is damaged in each way
Damage = Callable[[np.ndarray, random.Random], np.ndarray | None]


def damaged(key: str, values: np.ndarray | None) -> Measurements:
    """The made-up measurements with one array replaced, or left out."""
    whole = made_up()
    arrays = {**whole.arrays, key: values}
    return Measurements(arrays={name: array for name, array in arrays.items() if array is not None}, metadata=whole.metadata, text=whole.text)


def with_number(number: float, *, everywhere: bool) -> Damage:
    def damage(array: np.ndarray, chance: random.Random) -> np.ndarray | None:
        found = array.copy()
        floats = found["weight"] if found.dtype.names else found
        if floats.dtype.kind == "f":
            floats.reshape(-1)[slice(None) if everywhere else chance.randrange(found.size)] = number
        return found

    return damage


def far_away(array: np.ndarray, chance: random.Random) -> np.ndarray:
    found = array.copy()
    numbers = found["key"] if found.dtype.names else found
    numbers.reshape(-1)[chance.randrange(found.size)] = chance.choice([-1, 1]) * 1_000_003 if numbers.dtype.kind == "i" else -1.5
    return found


def negative(array: np.ndarray, chance: random.Random) -> np.ndarray:
    return array if array.dtype.names else -array - 1


def cut(array: np.ndarray, chance: random.Random) -> np.ndarray:
    return np.delete(array, -1, chance.randrange(array.ndim))


def empty(array: np.ndarray, chance: random.Random) -> np.ndarray:
    return array.take([], chance.randrange(array.ndim))


def longer(array: np.ndarray, chance: random.Random) -> np.ndarray:
    axis = chance.randrange(array.ndim)
    return np.concatenate([array, array.take([-1], axis)], axis)


DAMAGES: Mapping[str, Damage] = {
    "left out": lambda array, chance: None,
    "an infinity": with_number(np.inf, everywhere=False),
    "infinities": with_number(-np.inf, everywhere=True),
    "a number missing": with_number(np.nan, everywhere=False),
    "numbers missing": with_number(np.nan, everywhere=True),
    "far away": far_away,
    "negative": negative,
    "nothing": lambda array, chance: np.zeros_like(array),
    "cut": cut,
    "empty": empty,
    "longer": longer,
    "another number type": lambda array, chance: array.astype("float64") if not array.dtype.names else array["weight"],
    "backwards": lambda array, chance: array[::-1].copy(),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", DAMAGES)
def test_measurements_with_a_damaged_array_are_refused_or_give_a_page(name: str) -> None:
    chance, arrays = random.Random(name), made_up().arrays
    for key in sorted(arrays)[chance.randrange(SHARE) :: SHARE]:
        try:
            measurements = damaged(key, DAMAGES[name](arrays[key], chance))
            report = build_report(measurements)
            assert render_report(report, lambda specs: dict.fromkeys(specs, "<svg></svg>")).endswith("</html>\n"), key
            report_data(report, measurements)
        except ReportgenError as error:
            assert str(error).endswith("."), key
            assert "\n" not in str(error), key


def one(key: str, place: Any, value: float) -> np.ndarray:
    found = made_up().arrays[key].copy()
    found[place] = value
    return found


@pytest.mark.parametrize(
    ("key", "values", "said"),
    [
        ("decoder.sentence_attention", one("decoder.sentence_attention", (0, 0, 1), np.inf), "holds an infinity"),
        ("decoder.entropy", one("decoder.entropy", 0, -np.inf), "holds an infinity"),
        ("decoder.token_links", one("decoder.token_links", (0, 0), np.array((0, np.inf), made_up().arrays["decoder.token_links"].dtype)), "holds an infinity"),
        ("decoder.sentence_expected", one("decoder.sentence_expected", (1, 0), np.nan), "lacks a number between sentences that were read together"),
        ("decoder.rollout_by_layer", one("decoder.rollout_by_layer", (2, 1), np.nan), "lacks a number between sentences that were read together"),
        ("decoder.sentence_expected", one("decoder.sentence_expected", (1, 0), -0.1), "holds a number below 0"),
        ("decoder.sentence_attention", one("decoder.sentence_attention", (0, 0, 1, 0), 60_000), "holds a share of more than 100"),
        ("decoder.head_similarity", one("decoder.head_similarity", (0, 0, 1), -120), "holds a cosine of more than 100"),
        ("decoder.head_divergence", one("decoder.head_divergence", (1, 0), -0.1), "holds a number below 0"),
        ("decoder.decay_edges", made_up().arrays["decoder.decay_edges"][1:], "has 6 edges of 6 bins"),
        ("decoder.decay_edges", one("decoder.decay_edges", 2, 9), "does not rise from 0"),
        ("decoder.induction_example", one("decoder.induction_example", (0, 0, 1), 23), "names a token that is none of 23"),
        ("decoder.head_divergence_queries", one("decoder.head_divergence_queries", 0, -2), "names a token that is none of 23"),
        ("pruning.order", made_up().arrays["pruning.order"][:, :2], "has 2 along index where there are 3"),
        ("pruning.heads", one("pruning.heads", 0, 1), "does not rise from 0"),
        ("pruning.random_loss", one("pruning.random_loss", (0, 0), np.nan), "lacks a number"),
        ("pruning.random_loss", made_up().arrays["pruning.random_loss"][:0], "lacks every draw"),
        ("attribution.link_effect", one("attribution.link_effect", (0, 2), np.nan), "lacks a number"),
        ("faithfulness.deletion", one("faithfulness.deletion", (0, 0, 0), np.nan), "lacks a number"),
    ],
)
def test_numbers_that_nothing_measured_can_be_are_refused(key: str, values: np.ndarray, said: str) -> None:
    with pytest.raises(MeasurementsError) as caught:
        damaged(key, values)
    assert str(caught.value) == f"{key} of this measurements file {said}; measure the document again."


@pytest.mark.parametrize(("key", "fellow"), [(key, fellow) for key, fellows in BESIDE.items() for fellow in fellows if key != "*.query_key"])
def test_an_array_without_what_it_is_read_with_is_refused(key: str, fellow: str) -> None:
    key, fellow = (name.replace("*", "decoder") for name in (key, fellow))
    with pytest.raises(MeasurementsError, match=f"holds {key} and no {fellow}, without which it says nothing"):
        damaged(fellow, None)


def test_sentences_that_no_window_read_together_may_lack_their_numbers() -> None:
    lacking = {f"decoder.{name}": one(f"decoder.{name}", (..., 4, 0), np.nan) for name in ("sentence_attention", "sentence_expected", "rollout_by_layer")}
    assert np.isnan(made_up(replaced=lacking)["*.sentence_expected"][4, 0])
