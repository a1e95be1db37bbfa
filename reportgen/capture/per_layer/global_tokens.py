"""Which tokens a model's own class gives global attention, where it finds that out from the ids."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Int

from reportgen.errors import ModelError


def global_mask(model: Any, ids: Int[np.ndarray, " token"]) -> dict[str, Int[np.ndarray, " token"]]:
    """The model's argument `global_attention_mask` as Longformer's class for questions sets it: the tokens of the question, up to the first separator.

    Handed in, it also holds where the model is given embeddings or a part of the text instead of these ids. Nothing for other classes, which need no
    ids for it. Raises `ModelError` when the text has not the separators by which the class tells question and document apart.
    """
    from transformers import LongformerForQuestionAnswering
    from transformers.models.longformer.modeling_longformer import _compute_global_attention_mask

    if not isinstance(model, LongformerForQuestionAnswering):
        return {}
    separators = int((ids == model.config.sep_token_id).sum())
    if separators != 3:
        raise ModelError(
            f"Longformer for questions wants a question and a document with 3 separators between and after them; there are {separators}. Give --pair."
        )
    found = _compute_global_attention_mask(torch.from_numpy(ids.astype(np.int64))[None], model.config.sep_token_id)
    return {"global_attention_mask": found[0].numpy().astype(np.int32)}
