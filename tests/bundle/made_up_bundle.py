"""A small bundle with few charts, and texts in it that try to be more than text."""

from __future__ import annotations

from made_up import made_up

from reportgen.measurements import Measurements

TITLE = r"50% of $x_1$ & \input{/etc/passwd} #1 {~} \end{document} <b> 中文 عربي Ἀ é"
FEW = ("decoder.decay", "decoder.head_", "decoder.importance", "attribution.", "pruning.", "faithfulness.", "decoder.syntax")


def small(title: str = TITLE, **metadata: object) -> Measurements:
    """Measurements of which three sections have charts."""
    return made_up(leave_out=FEW, metadata={"title": title, **metadata})
