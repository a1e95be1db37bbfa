"""What reports are lined up by, against the results of their analyses and by hand."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from website.sites import listed, no_pictures, without_charts

from reportgen.corpus import summarise
from reportgen.errors import SiteError
from reportgen.measurements import Measurements
from reportgen.render import render_report
from reportgen.report import Report, build_report
from reportgen.website import Built, Entry
from reportgen.website.card import Card, Curve
from reportgen.website.making import make_card
from reportgen.website.numbers import MEASURES, curves_of, line_up
from reportgen.website.panels import draw_bars, line_up_curves
from reportgen.website.pictures import HEIGHT, MARGIN, PAPER, WIDTH, draw_preview


@pytest.fixture(scope="module")
def path(entries: list[Entry]) -> Path:
    return entries[0].path


@pytest.fixture(scope="module")
def measurements(path: Path) -> Measurements:
    return Measurements.load(path)


@pytest.fixture(scope="module")
def report(measurements: Measurements) -> Report:
    with without_charts():
        return build_report(measurements)


@pytest.fixture(scope="module")
def card(measurements: Measurements, report: Report) -> Card:
    return make_card(measurements, report)


def test_a_reports_page_is_the_one_that_rendering_writes(built: tuple[Path, Built], report: Report) -> None:
    assert (built[0] / "reports" / "trees-and-water-made-up-1.html").read_bytes() == render_report(report, no_pictures).encode("utf-8")


def test_a_card_says_what_the_report_says(measurements: Measurements, card: Card) -> None:
    assert (card.title, card.model, card.layers, card.sentences) == ("Trees and water", "made-up-1", 3, 5)
    assert card.tokens == len(measurements["token_ids"])
    assert card.summary == summarise(measurements)
    assert [number.name for number in card.numbers] == [measure.name for measure in MEASURES]
    first = np.mean(measurements["decoder.sentence_attention"].mean((0, 1))[1:, 0])
    numbers = {number.name: number for number in card.numbers}
    assert math.isclose(numbers["first"].value, first, rel_tol=1e-5)
    shares = [numbers[name].value for name in ("own", "first", "others")]
    assert math.isclose(sum(shares), 1, rel_tol=1e-5)
    assert numbers["sinks"].value == np.mean(measurements["decoder.first_token"] > 0.3)
    distance = next(curve for curve in card.curves if curve.name == "distance")
    np.testing.assert_allclose(distance.values, measurements["decoder.distance"].mean(1), rtol=1e-5)


def test_a_report_without_an_analysis_has_no_such_number(report: Report) -> None:
    without = replace(report, sections=tuple(one for one in report.sections if one.name not in ("decay", "layer_progression", "sentence_matrix")))
    shown = {number.name: number.shown for number in line_up(without)}
    assert shown["decay"] == shown["own"] == "–"
    assert shown["sinks"] != "–"
    assert curves_of(without) == ()


def test_a_card_comes_back_from_json_as_it_was_and_a_damaged_one_is_refused(card: Card) -> None:
    data = json.loads(json.dumps(card.to_json(), allow_nan=False))
    assert Card.from_json(data).to_json() == card.to_json()
    for damaged in ({}, data | {"card_format": 0}, {name: value for name, value in data.items() if name != "title"}, data | {"curves": [{}]}):
        with pytest.raises(SiteError):
            Card.from_json(damaged)


def test_bars_by_hand() -> None:
    assert draw_bars((1.0, math.nan, 0.5), 2.0) == "M0 72v-36h68V72z" + "M160 72v-18h68V72z"
    assert draw_bars((-1.0, 9.0), 3.0) == "M0 72v0h102V72z" + "M120 72v-72h102V72z"


def test_panels_of_a_score_have_one_scale_and_models_of_other_heights_keep_their_layers(card: Card) -> None:
    low = Curve(name="distance", label="Mean distance", unit="tokens", values=(1.0, 2.0, 3.0))
    high = replace(low, values=(6.0, math.nan, math.nan, 2.0, 4.0, 4.0))
    share = Curve(name="locality", label="Attention within 3 tokens", unit="share", values=(0.25, 0.5, 0.75))
    rows = line_up_curves([listed(card, "a", curves=(low, share)), listed(card, "b", curves=(high,))])
    assert [(row.label, row.unit, row.top, len(row.panels)) for row in rows] == [
        ("Mean distance", "tokens", "6.00 tokens", 2),
        ("Attention within 3 tokens", "", "75\u202f%", 1),
    ]
    second = rows[0].panels[1]
    assert (second.first, second.last, second.highest) == ("6.00", "4.00", "6.00 in layer 0")
    assert second.said == "Mean distance, 6 layers: 6.00 tokens in the first third, 4.00 tokens in the last, most 6.00 tokens in layer 0."
    assert rows[0].panels[0].bars == draw_bars(low.values, 6.0)
    assert rows[1].panels[0].last == "75\u202f%"


def test_the_picture_for_other_sites_has_its_size_and_a_bar_as_high_as_its_value(report: Report) -> None:
    image = pytest.importorskip("PIL.Image")
    matrix = next(one.result for one in report.sections if one.name == "sentence_matrix")
    curves = [Curve(name="x", label="X", unit="share", values=(0.25, 1.0))]
    drawn = np.asarray(image.open(io.BytesIO(draw_preview(matrix, curves))).convert("RGB"))
    assert drawn.shape == (HEIGHT, WIDTH, 3)
    assert tuple(drawn[0, 0]) == tuple(drawn[-1, -1]) == PAPER
    blue = (drawn == (0x3B, 0x6E, 0xA8)).all(-1)
    heights = blue.sum(0)
    tall = HEIGHT - 2 * MARGIN
    assert set(heights.tolist()) == {0, round(0.25 * tall), tall}
    assert draw_preview(matrix, curves) == draw_preview(matrix, curves)


def test_a_card_of_an_encoder_decoder_has_the_same_numbers(tmp_path: Path) -> None:
    from made_up_pair import made_up_pair

    measurements = made_up_pair()
    card = make_card(measurements, build_report(measurements))
    assert len(card.numbers) == len(MEASURES)
