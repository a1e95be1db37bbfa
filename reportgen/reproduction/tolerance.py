"""How far numbers may be apart that were computed twice from the same text by the same weights."""

from __future__ import annotations

import numpy as np

# Of an array's greatest number, by the model's number type. Sums are taken in another order on other machines, threads and sizes of blocks, and each step
# rounds by the type's epsilon; errors add up over layers like a walk. float32: about 1,000 epsilons; the lower types run in fewer steps of their own, and
# their statistics are float32: about 20 and 8 epsilons.
OF_GREATEST = {"float64": 1e-6, "float32": 1e-4, "float16": 2e-2, "bfloat16": 6e-2}
STATED = "float32"  # for a number type without a row


def tolerance(model: str, stored: np.dtype, greatest: float) -> float:
    """The largest difference that counts as none: a share of the array's greatest number, and what storing rounds it by.

    float64 models are held to 1e-6 because statistics are stored as float32.
    """
    share = OF_GREATEST.get(model, OF_GREATEST[STATED])
    return greatest * (share + float(np.finfo(stored).eps))
