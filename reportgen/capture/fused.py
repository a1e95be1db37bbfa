"""One pass over the scores of a block: softmax and every sum that the reducers need, compiled, each row while it lies in the cache.

The same in separate array operations reads the block from memory a dozen times and takes about four times as long.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from reportgen.capture.vectors import IN_ORDER, SUMS, compiled, exp, exponentiate, fill, greatest_of, nine_products, product, product_of_small, rounded

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
    head_mean: np.ndarray  # row key: mean of p over heads; empty where it stays on a device
    group_sums: np.ndarray  # head group key: sum of p over the rows of the group
    group_maxima: np.ndarray  # group key: the greatest p of any head and row of the group
    products: np.ndarray  # group head head, lower triangle: sum over rows and keys of the product of two heads' weights
    # without the sink keys
    left: np.ndarray  # head row: their mass
    entropy_left: np.ndarray  # head row, nats, of the renormalised weights
    tokens_away: np.ndarray  # head row: sum of p times abs(q - k); not renormalised
    by_distance: np.ndarray  # head row bin: mass at each abs(q - k); not renormalised
    products_left: np.ndarray  # group head head, lower triangle: as above, of the renormalised weights


@compiled(SUMS)
def _normalise(row, factor, group_sums, group_maxima):
    """Powers become weights, which are added to the sums, and raise the maxima: the bits of weights are ordered as they are."""
    highest = group_maxima.view(np.int32)
    for key in range(len(row)):
        weight = np.float32(row[key] * factor)
        row[key] = weight
        group_sums[key] += weight
        highest[key] = max(highest[key], np.float32(weight).view(np.int32))


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


@compiled(SUMS)
def _note_between(own, sentence, inside, between):
    """How many sentences lie between each key's and the rows' own; 0 for keys of none."""
    for key in range(len(between)):
        between[key] = inside[key] * abs(own - sentence[key])


@compiled(IN_ORDER)
def _add_sinks(sinks, factor, head, index, group, rows, keys, sums):
    """What the sinks add to the sums that hold every key."""
    share = np.float32(1.0 / sums.group_sums.shape[0])
    for place in range(len(sinks)):
        key = sinks[place]
        weight = sums.sink_weights[head, index, place] * factor
        sums.sink_weights[head, index, place] = weight
        sums.group_sums[head, group, key] += weight
        sums.group_maxima[group, key] = max(sums.group_maxima[group, key], weight)
        sums.head_mean[index, key] += weight * share
        inside = weight * keys.inside[key]
        sums.inside[head, index] += inside
        sums.sentences_away[head, index] += inside * abs(rows.sentence[index] - keys.sentence[key])


@compiled(IN_ORDER)
def _sum_row(cells, at, head, index, group, extra, rows, keys, edges, sums):
    """One row of one head: scores become weights, without the sinks, and are added to the sums that need no other head."""
    first, last = rows.first[index], rows.last[index]
    start, stop = rounded(first, last, cells.shape[2])
    whole = cells[head, at]
    fill(whole[start:first], NO_SCORE)
    fill(whole[last:stop], NO_SCORE)
    factor = _softmax(whole[start:stop], start, extra, keys.sinks, head, index, sums)
    fill(whole[:start], np.float32(0.0))
    fill(whole[stop:], np.float32(0.0))
    _normalise(whole[start:stop], factor, sums.group_sums[head, group, start:stop], sums.group_maxima[group, start:stop])
    sums.inside[head, index] = sums.sentences_away[head, index] = np.float32(0.0)
    sums.tokens_away[head, index] = _by_distance(whole, first, last, rows.position[index], edges, sums.by_distance[head, index])
    _add_sinks(keys.sinks, factor, head, index, group, rows, keys, sums)


@compiled(SUMS)
def _three_with_each_other(a, b, c, times_b, times_c, share, inside, between, head_mean):
    """Products of every two of three heads' rows, their mass on keys that lie in sentences, and the sum of p times the sentences between; they are added to the mean over heads.

    Rows b and c count for the mean `times_b` and `times_c`.
    """
    aa = ab = ac = bb = bc = cc = np.float32(0.0)
    inside_a = inside_b = inside_c = away_a = away_b = away_c = np.float32(0.0)
    share_b, share_c = share * times_b, share * times_c
    for key in range(len(a)):
        one, two, three, there, apart = a[key], b[key], c[key], inside[key], between[key]
        aa += one * one
        ab += one * two
        ac += one * three
        bb += two * two
        bc += two * three
        cc += three * three
        inside_a += one * there
        inside_b += two * there
        inside_c += three * there
        away_a += one * apart
        away_b += two * apart
        away_c += three * apart
        head_mean[key] += one * share + two * share_b + three * share_c
    return (aa, ab, bb, ac, bc, cc), (inside_a, inside_b, inside_c), (away_a, away_b, away_c)


@compiled(IN_ORDER)
def _add_heads(cells, at, index, group, start, stop, keys, between, sums):
    """What is made of several heads' rows at a time, without the sinks: products of every two, the mean, and masses that have other factors than 1.

    Three heads at a time; beyond the last they are the last. Products of the sinks are added to the plain ones.
    """
    heads = len(cells)
    share = np.float32(1.0 / heads)
    for head in range(0, heads, 3):
        second, third = min(head + 1, heads - 1), min(head + 2, heads - 1)
        a, b, c = cells[head, at, start:stop], cells[second, at, start:stop], cells[third, at, start:stop]
        times_b, times_c = np.float32(head + 1 < heads), np.float32(head + 2 < heads)
        same, inside, away = _three_with_each_other(
            a, b, c, times_b, times_c, share, keys.inside[start:stop], between[start:stop], sums.head_mean[index, start:stop]
        )
        place = 0
        for one in range(head, min(head + 3, heads)):
            sums.inside[one, index] += inside[one - head]
            sums.sentences_away[one, index] += away[one - head]
            for another in range(head, one + 1):
                _add_product(cells, at, index, group, start, stop, one, another, same[place], sums)
                place += 1
        for other in range(0, head, 3):
            found = nine_products(a, b, c, cells[other, at, start:stop], cells[other + 1, at, start:stop], cells[other + 2, at, start:stop])
            for place in range(9):
                if head + place // 3 < heads:
                    _add_product(cells, at, index, group, start, stop, head + place // 3, other + place % 3, found[place], sums)


@compiled(IN_ORDER)
def _add_product(cells, at, index, group, start, stop, head, other, found, sums):
    scale = np.float64(sums.left[head, index]) * np.float64(sums.left[other, index])
    exact = np.float64(found) if scale > SMALL else product_of_small(cells[head, at, start:stop], cells[other, at, start:stop])
    if sums.left[head, index] > NOTHING_LEFT and sums.left[other, index] > NOTHING_LEFT:
        sums.products_left[group, head, other] += exact / scale
    sums.products[group, head, other] += exact + product(sums.sink_weights[head, index], sums.sink_weights[other, index])


@compiled(IN_ORDER)
def _sum_run(cells, first_row, group, start, stop, extra, rows, keys, edges, between, sums):
    _note_between(rows.sentence[start], keys.sentence, keys.inside, between)
    for index in range(start, stop):
        at = index - first_row
        fill(sums.head_mean[index], np.float32(0.0))
        for head in range(len(cells)):
            _sum_row(cells, at, head, index, group, extra[head], rows, keys, edges, sums)
        first, last = rounded(rows.first[index], rows.last[index], cells.shape[2])
        _add_heads(cells, at, index, group, first, last, keys, between, sums)
        for head in range(len(cells)):
            for place in range(len(keys.sinks)):
                key = keys.sinks[place]
                if rows.first[index] <= key < rows.last[index]:
                    cells[head, at, key] = sums.sink_weights[head, index, place]


@compiled(IN_ORDER)
def sum_runs(cells, first_row, opened, starts, stops, groups, extra, rows, keys, edges, between, sums):
    """The rows from each start to its stop, all of one group, which are numbered in order: `cells` (head row key) go from scores to weights, and `sums` are added to.

    The cells' first row is the block's `first_row`, by which starts and stops are counted, and their first key is the block's. `opened` groups have rows before; gives how many have now.
    `extra` holds a score of no key for each head (a very low one where there is none), `edges` the borders of the distances; `between` (key) is overwritten.
    """
    for run in range(len(starts)):
        if groups[run] == opened:
            fill(sums.group_maxima[opened], np.float32(0.0))
            for head in range(len(cells)):
                fill(sums.group_sums[head, opened], np.float32(0.0))
            opened += 1
        _sum_run(cells, first_row, groups[run], starts[run], stops[run], extra, rows, keys, edges, between, sums)
    return opened
