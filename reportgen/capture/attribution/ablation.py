"""What the target loses when a sentence can no longer be looked at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from reportgen.capture.attribution.gradients import Report
from reportgen.capture.attribution.passes_without import cheapest_passes, first_run
from reportgen.capture.attribution.steps import steps_of
from reportgen.capture.feeding import Feed
from reportgen.capture.targets import Target
from reportgen.errors import ModelError
from reportgen.models import Kind, LanguageModel


def measure_ablation(
    language_model: LanguageModel, given: Feed, target: Target, value: float, own: Sequence[int], report: Report
) -> Float[np.ndarray, " sentence"]:
    """The target without sentence j minus the target: j's tokens hidden as keys from every query but themselves, in every layer. NaN for sentences `own`.

    Of causal models only the tokens after j are run, which gives the same: nothing before them changes. Where the target reads the mean of all states, those
    of j are left out of it. `value` is the target's value where nothing is left out, as it was measured before. Raises `ModelError`, with the figures, when it comes out differently with nothing hidden.
    """
    source = given.source
    passes, intact = cheapest_passes(language_model, given, target, value)
    wanted = [sentence for sentence in range(source.sentences) if sentence not in own]
    tokens = [source.sentence_of_token == sentence for sentence in wanted]
    effects = np.full(source.sentences, np.nan)
    for step in steps_of(f"ablation of {len(wanted)} sentences", [passes.tokens_run(left_out) for left_out in tokens], report):
        effects[wanted[step]] = passes.value_without(tokens[step]) - intact
    if not np.isfinite(effects[wanted]).all():
        raise ModelError("The target is not finite without some sentence; measure with --attribution fast.")
    return effects.astype(np.float32)


def tokens_planned(kind: Kind, given: Feed, target: Target, own: Sequence[int]) -> int:
    """How many tokens `measure_ablation` runs: of a causal model those after each sentence, of which keys are kept in a pass that is tried from the middle on."""
    members, tokens = given.source.sentence_of_token, given.source.tokens
    wanted = [sentence for sentence in range(given.source.sentences) if sentence not in own]
    if kind != "causal":
        return (len(wanted) + 1) * given.tokens
    return tokens + tokens - int(target.rows[0]) // 2 + sum(tokens - first_run(target, members == sentence) for sentence in wanted)
