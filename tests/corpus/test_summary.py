"""What is kept of one document: what its analyses say, and the same again from JSON."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from corpus.summaries import NAN, curve, explained, holding
from made_up import HEADS, LAYERS, made_up

from reportgen.analyses import attribution_agreement, head_roles
from reportgen.corpus import DocumentSummary, summarise
from reportgen.errors import MeasurementsError
from reportgen.measurements import Measurements

PLAIN = made_up()


def heads_of(summary: DocumentSummary, role: str) -> tuple[str, ...] | None:
    return next((found.heads for found in summary.roles if found.role == role), None)


def values_of(summary: DocumentSummary, key: str) -> tuple[float, ...]:
    return next(found.values for found in summary.curves if found.key == key)


def with_scores(**scores: np.ndarray) -> Measurements:
    """Without values by sentence and chance levels, so that the scores alone decide."""
    leave_out = [f"decoder.{name}_by_sentence" for name in scores]
    return made_up(leave_out=leave_out, replaced={f"decoder.{name}": values for name, values in scores.items()})


def grid(value: float, **heads: float) -> np.ndarray:
    found = np.full((LAYERS, HEADS), value, np.float32)
    for name, other in heads.items():
        found[int(name[1]), int(name[2])] = other
    return found


def test_a_document_is_named_measured_and_tagged() -> None:
    found = summarise(PLAIN, genre="speech", tags=["one", "two"])
    assert (found.genre, found.tags, found.layers, found.heads, found.tokens, found.sentences) == ("speech", ("one", "two"), 3, 7, 23, 5)
    assert (found.title, found.model, found.stack, found.level) == (PLAIN.metadata["title"], PLAIN.metadata["model"], "decoder", "sentence")
    assert found.missing == {}


def test_sinks_are_taken_by_all_keys_and_other_roles_with_the_sink_left_out() -> None:
    result = head_roles.analyse(PLAIN)
    found = summarise(PLAIN)
    assert heads_of(found, "sink") == tuple(head for head, roles in result.roles.items() if "sink" in roles)
    for role in ("local", "within-sentence", "broad", "delimiter"):
        assert heads_of(found, role) == tuple(head for head, roles in result.roles_without_sink.items() if role in roles)


def test_a_role_that_a_probe_decides_too_is_taken_from_the_text_alone() -> None:
    probe, text = grid(0.0, h02=0.9, h16=0.9), grid(0.0, h11=0.9)
    measurements = with_scores(probe_induction=probe, probe_induction_without_sink=probe, induction=text, induction_without_sink=text)
    assert {"0.2", "1.6", "1.1"} <= {head for head, roles in head_roles.analyse(measurements).roles_without_sink.items() if "induction" in roles}
    assert heads_of(summarise(measurements), "induction") == ("1.1",)


def test_a_role_that_only_a_probe_decides_is_not_decided() -> None:
    measurements = made_up(leave_out=["decoder.induction"])
    assert "induction" in head_roles.analyse(measurements).role_names
    assert heads_of(summarise(measurements), "induction") is None


def test_an_offset_that_no_head_keeps_to_is_decided_where_offsets_were_measured() -> None:
    assert heads_of(summarise(PLAIN), "offset -8") is not None
    assert heads_of(summarise(made_up(leave_out=["decoder.fixed_offset"])), "offset -8") is None


def test_curves_are_means_over_heads_and_sink_heads_a_share() -> None:
    entropy = grid(2.0, h10=9.0)
    found = summarise(with_scores(entropy=entropy, first_token=grid(0.2, h13=0.31, h14=0.9, h26=np.nan)))
    assert values_of(found, "entropy") == pytest.approx((2, 3, 2))
    assert values_of(found, "sink_heads") == pytest.approx((0, 2 / 7, 0), abs=1e-6)


def test_agreements_are_those_of_the_report() -> None:
    result = attribution_agreement.analyse(PLAIN)
    found = summarise(PLAIN)
    assert (found.reference, found.target) == (result.reference, result.target)
    assert [row.method for row in found.agreements] == [name for name in result.methods if name != result.reference]
    attention = found.agreements[0]
    np.testing.assert_equal([attention.rho, attention.partial], [result.agreement("attention").rho, result.agreement("attention").partial])


def test_results_that_are_there_are_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    results = {"head_roles": head_roles.analyse(PLAIN), "attribution_agreement": attribution_agreement.analyse(PLAIN)}
    before = summarise(PLAIN)
    for module in (head_roles, attribution_agreement):
        monkeypatch.setattr(module, "ANALYSIS", replace(module.ANALYSIS, analyse=pytest.fail))
    assert summarise(PLAIN, results=results).to_json() == before.to_json()


def test_what_was_not_measured_is_named_and_left_out() -> None:
    found = summarise(made_up(leave_out=["attribution.", "decoder.first_token"]))
    assert (found.reference, found.agreements, found.roles) == (None, (), ())
    assert found.missing["head_roles"] == "first_token"
    assert found.missing["attribution_agreement"].startswith("attribution.gradient")
    assert "sink_heads" not in [one.key for one in found.curves]


def test_a_summary_is_the_same_again_from_strict_json() -> None:
    found = explained("a", 0.5, "speech", tags=("x",), roles=holding(sink="0.1"), curves=curve([1, NAN, 3]))
    written = json.dumps(found.to_json(), allow_nan=False)
    again = DocumentSummary.from_json(json.loads(written))
    assert again.to_json() == found.to_json()
    assert (again.roles, again.tags, again.agreements) == (found.roles, found.tags, found.agreements)
    assert math.isnan(again.curves[0].values[1])


@pytest.mark.parametrize(
    "data",
    [
        [],
        {},
        {"summary_format": 2},
        {"summary_format": 1, "title": "a"},
        {**explained("a", 0.5).to_json(), "roles": [1]},
        explained("a", 0.5, roles=holding(witch="0.1")).to_json(),
    ],
)
def test_a_summary_of_another_format_or_a_damaged_one_is_refused(data: object) -> None:
    with pytest.raises(MeasurementsError, match=r"summary of a document is .*; make it from the measurements again"):
        DocumentSummary.from_json(data)
