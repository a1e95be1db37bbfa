"""Scores of made-up heads, for the whole text and by sentence: the contract's formulas over a causal p, the first token the only sink."""

from __future__ import annotations

import warnings

import numpy as np

OFFSETS = np.arange(1, 9)
LEFT = "_without_sink"
BY_SENTENCE = ("first_token", "previous_token", "locality", "relative_entropy", "delimiter", "within_sentence", "duplicate_token", "induction")
EXAMPLES = ("previous_token", "duplicate_token", "induction")


def score_arrays(p: np.ndarray, left: np.ndarray, ids: np.ndarray, members: np.ndarray, delimiter: np.ndarray) -> dict[str, np.ndarray]:
    """Everything that is counted over queries: `left` is p without the sink, renormalised, NaN where nothing is left."""
    rows, rows_left = _rows(p, ids, members, delimiter), _rows(left, ids, members, delimiter)
    found = {name: _mean(values[..., members >= 0]) for name, values in rows.items()}
    found |= {f"{name}{LEFT}": _mean(rows_left[name][..., members >= 0]) for name in rows if name not in ("first_token", "sentence_distance", "confidence")}
    names = [name for name in BY_SENTENCE if name != "first_token"]
    by_sentence = {name: rows[name] for name in BY_SENTENCE} | {f"{name}{LEFT}": rows_left[name] for name in names}
    found |= {f"{name}_by_sentence": _by_sentence(values, members) for name, values in by_sentence.items()}
    found |= _of_what_is_left(p, members, delimiter) | _rare(p, ids, members)
    return found | _fixed(p, left, members) | _strongest(p, members) | _examples(p, ids, members)


def _mean(values: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # no queries at all
        return np.nanmean(values, axis=-1)


def _by_sentence(values: np.ndarray, members: np.ndarray) -> np.ndarray:
    return np.stack([_mean(values[..., members == sentence]) for sentence in range(members.max() + 1)], -1)


def _rows(p: np.ndarray, ids: np.ndarray, members: np.ndarray, delimiter: np.ndarray) -> dict[str, np.ndarray]:
    """The scores of each query, NaN where it does not count."""
    place = np.arange(len(ids))
    gap = np.abs(np.subtract.outer(place, place))
    seen = place + 1 if not np.isnan(p[..., 0, 0]).any() else place
    jumps = np.abs(np.subtract.outer(members, members)) * np.logical_and.outer(members >= 0, members >= 0)
    later, same = place >= 1, _copies(ids, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -(p * np.log(np.where(p > 0, p, 1))).sum(-1)
        between = np.where(members >= 0, p, 0)
        between = between / between.sum(-1, keepdims=True)
        relative = np.where(seen > 1, entropy / np.log(seen), np.nan)
    return {
        "entropy": entropy,
        "relative_entropy": relative,
        "distance": (p * gap).sum(-1),
        "locality": (p * (gap <= 3)).sum(-1),
        "previous_token": np.where(later, np.pad(np.diagonal(p, -1, 2, 3), ((0, 0), (0, 0), (1, 0))), np.nan),
        "within_sentence": (p * np.equal.outer(members, members)).sum(-1),
        "sentence_distance": (between * jumps).sum(-1),
        "first_token": np.where(later, p[..., 0], np.nan),
        "delimiter": p[..., delimiter].sum(-1),
        "confidence": p.max(-1),
        "duplicate_token": np.where(same.any(1), (p * same).sum(-1), np.nan),
        "induction": np.where(same.any(1), (p * _copies(ids, 1)).sum(-1), np.nan),
    }


def _copies(ids: np.ndarray, shift: int) -> np.ndarray:
    """Query key: whether the token `shift` places before the key is an earlier copy of the query."""
    same = np.tril(np.equal.outer(ids, ids), -1)
    return np.pad(same, ((0, 0), (shift, 0)))[:, : len(ids)]


def _of_what_is_left(p: np.ndarray, members: np.ndarray, delimiter: np.ndarray) -> dict[str, np.ndarray]:
    """Shares of what a sentence leaves the first token, which are ratios of sums over its queries."""
    wanted = {"within_sentence": np.equal.outer(members, members), "delimiter": np.broadcast_to(delimiter, (len(members), len(members)))}
    found = {}
    for name, chosen in wanted.items():
        ratios, rows = _ratios(p, chosen, members)
        found |= {f"{name}{LEFT}_by_sentence": ratios, f"{name}{LEFT}": np.nansum(ratios * rows, -1) / rows.sum()}
    return found


def _ratios(p: np.ndarray, chosen: np.ndarray, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By sentence: the share of the chosen keys among all but the first, and the number of queries that see another than the first."""
    inside = (members[:, None] == np.arange(members.max() + 1)).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = ((p * chosen)[..., 1:].sum(-1) @ inside) / (p[..., 1:].sum(-1) @ inside)
    return ratios, inside[1:].sum(0)


def _rare(p: np.ndarray, ids: np.ndarray, members: np.ndarray) -> dict[str, np.ndarray]:
    """Lifts: the types that occur as seldom as the one a tenth of the way down are rare."""
    types, counts = np.unique(ids[members >= 0], return_counts=True)
    rare = (members >= 0) & np.isin(ids, types[counts <= np.sort(counts)[-(-len(counts) // 10) - 1]])
    seen = np.arange(1, len(ids) + 1)
    bare = np.where(np.arange(len(ids)) > 0, rare, False)
    with np.errstate(invalid="ignore", divide="ignore"):
        chance, chance_left = _by_sentence(np.cumsum(rare) / seen, members), _by_sentence(np.cumsum(bare) / (seen - 1), members)
        inside = (members[:, None] == np.arange(members.max() + 1)).astype(float)
        mass, (ratios, rows) = p[..., rare].sum(-1) @ inside, _ratios(p, np.broadcast_to(rare, p.shape[-2:]), members)
        found = {
            "rare_token": mass.sum(-1) / (chance * inside.sum(0)).sum(),
            "rare_token_by_sentence": mass / (chance * inside.sum(0)),
            "rare_token_without_sink": np.nansum(ratios * rows, -1) / np.nansum(chance_left * rows),
            "rare_token_without_sink_by_sentence": ratios / chance_left,
        }
    found |= {"rare_token_expected_by_sentence": chance, "rare_token_expected_without_sink_by_sentence": chance_left}
    return {
        name: np.broadcast_to(values, (len(p), *values.shape)) if "expected" in name else np.where(np.isfinite(values), values, np.nan)
        for name, values in found.items()
    }


def _fixed(p: np.ndarray, left: np.ndarray, members: np.ndarray) -> dict[str, np.ndarray]:
    found = {"fixed_offsets": OFFSETS}
    for name, weights in (("fixed_offset", p), (f"fixed_offset{LEFT}", left)):
        means = [np.diagonal(weights, -offset, 2, 3)[..., members[offset:] >= 0] for offset in OFFSETS]
        found[name] = np.stack([_mean(values) for values in means], -1)
        rows = np.full((len(OFFSETS), *p.shape[:3]), np.nan)
        for place, offset in enumerate(OFFSETS):
            rows[place, ..., offset:] = np.diagonal(weights, -offset, 2, 3)
        found[f"{name}_by_sentence"] = np.moveaxis(_by_sentence(rows, members), 0, 2)
    return found


def _strongest(p: np.ndarray, members: np.ndarray) -> dict[str, np.ndarray]:
    totals = np.stack([p[:, :, members == sentence, 1:].sum(2) for sentence in range(members.max() + 1)], 2)
    return {"strongest_key": np.where(totals.max(-1) > 0, totals.argmax(-1) + 1, -1)}


def _examples(p: np.ndarray, ids: np.ndarray, members: np.ndarray) -> dict[str, np.ndarray]:
    pairs = {"previous_token": np.eye(len(ids), k=-1, dtype=bool), "duplicate_token": _copies(ids, 0), "induction": _copies(ids, 1)}
    found = {}
    for name in EXAMPLES:
        weights = np.where(pairs[name] & (members >= 0)[:, None], p, 0).reshape(*p.shape[:2], -1)
        best = np.stack(np.divmod(weights.argmax(-1), len(ids)), -1)
        found[f"{name}_example"] = np.where(weights.max(-1)[..., None] > 0, best, -1)
    return found
