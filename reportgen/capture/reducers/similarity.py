"""How alike the heads of a layer are."""

from __future__ import annotations

import numpy as np

from reportgen.capture.block import Block
from reportgen.capture.layout import Stack

NAMES = ("head_similarity", "head_similarity_without_sink")


class HeadSimilarity:
    """`head_similarity`, and without the sink where a text looks at itself: cosine of two heads' flattened weights, over all queries."""

    def __init__(self, stack: Stack) -> None:
        self.crosses = stack.crosses
        self.plain, self.left = (np.zeros((stack.layers, stack.heads, stack.heads)) for _ in range(2))

    def add(self, block: Block) -> None:
        counts = block.plan.groups.counts
        self.plain[block.layer] += block.sums.products[counts].sum(0)
        self.left[block.layer] += block.sums.products_left[counts].sum(0)

    def weights(self) -> dict[str, np.ndarray]:
        """The squared lengths of the heads' flattened weights."""
        return {name: np.diagonal(products, axis1=1, axis2=2) for name, products in zip(NAMES, (self.plain, self.left), strict=True)}

    def arrays(self) -> dict[str, np.ndarray]:
        found = {name: _cosine(products) for name, products in zip(NAMES, (self.plain, self.left), strict=True)}
        return {NAMES[0]: found[NAMES[0]]} if self.crosses else found


def _cosine(lower: np.ndarray) -> np.ndarray:
    """From the lower triangles of the products, layer x head x head; none is negative."""
    products = np.maximum(lower, lower.transpose(0, 2, 1))
    lengths = np.sqrt(np.diagonal(products, axis1=1, axis2=2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return (products / (lengths[:, :, None] * lengths[:, None, :])).astype(np.float32)
