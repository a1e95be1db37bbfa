"""Compiled passes over a block: from scores to weights, and from the slopes of the weights to those of the scores, each row while it lies in the cache."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from reportgen.capture.vectors import IN_ORDER, SUMS, compiled, exp, exponentiate, fill, greatest_of


class Seen(NamedTuple):
    """Of each row of a block the first key it sees and the first after those, counted from the block's first key.

    `shift` is where the bias of the block's first row on its first key stands in a table of biases by offset.
    """

    first: np.ndarray
    last: np.ndarray
    shift: int


@compiled(SUMS)
def _add(row, more):
    for key in range(len(row)):
        row[key] += more[key]


@compiled(SUMS)
def _scale(row, factor):
    for key in range(len(row)):
        row[key] *= factor


@compiled(SUMS)
def _differentiate(scores, slopes, log_normaliser, mean, inverse_cap, positive):
    """Scores x become weights p, slopes dp become p (dp - mean) times the slope of the cap; gives the sum of abs(p dp).

    `positive` is added twice max(0, p dp), which is p dp + abs(p dp).
    """
    total = np.float32(0.0)
    for key in range(len(scores)):
        score = scores[key]
        weight = exp(score - log_normaliser)
        product = weight * slopes[key]
        size = abs(product)
        total += size
        positive[key] += product + size
        capped = score * inverse_cap
        slopes[key] = (product - weight * mean) * (np.float32(1.0) - capped * capped)
        scores[key] = weight
    return total


@compiled(IN_ORDER)
def weigh_rows(cells, seen, bias, sinks, log_normalisers, start, stop):
    """Rows from `start` to `stop` of `cells` (head row key) go from scores to weights, those of keys that are not seen to 0.

    `bias` is a table head x offset (of no offset where there is none), `sinks` a score of no key for each head.
    """
    for head in range(len(cells)):
        for index in range(start, stop):
            first, last = seen.first[index], seen.last[index]
            whole = cells[head, index]
            row = whole[first:last]
            if bias.shape[1] > 0:
                _add(row, bias[head, seen.shift - index + first : seen.shift - index + last])
            greatest = max(greatest_of(row), sinks[head])
            total = exponentiate(row, greatest)[0] + exp(sinks[head] - greatest)
            _scale(row, np.float32(1.0) / total)
            fill(whole[:first], np.float32(0.0))
            fill(whole[last:], np.float32(0.0))
            log_normalisers[head, index] = greatest + np.float32(math.log(total))


@compiled(IN_ORDER)
def differentiate_rows(scores, slopes, seen, bias, log_normalisers, means, inverse_cap, positive, absolute, start, stop):
    """Rows from `start` to `stop`: `scores` become weights, `slopes` go from those of the target by the weights to those by the products of query and key.

    `means` is the sum over keys of p dp. `positive` (row key) becomes the sum over heads of twice max(0, p dp), `absolute` (head row) the sum
    over keys of abs(p dp).
    """
    for index in range(start, stop):
        first, last = seen.first[index], seen.last[index]
        fill(positive[index], np.float32(0.0))
        for head in range(len(scores)):
            row, slope = scores[head, index], slopes[head, index]
            if bias.shape[1] > 0:
                _add(row[first:last], bias[head, seen.shift - index + first : seen.shift - index + last])
            absolute[head, index] = _differentiate(
                row[first:last], slope[first:last], log_normalisers[head, index], means[head, index], inverse_cap, positive[index, first:last]
            )
            fill(row[:first], np.float32(0.0))
            fill(row[last:], np.float32(0.0))
            fill(slope[:first], np.float32(0.0))
            fill(slope[last:], np.float32(0.0))


@compiled(IN_ORDER)
def add_diagonals(slopes, seen, by_offset, head):
    """The slopes of one head, summed by the offset of key and query."""
    for index in range(slopes.shape[1]):
        first, last = seen.first[index], seen.last[index]
        _add(by_offset[head, seen.shift - index + first : seen.shift - index + last], slopes[head, index, first:last])
