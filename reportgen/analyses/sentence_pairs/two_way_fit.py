"""Least squares with a term for each query sentence, a term for each key sentence, and further features, for many columns of numbers at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from scipy import linalg, sparse

RIDGE = 1e-10  # of the mean of the diagonal: terms and features share constants, which are set to nothing


@dataclass(frozen=True, kw_only=True, eq=False)
class TwoWayFit:
    """A fit of numbers of pairs of sentences. Without `key_terms` there are none for keys.

    The query terms are taken out of everything else first and the rest is fitted (Frisch and Waugh 1933): the same numbers as with a column for every term.
    Memory: sentences x sentences, and pairs x features.
    """

    queries: Int[np.ndarray, " pair"]
    keys: Int[np.ndarray, " pair"]
    features: Float[np.ndarray, "pair feature"]
    weights: Float[np.ndarray, " pair"]
    sentences: int
    key_terms: bool = True

    @cached_property
    def _by_query(self) -> sparse.csr_array:
        """query x pair: weights."""
        return _indicator(self.queries, self.weights, self.sentences)

    @cached_property
    def _total(self) -> Float[np.ndarray, "query 1"]:
        total = np.bincount(self.queries, self.weights, self.sentences)[:, None]
        return np.where(total > 0, total, 1)

    @cached_property
    def _centred(self) -> Float[np.ndarray, "pair feature"]:
        """The features without their means, which the query terms take: one that is the same of all pairs is then nothing, and not a sum of roundings."""
        return self.features - self.features.mean(0)

    @cached_property
    def _rest(self) -> sparse.csr_array:
        """pair x (key, feature): the design without query terms."""
        keys = [_indicator(self.keys, np.ones(len(self.keys)), self.sentences).T] if self.key_terms else []
        return sparse.csr_array(sparse.hstack([*keys, sparse.csr_array(self._centred)]))

    @cached_property
    def _rest_in_single(self) -> sparse.csr_array:
        return self._rest.astype(np.float32)

    @cached_property
    def _crossed(self) -> Float[np.ndarray, "query column"]:
        return (self._by_query @ self._rest).toarray()

    @cached_property
    def _factor(self) -> tuple[np.ndarray, bool]:
        """Cholesky's factor of the normal equations once the query terms are out."""
        weighted = self._rest * self.weights[:, None]
        normal = (self._rest.T @ weighted).toarray() - self._crossed.T @ (self._crossed / self._total)
        normal += RIDGE * max(normal.trace() / len(normal), 1) * np.eye(len(normal))
        return linalg.cho_factor(normal, overwrite_a=True, check_finite=False)

    def residuals(self, values: Float[np.ndarray, "pair view"]) -> Float[np.ndarray, "pair view"]:
        """What the fit leaves of each column, in the columns' number type."""
        by_query = self._by_query @ values
        weighted = values * self.weights[:, None].astype(values.dtype)
        slopes = linalg.cho_solve(self._factor, self._rest.T @ weighted - self._crossed.T @ (by_query / self._total), check_finite=False)
        query = (by_query - self._crossed @ slopes) / self._total
        rest = self._rest_in_single if values.dtype == np.float32 else self._rest
        return values - query.astype(values.dtype).take(self.queries, axis=0) - rest @ slopes.astype(values.dtype)

    @cached_property
    def leverage(self) -> Float[np.ndarray, " pair"]:
        """The share of a pair's own scatter that the fit takes: the diagonal of the hat matrix."""
        inverse, keyed = linalg.cho_solve(self._factor, np.eye(self._crossed.shape[1])), self.sentences if self.key_terms else 0
        mean = self._crossed / self._total
        shared, own = mean @ inverse, self._centred @ inverse[keyed:, keyed:]
        found = (self._centred * (own - 2 * shared[self.queries, keyed:])).sum(1) + (shared * mean).sum(1)[self.queries] + 1 / self._total[self.queries, 0]
        if keyed:
            of_key = inverse.diagonal()[self.keys] + 2 * (self._centred * inverse[self.keys, keyed:]).sum(1)
            found += of_key - 2 * shared[self.queries, self.keys]
        return self.weights * found


def _indicator(index: Int[np.ndarray, " pair"], values: Float[np.ndarray, " pair"], rows: int) -> sparse.csr_array:
    return sparse.csr_array((values, (index, np.arange(len(index)))), shape=(rows, len(index)))
