"""How many rows those means of a window are over that leave out queries for what the text is."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

from reportgen.tokens import TokenisedText


def text_weights(text: TokenisedText, counted: Bool[np.ndarray, " token"]) -> dict[str, float]:
    """Rows of `first_token`, `previous_token` (q >= 1), `next_token`, `duplicate_token`, `induction` (queries with an earlier copy), among the counted queries."""
    queries = counted & (text.sentence_of_token >= 0)
    copies = np.ones(len(text.ids), bool)
    copies[np.unique(text.ids, return_index=True)[1]] = False
    repeated = float((queries & copies).sum())
    later = float(queries[1:].sum())
    return {"first_token": later, "previous_token": later, "next_token": float(queries[:-1].sum()), "duplicate_token": repeated, "induction": repeated}
