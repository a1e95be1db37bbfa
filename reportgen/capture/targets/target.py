"""A target: how it is read from a model's output, what the model is fed for it, and what it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from reportgen.capture.feeding import Feed


@dataclass(frozen=True, kw_only=True, eq=False)
class Compared:
    """What is compared where a target is read from changed inputs, for targets whose gradient needs another scalar: `read` takes the output and the tokens
    that are kept. `intact` is its value where nothing is left out."""

    description: str
    unit: str
    intact: float
    read: Callable[[Any, Bool[np.ndarray, " token"]], float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Target:
    """A scalar: `read` computes it from the model's output. `rows` are the positions of that output that it reads, `unit` is nats, logit or product.

    `sentence` is the sentence of the source that it predicts, None where it predicts none; with `last_sentence` the first of several. `masked` are tokens of
    the source that are hidden behind the model's mask token for it. `reads` is how many tokens of the text that it predicts its pass reads, None for all.
    `parts` computes
    what the scalar is the sum of, a number for each predicted token, where it is a likelihood. `pools` says that the model takes the mean over its tokens. `compared` takes the place of `read` where inputs are left out or heads masked. `said` goes
    into the metadata, and so do `notices`. Raises nothing by itself.
    """

    description: str
    unit: str
    rows: Int[np.ndarray, " row"]
    read: Callable[[Any], torch.Tensor]
    sentence: int | None = None
    last_sentence: int | None = None
    parts: Callable[[Any], torch.Tensor] | None = None
    masked: Int[np.ndarray, " token"] | None = None
    reads: int | None = None
    pools: bool = False
    compared: Compared | None = None
    said: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    @property
    def sentences(self) -> tuple[int, ...]:
        """The sentences of the source that it predicts, none where it predicts none."""
        if self.sentence is None:
            return ()
        return tuple(range(self.sentence, (self.sentence if self.last_sentence is None else self.last_sentence) + 1))

    def cut(self, given: Feed) -> Feed:
        """What of the texts the target's pass reads."""
        if self.reads is None:
            return given
        return given.head(self.reads) if given.target is None else given.with_texts(given.source, given.target.head(self.reads))

    def feed(self, given: Feed, mask_token: int | None) -> Feed:
        """What the model is fed for the target: the text up to where it is read, the target's rows marked, and its masked tokens hidden."""
        aimed = self.cut(given)
        ids = aimed.source.ids.copy()
        if self.masked is not None:
            ids[self.masked] = mask_token
        if aimed.target is None:
            return aimed.with_texts(aimed.source.changed(ids=ids, target_rows=self.rows), None)
        return aimed.with_texts(aimed.source, aimed.target.changed(target_rows=self.rows))

    def reads_otherwise(self, given: Feed) -> bool:
        """Whether its pass reads another input than the text that is measured: masked, or cut."""
        text = given.source if given.target is None else given.target
        return self.masked is not None or self.reads not in (None, text.tokens)

    def value_without(self, output: Any, left_out: Bool[np.ndarray, " token"]) -> float:
        """The value where these tokens of the source are left out, or others are the change."""
        return float(self.read(output)) if self.compared is None else self.compared.read(output, ~left_out)

    def parts_without(self, output: Any, left_out: Bool[np.ndarray, " token"]) -> Float[np.ndarray, " part"]:
        """What `value_without` is the sum of: itself where it has no parts."""
        if self.parts is None or self.compared is not None:
            return np.array([self.value_without(output, left_out)])
        return self.parts(output).cpu().double().numpy()

    def intact(self, value: float) -> float:
        """What `value_without` gives where nothing is left out; `value` is what `read` gives there."""
        return value if self.compared is None else self.compared.intact

    @property
    def compared_unit(self) -> str:
        """The unit of `value_without`."""
        return self.unit if self.compared is None else self.compared.unit


def single(values: torch.Tensor) -> torch.Tensor:
    """At least float32, so that a target of a model in half precision is not rounded."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
