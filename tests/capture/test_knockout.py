"""Attention knockout against the model's own eager attention under a whole additive mask, for every family that is read through the interface."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from knockout_reference import FAMILIES, KINDS, built, fed, language_model, link_by_eager_attention

from reportgen.capture.knockout import all_links, linked_texts, measure_link_effects

TOLERANCE = 3e-5


def nothing(stage: str, share: float) -> None:
    pass


@pytest.mark.parametrize("name", FAMILIES)
def test_every_link_equals_a_whole_pass_of_eager_attention_with_the_link_masked(name: str) -> None:
    family = FAMILIES[name]
    kind, model = KINDS[family.kind], built(family)
    given = fed(kind)
    links = all_links(linked_texts(kind, given))
    found = measure_link_effects(language_model(model, kind), given, links, nothing)
    assert found.whole_passes == (kind != "causal")
    np.testing.assert_array_equal(found.links, links)
    expected = np.array([link_by_eager_attention(model, kind, given, tuple(link)) for link in links.tolist()])
    assert expected[:, 0].max() > 1e-3
    np.testing.assert_allclose(found.effect, expected[:, 0], rtol=TOLERANCE, atol=TOLERANCE)
    np.testing.assert_allclose(found.drop, expected[:, 1], rtol=TOLERANCE, atol=TOLERANCE)
