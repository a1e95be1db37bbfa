"""How far two distributions over the vocabulary lie apart."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int

from reportgen.capture.knockout.attending import working_type
from reportgen.errors import ModelError

ROWS_AT_ONCE = 32
NO_TOKEN = -1


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What hiding one sentence from another does, in nats: the divergence of the output, and how much less likely the actual tokens become."""

    divergence: float
    drop: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Intact:
    """The logits at some rows with nothing hidden, and the tokens that they are about: -1 where none is known. Memory: the probabilities beside the logits."""

    logits: Float[torch.Tensor, "row vocabulary"]
    actual: Int[torch.Tensor, " row"]

    @cached_property
    def probabilities(self) -> Float[torch.Tensor, "row vocabulary"]:
        """Softmax of the logits in at least single precision. Raises `ModelError` for logits that are not finite."""
        _refuse_not_finite(self.logits)
        return self.logits.to(working_type(self.logits)).softmax(-1)

    def effect(self, changed: Float[torch.Tensor, "row vocabulary"]) -> Effect:
        """Means over rows of KL(intact || changed) and of ln intact(actual) - ln changed(actual); where no token is known the drop is NaN.

        With d = intact - changed logits and c = sum p d, KL = ln(1 + sum p (e^(c - d) - 1)) and the drop d - c + KL: no two large numbers are subtracted, so
        single precision is enough. Raises `ModelError` for logits that are not finite.
        """
        divergence, drop = 0.0, 0.0
        for start in range(0, len(self.logits), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            apart, less = _compared(self.probabilities[rows], self.logits[rows], changed[rows], self.actual[rows])
            divergence += float(apart.sum())
            drop += float(less[self.actual[rows] != NO_TOKEN].sum())
        known = int((self.actual != NO_TOKEN).sum())
        return Effect(divergence=max(divergence, 0.0) / len(self.logits), drop=drop / known if known else float("nan"))


def _compared(
    probabilities: Float[torch.Tensor, "row vocabulary"],
    intact: Float[torch.Tensor, "row vocabulary"],
    changed: Float[torch.Tensor, "row vocabulary"],
    actual: Int[torch.Tensor, " row"],
) -> tuple[Float[torch.Tensor, " row"], Float[torch.Tensor, " row"]]:
    """KL of each row, and how much less likely its token is; of a row without a token the latter says nothing."""
    less = intact.to(probabilities.dtype) - changed.to(probabilities.dtype)
    mean = torch.linalg.vecdot(probabilities, less)
    of_actual = less.gather(1, actual.clamp(min=0)[:, None])[:, 0]
    grown = torch.linalg.vecdot(probabilities, less.neg_().add_(mean[:, None]).expm1_())
    divergence = grown.log1p()
    if not bool(torch.isfinite(divergence).all()):
        return _compared_far(intact, changed, actual)
    return divergence, of_actual - mean + divergence


def _compared_far(
    intact: Float[torch.Tensor, "row vocabulary"], changed: Float[torch.Tensor, "row vocabulary"], actual: Int[torch.Tensor, " row"]
) -> tuple[Float[torch.Tensor, " row"], Float[torch.Tensor, " row"]]:
    """The same where an exponential of the difference has no number; in double precision, on the CPU because not every device has that."""
    _refuse_not_finite(changed)
    before, after = (logits.cpu().double().log_softmax(-1) for logits in (intact, changed))
    less = before - after
    found = torch.linalg.vecdot(before.exp(), less), less.gather(1, actual.cpu().clamp(min=0)[:, None])[:, 0]
    return found[0].to(working_type(intact)).to(intact.device), found[1].to(working_type(intact)).to(intact.device)


def _refuse_not_finite(logits: torch.Tensor) -> None:
    if not bool(torch.isfinite(logits).all()):
        raise ModelError("The model's outputs are not finite when a sentence is hidden from another; measure with --attribution none.")
