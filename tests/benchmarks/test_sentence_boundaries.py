"""The gold set and how boundaries are counted; that ours are right in most of it."""

from __future__ import annotations

import pytest
from sentence_boundaries import HALVES, Counts, counts, gold_blocks, inner, marked, ours, placed, punkt

BLOCKS = list(gold_blocks())
KINDS = {"scholarly", "legal", "novel", "news", "technical", "encyclopaedia", "speech", "chat"}


def test_boundaries_are_counted_inside_blocks_alone() -> None:
    block = marked("open", "news", ["It rose 3.", "Why?", "No one knows."])
    assert block.ends == (10, 15, 29)
    assert inner([4, 10, 11, 29], block) == {4, 10}
    found = counts([block], lambda text: [4, 10, 29])
    assert found == Counts(right=1, found=2, there=2)
    assert (found.precision, found.recall, found.f1) == (0.5, 0.5, 0.5)


def test_a_splitter_that_finds_nothing_has_no_recall() -> None:
    assert counts([marked("open", "news", ["One.", "Two."])], lambda text: [len(text)]).f1 == 0


def test_strings_are_placed_in_order() -> None:
    assert list(placed(["No. ", "No.", " No."], "No. No. No.")) == [3, 7, 11]


def test_the_gold_set_has_eight_kinds_in_two_halves_of_about_the_same_size() -> None:
    sizes = {(half, kind): sum(len(block.ends) for block in BLOCKS if (block.half, block.kind) == (half, kind)) for half in HALVES for kind in KINDS}
    assert {block.kind for block in BLOCKS} == KINDS
    assert sum(sizes.values()) >= 450
    assert all(0.8 < sizes["open", kind] / sizes["held-out", kind] < 1.25 for kind in KINDS)


def test_every_sentence_of_the_gold_set_is_one_line_without_white_space_around_it() -> None:
    assert all(block.text.split() == block.text.split(" ") for block in BLOCKS)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_ours_agree_with_the_gold_set_better_than_punkt_alone(kind: str) -> None:
    blocks = [block for block in BLOCKS if block.kind == kind]
    assert counts(blocks, ours).f1 > max(0.95, counts(blocks, punkt()).f1)


def test_ours_agree_with_the_gold_set_overall() -> None:
    assert counts(BLOCKS, ours).f1 >= 0.98
