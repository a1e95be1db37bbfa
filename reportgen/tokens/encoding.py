"""Text to token ids, with the characters each token stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from reportgen.documents.document import BETWEEN_BLOCKS
from reportgen.errors import ModelError

NOT_FED = ("input_ids", "attention_mask", "offset_mapping", "special_tokens_mask")  # the mask of one text without padding is all ones


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """What a tokenizer makes of a text: `spans` in its characters, `special` for what the tokenizer added, `extra` for inputs beside the ids."""

    ids: Int[np.ndarray, " token"]
    spans: Int[np.ndarray, "token 2"]
    special: Bool[np.ndarray, " token"]
    extra: Mapping[str, Int[np.ndarray, " token"]]


def encode(tokenizer: Any, text: str, second: str | None = None) -> Encoding:
    """The tokens of a text, or of two texts in the tokenizer's form for pairs; spans then index both with a blank line between them.

    Raises `ModelError` when the tokenizer cannot say which characters a token stands for.
    """
    encoded = _ask(tokenizer, text) if second is None else _ask(tokenizer, text, second)
    encoding = _encoding(encoded)
    if second is not None:
        encoding.spans[np.array([part == 1 for part in encoded.sequence_ids(0)], bool)] += len(text) + len(BETWEEN_BLOCKS)
    return encoding


def encode_target(tokenizer: Any, text: str) -> Encoding:
    """The tokens of a text that an encoder-decoder is to write, as the tokenizer has them for labels."""
    return _encoding(_ask(tokenizer, text_target=text))


def _ask(tokenizer: Any, *texts: str, **named: str) -> Any:
    encoded: Any = {}
    if getattr(tokenizer, "is_fast", False):  # the others ignore the question for offsets, or refuse it
        encoded = tokenizer(*texts, **named, return_offsets_mapping=True, return_special_tokens_mask=True, verbose=False)
    if "offset_mapping" not in encoded:
        raise ModelError("The model's tokenizer does not tell which characters a token stands for; a fast tokenizer is needed.")
    return encoded


def _encoding(encoded: Mapping[str, Any]) -> Encoding:
    return Encoding(
        ids=np.array(encoded["input_ids"], np.int32),
        spans=np.array(encoded["offset_mapping"], np.int32).reshape(-1, 2),
        special=np.array(encoded["special_tokens_mask"], bool),
        extra={name: np.array(values, np.int32) for name, values in encoded.items() if name not in NOT_FED},
    )
