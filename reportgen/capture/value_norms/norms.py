"""The length of what a key adds to a row, from weights and the products of what the heads make of the key."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int

from reportgen.capture.lanes import Lanes
from reportgen.capture.value_norms.loops import add_norms, products_of_heads

WITH_FLOAT64 = ("cpu", "cuda")
CELLS_AT_ONCE = 1 << 19  # of one block: 4 MB in float64; more where models are wide
CELLS_ON_A_DEVICE = 1 << 23  # which works on a whole block at once
KEYS_AT_LEAST = 32  # of one block: each reads all of W_O
WORTH_TURNING = 2000  # keys from which on turning W_O takes less than it saves, with 576 to 2,048 dimensions alike


def head_products(
    values: Float[torch.Tensor, "key_head key value_dim"], by_head: Float[torch.Tensor, "head value_dim dim"], lanes: Lanes
) -> Float[torch.Tensor, "head head key"]:
    """Of each key f[h] . f[g] for any two heads, f[h] = v W_O being what head h makes of it; heads of a group share its values.

    In float64, as parts that cancel each other would be lost in the sums of squares. Memory: keys x heads x heads, and a block of keys in each lane.
    """
    of_group, keys = len(by_head) // len(values), values.shape[1]
    exact = values.device if values.device.type in WITH_FLOAT64 else torch.device("cpu")
    projections = _turned(by_head) if exact.type == "cpu" and keys >= WORTH_TURNING else list(by_head)
    found = torch.empty(len(by_head), len(by_head), keys, dtype=torch.float64, device=exact)
    groups = [torch.cat(projections[start : start + of_group], 1) for start in range(0, len(projections), of_group)]
    ends, ends_of_groups = (np.cumsum([one.shape[1] for one in side_by_side]) for side_by_side in (projections, groups))
    cells = CELLS_AT_ONCE if values.device.type == "cpu" else CELLS_ON_A_DEVICE
    step = min(max(cells // int(ends[-1]), KEYS_AT_LEAST), keys)
    of_slot = [torch.empty(step, int(ends[-1]), device=values.device) for _ in range(lanes.slots)]

    def of_block(slot: int, start: int) -> None:
        stop = min(start + step, keys)
        added = of_slot[slot][: stop - start]
        for of_keys, group, columns in zip(values, groups, added.tensor_split(ends_of_groups[:-1].tolist(), 1), strict=True):
            torch.mm(of_keys[start:stop], group, out=columns)
        if exact.type == "cpu":
            return products_of_heads(added.cpu().numpy(), ends, np.zeros((len(ends), projections[-1].shape[1])), start, found.numpy())
        found[:, :, start:stop] = products_on_a_device(added, ends)

    lanes.work(range(0, keys, step), of_block, lambda _: None)
    return found


def products_on_a_device(added: Float[torch.Tensor, "key dim_of_all_heads"], ends: Int[np.ndarray, " head"]) -> Float[torch.Tensor, "head head key"]:
    """The same as `products_of_heads` gives, by array operations."""
    of_heads = torch.nn.utils.rnn.pad_sequence([one.T for one in added.double().tensor_split(ends[:-1].tolist(), 1)])  # dim head key
    return torch.einsum("dhk,dgk->hgk", of_heads, of_heads)


def _turned(by_head: Float[torch.Tensor, "head value_dim dim"]) -> list[Float[torch.Tensor, "value_dim reach"]]:
    """W_O of each head, turned so that head h reaches only the first (h + 1) value_dim dimensions: L of W_O = L Q, Q orthogonal, which changes no length and no angle."""
    lower = torch.linalg.qr(by_head.flatten(0, 1).cpu().T, mode="r").R.T.to(by_head.device)
    return [rows[:, : (head + 1) * rows.shape[0]] for head, rows in enumerate(lower.unflatten(0, by_head.shape[:2]))]


def summed_norms(weights: Float[torch.Tensor, "head row key"], products: Float[torch.Tensor, "head head key"], lanes: Lanes) -> Float[np.ndarray, " key"]:
    """Over the rows the sum of the l2 norm of the sum over heads of p f, by key."""
    if products.device.type != "cpu":
        by_row = weights.to(products.dtype)
        squares = torch.einsum("hrk,hgk,grk->rk", by_row, products, by_row)
        return squares.clamp_(min=0).sqrt_().sum(0).cpu().numpy()
    keys, on_the_cpu = products.shape[2], weights.cpu().numpy()
    total, step = np.zeros(keys), -(-keys // (4 * lanes.count))

    def of_keys(_: int, start: int) -> None:
        stop = min(start + step, keys)
        add_norms(on_the_cpu, products.numpy(), start, stop, np.empty(stop - start), total)

    lanes.work(range(0, keys, step), of_keys, lambda _: None)
    return total
