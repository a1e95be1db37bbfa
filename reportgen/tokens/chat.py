"""A document as the user's one turn of a chat: the model's template around it, and the tokens of both."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from reportgen.errors import ModelError
from reportgen.models import LanguageModel
from reportgen.tokens.encoding import Encoding, encode_bare, refuse_marks
from reportgen.tokens.writing import named_special

MARK = "\N{MATHEMATICAL LEFT WHITE SQUARE BRACKET}the document\N{MATHEMATICAL RIGHT WHITE SQUARE BRACKET}"


@dataclass(frozen=True, kw_only=True)
class Chat:
    """What a model's chat template writes before and after the user's turn. `opened` says that the model's own turn is begun after it."""

    tokenizer: Any
    name: str
    before: str
    after: str
    opened: bool

    @classmethod
    def of(cls, language_model: LanguageModel, *, opened: bool) -> Chat:
        """The template of a causal model. Raises `ModelError` where there is none, where it cannot be applied, and where it does not show what a user says once."""
        name, tokenizer = language_model.name, language_model.tokenizer
        if language_model.kind != "causal":
            raise ModelError(f"{name} ({language_model.kind}) reads no chat: --chat is for causal models whose tokenizer has a chat template.")
        if not getattr(tokenizer, "chat_template", None):
            raise ModelError(f"The tokenizer of {name} has no chat template: leave out --chat.")
        parts = _rendered(tokenizer, name, MARK, opened).split(MARK)
        if len(parts) != 2:
            raise ModelError(f"The chat template of {name} writes what the user says {len(parts) - 1} times, not once, so a document has no one place in it.")
        return cls(tokenizer=tokenizer, name=name, before=parts[0], after=parts[1], opened=opened)

    @property
    def settings(self) -> dict[str, Any]:
        """What changes numbers, for metadata."""
        return {"before": self.before, "after": self.after, "opened": self.opened}

    def encode(self, text: str) -> Encoding:
        """The tokens of the text within the template, cut as the tokenizer cuts the whole; spans are characters of the text.

        The template's tokens count as added ones; a token across its border is the text's. Names of special tokens are these tokens in the template and
        words in the text. Raises `ModelError` when the template changes the text, or the tokenizer cannot tell the two apart.
        """
        if _rendered(self.tokenizer, self.name, text, self.opened) != self.before + text + self.after:
            raise ModelError(f"The chat template of {self.name} changes the document's text (it strips, escapes or rewrites it): leave out --chat.")
        whole = self._tokens(text)
        start, stop = len(self.before), len(self.before) + len(text)
        own = (whole.spans[:, 0] < stop) & (whole.spans[:, 1] > start)
        spans = np.where(own[:, None], np.clip(whole.spans - start, 0, len(text)), 0).astype(np.int32)
        placed = replace(whole, spans=spans, special=~own, worded=~own & ~np.isin(whole.ids, list(self._marks)))
        refuse_marks(self.tokenizer, placed, text)
        return replace(placed, notices=(*whole.notices, self._notice(own)))

    @cached_property
    def _marks(self) -> dict[int, str]:
        return {number: name for number, name in named_special(self.tokenizer).items() if len(name) > 1}

    def _tokens(self, text: str) -> Encoding:
        """The tokens of the whole chat; spans are its characters."""
        whole = self.before + text + self.after
        names = [name for name in self._marks.values() if name in text]
        if not names:
            return encode_bare(self.tokenizer, whole, marks=True)
        harmless = text
        for name in sorted(names, key=len, reverse=True):
            harmless = harmless.replace(name, "x" * len(name))
        harmless = self.before + harmless + self.after
        if not np.array_equal(self._in_pieces(harmless).ids, encode_bare(self.tokenizer, harmless, marks=True).ids):
            raise ModelError(
                f"The document holds {names[0]}, a special token of {self.name}, and its tokenizer does not tell words from such tokens in a chat: "
                "take it out of the document, or leave out --chat."
            )
        return self._in_pieces(whole)

    def _in_pieces(self, whole: str) -> Encoding:
        """The same, cut at the special tokens of the template that are next to the text, so that between them all is words."""
        first, last = self._cuts
        edges = (0, first, len(whole) - last, len(whole))
        parts = [encode_bare(self.tokenizer, whole[start:stop], marks=place != 1) for place, (start, stop) in enumerate(itertools.pairwise(edges))]
        return Encoding(
            ids=np.concatenate([part.ids for part in parts]),
            spans=np.concatenate([part.spans + np.int32(start) for part, start in zip(parts, edges[:-1], strict=True)]),
            special=np.concatenate([part.special for part in parts]),
            extra={name: np.concatenate([part.extra[name] for part in parts]) for name in parts[0].extra},
            notices=tuple(dict.fromkeys(notice for part in parts for notice in part.notices)),
        )

    @cached_property
    def _cuts(self) -> tuple[int, int]:
        """The end of the last special token before the text, and how far from the whole's end the first one after it begins."""
        before, after = (encode_bare(self.tokenizer, part, marks=True) for part in (self.before, self.after))
        ends = before.spans[self._marked(before.ids), 1]
        starts = after.spans[self._marked(after.ids), 0]
        return int(ends.max(initial=0)), len(self.after) - int(starts.min(initial=len(self.after)))

    def _marked(self, ids: Int[np.ndarray, " token"]) -> Bool[np.ndarray, " token"]:
        return np.isin(ids, list(self._marks))

    def _notice(self, own: Bool[np.ndarray, " token"]) -> str:
        """What was put around the text."""
        first, last = (int(edge) for edge in np.flatnonzero(own)[[0, -1]]) if own.any() else (len(own), len(own) - 1)
        begun = ", which open the model's own turn" if self.opened else ""
        return (
            f"The document was read as what a user says in a chat: the template of {self.name} puts {first} tokens before it and {len(own) - 1 - last} after it{begun}. "
            "They lie in no sentence."
        )


def _rendered(tokenizer: Any, name: str, text: str, opened: bool) -> str:
    from jinja2 import TemplateError

    try:
        return tokenizer.apply_chat_template([{"role": "user", "content": text}], tokenize=False, add_generation_prompt=opened)
    except (ValueError, TypeError, KeyError, TemplateError, ImportError) as error:
        raise ModelError(f"The chat template of {name} cannot be applied: {(str(error).strip().splitlines() or [type(error).__name__])[0]}") from error
