"""A sparse linear model of the target, fitted on passes without random sentences, and how well it predicts passes that it was not fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import stats

from reportgen.capture.attribution.faithfulness.taking_out import TakingOut, cheapest_as_measured
from reportgen.capture.attribution.gradients import Report
from reportgen.capture.attribution.steps import steps_of
from reportgen.capture.feeding import Feed
from reportgen.capture.targets import Target
from reportgen.errors import ModelError
from reportgen.models import LanguageModel

FITTED, HELD_OUT = 64, 32  # passes at most
SEED = 0
ALPHA = 0.01
ORDERS = 2000
LEVEL = 0.95
FEWEST = 4  # held-out passes that a rank correlation is told of
LIKELIHOOD = "nats"


@dataclass(frozen=True, kw_only=True)
class Surrogate:
    """Weights of the source's sentences, NaN for the target's own; passes made, how many of them were held out, what the weights say of these (LDS).

    `lds` is Spearman's rho of predicted and measured values on the held-out passes, `chance` the rho that 95 % of random orders of the same values stay
    below; both None with fewer than 4 of them, or where all predicted or all measured values are equal.
    """

    values: Float[np.ndarray, " sentence"]
    passes: int
    held_out: int
    lds: float | None
    chance: float | None

    @property
    def metadata(self) -> dict[str, Any]:
        """What the measurements file says of them."""
        lds, chance = (None if value is None else round(value, 6) for value in (self.lds, self.chance))
        return {"passes": self.passes, "held_out": self.held_out, "lds": lds, "alpha": ALPHA, "chance": chance, "seed": SEED}

    @property
    def notices(self) -> list[str]:
        """What to say of weights whose worth is not known."""
        if self.lds is not None:
            return []
        return [f"Surrogate: how well its weights predict the {self.held_out} of {self.passes} passes that were held out cannot be told."]


def measure_surrogate(language_model: LanguageModel, given: Feed, target: Target, value: float, own: Sequence[int], report: Report) -> Surrogate:
    """Weights of a linear model of what each sentence adds to the target, fitted on passes in which each is kept with probability 1/2 (sentences `own` always).

    At least one sentence is kept. What is left out is hidden as in the curves of faithfulness: from every query but those of the same sentence, in every
    layer. The model is a Lasso (alpha 0.01) on standardised masks, its weights put back to masks of 0 and 1; it predicts
    ln p - ln(1 - p), p the probability of the target's text, for each of its tokens, where the target is a likelihood, else the target: positive weights
    mean that the sentence makes the target more likely, or greater. No two passes leave out the same sentences; with few sentences there are fewer passes.
    *Source:* after Cohen-Wang et al. 2024 (ContextCite). Cost: 96 passes at most, of causal models over what is left alone, about half of the text. `value`
    is the target's value as it was measured. Raises `ModelError` when the target is not finite in some pass.
    """
    free, masks, left_out = _planned(given.source.sentences, own)
    held_out = len(masks) * HELD_OUT // (FITTED + HELD_OUT)
    passes = cheapest_as_measured(language_model, given, target, value)
    found = np.empty(len(masks))
    for step in steps_of(f"surrogate, {len(masks)} passes without random sentences", [passes.tokens_run(sentences) for sentences in left_out], report):
        found[step] = passes.parts_without(left_out[step]).sum()
    tokens = len(target.rows) if target.unit == LIKELIHOOD else 1
    scores = (log_odds(found) if target.unit == LIKELIHOOD else found) / tokens
    if not np.isfinite(scores).all():
        raise ModelError("The target is not finite, or certain, without some random sentences; measure with --attribution fast.")
    return _fitted(masks, scores, tokens, held_out, free, given.source.sentences)


def tokens_planned(way: TakingOut, sentences: int, own: Sequence[int]) -> int:
    """How many tokens `measure_surrogate` runs, a pass with nothing left out among them."""
    _, _, left_out = _planned(sentences, own)
    return sum(way.tokens_run(chosen) for chosen in [np.zeros(sentences, bool), *left_out])


def _planned(sentences: int, own: Sequence[int]) -> tuple[Int[np.ndarray, " free"], Bool[np.ndarray, "ablation free"], list[Bool[np.ndarray, " sentence"]]]:
    """The sentences that can be left out, which of them are kept in each pass, and which of all sentences are left out in it."""
    free = np.array([sentence for sentence in range(sentences) if sentence not in own], np.int32)
    masks = random_masks(len(free), FITTED + HELD_OUT, some_kept=not own)
    return free, masks, [np.isin(np.arange(sentences), free[~kept]) for kept in masks]


def _fitted(
    masks: Bool[np.ndarray, "ablation sentence"], scores: Float[np.ndarray, " ablation"], tokens: int, held_out: int, free: np.ndarray, sentences: int
) -> Surrogate:
    """The surrogate of these scores, which are by token of the target; the last masks are held out."""
    fitted = len(masks) - held_out
    weights = lasso_weights(masks[:fitted], scores[:fitted])
    lds, chance = rank_correlation(masks[fitted:] @ weights, scores[fitted:])
    values = np.full(sentences, np.nan)
    values[free] = weights * tokens
    return Surrogate(values=values.astype(np.float32), passes=len(masks), held_out=held_out, lds=lds, chance=chance)


def random_masks(sentences: int, at_most: int, *, some_kept: bool) -> Bool[np.ndarray, "ablation sentence"]:
    """Which sentences are kept: masks that all differ, each sentence kept with probability 1/2; all there are, in random order, where these are no more."""
    random, found = np.random.default_rng(SEED), {}
    while len(found) < min(at_most, 2.0**sentences - some_kept):
        kept = random.random(sentences) < 0.5
        if kept.any() or not some_kept:
            found.setdefault(kept.tobytes(), kept)
    return np.array(list(found.values())).reshape(-1, sentences)


def log_odds(losses: Float[np.ndarray, " ablation"]) -> Float[np.ndarray, " ablation"]:
    """ln p - ln(1 - p) of negative logarithms of p; infinite where p is 1."""
    with np.errstate(divide="ignore"):
        return -losses - np.log(-np.expm1(-losses))


def lasso_weights(masks: Bool[np.ndarray, "ablation sentence"], scores: Float[np.ndarray, " ablation"]) -> Float[np.ndarray, " sentence"]:
    """The Lasso's weights of masks of 0 and 1; sentences that are kept in all masks or in none weigh nothing."""
    from sklearn.linear_model import Lasso
    from sklearn.preprocessing import StandardScaler

    if not masks.shape[1]:
        return np.zeros(0)
    scaler = StandardScaler()
    standardised = scaler.fit_transform(masks.astype(float))
    return Lasso(alpha=ALPHA, max_iter=10_000).fit(standardised, scores).coef_ / scaler.scale_


def rank_correlation(predicted: Float[np.ndarray, " ablation"], measured: Float[np.ndarray, " ablation"]) -> tuple[float | None, float | None]:
    """Spearman's rho, and the rho that 95 % of random orders stay below; None where there is none."""
    if len(measured) < FEWEST or not (np.ptp(predicted) > 0 and np.ptp(measured) > 0):
        return None, None
    ranks, others = (_standardised(stats.rankdata(values)) for values in (predicted, measured))
    shuffled = np.random.default_rng(SEED).permuted(np.tile(others, (ORDERS, 1)), axis=1)
    return float(ranks @ others), float(np.quantile(shuffled @ ranks, LEVEL))


def _standardised(ranks: Float[np.ndarray, " ablation"]) -> Float[np.ndarray, " ablation"]:
    centred = ranks - ranks.mean()
    return centred / np.linalg.norm(centred)
