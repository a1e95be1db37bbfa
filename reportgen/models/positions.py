"""How many tokens a model can be fed at once."""

from __future__ import annotations

from typing import Any


def source_positions(model: Any) -> int | None:
    """The longest input in tokens, of the encoder where there is one; None where the model sets no limit.

    The configuration's limit, less the positions that RoBERTa's relatives never use: they count from the padding token's id plus one. Where positions are
    rotary or computed, the configuration's limit is what the model was made for, and it holds too. No limit: positions relative to the query in buckets,
    whose farthest bucket has no end (T5, DeBERTa), or a penalty on distance (BLOOM). `model_max_length` of tokenizers is not asked: it is often a
    habit of training or a placeholder.
    """
    config = model.config
    return _usable(model, getattr(config, "max_encoder_position_embeddings", None) or _limit(config, "encoder"))


def target_positions(model: Any) -> int | None:
    """The longest input of an encoder-decoder's decoder in tokens, start token included; None where the model sets no limit or has no such decoder."""
    config = model.config
    if not getattr(config, "is_encoder_decoder", False):
        return None
    return _usable(model, getattr(config, "max_decoder_position_embeddings", None) or _limit(config, "decoder"))


def _limit(config: Any, half: str) -> int | None:
    """The configuration's limit, or that of the encoder's or decoder's own configuration where it has one."""
    own = getattr(config, half, None)
    return getattr(config, "max_position_embeddings", None) or getattr(own, "max_position_embeddings", None)


def _usable(model: Any, limit: int | None) -> int | None:
    if limit is None or limit < 1 or not getattr(model.config, "position_biased_input", True):
        return None
    return limit - _first_position(model)


def _first_position(model: Any) -> int:
    """The position of the first token: 0, but one after the padding token's id where the table of positions has a row for padding."""
    embeddings = getattr(getattr(model, "base_model", None), "embeddings", None)
    padding = getattr(getattr(embeddings, "position_embeddings", None), "padding_idx", None)
    return 0 if padding is None else padding + 1
