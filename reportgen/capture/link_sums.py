"""Compiled sums for the strongest links of each token."""

from __future__ import annotations

import numpy as np

from reportgen.capture.vectors import IN_ORDER, SUMS, compiled, exp, greatest_weight


@compiled(IN_ORDER)
def watch(mean, offset, rows, behind, ahead, leading, segment, watched, bounds):
    """Weights (row key) of the `leading` keys and of those near each row go to `watched`, of all others the greatest of each segment to `bounds`; both are added to.

    `offset` is the first key, `rows` the position of the first row and of its row in both arrays. In `watched` (row, leading + behind + ahead) the leading keys
    come first, then those from behind - 1 before the row to `ahead` after it, without the leading ones. `leading` are whole segments.
    """
    end = offset + mean.shape[1]
    for index in range(len(mean)):
        row = rows + index
        low, high = max(row - behind + 1, leading, offset), min(row + ahead + 1, end)
        for key in range(offset, min(leading, end)):
            watched[row, key] += mean[index, key - offset]
        place = leading - (row - behind + 1)
        for key in range(low, high):
            watched[row, place + key] += mean[index, key - offset]
        for number in range(max(offset, leading) // segment, (end - 1) // segment + 1):
            start, stop = max(number * segment, offset), min(number * segment + segment, end)
            greatest = np.float32(0.0)
            if start < min(low, stop):
                greatest = greatest_weight(mean[index, start - offset : min(low, stop) - offset])
            if max(high, start) < stop:
                greatest = max(greatest, greatest_weight(mean[index, max(high, start) - offset : stop - offset]))
            bounds[row, number] += greatest


@compiled(SUMS)
def _add_exp(row, log_normaliser, total):
    for key in range(len(row)):
        total[key] += exp(row[key] - log_normaliser)


@compiled(IN_ORDER)
def add_weights(scores, log_normalisers, starts, stops, total):
    """The weights of scores (head row key) whose normalisers are known, summed over heads, are added to `total` (row key), from each row's start to its stop."""
    for head in range(len(scores)):
        for row in range(len(total)):
            start, stop = starts[row], stops[row]
            _add_exp(scores[head, row, start:stop], log_normalisers[head, row], total[row, start:stop])
