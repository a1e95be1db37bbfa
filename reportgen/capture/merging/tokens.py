"""Numbers of a document's tokens out of those of its windows' tokens."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from reportgen.measurements import TOKEN_LINK


class TokenSums:
    """Sums by key token: what each window's queries gave it, added up over the windows that read it."""

    def __init__(self, layers: int, tokens: int) -> None:
        self.total = np.zeros((layers, tokens))

    def add(self, values: Float[np.ndarray, "layer token"], places: Int[np.ndarray, " token"]) -> None:
        """Take in one window's sums; `places` are the document's tokens that its tokens stand for."""
        np.add.at(self.total, (slice(None), places), values)


class TokenMeans:
    """Means by key token over the queries that see it, of all windows; NaN where none does."""

    def __init__(self, layers: int, tokens: int) -> None:
        self.sums, self.rows = TokenSums(layers, tokens), TokenSums(layers, tokens)

    def add(self, values: Float[np.ndarray, "layer token"], rows: np.ndarray, places: Int[np.ndarray, " token"]) -> None:
        """Take in one window's means and the numbers of queries they are over."""
        rows = np.where(np.isnan(values), 0.0, np.broadcast_to(rows, values.shape))
        self.sums.add(np.where(rows > 0, values, 0.0) * rows, places)
        self.rows.add(rows, places)

    def mean(self) -> Float[np.ndarray, "layer token"]:
        """The means so far."""
        with np.errstate(invalid="ignore"):
            return (self.sums.total / self.rows.total).astype(np.float32)


class TokenLinks:
    """Each token's strongest links in the window that its own sentence is counted in, keys as the document's tokens; key -1 where there are fewer."""

    def __init__(self, tokens: int, links: int) -> None:
        self.links = np.zeros((tokens, links), TOKEN_LINK)
        self.links["key"] = -1

    def add(self, links: Shaped[np.ndarray, "token rank"], places: Int[np.ndarray, " token"], counted: Bool[np.ndarray, " token"]) -> None:
        """Take in one window's links, those of its counted tokens."""
        found = links[counted]
        found["key"] = np.where(found["key"] < 0, -1, places[found["key"]])
        self.links[places[counted]] = found
