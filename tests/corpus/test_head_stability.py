"""Roles of heads over documents: counts by hand, models apart, what cannot be said."""

from __future__ import annotations

import math

import pytest
from charts import assert_drawable, rows_of
from corpus.summaries import groups, holding, summary

from reportgen.corpus import DocumentSummary, head_stability
from reportgen.corpus.head_stability import HeldBy, ModelRoles, Result, RoleStability


def stable(*summaries: DocumentSummary) -> Result:
    return head_stability.analyse(groups(*summaries))


def role(model: ModelRoles, name: str) -> RoleStability:
    return next(found for found in model.roles if found.role == name)


def three() -> Result:
    return stable(
        summary("a", roles=holding(sink="0.1 2.6", local="1.3")),
        summary("b", roles=holding(sink="0.1 2.6 1.0", local="")),
        summary("c", roles=holding(sink="0.1")),
        summary("d"),
    )


def test_heads_are_counted_over_the_documents_that_decide_their_role() -> None:
    result = three()
    (model,) = result.models
    assert (model.documents, model.heads, result.without_roles) == (3, 21, 1)
    sink, local = role(model, "sink"), role(model, "local")
    assert (sink.documents, sink.heads_in_all, sink.heads_in_half, sink.heads_in_any, sink.heads_per_document) == (3, 1, 2, 3, 2)
    assert (local.documents, local.heads_in_all, local.heads_in_half, local.heads_in_any, local.heads_per_document) == (2, 0, 1, 1, 0.5)
    assert sink.often == (HeldBy(head="0.1", documents=3, share=1.0), HeldBy(head="2.6", documents=2, share=2 / 3))


def test_kappa_of_a_role_and_of_all_roles_by_hand() -> None:
    (model,) = three().models
    # Sink: heads 2.6 and 1.0 are held by 2 and 1 of 3 documents, 2 of 3 pairs each; p = 6 / 63. Local: 1 of 14, apart in its only pair.
    sink, local = 2 * (2 / 3) / 21, 1 / 21
    chance, chance_local = 2 * (6 / 63) * (57 / 63), 2 * (1 / 42) * (41 / 42)
    assert role(model, "sink").kappa.value == pytest.approx(1 - sink / chance)
    assert role(model, "local").kappa.value == pytest.approx(1 - local / chance_local)
    assert model.kappa.value == pytest.approx(1 - (sink + local) / (chance + chance_local))
    assert math.isnan(model.kappa.low)


def test_roles_stand_in_the_order_of_the_page_and_a_role_that_nobody_holds_is_left_out() -> None:
    (model,) = stable(summary("a", roles=holding(thematic="0.0", sink="0.1", broad="")), summary("b", roles=holding(sink="0.1"))).models
    assert [found.role for found in model.roles] == ["sink", "thematic"]


def test_models_are_never_pooled_and_one_text_counts_once() -> None:
    roles = holding(sink="0.1")
    result = stable(
        summary("a", roles=roles),
        summary("again", sha256="a", roles=holding(sink="2.2")),
        summary("b", roles=roles),
        summary("a", roles=roles, model="large", layers=5, heads=11),
        summary("a", roles=roles, revision="2"),
        summary("a", roles=roles, level="paragraph"),
    )
    assert [(model.name, model.documents, model.heads) for model in result.models] == [
        ("small (by sentence; 1)", 2, 21),
        ("large", 1, 55),
        ("small (by paragraph)", 1, 21),
        ("small (by sentence; 2)", 1, 21),
    ]
    assert role(result.models[0], "sink").heads_in_any == 1


def test_the_finding_says_how_steady_roles_are_and_of_what_nothing_can_be_said() -> None:
    roles = [holding(sink="0.1 1.1 2.1", local="0.2 1.2"), holding(sink="0.1 1.1 2.1", local="1.2 2.2")]
    documents = [summary(f"document {place}", roles=roles[place % 2]) for place in range(6)]
    finding = head_stability.find(stable(*documents, summary("a", model="large", roles=roles[0])))
    assert finding.startswith("Any two of 6 documents read by small agree about which of 21 heads holds a role with kappa 0.")
    assert "95% interval" in finding
    assert "Steadiest is sink, 1.00 (95% interval 1.00 to 1.00): of 3 heads that hold it somewhere, 3 do in all 6 documents that decide it." in finding
    assert "Least steady is local, 0." in finding
    assert finding.endswith("Whether heads keep their roles cannot be said of what read one document: large.")


@pytest.mark.filterwarnings("error")
def test_few_documents_have_no_interval_and_one_or_none_no_stability() -> None:
    assert "(no interval of fewer than 5 documents)" in head_stability.find(three())
    assert head_stability.find(stable(summary("a"))) == "No document has measurements from which roles of heads can be told."
    alone = stable(summary("a", roles=holding(sink="0.1")))
    assert head_stability.lead(alone) == "Whether heads keep their roles cannot be said of what read one document: small."
    assert head_stability.draw(alone) == {}
    every = " ".join(f"{layer}.{head}" for layer in range(3) for head in range(7))
    same = stable(*(summary(name, roles=holding(sink=every)) for name in "abcde"))
    assert "nothing can be compared" in head_stability.find(same)
    assert "nan" not in head_stability.find(same)


def test_charts_draw_the_numbers_of_the_result() -> None:
    charts = head_stability.draw(three())
    for spec in charts.values():
        assert_drawable(spec)
    (model,) = three().models
    kappa = next(row for rows in rows_of(charts["kappa"]) for row in rows if row.get("role") == "sink")
    assert kappa == {"role": "sink", "model": "small", "kappa": round(role(model, "sink").kappa.value, 5), "low": None, "high": None}
    (held,) = rows_of(charts["held"])
    assert [row["heads"] for row in held if row["role"] == "sink"] == [1, 1, 1]
