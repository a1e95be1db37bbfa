"""What is usual in a document: the size of its running text and the distance between its lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from reportgen.documents.pdf.lines import Line

WIDEST_LEADING = 3.2  # of the size: lines farther apart do not tell how far lines are apart
TIGHTEST_LEADING = 0.9
FALLBACK_LEADING = 1.25
FEWEST_PAIRS = 3


@dataclass(frozen=True, kw_only=True)
class Usual:
    """The size that most of the text is set in, and for each size the usual distance between baselines."""

    size: float
    leadings: dict[float, float]

    def leading(self, size: float) -> float:
        """The usual distance between two lines of this size."""
        return self.leadings.get(_bucket(size), FALLBACK_LEADING * size)


def usual_of(lines: Sequence[Line]) -> Usual:
    """What is usual in these lines of a whole document."""
    sizes: Counter[float] = Counter()
    for line in lines:
        if not line.mono:
            sizes[round(line.size, 1)] += len(line.text)
    gaps: dict[float, Counter[float]] = {}
    for above, below in pairwise(lines):
        gap, size = below.base - above.base, above.size
        near = (above.page, above.column) == (below.page, below.column) and abs(below.size - size) < 0.05 * size
        if near and TIGHTEST_LEADING * size <= gap <= WIDEST_LEADING * size:
            gaps.setdefault(_bucket(size), Counter())[round(gap * 2) / 2] += 1
    most = max(sorted(sizes), key=sizes.get) if sizes else 10.0
    return Usual(size=most, leadings={size: _mode(found) for size, found in gaps.items() if found.total() >= FEWEST_PAIRS})


def _bucket(size: float) -> float:
    return round(size * 2) / 2


def _mode(counts: Counter[float]) -> float:
    return max(sorted(counts), key=counts.get)
