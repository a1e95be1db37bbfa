"""How far two distributions over the vocabulary lie apart."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int

from reportgen.errors import ModelError

ROWS_AT_ONCE = 32
NO_TOKEN = -1


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What hiding one sentence from another does, in nats: the divergence of the output, and how much less likely the actual tokens become."""

    divergence: float
    drop: float


def effect_of(intact: Float[torch.Tensor, "row vocabulary"], changed: Float[torch.Tensor, "row vocabulary"], actual: Int[torch.Tensor, " row"]) -> Effect:
    """Means over rows of KL(intact || changed) and of ln intact(actual) - ln changed(actual), from logits.

    `actual` is -1 where no token is known; where none is, the drop is NaN. In double precision, on the CPU because not every device has that, a few rows at a time. Raises `ModelError` for logits that
    are not finite.
    """
    actual = actual.cpu()
    if not bool(torch.isfinite(intact).all() and torch.isfinite(changed).all()):
        raise ModelError("The model's outputs are not finite when a sentence is hidden from another; measure with --attribution none.")
    divergence, drop = 0.0, 0.0
    for start in range(0, len(intact), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        before, after = (logits[rows].cpu().double().log_softmax(-1) for logits in (intact, changed))
        less = before - after
        divergence += float((before.exp() * less).sum())
        known = torch.nonzero(actual[rows] != NO_TOKEN)[:, 0]
        drop += float(less[known, actual[rows][known]].sum())
    known_rows = int((actual != NO_TOKEN).sum())
    return Effect(divergence=max(divergence, 0.0) / len(intact), drop=drop / known_rows if known_rows else float("nan"))
