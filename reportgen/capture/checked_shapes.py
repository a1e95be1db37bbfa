"""The stacks of a model after its self-check, and whether its attention is that of its kind."""

from __future__ import annotations

from reportgen.capture.feeding import Feed, Shapes
from reportgen.capture.self_check import check_model
from reportgen.errors import ModelError
from reportgen.models import LanguageModel


def checked_shapes(language_model: LanguageModel, given: Feed) -> Shapes:
    """What `check_model` says of the model. Raises `ModelError`, beside its own, for a causal language model whose attention looks ahead."""
    shapes = check_model(language_model.model, given)
    if language_model.kind == "causal" and "decoder" not in shapes:
        name, family = language_model.name, language_model.family
        raise ModelError(f"{name} ({family}) has a next-token head, but its attention looks ahead, at the tokens that it predicts; nothing was measured.")
    return shapes
