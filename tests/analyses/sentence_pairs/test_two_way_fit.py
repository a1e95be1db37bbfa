"""The fit against least squares with a column for every term."""

from __future__ import annotations

import numpy as np
import pytest

from reportgen.analyses.sentence_pairs.two_way_fit import TwoWayFit

SENTENCES = 23


@pytest.mark.parametrize("key_terms", [True, False])
def test_residuals_and_leverage_are_those_with_a_column_for_every_term(key_terms: bool) -> None:
    random = np.random.default_rng(1)
    queries, keys = np.nonzero(random.random((SENTENCES, SENTENCES)) < 0.6)
    values, features, weights = random.normal(size=(len(queries), 2)), random.normal(size=(len(queries), 3)), random.uniform(0.1, 1, len(queries))
    terms = [np.eye(SENTENCES)[queries], *([np.eye(SENTENCES)[keys]] if key_terms else []), features]
    design, roots = np.column_stack(terms), np.sqrt(weights)[:, None]
    fit = TwoWayFit(queries=queries, keys=keys, features=features, weights=weights, sentences=SENTENCES, key_terms=key_terms)
    expected = values - design @ np.linalg.lstsq(design * roots, values * roots, rcond=None)[0]
    np.testing.assert_allclose(fit.residuals(values), expected, atol=1e-8)
    np.testing.assert_allclose(fit.leverage, np.diagonal((design * roots) @ np.linalg.pinv(design * roots)), atol=1e-7)


def test_single_precision_stays_and_is_nearly_as_exact() -> None:
    random = np.random.default_rng(2)
    queries, keys = np.nonzero(np.tri(SENTENCES, k=-1))
    fit = TwoWayFit(queries=queries, keys=keys, features=random.normal(size=(len(queries), 2)), weights=np.ones(len(queries)), sentences=SENTENCES)
    values = random.normal(size=(len(queries), 5))
    found = fit.residuals(values.astype(np.float32))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, fit.residuals(values), atol=2e-5)


def test_sentences_without_pairs_do_no_harm() -> None:
    fit = TwoWayFit(queries=np.array([1, 2, 2]), keys=np.array([0, 0, 1]), features=np.ones((3, 1)), weights=np.ones(3), sentences=7)
    assert np.isfinite(fit.residuals(np.array([[1.0], [2.0], [4.0]]))).all()
