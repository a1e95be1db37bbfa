"""Whether a model's attention can be read at all, as far as its class and configuration tell."""

from __future__ import annotations

from typing import Any

from reportgen.errors import ModelError
from reportgen.models.kinds import Kind

WITH_A_TOKEN_HEAD = ("causal", "masked", "seq2seq")
# Model types outside the library's attention interface that are read one layer at a time; the readers are in capture/per_layer.
READ_ANOTHER_WAY = frozenset({"longformer", "led", "big_bird", "deberta", "deberta-v2", "bloom", "falcon"})


def refuse_unreadable(model: Any, kind: Kind, name: str) -> None:
    """Raise `ModelError` when the head is missing, there is no attention, there are no attention heads, or the attention is out of reach."""
    from reportgen.models.softmax_attention import why_unreadable

    config = model.config
    if kind in WITH_A_TOKEN_HEAD and (not hasattr(model, "get_output_embeddings") or model.get_output_embeddings() is None):
        raise ModelError(f"{name} ({config.model_type}) has no {'masked' if kind == 'masked' else 'next'}-token head.")
    if kind == "causal" and _looks_ahead(config):
        raise ModelError(f"{name} ({config.model_type}) has a next-token head but looks ahead: is_decoder is not set in its configuration.")
    reason = why_unreadable(model)
    if reason is not None:
        raise ModelError(f"{name} ({config.model_type}) {reason}")
    if not _attention_heads(config):
        raise ModelError(f"{name} ({config.model_type}) has no attention heads; there is nothing for reportgen to measure.")
    refuse_out_of_reach(model, name)


def refuse_out_of_reach(model: Any, name: str) -> None:
    """Raise `ModelError` for a model outside the library's attention interface whose type has no way in of its own."""
    if not model._can_set_attn_implementation() and model.config.model_type not in READ_ANOTHER_WAY:
        raise ModelError(f"{name} ({model.config.model_type}) has no attention that can be read exactly: it does not use the library's attention interface.")


def _attention_heads(config: Any) -> int | None:
    """How many heads a configuration, or that of its decoder where it has one of its own, says that a layer has."""
    return next((found for part in (config, config.get_text_config(decoder=True)) if (found := getattr(part, "num_attention_heads", None))), None)


def _looks_ahead(config: Any) -> bool:
    """Encoders with a next-token head look both ways unless they are told not to."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

    return config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES and not getattr(config, "is_decoder", False)
