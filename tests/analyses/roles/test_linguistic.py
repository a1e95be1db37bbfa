"""Coreference and syntax: cases by hand, few words, few sentences."""

from __future__ import annotations

import numpy as np
import pytest
from made_up import NOT_IN_OLDER_FILES, RELATIONS, Sizes, made_up
from scipy import stats

from reportgen.analyses import head_roles
from reportgen.analyses.roles.definitions import ROLES
from reportgen.analyses.roles.linguistic import coreference_evidence, syntax_evidence
from reportgen.corpus.summarising import summarise
from reportgen.measurements import Measurements

SIZES = Sizes(layers=2, heads=3, sentences=11, tokens=101)
ROLE = {role.name: role for role in ROLES}


def mentions(
    found: np.ndarray, expected: float, by_sentence: np.ndarray | None = None, by_sentence_left: np.ndarray | None = None, leave_out: tuple[str, ...] = ()
) -> Measurements:
    """What later mentions give earlier ones, and what is expected of every head; the same in each sentence, and without the sink, unless said otherwise."""
    each = np.repeat(found[..., None], SIZES.sentences, -1) if by_sentence is None else by_sentence
    replaced = {}
    for suffix, values in (("", each), ("_without_sink", each if by_sentence_left is None else by_sentence_left)):
        replaced |= {
            f"decoder.coreference{suffix}": found.astype(np.float32),
            f"decoder.coreference_expected{suffix}": np.full(found.shape, expected, np.float32),
            f"decoder.coreference{suffix}_by_sentence": values.astype(np.float32),
            f"decoder.coreference_expected{suffix}_by_sentence": np.full(each.shape, expected, np.float32),
        }
    replaced["decoder.coreference_queries"] = np.full((SIZES.layers, SIZES.sentences), 2, np.int32)
    replaced["decoder.coreference_without_sink_queries"] = np.full(each.shape, 2, np.int32)
    return made_up(sizes=SIZES, replaced=replaced, leave_out=leave_out)


def test_a_coreference_head_gives_mentions_twice_what_is_expected_and_five_percent() -> None:
    found = coreference_evidence(mentions(np.array([[0.2, 0.07, 0.03], [0.09, 0.04, 0.3]]), 0.04), ROLE["coreference"])
    assert found.carried.tolist() == [[True, False, False], [True, False, True]]
    assert found.all_keys.values[0, 0] == pytest.approx(5)
    found = coreference_evidence(mentions(np.array([[0.2, 0.07, 0.03]] * 2), 0.01), ROLE["coreference"])
    assert found.carried.tolist() == [[True, True, False]] * 2


def test_one_sentence_of_mentions_is_not_enough() -> None:
    each = np.full((2, 3, SIZES.sentences), 0.06)
    each[0, 0, 4] = 0.9
    found = coreference_evidence(mentions(each.mean(-1), 0.06, each), ROLE["coreference"])
    assert found.all_keys.passes.tolist() == [[True, False, False], [False] * 3]
    assert not found.carried.any()
    assert found.uncertain[0, 0]


def test_without_the_sink_a_score_is_as_sure_as_its_own_sentences() -> None:
    """Head 0.0 looks at earlier mentions in one sentence alone, by all keys; head 0.1 does without the sink."""
    even = np.full((2, 3, SIZES.sentences), 0.06)
    even[0, :2] = 0.3
    one, other = even.copy(), even.copy()
    for at, values in ((0, one), (1, other)):
        values[0, at] = 0.06
        values[0, at, 4] = 0.06 + (0.3 - 0.06) * SIZES.sentences
    found = coreference_evidence(mentions(even.mean(-1), 0.06, one, other), ROLE["coreference"])
    assert found.carried.tolist() == [[False, True, False], [False] * 3]
    assert found.carried_without_sink.tolist() == [[True, False, False], [False] * 3]
    assert found.uncertain_without_sink.tolist() == [[False, True, False], [False] * 3]
    np.testing.assert_allclose(found.without_sink.low[0, :2], [5, 1], rtol=1e-3)
    assert found.without_sink.confidence[0, 0] == 1


def test_queries_of_which_the_sink_leaves_nothing_weigh_nothing() -> None:
    even = np.full((2, 3, SIZES.sentences), 0.3)
    some = even.copy()
    some[0, 1, :3] = np.nan
    measurements = mentions(even.mean(-1), 0.06, even, some)
    rows = measurements["*.coreference_without_sink_queries"].copy()
    rows[0, 1, :3] = 0
    rows[1, 2, 4:] = 0
    changed = Measurements(
        arrays={**measurements.arrays, "decoder.coreference_without_sink_queries": rows}, metadata=measurements.metadata, text=measurements.text
    )
    found = coreference_evidence(changed, ROLE["coreference"]).without_sink
    assert found.carried.tolist() == [[True, True, True], [True, True, False]]
    assert np.isnan(found.confidence[1, 2])  # of four sentences
    np.testing.assert_allclose(found.low[0, 1], 5, rtol=1e-3)


def test_a_file_without_values_by_sentence_without_the_sink_is_sure_of_no_head_there() -> None:
    measurements = mentions(np.array([[0.2, 0.07, 0.03], [0.09, 0.04, 0.3]]), 0.04, leave_out=NOT_IN_OLDER_FILES)
    found = coreference_evidence(measurements, ROLE["coreference"])
    assert found.carried.tolist() == [[True, False, False], [True, False, True]]
    assert not found.carried_without_sink.any()
    assert found.uncertain_without_sink.tolist() == found.carried.tolist()
    assert np.isnan([found.without_sink.low, found.without_sink.high, found.without_sink.confidence]).all()
    result = head_roles.analyse(measurements)
    (role,) = (role for role in result.known if role.name == "coreference")
    assert (role.heads, role.heads_without_sink, role.uncertain, role.not_stored) == (3, 0, 3, True)
    assert "coreference" not in head_roles.find(result)
    assert "coreference" not in [one.role for one in summarise(measurements).roles]


def test_a_file_without_any_values_by_sentence_takes_scores_as_they_are() -> None:
    older = (*NOT_IN_OLDER_FILES, "decoder.coreference_by_sentence", "decoder.coreference_expected_by_sentence")
    found = coreference_evidence(mentions(np.array([[0.2, 0.07, 0.03]] * 2), 0.04, leave_out=older), ROLE["coreference"])
    assert found.carried.tolist() == found.carried_without_sink.tolist() == [[True, False, False]] * 2
    assert not found.without_sink.not_stored


def syntax(accuracy: dict[tuple[int, int, int], float], words: int) -> Measurements:
    values = np.full((2, 3, len(RELATIONS)), 0.2, np.float32)
    for at, value in accuracy.items():
        values[at] = value
    replaced = {
        "decoder.syntax_accuracy": values,
        "decoder.syntax_baseline": np.full(len(RELATIONS), 0.5, np.float32),
        "decoder.syntax_pairs": np.full(len(RELATIONS), words, np.int32),
    }
    return made_up(sizes=SIZES, replaced=replaced)


def test_a_syntactic_head_finds_a_relation_ten_points_above_the_best_offset() -> None:
    measurements = syntax({(0, 1, 3): 0.9, (1, 2, 5): 0.62, (1, 0, 0): 0.55}, words=60)
    found, best = syntax_evidence(measurements, ROLE["syntactic"])
    assert np.argwhere(found.carried).tolist() == [[0, 1]]
    assert found.all_keys.values[0, 1] == pytest.approx(0.4)
    assert RELATIONS[best.relation[0, 1]] == "nsubj"
    assert found.uncertain[1, 2]
    expected = stats.beta(0.9 * 60 + 0.5, 0.1 * 60 + 0.5).sf(0.6)
    assert best.sure[0, 1] == pytest.approx(expected, rel=1e-4)
    result = head_roles.analyse(measurements)
    assert "syntactic" in result.roles["0.1"]
    assert result.details["syntactic"] == {"0.1": "nsubj"}
    word, head = measurements["*.syntax_example"][0, 1, 3]
    members = measurements["token_sentences"]
    examples = [(example.query, example.key) for example in result.examples if example.role == "syntactic"]
    assert examples == ([(members[word], members[head])] if min(members[word], members[head]) >= 0 else [])


def test_relations_of_few_words_are_left_out() -> None:
    assert "has 20 words" in syntax_evidence(syntax({(0, 1, 3): 1.0}, words=19), ROLE["syntactic"])


def test_heads_that_find_heads_by_chance_are_not_syntactic() -> None:
    """Accuracies of 270 heads in 11 relations, each about what the best offset finds, of 25 words."""
    random = np.random.default_rng(0)
    accuracy = random.binomial(25, 0.4, (30, 9, len(RELATIONS))) / 25
    replaced = {
        "decoder.syntax_accuracy": accuracy.astype(np.float32),
        "decoder.syntax_baseline": np.full(len(RELATIONS), 0.45, np.float32),
        "decoder.syntax_pairs": np.full(len(RELATIONS), 25, np.int32),
    }
    found, _ = syntax_evidence(made_up(sizes=Sizes(layers=30, heads=9), replaced=replaced), ROLE["syntactic"])
    assert found.carried.sum() <= 3
