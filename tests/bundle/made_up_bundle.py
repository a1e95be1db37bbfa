"""A small bundle with few charts, and texts in it that try to be more than text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from made_up import made_up

from reportgen.drawing.pictures import draw_pictures
from reportgen.measurements import Measurements

TITLE = r"50% of $x_1$ & \input{/etc/passwd} #1 {~} \end{document} <b> 中文 عربي Ἀ é"
FEW = ("decoder.rollout", "decoder.decay", "decoder.head_", "decoder.importance", "attribution.", "pruning.", "faithfulness.", "decoder.syntax")


def small(title: str = TITLE, **metadata: object) -> Measurements:
    """Measurements of which few sections have charts."""
    return made_up(leave_out=FEW, metadata={"title": title, **metadata})


class Remembering:
    """What draws charts, and answers from memory where it is asked for the same once more: that charts are drawn alike each time is tested with the pictures."""

    def __init__(self) -> None:
        self.drawn: dict[str, Mapping[str, str]] = {}

    def __call__(self, specs: Mapping[str, Mapping[str, Any]]) -> Mapping[str, str]:
        asked = json.dumps(specs, sort_keys=True)
        if asked not in self.drawn:
            self.drawn[asked] = draw_pictures(specs)
        return self.drawn[asked]
