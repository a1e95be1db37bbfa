"""One pass over the scores of a block: softmax and every sum that the reducers need, compiled, each row while it lies in the cache.

The same in separate array operations reads the block from memory a dozen times and takes about four times as long.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numba
import numpy as np

LOWEST = np.float32(-87.0)  # float32 has no normal numbers below exp of this
LOG2_E = np.float32(1.4426950408889634)
LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
SUMS = {"nnan", "ninf", "nsz", "arcp", "contract", "reassoc", "afn"}  # sums may be reordered, so that they run on whole vectors
NO_SCORE = np.float32(-1e30)
NOTHING_LEFT = np.float32(1e-37)  # float32 has no normal numbers below
SMALL = 1e-16  # of the product of two masses: below, single products may have no float32
IN_ORDER = {"nnan", "ninf", "nsz", "contract"}


class Keys(NamedTuple):
    """What is known of the block's keys: the sentence of each (float32), 1 where it lies in one, and which are sinks."""

    sentence: np.ndarray
    inside: np.ndarray
    sinks: np.ndarray


class Rows(NamedTuple):
    """What is known of the block's rows: the first key they see, the first after those, their own position (all counted from the block's first key); their sentence."""

    first: np.ndarray
    last: np.ndarray
    position: np.ndarray
    sentence: np.ndarray


class Sums(NamedTuple):
    """What one pass gives of a block."""

    # over every key
    log_normaliser: np.ndarray  # head row: logarithm of the softmax's denominator
    greatest: np.ndarray  # head row: the greatest weight
    entropy: np.ndarray  # head row, nats
    inside: np.ndarray  # head row: mass on keys that lie in sentences
    sentences_away: np.ndarray  # head row: sum of p times the sentences between, over those keys
    sink_weights: np.ndarray  # head row sink
    head_mean: np.ndarray  # row key: mean of p over heads
    run_sums: np.ndarray  # head run key: sum of p over the rows of the run
    run_maxima: np.ndarray  # run key: the greatest p of any head and row of the run
    products: np.ndarray  # run head head, lower triangle: sum over rows and keys of the product of two heads' weights
    # without the sink keys
    left: np.ndarray  # head row: their mass
    entropy_left: np.ndarray  # head row, nats, of the renormalised weights
    tokens_away: np.ndarray  # head row: sum of p times abs(q - k); not renormalised
    by_distance: np.ndarray  # head row bin: mass at each abs(q - k); not renormalised
    products_left: np.ndarray  # run head head, lower triangle: as above, of the renormalised weights


def compiled(fastmath: set[str]) -> Callable[[Callable[..., Any]], Any]:
    """Compiled when first called and kept on disk; where nothing can be kept it is compiled anew by each process."""
    options = {"nogil": True, "error_model": "numpy", "fastmath": fastmath}

    def decorate(function: Callable[..., Any]) -> Any:
        function = inspect.unwrap(function)  # tests wrap each function in a check of its shapes, which cannot be compiled
        try:
            return numba.njit(function, cache=True, **options)
        except RuntimeError:
            return numba.njit(function, **options)

    return decorate


@compiled(IN_ORDER)
def exp(value):
    """exp of a number that is at most 0, to two units in the last place; 0 below `LOWEST`. Source: the method of Moshier's Cephes, expf."""
    bounded = value if value > LOWEST else LOWEST
    power = np.floor(bounded * LOG2_E + np.float32(0.5))
    rest = (bounded - power * LN2_HIGH) - power * LN2_LOW
    series = np.float32(1.9875691500e-4)
    series = series * rest + np.float32(1.3981999507e-3)
    series = series * rest + np.float32(8.3334519073e-3)
    series = series * rest + np.float32(4.1665795894e-2)
    series = series * rest + np.float32(1.6666665459e-1)
    series = series * rest + np.float32(5.0000001201e-1)
    series = series * (rest * rest) + rest + np.float32(1.0)
    two_to_the_power = np.int32((power + np.float32(127.0)) * np.float32(8388608.0)).view(np.float32)
    return series * two_to_the_power if value > LOWEST else np.float32(0.0)


@compiled(SUMS)
def greatest_of(row):
    """The greatest score. Compared as whole numbers of the same order (the bits of a float, those of negative ones turned round): these run on whole vectors."""
    bits, found = row.view(np.int32), np.int32(-2147483648)
    for key in range(len(bits)):
        ordered = bits[key] ^ ((bits[key] >> np.int32(31)) & np.int32(0x7FFFFFFF))
        found = ordered if ordered > found else found
    return np.int32(found ^ ((found >> np.int32(31)) & np.int32(0x7FFFFFFF))).view(np.float32)


@compiled(SUMS)
def exponentiate(row, greatest):
    """Scores x become e = exp(x - greatest); gives the sum of e and of e (x - greatest)."""
    total, weighted = np.float32(0.0), np.float32(0.0)
    for key in range(len(row)):
        below = row[key] - greatest
        value = exp(below)
        row[key] = value
        total += value
        weighted += value * below
    return total, weighted


@compiled(SUMS)
def _normalise(row, factor, share, run_sums, head_mean):
    for key in range(len(row)):
        weight = row[key] * factor
        row[key] = weight
        run_sums[key] += weight
        head_mean[key] += weight * share


@compiled(SUMS)
def _raise_to(maxima, row):
    """Elementwise maximum of weights, whose bits are ordered as they are."""
    highest, bits = maxima.view(np.int32), row.view(np.int32)
    for key in range(len(bits)):
        highest[key] = max(highest[key], bits[key])


@compiled(SUMS)
def _between_sentences(row, inside, sentence, own):
    mass, away = np.float32(0.0), np.float32(0.0)
    for key in range(len(row)):
        weight = row[key] * inside[key]
        mass += weight
        away += weight * abs(own - sentence[key])
    return mass, away


@compiled(SUMS)
def _from_start(row):
    """The sum of the weights, and of each times its place."""
    mass, moment = np.float32(0.0), np.float32(0.0)
    for key in range(len(row)):
        mass += row[key]
        moment += row[key] * np.float32(np.int32(key))
    return mass, moment


@compiled(SUMS)
def _product(one, other):
    total = np.float32(0.0)
    for key in range(len(one)):
        total += one[key] * other[key]
    return total


@compiled(SUMS)
def _product_of_small(one, other):
    """The same for weights so small that their products would be lost in float32."""
    total = np.float64(0.0)
    for key in range(len(one)):
        total += np.float64(one[key]) * np.float64(other[key])
    return total


@compiled(SUMS)
def fill(values, value):
    for index in range(len(values)):
        values[index] = value


@compiled(IN_ORDER)
def _by_distance(row, first, last, position, edges, bins):
    """Mass by distance, behind and ahead, in `bins`; gives the sum of weight times distance."""
    away = np.float32(0.0)
    for index in range(len(edges) - 1):
        start, stop = max(position - edges[index + 1] + 1, first), min(position - edges[index] + 1, last)
        if stop > start:
            mass, moment = _from_start(row[start:stop])
            bins[index] += mass
            away += mass * np.float32(position - start) - moment
        start, stop = max(position + max(edges[index], 1), first), min(position + edges[index + 1], last)
        if stop > start:
            mass, moment = _from_start(row[start:stop])
            bins[index] += mass
            away += mass * np.float32(start - position) + moment
    return away


@compiled(IN_ORDER)
def _take_sinks_out(row, first, sinks, greatest, kept):
    """Sink scores leave the row (their weight there becomes 0) and exp(x - greatest) of each is `kept`; gives the sum of e and of e (x - greatest)."""
    total, weighted = np.float32(0.0), np.float32(0.0)
    for place in range(len(sinks)):
        key = sinks[place] - first
        kept[place] = 0.0
        if 0 <= key < len(row):
            below = row[key] - greatest
            kept[place] = exp(below)
            total += kept[place]
            weighted += kept[place] * below
            row[key] = NO_SCORE
    return total, weighted


@compiled(IN_ORDER)
def _softmax(row, first, extra, sinks, head, index, sums):
    """Scores become e = exp(x - greatest), without the sinks; gives the factor that makes them weights. `extra` is a score of no key, for sinks as extra logits.

    With y = x - greatest and Z the sum of all e: entropy = - sum p ln p = (sum of the keys' e / Z) ln Z - (sum of e y) / Z, and the same over the rest alone without the sinks.
    """
    highest = greatest_of(row)
    greatest = max(highest, extra)
    sunk, sunk_weighted = _take_sinks_out(row, first, sinks, greatest, sums.sink_weights[head, index])
    left, weighted = exponentiate(row, greatest)
    total = left + sunk + exp(extra - greatest)
    factor, log_total = np.float32(1.0) / total, np.float32(math.log(total))
    sums.log_normaliser[head, index] = greatest + log_total
    sums.greatest[head, index] = exp(highest - greatest) * factor
    sums.entropy[head, index] = ((left + sunk) * log_total - weighted - sunk_weighted) * factor
    sums.left[head, index] = left * factor
    sums.entropy_left[head, index] = math.log(left) - weighted / left if left * factor > NOTHING_LEFT else 0.0
    return factor


@compiled(IN_ORDER)
def _add_sinks(sinks, factor, head, index, run, rows, keys, sums):
    """What the sinks add to the sums that hold every key."""
    kept, share = sums.sink_weights[head, index], np.float32(1.0 / sums.run_sums.shape[0])
    for place in range(len(sinks)):
        key = sinks[place]
        kept[place] *= factor
        weight = kept[place]
        sums.run_sums[head, run, key] += weight
        sums.run_maxima[run, key] = max(sums.run_maxima[run, key], weight)
        sums.head_mean[index, key] += weight * share
        inside = weight * keys.inside[key]
        sums.inside[head, index] += inside
        sums.sentences_away[head, index] += inside * abs(rows.sentence[index] - keys.sentence[key])


@compiled(IN_ORDER)
def _sum_row(cells, head, index, run, extra, rows, keys, edges, sums):
    """One row of one head: scores become weights, without the sinks, and are added to every sum but the products."""
    first, last = rows.first[index], rows.last[index]
    whole = cells[head, index]
    row = whole[first:last]
    factor = _softmax(row, first, extra, keys.sinks, head, index, sums)
    fill(whole[:first], np.float32(0.0))
    fill(whole[last:], np.float32(0.0))
    share = np.float32(1.0 / len(cells))
    _normalise(row, factor, share, sums.run_sums[head, run, first:last], sums.head_mean[index, first:last])
    _raise_to(sums.run_maxima[run, first:last], row)
    mass, away = _between_sentences(row, keys.inside[first:last], keys.sentence[first:last], rows.sentence[index])
    sums.inside[head, index], sums.sentences_away[head, index] = mass, away
    sums.tokens_away[head, index] = _by_distance(whole, first, last, rows.position[index], edges, sums.by_distance[head, index])
    _add_sinks(keys.sinks, factor, head, index, run, rows, keys, sums)


@compiled(IN_ORDER)
def _add_products(cells, index, run, first, last, sums):
    """Products of every two heads' rows without the sinks; those of the sinks are added to the plain ones."""
    for head in range(len(cells)):
        for other in range(head + 1):
            one, another = cells[head, index, first:last], cells[other, index, first:last]
            scale = np.float64(sums.left[head, index]) * np.float64(sums.left[other, index])
            found = np.float64(_product(one, another)) if scale > SMALL else _product_of_small(one, another)
            if sums.left[head, index] > NOTHING_LEFT and sums.left[other, index] > NOTHING_LEFT:
                sums.products_left[run, head, other] += found / scale
            sums.products[run, head, other] += found + _product(sums.sink_weights[head, index], sums.sink_weights[other, index])


@compiled(IN_ORDER)
def _sum_run(cells, run, start, stop, extra, rows, keys, edges, sums):
    fill(sums.run_maxima[run], np.float32(0.0))
    for head in range(len(cells)):
        fill(sums.run_sums[head, run], np.float32(0.0))
    for index in range(start, stop):
        fill(sums.head_mean[index], np.float32(0.0))
        for head in range(len(cells)):
            _sum_row(cells, head, index, run, extra[head], rows, keys, edges, sums)
        _add_products(cells, index, run, rows.first[index], rows.last[index], sums)
        for head in range(len(cells)):
            for place in range(len(keys.sinks)):
                key = keys.sinks[place]
                if rows.first[index] <= key < rows.last[index]:
                    cells[head, index, key] = sums.sink_weights[head, index, place]


@compiled(IN_ORDER)
def sum_runs(cells, starts, stops, extra, rows, keys, edges, sums):
    """The rows from each start to its stop, all of one sentence: `cells` (head row key) go from scores to weights, and `sums` are added to.

    `extra` holds a score of no key for each head (a very low one where there is none), `edges` the borders of the distances.
    """
    for run in range(len(starts)):
        _sum_run(cells, run, starts[run], stops[run], extra, rows, keys, edges, sums)


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
