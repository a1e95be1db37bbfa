"""Targets of classifiers: the logit of the predicted class, or of one that is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from reportgen.capture.feeding import Feed
from reportgen.capture.targets.output import output_of
from reportgen.capture.targets.target import Target, single
from reportgen.errors import ModelError
from reportgen.models import LanguageModel, looks_back_only
from reportgen.wanted_target import WantedClass

LISTED = 20


def class_logit(language_model: LanguageModel, given: Feed, wanted: WantedClass | None) -> Target:
    """The logit of the class that is asked for, by default of the predicted one. Raises `ModelError` for a class that the model does not know."""
    model = language_model.model
    number = None if wanted is None else class_number(language_model, wanted)
    logits = output_of(model, given).logits[0]
    predicted, labels = int(logits.argmax()), labels_of(model)
    chosen = predicted if number is None else number
    kind = "predicted class" if chosen == predicted else "class"
    otherwise = "" if chosen == predicted else f" (predicted is {labels[predicted]})"
    return Target(
        description=f"logit of the {kind}, {labels[chosen]}{otherwise}",
        unit="logit",
        rows=_pooled_rows(model, given),
        read=lambda output: single(output.logits[0, chosen]),
        pools=_takes_the_mean(model),
        said={"class": labels[chosen], "predicted_class": labels[predicted], **_probability(model, logits, chosen)},
    )


def _probability(model: Any, logits: Float[torch.Tensor, " label"], chosen: int) -> dict[str, float]:
    """Of the class among all, where the model tells classes apart of which one holds."""
    if len(logits) < 2 or getattr(model.config, "problem_type", None) not in (None, "single_label_classification"):
        return {}
    return {"probability": round(float(single(logits).softmax(0)[chosen]), 6)}


def class_number(language_model: LanguageModel, wanted: WantedClass) -> int:
    """The number of the class with that label, letters' case aside where that is clear, or with that number. Raises `ModelError`, with the labels, for none."""
    labels = labels_of(language_model.model)
    same = [number for number, label in labels.items() if label == wanted.label]
    alike = [number for number, label in labels.items() if label.casefold() == wanted.label.casefold()]
    if len(found := same or alike) == 1:
        return found[0]
    if wanted.label.isascii() and wanted.label.isdigit() and int(wanted.label) in labels:
        return int(wanted.label)
    named = ", ".join(f"{number} {label}" if label != f"LABEL_{number}" else label for number, label in list(labels.items())[:LISTED])
    more = f" and {len(labels) - LISTED} more" if len(labels) > LISTED else ""
    raise ModelError(f"{language_model.name} knows no class {wanted.label!r}; it knows {named}{more}.")


def labels_of(model: Any) -> Mapping[int, str]:
    """The label of each of the model's classes; its number where it has none."""
    known = {int(number): str(label) for number, label in (getattr(model.config, "id2label", None) or {}).items()}
    return {number: known.get(number, str(number)) for number in range(model.config.num_labels)}


def _takes_the_mean(model: Any) -> bool:
    return getattr(model.config, "classifier_pooling", None) == "mean"


def _pooled_rows(model: Any, given: Feed) -> Int[np.ndarray, " row"]:
    """The positions that a classifier reads: the last one that is no padding where it looks back only, all where it takes the mean, else the first."""
    if given.target is not None:
        return np.array([given.target.tokens - 1])
    if _takes_the_mean(model):
        return np.arange(given.source.tokens)
    if looks_back_only(model):
        read = np.flatnonzero(given.source.ids != model.config.pad_token_id) if model.config.pad_token_id is not None else []
        return np.array([read[-1] if len(read) else given.source.tokens - 1])
    return np.array([0])
