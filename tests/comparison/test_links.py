"""Links gained and lost: among the strongest of one file alone, and by more than rounding."""

from __future__ import annotations

import numpy as np

from reportgen.comparison.ground import Cells, Side
from reportgen.comparison.links import link_changes

UNITS = 7  # 15 pairs of different units whose key is not the first, of which a tenth is 2 and 3 are taken
EXPECTED = np.tri(UNITS) / np.arange(1, UNITS + 1)[:, None]


def cells_of(lifts_a: dict[tuple[int, int], float], lifts_b: dict[tuple[int, int], float]) -> Cells:
    sides = []
    for lifts in (lifts_a, lifts_b):
        lift = np.ones((UNITS, UNITS))
        for place, value in lifts.items():
            lift[place] = value
        sides.append(Side(share=lift * EXPECTED, expected=EXPECTED))
    return Cells(a=sides[0], b=sides[1], first=np.arange(UNITS) == 0)


def pairs(rows) -> list[tuple[int, int]]:
    return [(row.query, row.key) for row in rows]


def test_a_link_is_gained_where_it_is_among_the_strongest_of_the_second_alone() -> None:
    cells = cells_of({(2, 1): 4, (3, 1): 3, (5, 2): 2, (4, 0): 9}, {(2, 1): 4, (6, 5): 8, (5, 2): 1.5, (6, 6): 9})
    found = link_changes(cells, cells.common, (), ())
    assert (found.pairs, found.count, found.shared, found.by_rank) == (15, 3, 2, 0)
    assert pairs(found.gained) == [(6, 5)]
    assert pairs(found.lost) == [(3, 1)]
    assert found.gained[0].lift_a == 1
    assert found.gained[0].doublings == 3
    # Of what is not on the first sentence, 3/5 and 1/3 of row 3 go to sentence 1; 1/6 and 8/21 of row 6 to sentence 5.
    assert pairs(found.moved)[:2] == [(3, 1), (6, 5)]
    assert found.chance == 9 / 15
    turned = link_changes(Cells(a=cells.b, b=cells.a, first=cells.first), cells.common, (), ())
    assert (pairs(turned.gained), pairs(turned.lost)) == (pairs(found.lost), pairs(found.gained))
    assert turned.lost[0].doublings == -3


def test_a_link_that_did_not_change_itself_is_not_gained() -> None:
    cells = cells_of({(2, 1): 4, (3, 1): 3, (5, 2): 2}, {(2, 1): 4, (3, 1): 1, (5, 2): 1.9})
    found = link_changes(cells, np.zeros((UNITS, UNITS), bool), (), ())
    assert (found.gained, found.lost, found.moved) == ((), (), ())
    assert found.shared + found.by_rank // 2 == 3


def test_of_few_pairs_no_strongest_are_taken() -> None:
    expected = np.tri(3) / np.arange(1, 4)[:, None]
    side = Side(share=expected, expected=expected)
    found = link_changes(Cells(a=side, b=side, first=np.arange(3) == 0), np.ones((3, 3), bool), (), ())
    assert (found.pairs, found.count, found.gained) == (1, 0, ())
