"""What is compared between sentences: matrices, links, each sentence's change, and what has to be zero."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from reportgen.comparison.agreement import Agreeing, agreements
from reportgen.comparison.aligning import GONE, NEW, Match
from reportgen.comparison.change import Change, HeadChange, MeanChange, find_change, head_changes, mean_changes
from reportgen.comparison.ground import Cells, Ground, find_cells
from reportgen.comparison.links import LinkChanges, link_changes, links_alone
from reportgen.comparison.relation import Note, Relation, same_start
from reportgen.comparison.rounding import KnownZero, Precision, beyond_rounding, known_zero, precision_of
from reportgen.comparison.shown_text import text_of
from reportgen.measurements import Measurements

FEWEST_UNITS = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Between:
    """What is compared between sentences: units that both files have, in the order of B.

    `beyond` marks cells that differ by more than the rounding of stored numbers; `zero` is what has to be the same in both, None where nothing has to be.
    `unit_texts` are the units' words in B.
    """

    ground: Ground
    cells: Cells
    beyond: Bool[np.ndarray, "unit unit"]
    precision: tuple[Precision, Precision]
    change: Change
    means: tuple[MeanChange, ...]
    zero: KnownZero | None
    links: LinkChanges
    agreements: tuple[Agreeing, ...]
    left_out: tuple[str, ...]
    heads: HeadChange | None
    unit_texts: tuple[str, ...]
    sentences_a: tuple[str, ...]
    sentences_b: tuple[str, ...]

    @property
    def shown_elsewhere(self) -> Float[np.ndarray, " unit"]:
        """The share of each unit's attention that lands elsewhere, the first sentence left out; NaN where no cell of its row differs by more than rounding."""
        return np.where((self.beyond & ~self.cells.first).any(1), self.change.elsewhere_content, np.nan)

    @property
    def exact(self) -> bool:
        """Whether every share that both files know is the same in both, bit by bit."""
        same = [np.array_equal(getattr(self.cells.a, name), getattr(self.cells.b, name), equal_nan=True) for name in ("share", "expected")]
        return all(same) and (self.heads is None or not np.nan_to_num(self.heads.heads).any())


def find_between(relation: Relation, matches: tuple[Match, ...], ground: Ground, a: Measurements, b: Measurements) -> Between | str:
    """All of it; or why there is none. Memory: a few arrays of sentences x sentences, and one layer of each file."""
    if len(ground.matches) < FEWEST_UNITS:
        few = "No sentence" if not ground.matches else "Only one sentence"
        why = "" if relation.same_document else ": the documents are two, not two versions of one"
        return f"{few} of A has a counterpart in B, so that nothing between sentences can be compared{why}."
    cells = find_cells(ground, a, b)
    heads = head_changes(ground, cells, a, b) if relation.same_model else None
    change = find_change(ground, cells, matches, a, b, heads)
    start = same_start(a, b) if relation.same_model and relation.both_causal and not relation.windowed else 0
    beyond = beyond_rounding(ground, cells, a, b)
    found, left_out = agreements(ground, cells, a, b)
    alone = [
        links_alone(of, [place for match in matches if match.kind == kind for place in getattr(match, side)])
        for of, kind, side in ((a, GONE, "a"), (b, NEW, "b"))
    ]
    return Between(
        ground=ground,
        cells=cells,
        beyond=beyond,
        precision=(precision_of(a), precision_of(b)),
        change=change,
        means=mean_changes(ground, change, start if start and not relation.same_text else None),
        zero=known_zero(a, b, start),
        links=link_changes(cells, beyond, *alone),
        agreements=found,
        left_out=left_out,
        heads=heads,
        unit_texts=tuple(text_of(b, match.b) for match in ground.matches),
        sentences_a=a.sentences,
        sentences_b=b.sentences,
    )


def notes_between(between: Between | str) -> Iterator[Note]:
    """What of it cannot be compared, and why."""
    if isinstance(between, str):
        yield Note(about="matrices", text=between)
        return
    for text in between.left_out:
        yield Note(about="matrices", text=text)
    one, other = between.precision
    if one != other:
        yield Note(
            about="matrices",
            text=f"A stores shares of attention by head as {one.name}, B as {other.name}; a difference counts where it is more than both round.",
        )
    unknown = int((~between.cells.common & ((between.cells.a.expected > 0) | (between.cells.b.expected > 0))).sum())
    if unknown:
        yield Note(about="matrices", text=f"{unknown:,} of the {between.cells.common.size:,} cells are known to one file alone and are left out.")
