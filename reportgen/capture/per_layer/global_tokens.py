"""Which tokens a model's own class gives global attention, where it finds that out from the ids."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Int

from reportgen.errors import ModelError


def global_mask(model: Any, ids: Int[np.ndarray, " token"]) -> dict[str, Int[np.ndarray, " token"]]:
    """The model's argument `global_attention_mask` as Longformer's own class sets it: for sequences the first token, for questions the tokens of the question.

    Handed in, it also holds where the model is given embeddings or a part of the text instead of these ids, and where its layers are run without its head.
    Nothing for other classes, LED's among them, which set none. Raises `ModelError` when the text has not the separators by which the class for questions
    tells question and document apart.
    """
    from transformers import LongformerForQuestionAnswering, LongformerForSequenceClassification

    if isinstance(model, LongformerForSequenceClassification):
        return {"global_attention_mask": (np.arange(len(ids)) == 0).astype(np.int32)}
    return _question_mask(ids, model.config.sep_token_id) if isinstance(model, LongformerForQuestionAnswering) else {}


def _question_mask(ids: Int[np.ndarray, " token"], separator: int) -> dict[str, Int[np.ndarray, " token"]]:
    """The tokens up to the first separator."""
    from transformers.models.longformer.modeling_longformer import _compute_global_attention_mask

    separators = int((ids == separator).sum())
    if separators != 3:
        raise ModelError(
            f"Longformer for questions wants a question and a document with 3 separators between and after them; there are {separators}. Give --pair."
        )
    found = _compute_global_attention_mask(torch.from_numpy(ids.astype(np.int64))[None], separator)
    return {"global_attention_mask": found[0].numpy().astype(np.int32)}
