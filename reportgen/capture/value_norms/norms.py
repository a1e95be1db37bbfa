"""The length of what a key adds to a row, from weights and the products of what the heads make of the key."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float

from reportgen.capture.lanes import Lanes
from reportgen.capture.value_norms.loops import add_norms, products_of_heads

WITH_FLOAT64 = ("cpu", "cuda")
CELLS_AT_ONCE = 1 << 19  # of one block: 4 MB in float64


def head_products(
    values: Float[torch.Tensor, "key_head key value_dim"], by_head: Float[torch.Tensor, "head value_dim dim"], lanes: Lanes
) -> Float[torch.Tensor, "head head key"]:
    """Of each key f[h] . f[g] for any two heads, f[h] = v W_O being what head h makes of it; heads of a group share its values.

    In float64, as parts that cancel each other would be lost in the sums of squares. Memory: keys x heads x heads, and a block of keys in each lane.
    """
    (heads, _, dim), keys = by_head.shape, values.shape[1]
    exact = values.device if values.device.type in WITH_FLOAT64 else torch.device("cpu")
    found = torch.empty(heads, heads, keys, dtype=torch.float64, device=exact)
    of_group, step = by_head.unflatten(0, (len(values), -1)), max(CELLS_AT_ONCE // (heads * dim), 1)

    def of_block(_: int, start: int) -> None:
        added = torch.matmul(values[:, None, start : start + step], of_group).flatten(0, 1).to(exact)  # head key dim
        if exact.type == "cpu":
            return products_of_heads(added.numpy(), start, found.numpy())
        by_key = added.transpose(0, 1).double()
        found[:, :, start : start + step] = torch.bmm(by_key, by_key.transpose(1, 2)).permute(1, 2, 0)

    lanes.work(range(0, keys, step), of_block, lambda _: None)
    return found


def summed_norms(weights: Float[torch.Tensor, "head row key"], products: Float[torch.Tensor, "head head key"], lanes: Lanes) -> Float[np.ndarray, " key"]:
    """Over the rows the sum of the l2 norm of the sum over heads of p f, by key."""
    if products.device.type != "cpu":
        by_row = weights.to(products.dtype)
        squares = torch.einsum("hrk,hgk,grk->rk", by_row, products, by_row)
        return squares.clamp_(min=0).sqrt_().sum(0).cpu().numpy()
    keys, on_the_cpu = products.shape[2], weights.cpu().numpy()
    total, step = np.zeros(keys), -(-keys // (4 * lanes.count))
    lanes.work(range(0, keys, step), lambda _, start: add_norms(on_the_cpu, products.numpy(), start, min(start + step, keys), total), lambda _: None)
    return total
