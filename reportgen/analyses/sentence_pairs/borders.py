"""The borders that the attention of all heads shows, found once for all who ask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from reportgen.analyses.remembering import remembered
from reportgen.analyses.sentence_pairs.distance_model import expect_whole
from reportgen.analyses.sentence_pairs.novelty import Novelty, find_borders, symmetric
from reportgen.measurements import Measurements


@dataclass(frozen=True, kw_only=True, eq=False)
class WholeModel:
    """z of two sentences, whichever looks, and the borders in it."""

    joint: Float[np.ndarray, "sentence sentence"]
    novelty: Novelty


@remembered
def whole_model(measurements: Measurements) -> WholeModel:
    """Of the mean share over layers and heads."""
    model, sentences = expect_whole(measurements), len(measurements["sentence_spans"])
    z = np.full((sentences, sentences), np.nan)
    z[model.queries, model.keys] = model.z
    joint = symmetric(z)
    return WholeModel(joint=joint, novelty=find_borders(joint))
