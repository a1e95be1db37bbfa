"""The order in which each method would take sentences out: those that support the target most come first."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Int

from reportgen.contract import spec_of

PREFIX = "attribution."
# +1 where a positive value adds to the target, -1 where it says that the target is higher without the sentence; of methods not named here the magnitude counts.
SIGNS = {"input_x_gradient": 1, "integrated_gradients": 1, "ablation": -1}
OF_SUPPORT = ("surrogate",)  # positive where the target becomes more likely or greater, whatever its unit
QUICK = ("attention", "gradient")  # what `fast` measures
LOSS = "nats"  # the unit of targets that are the better the lower they are


def support(method: str, values: Float[np.ndarray, " sentence"], unit: str) -> Float[np.ndarray, " sentence"]:
    """How much each sentence supports the target by a method: lowers a loss (a target in nats), raises a logit or a product.

    Methods without a sign, such as attention and absolute gradients, say how much a sentence matters but not which way: for them it is the magnitude.
    """
    if method in OF_SUPPORT:
        return values
    sign = SIGNS.get(method)
    if sign is None:
        return np.abs(values)
    return -sign * values if unit == LOSS else sign * values


def ranked(method: str, values: Float[np.ndarray, " sentence"], unit: str, candidates: Int[np.ndarray, " rank"]) -> Int[np.ndarray, " rank"]:
    """The sentences that can be taken out, from the greatest support to the least; ties as they are read."""
    return candidates[np.argsort(-support(method, values[candidates].astype(np.float64), unit), kind="stable")]


def method_arrays(arrays: Mapping[str, np.ndarray]) -> dict[str, Float[np.ndarray, " sentence"]]:
    """What each method says of each sentence, by the method's name, of arrays named as the contract names them."""
    return {name.removeprefix(PREFIX): values for name, values in arrays.items() if name.startswith(PREFIX) and _by_sentence(name)}


def _by_sentence(name: str) -> bool:
    spec = spec_of(name)
    return spec is not None and spec.axes == ("sentence",)


def random_orders(candidates: Int[np.ndarray, " rank"], draws: int, seed: int) -> list[Int[np.ndarray, " rank"]]:
    """So many orders by chance."""
    generator = np.random.default_rng(seed)
    return [generator.permutation(candidates) for _ in range(draws)]
