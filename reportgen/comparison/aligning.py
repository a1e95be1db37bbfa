"""Which sentences of two texts belong together: of two versions by what they say, of one text by where they stand."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from jaxtyping import Float, Int

from reportgen.comparison.words import greatest_likenesses, likeness, words_of

ALIKE = 0.5  # of the words: from here on a sentence counts as the same one, edited
MOVED = 0.8  # for sentences in other places, and for parts put together
PARTS_AT_MOST = 3

SAME, EDITED, MOVED_ELSEWHERE, SPLIT, MERGED, RESPLIT, GONE, NEW = "same", "edited", "moved", "split", "joined", "cut elsewhere", "deleted", "inserted"


@dataclass(frozen=True, kw_only=True)
class Match:
    """Sentences of A and the sentences of B that they became: consecutive ones on each side, none where there is no counterpart. `likeness` is 1 for equal words."""

    kind: str
    a: tuple[int, ...]
    b: tuple[int, ...]
    likeness: float = 1.0

    @property
    def turned(self) -> Match:
        """The same with A and B exchanged."""
        other = {SPLIT: MERGED, MERGED: SPLIT, GONE: NEW, NEW: GONE}
        return Match(kind=other.get(self.kind, self.kind), a=self.b, b=self.a, likeness=self.likeness)


def align_versions(a: Sequence[str], b: Sequence[str]) -> tuple[Match, ...]:
    """Every sentence of both versions in one match, in the order of B, what is gone where it stood after the sentence before it.

    In order: the pairs of the greatest total likeness, none under 0.5 (dynamic programming, *source:* Needleman and Wunsch 1970). Then sentences that became two or three
    consecutive ones, or were made of them; then what is left and alike by 0.8 elsewhere, as moved. Exchanging A and B exchanges the sides of every match.
    Memory: sentences x sentences.
    """
    one, other = [tuple(words_of(text)) for text in a], [tuple(words_of(text)) for text in b]
    if other < one:
        return in_order([match.turned for match in _align(other, one)])
    return in_order(_align(one, other))


def _align(a: list[tuple[str, ...]], b: list[tuple[str, ...]]) -> list[Match]:
    alike = _likenesses(a, b)
    pairs = _best_in_order(alike)
    joined = _joined(a, b, pairs, alike)
    taken = {(match.a, match.b): match for match in joined}
    used_a, used_b = ({place for match in joined for place in side(match)} for side in (lambda match: match.a, lambda match: match.b))
    kept = [(i, j) for i, j in pairs if i not in used_a and j not in used_b]
    matches = [*taken.values(), *(Match(kind=_kind(a[i], b[j]), a=(i,), b=(j,), likeness=float(alike[i, j])) for i, j in kept)]
    used_a |= {i for i, _ in kept}
    used_b |= {j for _, j in kept}
    moved = _moved(alike, used_a, used_b)
    matches += [Match(kind=MOVED_ELSEWHERE, a=(i,), b=(j,), likeness=float(alike[i, j])) for i, j in moved]
    left_a = [i for i in range(len(a)) if i not in used_a | {i for i, _ in moved}]
    left_b = [j for j in range(len(b)) if j not in used_b | {j for _, j in moved}]
    nothing = [*(Match(kind=GONE, a=(i,), b=(), likeness=0.0) for i in left_a), *(Match(kind=NEW, a=(), b=(j,), likeness=0.0) for j in left_b)]
    return matches + nothing


def _kind(one: tuple[str, ...], other: tuple[str, ...]) -> str:
    return SAME if one == other else EDITED


def _likenesses(a: list[tuple[str, ...]], b: list[tuple[str, ...]]) -> Float[np.ndarray, "a b"]:
    """Those of 0.5 or more; 0 elsewhere."""
    found = np.zeros((len(a), len(b)))
    for i, j in np.argwhere(greatest_likenesses(a, b) >= ALIKE).tolist():
        found[i, j] = 1.0 if a[i] == b[j] else likeness(a[i], b[j])
    return np.where(found >= ALIKE, found, 0.0)


def _best_in_order(alike: Float[np.ndarray, "a b"]) -> list[tuple[int, int]]:
    """Pairs, rising on both sides, with the greatest sum; of equals, those that stand first."""
    best = np.zeros((alike.shape[0] + 1, alike.shape[1] + 1))
    for i in range(len(alike) - 1, -1, -1):
        paired = np.where(alike[i] > 0, best[i + 1, 1:] + alike[i], 0.0)
        best[i, :-1] = np.maximum.accumulate(np.maximum(paired, best[i + 1, :-1])[::-1])[::-1]
    pairs, i, j = [], 0, 0
    while i < alike.shape[0] and j < alike.shape[1]:
        if alike[i, j] > 0 and best[i, j] == best[i + 1, j + 1] + alike[i, j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i, j] == best[i + 1, j]:
            i += 1
        else:
            j += 1
    return pairs


def _joined(a: list[tuple[str, ...]], b: list[tuple[str, ...]], pairs: list[tuple[int, int]], alike: Float[np.ndarray, "a b"]) -> list[Match]:
    """Sentences that two or three free neighbours on the other side are together like, by 0.8 and more than one of them alone; the likest first."""
    mates = dict(pairs)
    turned = {j: i for i, j in pairs}
    found = [
        *(Match(kind=SPLIT, a=(i,), b=run, likeness=score) for i, run, score in _runs(a, b, mates, alike)),
        *(Match(kind=MERGED, a=run, b=(j,), likeness=score) for j, run, score in _runs(b, a, turned, alike.T)),
    ]
    chosen: list[Match] = []
    for match in sorted(found, key=lambda match: (-match.likeness, match.a, match.b)):
        if not any(set(match.a) & set(other.a) or set(match.b) & set(other.b) for other in chosen):
            chosen.append(match)
    return chosen


def _runs(
    one: list[tuple[str, ...]], other: list[tuple[str, ...]], mates: dict[int, int], alike: Float[np.ndarray, "one other"]
) -> Iterator[tuple[int, tuple[int, ...], float]]:
    """For a sentence, runs of the other side that hold its mate, if it has one, and otherwise only sentences without a mate."""
    matched = sorted(mates)
    for size in range(2, PARTS_AT_MOST + 1):
        words_of_runs = [tuple(chain(*other[first : first + size])) for first in range(len(other) - size + 1)]
        for place, first in np.argwhere(greatest_likenesses(one, words_of_runs) >= MOVED).tolist():
            run, mate, before = tuple(range(first, first + size)), mates.get(place), bisect_left(matched, place)
            after = before + (mate is not None)
            starts_late = before == 0 or mates[matched[before - 1]] < first
            ends_early = after == len(matched) or run[-1] < mates[matched[after]]
            if not (starts_late and ends_early) or (mate is not None and (mate not in run or alike[place, mate] == 1)):
                continue
            score = likeness(one[place], words_of_runs[first])
            if score >= MOVED and score > max(alike[place, part] for part in run):
                yield place, run, score


def _moved(alike: Float[np.ndarray, "a b"], used_a: set[int], used_b: set[int]) -> list[tuple[int, int]]:
    """What is left and alike by 0.8, the likest first, of equals those nearest to each other."""
    places = [(i, j) for i, j in np.argwhere(alike >= MOVED).tolist() if i not in used_a and j not in used_b]
    found: list[tuple[int, int]] = []
    for i, j in sorted(places, key=lambda place: (-alike[place], abs(place[0] - place[1]), place)):
        if all(i != one and j != other for one, other in found):
            found.append((i, j))
    return found


def in_order(matches: Sequence[Match]) -> tuple[Match, ...]:
    """By their place in B; those that are only in A after the last sentence of A before them that stayed in its order."""
    stays = {place: match.b[0] for match in matches if match.b and match.kind != MOVED_ELSEWHERE for place in match.a}

    def place_of(match: Match) -> tuple[int, int, int]:
        if match.b:
            return match.b[0], 0, 0
        return next((stays[place] for place in range(match.a[0] - 1, -1, -1) if place in stays), -1), 1, match.a[0]

    return tuple(sorted(matches, key=place_of))


def align_spans(a: Int[np.ndarray, "one 2"], b: Int[np.ndarray, "other 2"]) -> tuple[Match, ...]:
    """Of one text: the smallest stretches that are whole sentences in both, in order. Where one reads on and the other does not, sentences have no counterpart."""
    spans, at, matches = (a, b), [0, 0], []
    while any(place < len(side) for place, side in zip(at, spans, strict=True)):
        first = tuple(at)
        end = min(int(side[place, 1]) for place, side in zip(at, spans, strict=True) if place < len(side))
        while (side := next((one for one in (0, 1) if at[one] < len(spans[one]) and spans[one][at[one], 0] < end), None)) is not None:
            end = max(end, int(spans[side][at[side], 1]))
            at[side] += 1
        matches.append(_by_place(*(tuple(range(start, stop)) for start, stop in zip(first, at, strict=True))))
    return tuple(matches)


def _by_place(a: tuple[int, ...], b: tuple[int, ...]) -> Match:
    if not a or not b:
        return Match(kind=GONE if a else NEW, a=a, b=b, likeness=0.0)
    kind = SAME if len(a) == len(b) == 1 else SPLIT if len(a) == 1 else MERGED if len(b) == 1 else RESPLIT
    return Match(kind=kind, a=a, b=b)
