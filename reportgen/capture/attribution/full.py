"""What is measured of a target when attribution is asked for in full."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from reportgen.capture.attribution.ablation import measure_ablation
from reportgen.capture.attribution.gradients import Report
from reportgen.capture.attribution.hiding import why_nothing_is_hidden
from reportgen.capture.attribution.integrated import measure_integrated_gradients
from reportgen.capture.attribution.pairs import KINDS, RULE, measure_pairs
from reportgen.capture.attribution.surrogate import measure_surrogate
from reportgen.capture.feeding import Feed
from reportgen.capture.targets import Target
from reportgen.models import LanguageModel

NO_PAIRS = "Not measured, because a model of this kind predicts no sentence: input x gradient of pairs of sentences."


@dataclass(frozen=True, kw_only=True)
class FullAttribution:
    """`arrays` have a last axis of the source's sentences or tokens; `pair_rows` numbers sentences itself. The rest is for metadata."""

    arrays: dict[str, np.ndarray]
    pair_rows: dict[str, np.ndarray]
    target: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    def add_to(self, metadata: dict[str, Any]) -> None:
        """Say it in the metadata."""
        metadata["target"] |= self.target
        metadata["options"] |= self.options
        metadata["notices"] += self.notices


def measure_full(
    language_model: LanguageModel, given: Feed, target: Target, value: float, report: Report, *, attention_alone: bool = True, first_sentence: int = 0
) -> FullAttribution:
    """Integrated gradients, ablation, a surrogate and pairs of sentences, as far as the model has them: those that hide sentences where attention alone carries
    anything between tokens.

    `value` is the target's, as measured; sentences are numbered from `first_sentence` on, which is where a window of a document begins.
    """
    aimed = target.feed(given, language_model.tokenizer.mask_token_id)
    integrated = measure_integrated_gradients(language_model, aimed, target, value, report)
    arrays = {"attribution.integrated_gradients": integrated.values, "attribution.token_integrated_gradients": integrated.by_token}
    pair_rows, options, notices, said = {}, {}, integrated.notices, {"integrated_gradients": integrated.metadata}
    why_not = why_nothing_is_hidden(language_model.model, attention_alone=attention_alone)
    if why_not:
        notices = [*notices, f"Not measured, because {why_not}: ablation, surrogate."]
    else:
        own = [sentence - first_sentence for sentence in target.sentences]
        intact = target.intact(value)
        arrays["attribution.ablation"] = measure_ablation(language_model, aimed, target, intact, own, report)
        surrogate = measure_surrogate(language_model, aimed, target, intact, own, report)
        arrays["attribution.surrogate"], said["surrogate"] = surrogate.values, surrogate.metadata
        notices = [*notices, *surrogate.notices]
    if language_model.kind in KINDS:
        pairs = measure_pairs(language_model, given, report)
        of_source = first_sentence if given.target is None else 0
        arrays["attribution.pairs"], pair_rows["attribution.pair_rows"] = pairs.values, pairs.rows + np.int32(of_source)
        options["pair_rows"], notices = {"rows": len(pairs.rows), "rule": RULE}, [*notices, *pairs.notices]
    else:
        notices = [*notices, NO_PAIRS]
    return FullAttribution(arrays=arrays, pair_rows=pair_rows, target=said, options=options, notices=tuple(notices))
