"""Rows that pass through Altair unopened come out as they went in, and charts are put together as Altair puts them."""

from __future__ import annotations

import json

import altair as alt
import pytest

from reportgen.analyses.charting import composed, faceted, frameless, packed, spec_of

ROWS = [{"layer": 2, "share": 0.125, "kind": "a \u2028 “b”"}, {"layer": 0, "share": None, "kind": ""}]
POINTS = alt.Chart(alt.Data(values=packed(ROWS)), title="shares", width=300, height=alt.Step(12)).mark_point().encode(x="layer:Q", y="share:Q")
BARS = POINTS.mark_bar()
RULE = alt.Chart(alt.Data(values=packed([{"share": 0.5}]))).mark_rule().encode(y="share:Q")
SHARED, MARGIN = {"scale": {"x": "shared", "y": "independent"}}, {"left": 24, "right": 5}


def chart(values: object, rule: object) -> alt.HConcatChart:
    points = alt.Chart(alt.Data(values=values)).mark_point().encode(x="layer:Q", y="share:Q")
    return alt.hconcat(points, points + alt.Chart(alt.Data(values=rule)).mark_rule().encode(y="share:Q"))


def written(spec: object) -> str:
    """With the order of names, which a page has too."""
    return json.dumps(spec)


def test_the_specification_is_that_of_rows_which_altair_has_seen() -> None:
    rule = [{"share": 0.5}]
    assert spec_of(chart(packed(ROWS), packed(iter(rule)))) == chart(ROWS, rule).to_dict()


def test_a_chart_without_rows_of_its_own_is_left_alone() -> None:
    named = alt.Chart(alt.NamedData("rows")).mark_point().encode(x="layer:Q")
    assert spec_of(named) == named.to_dict()


def test_a_chart_without_frames_is_as_altair_writes_it() -> None:
    rule = [{"share": 0.5}]
    assert written(frameless(chart(packed(ROWS), packed(rule)))) == written(chart(ROWS, rule).configure_view(stroke=None).to_dict())


@pytest.mark.parametrize("parts", [(POINTS, RULE), (RULE, POINTS, RULE), (POINTS, BARS), (RULE,)], ids=["sized", "sized in the middle", "same rows", "one"])
def test_charts_are_put_together_as_altair_does_it(parts: tuple[alt.Chart, ...]) -> None:
    theirs = alt.layer(*parts).resolve_scale(x="shared", y="independent").properties(padding=MARGIN, description="shares")
    assert written(spec_of(composed("layer", *parts, resolve=SHARED, padding=MARGIN, description="shares"))) == written(spec_of(theirs))
    for kind, theirs in (("hconcat", alt.hconcat(*parts)), ("vconcat", alt.vconcat(*parts)), ("concat", alt.concat(*parts))):
        assert written(spec_of(composed(kind, *parts, spacing=6))) == written(spec_of(theirs.properties(spacing=6)))


def test_what_is_put_together_can_be_put_together_again() -> None:
    layers = composed("layer", POINTS, RULE)
    ours = composed("vconcat", composed("hconcat", layers, BARS), composed("hconcat", RULE))
    theirs = alt.vconcat(alt.hconcat(alt.layer(POINTS, RULE), BARS), alt.hconcat(RULE))
    assert written(spec_of(ours)) == written(spec_of(theirs))
    assert written(spec_of(composed("layer", layers, BARS))) == written(spec_of(alt.layer(alt.layer(POINTS, RULE), BARS)))


def test_charts_by_a_field_are_as_altair_writes_them() -> None:
    facet = alt.Facet("kind:N", title=None, sort=["", "a"])
    assert written(spec_of(faceted(POINTS, facet, columns=2))) == written(spec_of(POINTS.facet(facet=facet, columns=2)))
    theirs = alt.layer(POINTS, BARS).facet(column=alt.Column("kind:N")).resolve_scale(x="shared", y="independent")
    assert written(spec_of(faceted(composed("layer", POINTS, BARS), alt.FacetMapping(column=alt.Column("kind:N")), resolve=SHARED))) == written(spec_of(theirs))
