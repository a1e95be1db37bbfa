"""Compiled loops over a block's rows and over its sums by key, for the reducers.

A lane is one core. numpy's matrix products would wake threads of their own there, which wait in a loop and take the other lanes' cores.
"""

from __future__ import annotations

import numpy as np

from reportgen.capture.vectors import IN_ORDER, SUMS, compiled, greatest_weight, product


@compiled(IN_ORDER)
def gather(cells, places, found):
    """The cells (head cell) at some places, into `found` (head place)."""
    for head in range(len(cells)):
        for place in range(len(places)):
            found[head, place] = cells[head, places[place]]


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
def add_runs(by_run, group_of_run, by_group):
    """Sums of runs of rows (head run key) are added to those of their groups (head group key)."""
    for head in range(len(by_run)):
        for run in range(len(group_of_run)):
            _add(by_run[head, run], by_group[head, group_of_run[run]])


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
def raise_maxima(by_run, sentence_of_run, starts, slots, maxima):
    """`maxima` (sentence slot) become at least the greatest weight of each run of rows (run key) in each run of keys."""
    for row_run in range(len(by_run)):
        row, sentence = by_run[row_run], sentence_of_run[row_run]
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
def strongest_keys(by_group, groups, sinks, best, greatest):
    """Of some groups of `by_group` (head group key) the first key of the greatest sum, and that sum, into `best` and `greatest` (head place); sinks are left out."""
    kept = np.empty(len(sinks), np.float32)
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
def add_pairs(weights, rows, kept, mass, mass_kept, best, greatest):
    """Weights of pairs (head pair) are added to the `mass` of their rows (head row), those `kept` to `mass_kept`; `best` and `greatest` (head) take the first greatest."""
    for head in range(len(weights)):
        highest, place = np.float32(0.0), 0
        for pair in range(len(rows)):
            weight = weights[head, pair]
            mass[head, rows[pair]] += weight
            if kept[pair]:
                mass_kept[head, rows[pair]] += weight
            if weight > highest:
                highest, place = weight, pair
        best[head], greatest[head] = place, highest
