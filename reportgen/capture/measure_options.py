"""What a caller can ask of a measurement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reportgen.documents import Document
from reportgen.sentences import Sentence
from reportgen.units import LEVELS
from reportgen.wanted_target import WantedTarget, parse_target

ATTRIBUTIONS = ("none", "fast", "full")


@dataclass(frozen=True, kw_only=True)
class MeasureOptions:
    """Which passes to make besides the forward one, the caller's own sentences if any, a second text, how many tokens the model is to write, windows.

    `attribution` is `fast` for what some twenty plain passes give, `full` for what many passes give as well (integrated gradients, ablation, surrogate, pairs of
    sentences), or `none`. `window` is the most tokens of a window (default: what the model reads), `stride` how many tokens windows start apart at most
    (default: half of that). Raises `ValueError` for another attribution.
    `syntax` names a spaCy pipeline that parses the text (`default`: the one that the extra `syntax` installs). `control` asks for one more forward pass over
    the same sentences in shuffled order. `memory` is how many bytes the run may take where the model is, the model included (default: all there is).
    `target` is what attribution explains: `sentence:12` (from 1), `chars:120-180` (from 0, the end not included), `class:LABEL`; by default what a model
    of the kind is for. `question` is read before the document by a model that answers questions, and its answer is then the target. Raises `ValueError`
    for a target that is written otherwise. `chat` wraps the document in the model's chat template, as what the user says. `level` is sentence, paragraph or
    section: what takes the place of sentences everywhere; `sentences` are joined to it.
    """

    attribution: str = "fast"
    probes: bool = True
    sentences: Sequence[Sentence] | None = None
    pair: Document | None = None
    generate: int | None = None
    window: int | None = None
    stride: int | None = None
    syntax: str | None = None
    memory: int | None = None
    control: bool = False
    target: str | None = None
    question: str | None = None
    chat: bool = False
    level: str = LEVELS[0]

    def __post_init__(self) -> None:
        if self.attribution not in ATTRIBUTIONS:
            raise ValueError(f"attribution is {self.attribution!r}; it can be {', '.join(ATTRIBUTIONS)}")
        if self.level not in LEVELS:
            raise ValueError(f"level is {self.level!r}; it can be {', '.join(LEVELS)}")
        if self.target is not None:
            parse_target(self.target)

    @property
    def wanted_target(self) -> WantedTarget | None:
        """What `target` asks for; None for the model's own."""
        return None if self.target is None else parse_target(self.target)
