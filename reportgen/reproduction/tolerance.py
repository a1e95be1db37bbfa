"""How far numbers may be apart that were computed twice from the same text by the same weights."""

from __future__ import annotations

import numpy as np

# Of an array's greatest number, by the model's number type: what the self-check before every measurement allows between two ways of the same model. Sums are
# taken in another order on other processors, threads and sizes of blocks, each step rounds, and errors add up over layers. Measured: a random GPT-2 of 6 layers
# in float32, on one processor as it is and held to its oldest instructions, differed in 76 of 110 arrays, by 2e-5 of the greatest number at most; with other
# numbers of threads it gave the same bytes. The lower types were not measured that way. Statistics are float32 in any case, so float64 has the same row.
OF_GREATEST = {"float64": 1e-4, "float32": 1e-4, "float16": 3e-2, "bfloat16": 3e-2}
STATED = "float32"  # for a number type without a row


def tolerance(model: str, stored: np.dtype, greatest: float) -> float:
    """The largest difference that counts as none: a share of the array's greatest number, and what storing rounds it by."""
    share = OF_GREATEST.get(model, OF_GREATEST[STATED])
    return greatest * (share + float(np.finfo(stored).eps))
