"""The target of a bare encoder: how much the document's embedding is still that of the intact document."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float

from reportgen.capture.feeding import Feed
from reportgen.capture.targets.output import output_of
from reportgen.capture.targets.target import Compared, Target, single

COSINE = "cosine of the document's mean state with that of the intact document, over the tokens that are not left out"


def similarity(model: Any, given: Feed) -> Target:
    """The product of the document's mean state with the direction of the intact document's mean state; from changed inputs, the cosine of the two.

    A cosine is greatest where a document is compared with itself, so its gradient vanishes there; the product's gradient is the cosine's but for the
    state's own length. What is left out of the document is left out of the mean as well. *Source:* none; defined here.
    """
    mean = single(output_of(model, given).last_hidden_state[0]).mean(0)
    direction = torch.nn.functional.normalize(mean, dim=0)
    return Target(
        description="product of the document's mean state with the direction of the intact document's",
        unit="product",
        rows=np.arange(given.source.tokens),
        read=lambda output: single(output.last_hidden_state[0]).mean(0) @ direction,
        pools=True,
        compared=Compared(description=COSINE, unit="cosine", intact=1.0, read=lambda output, kept: _cosine(output.last_hidden_state[0], kept, direction)),
        said={"left_out": {"description": COSINE, "unit": "cosine", "value": 1.0}},
    )


def _cosine(states: Float[torch.Tensor, "token dim"], kept: Bool[np.ndarray, " token"], direction: Float[torch.Tensor, " dim"]) -> float:
    """Of the mean over the tokens that are kept; 0 where none is."""
    mean = single(states)[torch.from_numpy(kept).to(states.device)].sum(0)
    return float(torch.nn.functional.normalize(mean, dim=0) @ direction)
