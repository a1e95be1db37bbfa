"""Whole matrices for functions that take one number for each pair of sentences."""

from __future__ import annotations

import numpy as np

from reportgen import links
from reportgen.sentence_pairs import SentencePairs


def flat(values: np.ndarray) -> np.ndarray:
    """The last two axes as one."""
    return values.reshape(*values.shape[:-2], -1)


def lift_of(attention: np.ndarray, expected: np.ndarray) -> np.ndarray:
    return links.lift_of(flat(attention), flat(expected)).reshape(attention.shape)


def content_pairs(values: np.ndarray) -> np.ndarray:
    return links.content_pairs(flat(values), SentencePairs.every(values.shape[-1])).reshape(values.shape)


def strongest(values: np.ndarray, count: int) -> np.ndarray:
    """The (query, key) pairs of the greatest values; -1 where there are fewer."""
    places = links.strongest(flat(values), count)
    return np.where(places[:, None] >= 0, np.stack(np.divmod(places, values.shape[-1]), 1), -1)
