"""One pass over the scores of a block: softmax and every sum that the reducers need, compiled, each row while it lies in the cache.

The same in separate array operations reads the block from memory a dozen times and takes about four times as long.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from reportgen.capture.vectors import IN_ORDER, SUMS, compiled, exp, exponentiate, fill, greatest_of, nine_products, product, product_of_small

NO_SCORE = np.float32(-1e30)
NOTHING_LEFT = np.float32(1e-37)  # float32 has no normal numbers below
SMALL = 1e-16  # of the product of two masses: below, single products may have no float32


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


@compiled(SUMS)
def _normalise(row, factor, share, run_sums, head_mean, inside, sentence, own):
    """Powers become weights, which are added to the sums; gives the mass on keys that lie in sentences, and the sum of p times the sentences between."""
    mass, away = np.float32(0.0), np.float32(0.0)
    for key in range(len(row)):
        weight = row[key] * factor
        row[key] = weight
        run_sums[key] += weight
        head_mean[key] += weight * share
        held = weight * inside[key]
        mass += held
        away += held * abs(own - sentence[key])
    return mass, away


@compiled(SUMS)
def _raise_to(maxima, row):
    """Elementwise maximum of weights, whose bits are ordered as they are."""
    highest, bits = maxima.view(np.int32), row.view(np.int32)
    for key in range(len(bits)):
        highest[key] = max(highest[key], bits[key])


@compiled(SUMS)
def _from_start(row):
    """The sum of the weights, and of each times its place."""
    mass, moment = np.float32(0.0), np.float32(0.0)
    for key in range(len(row)):
        mass += row[key]
        moment += row[key] * np.float32(np.int32(key))
    return mass, moment


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
    run_sums, head_mean = sums.run_sums[head, run, first:last], sums.head_mean[index, first:last]
    mass, away = _normalise(row, factor, share, run_sums, head_mean, keys.inside[first:last], keys.sentence[first:last], rows.sentence[index])
    sums.inside[head, index], sums.sentences_away[head, index] = mass, away
    _raise_to(sums.run_maxima[run, first:last], row)
    sums.tokens_away[head, index] = _by_distance(whole, first, last, rows.position[index], edges, sums.by_distance[head, index])
    _add_sinks(keys.sinks, factor, head, index, run, rows, keys, sums)


@compiled(IN_ORDER)
def _add_products(cells, index, run, first, last, sums):
    """Products of every two heads' rows without the sinks; those of the sinks are added to the plain ones. Three heads at a time; beyond the last they are the last."""
    end = len(cells) - 1
    for head in range(0, len(cells), 3):
        for other in range(0, head + 1, 3):
            found = nine_products(
                cells[head, index, first:last],
                cells[min(head + 1, end), index, first:last],
                cells[min(head + 2, end), index, first:last],
                cells[other, index, first:last],
                cells[min(other + 1, end), index, first:last],
                cells[min(other + 2, end), index, first:last],
            )
            for place in range(9):
                one, another = head + place // 3, other + place % 3
                if another <= one <= end:
                    _add_product(cells, index, run, first, last, one, another, found[place], sums)


@compiled(IN_ORDER)
def _add_product(cells, index, run, first, last, head, other, found, sums):
    scale = np.float64(sums.left[head, index]) * np.float64(sums.left[other, index])
    exact = np.float64(found) if scale > SMALL else product_of_small(cells[head, index, first:last], cells[other, index, first:last])
    if sums.left[head, index] > NOTHING_LEFT and sums.left[other, index] > NOTHING_LEFT:
        sums.products_left[run, head, other] += exact / scale
    sums.products[run, head, other] += exact + product(sums.sink_weights[head, index], sums.sink_weights[other, index])


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
