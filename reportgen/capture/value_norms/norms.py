"""The length of what a key adds to a row, from weights and the products of what the heads make of the key."""

from __future__ import annotations

import torch
from jaxtyping import Float

WITH_FLOAT64 = ("cpu", "cuda")
CELLS_AT_ONCE = 1 << 19  # of one block: 4 MB in float64


def head_products(
    values: Float[torch.Tensor, "key_head key value_dim"], by_head: Float[torch.Tensor, "head value_dim dim"]
) -> Float[torch.Tensor, "key head head"]:
    """Of each key f[h] . f[g] for any two heads, f[h] = v W_O being what head h makes of it; heads of a group share its values.

    In float64, as parts that cancel each other would be lost in the sums of squares. Memory: keys x heads x heads, and a block of keys.
    """
    (heads, _, dim), keys = by_head.shape, values.shape[1]
    exact = values.device if values.device.type in WITH_FLOAT64 else torch.device("cpu")
    found = torch.empty(keys, heads, heads, dtype=torch.float64, device=exact)
    of_group, step = by_head.unflatten(0, (len(values), -1)), max(CELLS_AT_ONCE // (heads * dim), 1)
    for start in range(0, keys, step):
        added = torch.matmul(values[:, None, start : start + step], of_group).flatten(0, 1)  # head key dim
        added = added.transpose(0, 1).to(exact).double()
        torch.bmm(added, added.transpose(1, 2), out=found[start : start + step])
    return found


def summed_norms(weights: Float[torch.Tensor, "head row key"], products: Float[torch.Tensor, "key head head"]) -> Float[torch.Tensor, " key"]:
    """Over the rows the sum of the l2 norm of the sum over heads of p f, by key."""
    by_key = weights.permute(2, 1, 0).to(products.device).to(products.dtype)  # key row head
    squares = torch.bmm(by_key, products).mul_(by_key).sum(2)
    return squares.clamp_(min=0).sqrt_().sum(1)
