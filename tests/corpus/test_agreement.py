"""Attention against what mattered, over documents: pooled by model, reference and genre, and what cannot be said."""

from __future__ import annotations

import math

import numpy as np
import pytest
from charts import assert_drawable, rows_of
from corpus.summaries import NAN, agreeing, explained, groups, summary

from reportgen.corpus import DocumentSummary, agreement
from reportgen.corpus.agreement import Result
from reportgen.corpus.pooling import pool, z_variance

SPEECHES, MANUALS = (0.5, 0.6, 0.7, 0.55), (0.1, 0.0, 0.2)


def over(*summaries: DocumentSummary) -> Result:
    return agreement.analyse(groups(*summaries))


def two_genres() -> list[DocumentSummary]:
    speeches = [explained(f"speech {place}", value, "speech") for place, value in enumerate(SPEECHES)]
    return speeches + [explained(f"manual {place}", value, "manual") for place, value in enumerate(MANUALS)]


def test_documents_are_pooled_with_the_variance_of_their_intervals() -> None:
    (model,) = over(*two_genres()).models
    partial = np.array(MANUALS + SPEECHES)  # in the order of their titles
    variance = z_variance(partial, partial - 0.2, partial + 0.2, np.full(7, 31 - 5))
    assert model.attention.partial == pool(partial, variance)
    assert model.attention.rho.documents == 7
    assert [found.title for found in model.documents[:2]] == ["manual 0", "manual 1"]


def test_genres_have_means_of_their_own_and_are_compared() -> None:
    (model,) = over(*two_genres()).models
    assert [(found.genre, found.documents) for found in model.genres] == [("manual", 3), ("speech", 4)]
    assert model.genres[1].partial.mean.value == pytest.approx(math.tanh(np.arctanh(SPEECHES).mean()), abs=0.01)
    assert model.test is not None
    assert model.test.documents == 7
    finding = agreement.find(over(*two_genres()))
    assert "By genre: manual 0.10 (95% interval" in finding
    assert "Genres differ more than documents with their genres shuffled do" in finding


def test_one_genre_is_not_shown_apart_and_documents_without_one_are_named_so() -> None:
    (model,) = over(*(explained(str(place), value, "speech") for place, value in enumerate(SPEECHES))).models
    assert model.genres == ()
    (model,) = over(*two_genres(), explained("other", 0.3)).models
    assert [found.genre for found in model.genres] == ["manual", "speech", "no genre given"]


def test_models_and_references_are_not_pooled() -> None:
    ablated = [explained(f"ablated {place}", 0.4, reference="ablation") for place in range(3)]
    result = over(*two_genres(), *ablated, explained("speech 0", -0.9, model="large"), summary("bare"))
    assert [(model.name, model.reference, len(model.documents)) for model in result.models] == [
        ("small", "gradient", 7),
        ("small", "ablation", 3),
        ("large", "gradient", 1),
    ]
    assert result.without == 1
    finding = agreement.find(result)
    assert "the effect of leaving each sentence out is 0.40" in finding
    assert "Too few documents have a correlation beyond distance, length and the sink (3 are needed)" in finding
    assert finding.endswith("large against gradient (1).")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((0.5, 0.6, 0.7, 0.55), "attention tells more of what mattered than these do: "),
        ((-0.5, -0.6, -0.7, -0.55), "attention misleads about what mattered, these aside: "),
        ((-0.3, 0.5, 0.0, 0.1), "that attention tells more of what mattered than these do cannot be said: "),
    ],
)
def test_the_verdict_is_that_of_the_interval(values: tuple[float, ...], said: str) -> None:
    result = over(*(explained(str(place), value) for place, value in enumerate(values)))
    assert said in agreement.lead(result)
    assert "more than chance (I²" in agreement.find(result)


@pytest.mark.filterwarnings("error")
def test_documents_without_a_number_or_of_too_few_sentences_are_listed_and_do_not_count() -> None:
    few = explained("few", 0.9, agreements=(agreeing(0.9, n=7),))
    none = explained("none", 0.9, agreements=(agreeing(NAN),))
    result = over(explained("a", 0.3), explained("b", 0.4), few, none)
    (model,) = result.models
    assert [(found.title, found.pooled) for found in model.documents] == [("a", True), ("b", True), ("few", False), ("none", False)]
    assert model.attention.partial.documents == 2
    assert "small against gradient (2)." in agreement.find(result)
    assert agreement.draw(over(none)) == {}
    assert "nan" not in agreement.find(result)
    assert agreement.find(over(summary("a"))) == "No document has an attribution to hold attention against."


def test_every_method_is_pooled_over_the_documents_that_have_it() -> None:
    both = (agreeing(0.2, method="rollout"), agreeing(0.5))
    (model,) = over(*(explained(str(place), 0.5, agreements=both if place else both[1:]) for place in range(4))).models
    assert [(found.method, found.partial.documents) for found in model.methods] == [("attention", 4), ("rollout", 3)]


def test_the_chart_has_documents_by_size_then_means_and_tells_equal_titles_apart() -> None:
    result = over(*two_genres(), explained("speech 0", 0.9, "speech", sha256="another", source="b"))
    spec = agreement.draw(result)["documents-1"]
    assert_drawable(spec)
    rows = next(rows for rows in rows_of(spec) if len(rows) > 1)
    assert [row["name"] for row in rows[:2]] == ["speech 0", "speech 2"]
    assert "speech 0 (2)" in [row["name"] for row in rows]
    assert [row["name"] for row in rows[-3:]] == ["manual: 3 documents", "speech: 5 documents", "All: 8 documents"]
    assert len(rows) == 11


def test_a_chart_of_very_many_documents_has_only_their_means() -> None:
    result = over(*(explained(f"{place:03}", 0.3 + place / 200) for place in range(41)))
    rows = next(rows for rows in rows_of(agreement.draw(result)["documents-1"]) if "kind" in rows[0])
    assert [row["name"] for row in rows] == ["All: 41 documents"]
