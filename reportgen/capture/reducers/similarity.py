"""How alike the heads of a layer are."""

from __future__ import annotations

import numpy as np
import torch

from reportgen.capture.block import Block


class HeadSimilarity:
    """`head_similarity` with and without the sink: cosine of two heads' flattened weights, over all queries.

    One product of heads by heads for each row, of the renormalised weights; the plain products follow from it, since p = w p'.
    """

    without_sink = True

    def __init__(self, layers: int, heads: int) -> None:
        self.plain, self.left = np.zeros((layers, heads, heads)), np.zeros((layers, heads, heads))

    def add(self, block: Block) -> None:
        by_row = block.weights.transpose(0, 1)  # row head key
        products = torch.bmm(by_row, by_row.transpose(1, 2))  # row head head
        sunk = block.sink_weights.transpose(0, 1)
        left = block.left.T
        plain = products * left[:, :, None] * left[:, None, :] + torch.bmm(sunk, sunk.transpose(1, 2))
        self.left[block.layer] += products.double().sum(0).numpy()
        self.plain[block.layer] += plain.double().sum(0).numpy()

    def arrays(self) -> dict[str, np.ndarray]:
        return {"head_similarity": _cosine(self.plain), "head_similarity_without_sink": _cosine(self.left)}


def _cosine(products: np.ndarray) -> np.ndarray:
    lengths = np.sqrt(np.diagonal(products, axis1=1, axis2=2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return (products / (lengths[:, :, None] * lengths[:, None, :])).astype(np.float32)
