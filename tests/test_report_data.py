"""The report as JSON: plain values, six digits, null for what does not exist."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import HEADS, LAYERS, SENTENCES, Sizes, made_up

from reportgen.analyses import ANALYSES
from reportgen.measurements import Measurements
from reportgen.report import build_report
from reportgen.report_data import SCHEMA, plain, report_data

NUMBERS = st.one_of(st.floats(), st.floats(width=32).map(np.float32), st.floats(width=16).map(np.float16))


@pytest.fixture(autouse=True, scope="module")
def no_charts() -> Iterator[None]:
    """Charts are no part of the data, and slow to draw."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reportgen.report.ANALYSES", tuple(dataclasses.replace(analysis, draw=lambda result: {}) for analysis in ANALYSES))
        yield


def data_of(measurements: Measurements) -> dict[str, Any]:
    return report_data(build_report(measurements), measurements)


def read_back(data: Any) -> Any:
    return json.loads(json.dumps(data, allow_nan=False))


def test_it_names_schema_title_provenance_notices_and_analyses() -> None:
    data = data_of(made_up(metadata={"notices": ["The rest was not seen."]}))
    assert list(data) == ["schema", "title", "provenance", "notices", "analyses"]
    assert data["schema"] == SCHEMA == 1
    assert data["title"] == "Trees and water"
    assert data["notices"] == ["The rest was not seen."]


def test_analyses_are_keyed_by_name_in_the_registrys_order() -> None:
    assert list(data_of(made_up())["analyses"]) == [analysis.name for analysis in ANALYSES if analysis.applies_with is None]


def test_each_analysis_gives_its_finding_and_every_field_of_its_result() -> None:
    measurements = made_up()
    report, data = build_report(measurements), data_of(measurements)
    for section in report.sections:
        fields = [field.name for field in dataclasses.fields(section.result)]
        assert list(data["analyses"][section.name]) == ["finding", *fields]
        assert data["analyses"][section.name]["finding"] == section.finding


def test_provenance_is_the_metadata_without_the_notices() -> None:
    measurements = made_up()
    provenance = data_of(measurements)["provenance"]
    assert provenance == {key: value for key, value in measurements.metadata.items() if key != "notices"}


def test_it_is_strict_json_that_reads_back_as_it_is() -> None:
    data = data_of(made_up(sizes=Sizes(sentences=11, tokens=43)))
    assert read_back(data) == data


def test_matrices_keep_their_axes_with_the_query_first() -> None:
    measurements = made_up()
    views = read_back(data_of(measurements))["analyses"]["sentence_matrix"]["attention"]
    assert len(views) == LAYERS + 1
    assert [len(row) for row in views[0]] == [SENTENCES] * SENTENCES
    mean = measurements["*.sentence_attention"].mean((0, 1))
    assert views[0][4][1] == pytest.approx(float(mean[4, 1]), rel=1e-5)
    assert views[0][1][4] == 0


def test_heads_are_keyed_by_layer_and_head() -> None:
    roles = data_of(made_up())["analyses"]["head_roles"]["roles"]
    assert list(roles) == [f"{layer}.{head}" for layer in range(LAYERS) for head in range(HEADS)]
    assert all(isinstance(names, list) for names in roles.values())


def test_numbers_that_do_not_exist_are_null() -> None:
    shares = np.array(made_up()["*.sentence_attention"])
    shares[:, :, 3, 1] = np.nan
    data = read_back(data_of(made_up(replaced={"decoder.sentence_attention": shares})))
    assert data["analyses"]["sentence_matrix"]["attention"][0][3][1] is None
    assert data["analyses"]["attribution_agreement"]["agreements"][0]["rho"] is None
    assert data["analyses"]["top_links"]["content_lift"][0][-1] is None


def test_an_analysis_without_its_numbers_is_absent() -> None:
    data = data_of(made_up(leave_out=["attribution."]))
    assert "attribution_agreement" not in data["analyses"]
    assert any("attribution" in notice for notice in data["notices"])


@given(number=NUMBERS)
def test_numbers_have_six_digits_at_most_and_are_right_to_six(number: float) -> None:
    found = read_back(plain(number))
    if math.isfinite(number):
        assert found == pytest.approx(float(number), rel=5.1e-6, abs=0)
        digits = f"{found!r}".partition("e")[0].replace(".", "").replace("-", "").strip("0")
        assert len(digits) <= 6
    else:
        assert found is None


@given(numbers=st.lists(NUMBERS, max_size=7))
def test_arrays_and_single_numbers_are_written_alike(numbers: list[float]) -> None:
    assert plain(np.array(numbers, np.float64)) == [plain(float(number)) for number in numbers]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.arange(6, dtype=np.int32).reshape(2, 3), [[0, 1, 2], [3, 4, 5]]),
        (np.array([True, False]), [True, False]),
        (np.array(1.5), 1.5),
        (np.zeros((2, 0)), [[], []]),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (True, True),
        (None, None),
        ("text", "text"),
        ((1, (2.0, "x")), [1, [2.0, "x"]]),
        ({0: {"a": np.float32(0.1)}}, {"0": {"a": 0.1}}),
        (1 / 3, 0.333333),
        (123456789.0, 123457000.0),
        (-math.inf, None),
    ],
    ids=str,
)
def test_values_become_what_json_knows(value: Any, expected: Any) -> None:
    found = plain(value)
    assert found == expected
    assert type(found) is type(expected)
    assert read_back(found) == expected


def test_lone_surrogates_and_controls_of_a_strangers_file_can_be_written_as_utf8() -> None:
    data = data_of(made_up(metadata={"title": "broken \ud800 title\x00", "notices": ["\udfff"]}))
    assert json.dumps(data, ensure_ascii=False).encode("utf-8")
    assert data["title"] == "broken  title"
