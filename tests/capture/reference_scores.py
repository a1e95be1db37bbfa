"""The contract's scores by sentence, fixed offsets, examples and shares of what the sinks leave, written plainly over the whole attention array."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from reference import Reference

WHEREVER = ("relative_entropy", "relative_entropy_without_sink", "delimiter")
WITHIN_A_TEXT = (
    *("first_token", "previous_token", "previous_token_without_sink", "next_token", "locality", "locality_without_sink"),
    *("within_sentence", "duplicate_token", "duplicate_token_without_sink", "induction", "induction_without_sink"),
)
LEFT = "_without_sink"
NEARLY = 1e-4  # in which the next key of a tie is as strong


def by_sentence_of_rows(reference: Reference, rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Means of layer x head x query values over the queries of each sentence."""
    return {f"{name}_by_sentence": over_sentences(reference, values) for name, values in rows.items() if name in (*WHEREVER, *WITHIN_A_TEXT)}


def over_sentences(reference: Reference, values: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # sentences in which no query counts have no mean
        return np.stack([np.nanmean(values[..., reference.members == sentence], axis=-1) for sentence in range(reference.shape[0])], -1)


def shares_of_what_is_left(reference: Reference) -> dict[str, np.ndarray]:
    """Ratios of sums over the queries of each sentence, and their mean over sentences, each as often as it has queries with anything left."""
    looking, looked_at = reference.members, reference.key_members
    wanted = {"delimiter": np.broadcast_to(reference.looked_at.delimiter, reference.p.shape[2:])}
    if not reference.crosses:
        wanted["within_sentence"] = (looking[:, None] == looked_at) & (looking >= 0)[:, None]
    found = {}
    for name, chosen in wanted.items():
        ratios, rows = ratios_by_sentence(reference, chosen)
        found |= {f"{name}{LEFT}_by_sentence": ratios, f"{name}{LEFT}": np.nansum(ratios * rows, -1) / rows.sum(-1)}
    return found


def ratios_by_sentence(reference: Reference, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    kept = np.delete(reference.p, reference.looked_at.sinks, axis=3)
    wanted = kept * np.delete(chosen, reference.looked_at.sinks, axis=1)
    ratios, rows = [], []
    for sentence in range(reference.shape[0]):
        mine = reference.members == sentence
        with np.errstate(invalid="ignore"):
            ratios.append(wanted[:, :, mine].sum((2, 3)) / kept[:, :, mine].sum((2, 3)))
        rows.append((kept[:, :, mine].sum(3) > 1e-37).sum(2))
    return np.stack(ratios, -1), np.stack(rows, -1)


def rare_tokens(reference: Reference, rare: np.ndarray) -> dict[str, np.ndarray]:
    """Lifts of the rare tokens, with and without the sinks, and what is expected of them by sentence."""
    visible = reference.visible
    bare = np.delete(visible, reference.looked_at.sinks, axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = visible[..., rare].sum(2) / visible.sum(2)
        share_left = bare[..., np.delete(rare, reference.looked_at.sinks)].sum(2) / bare.sum(2)
        expected, expected_left = over_sentences(reference, share), over_sentences(reference, share_left)
        mass = reference.p[..., rare].sum(-1)
        ratios, rows = ratios_by_sentence(reference, np.broadcast_to(rare, reference.p.shape[2:]))
        lifts, lifts_left = over_sentences(reference, mass) / expected[:, None], ratios / expected_left[:, None]
    return {
        "rare_token": reference.over_queries(mass) / share[:, reference.inside].mean(1)[:, None],
        "rare_token_by_sentence": np.where(np.isfinite(lifts), lifts, np.nan),
        "rare_token_expected_by_sentence": expected,
        f"rare_token{LEFT}": np.nansum(ratios * rows, -1) / np.nansum(rows * expected_left[:, None], -1),
        f"rare_token{LEFT}_by_sentence": np.where(np.isfinite(lifts_left), lifts_left, np.nan),
        f"rare_token_expected{LEFT}_by_sentence": expected_left,
    }


def strongest_key(reference: Reference) -> np.ma.MaskedArray:
    """Masked where the next key has as much to within rounding, so that another processor's sums may put it first."""
    found = np.ma.array(np.full((*reference.p.shape[:2], reference.shape[0]), -1))
    for layer, head, sentence in np.ndindex(found.shape):
        received = reference.p[layer, head, reference.members == sentence].sum(0)
        received[reference.looked_at.sinks] = 0
        if received.any():
            next_to_it, most = np.sort(received)[-2:]
            found[layer, head, sentence] = received.argmax() if next_to_it < most * (1 - NEARLY) else np.ma.masked
    return found


def fixed_offsets(reference: Reference) -> dict[str, np.ndarray]:
    offsets = [*range(1, 9), *(range(-1, -9, -1) if np.triu(reference.p, 1).any() else ())]
    found = {"fixed_offsets": np.array(offsets)}
    for name, weights in (("fixed_offset", reference.p), (f"fixed_offset{LEFT}", reference.without_sink())):
        means, by_sentence = [], []
        for offset in offsets:
            rows = np.full(reference.p.shape[:3], np.nan)
            there = [query for query in reference.inside if 0 <= query - offset < reference.tokens]
            rows[:, :, there] = weights[:, :, there, np.array(there) - offset]
            by_sentence.append(over_sentences(reference, rows))
            queries = [query for query in reference.inside if 0 <= query - offset < reference.tokens]
            means.append(np.nanmean(weights[:, :, queries, np.array(queries) - offset], axis=-1))
        found[name], found[f"{name}_by_sentence"] = np.stack(means, -1), np.stack(by_sentence, 2)
    return found


def examples(reference: Reference) -> dict[str, np.ndarray]:
    """The pairs themselves one head at a time; the previous and the next token of queries in sentences, copies and what follows them."""
    ids, place = reference.looking.ids, np.arange(reference.tokens)
    same = np.tril(ids[:, None] == ids, -1)
    after = np.zeros_like(same)
    after[:, 1:] = same[:, :-1]
    pairs = {"previous_token": place[:, None] - 1 == place, "next_token": place[:, None] + 1 == place, "duplicate_token": same, "induction": after}
    found = {}
    for name, chosen in pairs.items():
        weights = np.where(chosen & (reference.members >= 0)[:, None], reference.p, 0)
        best = np.array([np.unravel_index(head.argmax(), head.shape) if head.any() else (-1, -1) for head in weights.reshape(-1, *reference.p.shape[2:])])
        found[f"{name}_example"] = best.reshape(*reference.p.shape[:2], 2)
    return found
