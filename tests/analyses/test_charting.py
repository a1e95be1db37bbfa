"""Rows that pass through Altair unopened come out as they went in."""

from __future__ import annotations

import altair as alt

from reportgen.analyses.charting import frameless, packed, spec_of

ROWS = [{"layer": 2, "share": 0.125, "kind": "a \u2028 “b”"}, {"layer": 0, "share": None, "kind": ""}]


def chart(values: object, rule: object) -> alt.HConcatChart:
    points = alt.Chart(alt.Data(values=values)).mark_point().encode(x="layer:Q", y="share:Q")
    return alt.hconcat(points, points + alt.Chart(alt.Data(values=rule)).mark_rule().encode(y="share:Q"))


def test_the_specification_is_that_of_rows_which_altair_has_seen() -> None:
    rule = [{"share": 0.5}]
    assert spec_of(chart(packed(ROWS), packed(iter(rule)))) == chart(ROWS, rule).to_dict()


def test_a_chart_without_rows_of_its_own_is_left_alone() -> None:
    named = alt.Chart(alt.NamedData("rows")).mark_point().encode(x="layer:Q")
    assert spec_of(named) == named.to_dict()


def test_a_chart_without_frames_is_as_altair_writes_it() -> None:
    bare = chart(packed(ROWS), packed([{"share": 0.5}]))
    assert list(frameless(bare).items()) == list(spec_of(bare.configure_view(stroke=None)).items())
