"""Text to token ids, with the characters each token stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from reportgen.documents.document import BETWEEN_BLOCKS
from reportgen.errors import ModelError
from reportgen.tokens.finding import find_spans
from reportgen.tokens.writing import named_special

NOT_FED = ("input_ids", "attention_mask", "offset_mapping", "special_tokens_mask")  # the mask of one text without padding is all ones


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """What a tokenizer makes of a text: `spans` in its characters, `special` for what was added to it, `extra` for inputs beside the ids.

    `worded` marks those of the added tokens that are words, of a chat template; None where there are none. `notices` say how tokens were placed.
    """

    ids: Int[np.ndarray, " token"]
    spans: Int[np.ndarray, "token 2"]
    special: Bool[np.ndarray, " token"]
    extra: Mapping[str, Int[np.ndarray, " token"]]
    worded: Bool[np.ndarray, " token"] | None = None
    notices: tuple[str, ...] = ()

    @property
    def separating(self) -> Bool[np.ndarray, " token"]:
        """The added tokens that are no words."""
        return self.special if self.worded is None else self.special & ~self.worded


def encode(tokenizer: Any, text: str, second: str | None = None) -> Encoding:
    """The tokens of a text, or of two texts in the tokenizer's form for pairs; spans then index both with a blank line between them.

    Names of special tokens in a text are words like others. Where the tokenizer does not tell which characters a token stands for, the tokens are looked for
    in the text; raises `ModelError` when most of them are not found, and when the tokenizer makes a special token of words whatever it is told.
    """
    texts = (text,) if second is None else (text, second)
    encoded = _ask(tokenizer, *texts)
    if "offset_mapping" not in encoded:
        encoding = _found_in(tokenizer, encoded, texts)
    else:
        encoding = _encoding(encoded)
        if second is not None:
            encoding.spans[np.array([part == 1 for part in encoded.sequence_ids(0)], bool)] += len(text) + len(BETWEEN_BLOCKS)
    refuse_marks(tokenizer, encoding, BETWEEN_BLOCKS.join(texts))
    return encoding


def encode_target(tokenizer: Any, text: str) -> Encoding:
    """The tokens of a text that an encoder-decoder is to write, as the tokenizer has them for labels; names of special tokens are words here too."""
    encoding = _in_place(tokenizer, _ask(tokenizer, text_target=text), text)
    refuse_marks(tokenizer, encoding, text)
    return encoding


def encode_bare(tokenizer: Any, text: str, *, marks: bool) -> Encoding:
    """The tokens of a text and no others. With `marks`, names of special tokens in it are these tokens, and the spans are where they stand."""
    return _in_place(tokenizer, _ask(tokenizer, text, add_special_tokens=False, split_special_tokens=not marks), text)


def refuse_marks(tokenizer: Any, encoding: Encoding, text: str) -> None:
    """Raise `ModelError` when one of the text's own tokens is a special one, the unknown word aside."""
    names = {number: token for number, token in named_special(tokenizer).items() if number != getattr(tokenizer, "unk_token_id", None) and len(token) > 1}
    own = np.flatnonzero(~encoding.special)
    made = own[np.isin(encoding.ids[own], list(names))]
    if len(made):
        start, end = encoding.spans[made[0]].tolist()
        name = names[int(encoding.ids[made[0]])]
        raise ModelError(
            f"The model's tokenizer makes its special token {name} of {text[start:end]!r:.40} at character {start} of the text, and cannot be told to read it as "
            "words: take it out of the document, or write it otherwise."
        )


def _in_place(tokenizer: Any, encoded: Mapping[str, Any], text: str) -> Encoding:
    return _encoding(encoded) if "offset_mapping" in encoded else _found_in(tokenizer, encoded, (text,))


def _ask(tokenizer: Any, *texts: str, **named: Any) -> Any:
    offsets = {"return_offsets_mapping": True} if getattr(tokenizer, "is_fast", False) else {}  # the others ignore this, or refuse it
    return tokenizer(*texts, **{"split_special_tokens": True, "return_special_tokens_mask": True, "verbose": False, **offsets, **named})


def _encoding(encoded: Mapping[str, Any]) -> Encoding:
    return Encoding(
        ids=np.array(encoded["input_ids"], np.int32),
        spans=np.array(encoded["offset_mapping"], np.int32).reshape(-1, 2),
        special=np.array(encoded["special_tokens_mask"], bool),
        extra={name: np.array(values, np.int32) for name, values in encoded.items() if name not in NOT_FED},
    )


def _found_in(tokenizer: Any, encoded: Mapping[str, Any], texts: tuple[str, ...]) -> Encoding:
    """The same of a tokenizer that does not tell characters: its tokens but for added ones are those of the texts, one after the other."""
    bare, shared = {**encoded, "offset_mapping": np.zeros((len(encoded["input_ids"]), 2), np.int32)}, 0
    if len(encoded.get("special_tokens_mask", ())) != len(encoded["input_ids"]):
        raise ModelError("The model's tokenizer tells neither which characters a token stands for nor which tokens it adds: a fast tokenizer is needed.")
    encoding = _encoding(bare)
    own = np.flatnonzero(~encoding.special)
    ends = [0, *(len(_ask(tokenizer, text, add_special_tokens=False)["input_ids"]) for text in texts[:-1]), len(own)]
    starts = [0, *(len(text) + len(BETWEEN_BLOCKS) for text in texts[:-1])]
    for place, (text, start) in enumerate(zip(texts, starts, strict=True)):
        tokens = own[ends[place] : ends[place + 1]]
        found = find_spans(tokenizer, encoding.ids[tokens], text)
        encoding.spans[tokens], shared = found.spans + np.int32(start), shared + found.shared
    return replace(encoding, notices=(_said_of(len(own), shared),))


def _said_of(tokens: int, shared: int) -> str:
    some = f"; {shared:,} of {tokens:,} share the characters between their neighbours with others" if shared else ""
    return f"The model's tokenizer does not tell which characters a token stands for: they were found in the text by what the tokens write{some}."
