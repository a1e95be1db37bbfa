"""Compiled loops over a block's rows and over its sums by key, for the reducers.

A lane is one core. numpy's matrix products would wake threads of their own there, which wait in a loop and take the other lanes' cores.
"""

from __future__ import annotations

import numpy as np

from reportgen.capture.vectors import IN_ORDER, SUMS, compiled, copy, fill, greatest_weight, product


@compiled(IN_ORDER)
def gather(cells, places, start, found):
    """The cells (head cell) at some places, into `found` (head place) from `start` on; 0 for place -1."""
    for head in range(len(cells)):
        for index in range(len(places)):
            found[head, start + index] = cells[head, places[index]] if places[index] >= 0 else np.float32(0.0)


@compiled(IN_ORDER)
def gather_rows(cells, rows, start, found):
    """Some rows of the cells (head row key), into `found` (head place key) from place `start` on; 0 on keys that the cells do not have."""
    for head in range(len(cells)):
        for index in range(len(rows)):
            row, kept = cells[head, rows[index]], found[head, start + index]
            copy(row, kept)
            fill(kept[len(row) :], np.float32(0.0))


@compiled(IN_ORDER)
def add_rows(values, place_of_row, sums):
    """Values (head row) are added to `sums` (head place) at the place of each row; those of place -1 are left out."""
    for head in range(len(values)):
        for row in range(len(place_of_row)):
            if place_of_row[row] >= 0:
                sums[head, place_of_row[row]] += values[head, row]


@compiled(SUMS)
def _add(row, total):
    for key in range(len(row)):
        total[key] += row[key]


@compiled(SUMS)
def _sum(row):
    total = np.float32(0.0)
    for key in range(len(row)):
        total += row[key]
    return total


@compiled(IN_ORDER)
def add_received(by_group, counts, total):
    """The sums of the groups that count (head group key), of all heads, are added to `total` (key)."""
    for head in range(len(by_group)):
        for group in range(len(counts)):
            if counts[group]:
                _add(by_group[head, group], total)


@compiled(IN_ORDER)
def add_masses(by_group, sentence_of_group, starts, slots, mass):
    """Sums (head group key) are added to `mass` (head sentence slot) for each run of keys, which goes from its start to the next; groups of sentence -1 are left out."""
    for head in range(len(by_group)):
        for group in range(len(sentence_of_group)):
            row, sentence = by_group[head, group], sentence_of_group[group]
            for run in range(len(starts) if sentence >= 0 else 0):
                stop = starts[run + 1] if run + 1 < len(starts) else len(row)
                mass[head, sentence, slots[run]] += _sum(row[starts[run] : stop])


@compiled(IN_ORDER)
def raise_maxima(by_group, sentence_of_group, starts, slots, maxima):
    """`maxima` (sentence slot) become at least the greatest weight of each group of rows (group key) in each run of keys; groups of sentence -1 are left out."""
    for group in range(len(by_group)):
        row, sentence = by_group[group], sentence_of_group[group]
        for run in range(len(starts) if sentence >= 0 else 0):
            stop = starts[run + 1] if run + 1 < len(starts) else len(row)
            maxima[sentence, slots[run]] = max(maxima[sentence, slots[run]], greatest_weight(row[starts[run] : stop]))


@compiled(IN_ORDER)
def masses_on_kinds(by_group, groups, kinds, found):
    """Of some groups of `by_group` (head group key) the mass on each kind of keys (kind key: 1 where a key is of it), into `found` (kind head place)."""
    for head in range(len(by_group)):
        for place in range(len(groups)):
            for kind in range(len(kinds)):
                found[kind, head, place] = product(by_group[head, groups[place]], kinds[kind])


@compiled(IN_ORDER)
def strongest_keys(by_group, groups, sinks, kept, best, greatest):
    """Of some groups of `by_group` (head group key) the first key of the greatest sum, and that sum, into `best` and `greatest` (head place); sinks are left out.

    `kept` (sink) is overwritten.
    """
    for head in range(len(by_group)):
        for place in range(len(groups)):
            row = by_group[head, groups[place]]
            for sink in range(len(sinks)):
                kept[sink] = row[sinks[sink]]
                row[sinks[sink]] = np.float32(0.0)
            highest, key = greatest_weight(row), 0
            while row[key] != highest:
                key += 1
            best[head, place], greatest[head, place] = key, highest
            for sink in range(len(sinks)):
                row[sinks[sink]] = kept[sink]


@compiled(IN_ORDER)
def add_offsets(weights, rows, places, kept, share, sums):
    """Weights of pairs (head pair) are added to `sums` (kind head place) at the place of each pair, those `kept` (1 or 0) times the row's `share` (head row) as the second kind."""
    for head in range(len(weights)):
        for pair in range(len(rows)):
            weight = weights[head, pair]
            sums[0, head, places[pair]] += weight
            sums[1, head, places[pair]] += weight * kept[pair] * share[head, rows[pair]]


@compiled(IN_ORDER)
def add_pairs(weights, starts, places, kept, share, sums, best, greatest):
    """Weights of pairs (head pair score), those of each row from its start to the next (row + 1), are added to `sums` (score, kind, head place) at the place of the row.

    Those `kept` (pair score: 1 or 0), times the row's `share` (head row), are the second kind. `best` and `greatest` (score head) take the first greatest of all pairs.
    """
    for head in range(len(weights)):
        for score in range(weights.shape[2]):
            highest, found = np.float32(0.0), 0
            for row in range(len(places)):
                mass, left = np.float32(0.0), np.float32(0.0)
                for pair in range(starts[row], starts[row + 1]):
                    weight = weights[head, pair, score]
                    mass += weight
                    left += weight * kept[pair, score]
                    if weight > highest:
                        highest, found = weight, pair
                if starts[row + 1] > starts[row]:
                    sums[score, 0, head, places[row]] += mass
                    sums[score, 1, head, places[row]] += left * share[head, row]
            best[score, head], greatest[score, head] = found, highest


@compiled(SUMS)
def blend(step, left, nothing, now, after):
    """Half of `now` (row place kind) and half of `step` (row place kind), whose second kind is divided by what is `left` of the row, into `after`; where that is `nothing` or less, all of `now`.

    What `now` has beyond the places of `step` is 0, and stays so in `after`.
    """
    half = np.float32(0.5)
    for row in range(len(step)):
        share = half / left[row] if left[row] > nothing else np.float32(0.0)
        kept = half if left[row] > nothing else np.float32(1.0)
        for place in range(step.shape[1]):
            after[row, place, 0] = half * now[row, place, 0] + half * step[row, place, 0]
            after[row, place, 1] = kept * now[row, place, 1] + share * step[row, place, 1]
