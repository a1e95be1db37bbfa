"""Coreference and syntax: cases by hand, few words, few sentences."""

from __future__ import annotations

import numpy as np
import pytest
from made_up import RELATIONS, Sizes, made_up
from scipy import stats

from reportgen.analyses import head_roles
from reportgen.analyses.roles.definitions import ROLES
from reportgen.analyses.roles.linguistic import coreference_evidence, syntax_evidence
from reportgen.measurements import Measurements

SIZES = Sizes(layers=2, heads=3, sentences=11, tokens=101)
ROLE = {role.name: role for role in ROLES}


def mentions(found: np.ndarray, expected: float, by_sentence: np.ndarray | None = None) -> Measurements:
    """What later mentions give earlier ones, and what is expected of every head; the same in each sentence unless said otherwise."""
    even = np.full(found.shape, expected, np.float32)
    replaced = {f"decoder.coreference{suffix}": found.astype(np.float32) for suffix in ("", "_without_sink")}
    replaced |= {f"decoder.coreference_expected{suffix}": even for suffix in ("", "_without_sink")}
    each = np.repeat(found[..., None], SIZES.sentences, -1) if by_sentence is None else by_sentence
    replaced |= {
        "decoder.coreference_by_sentence": each.astype(np.float32),
        "decoder.coreference_expected_by_sentence": np.full(each.shape, expected, np.float32),
    }
    replaced["decoder.coreference_queries"] = np.full((SIZES.layers, SIZES.sentences), 2, np.int32)
    return made_up(sizes=SIZES, replaced=replaced)


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
