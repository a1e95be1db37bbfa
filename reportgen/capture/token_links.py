"""The strongest links of each token over all layers and heads at once: a second look at the weights, where it can matter."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int

from reportgen.capture.block import Block
from reportgen.capture.lanes import lanes_on
from reportgen.capture.layout import Stack
from reportgen.capture.link_sums import add_weights, watch
from reportgen.capture.scores import LayerScores
from reportgen.capture.visibility import Visibility, unseen
from reportgen.measurements import TOKEN_LINK

LINKS = 8
ROWS, ROWS_ON_A_DEVICE = 96, 512
SEGMENT, LONG_SEGMENT = 8, 32  # keys that share one bound; of long texts
LONG = 16_384  # keys
FIRST = 32  # keys at the start that are watched
BEHIND, AHEAD = 96, 32  # keys near a query that are watched
SLACK = 1.0001  # for rounding in the bounds


class LinkBounds:
    """A reducer: for each query the summed head means, over layers, of the keys watched: near ones and the first; and of all others an upper bound for each segment.

    The bound is the sum over layers of the greatest head mean in the segment. Memory: queries x keys / 8 (of long texts / 32), and queries x 160.
    """

    def __init__(self, stack: Stack) -> None:
        self.layers, self.keys = stack.layers, stack.keys.tokens
        self.segment = segment_of(self.keys)
        self.bounds = torch.zeros(stack.queries.tokens, -(-self.keys // self.segment))  # query segment
        self.watched = torch.zeros(stack.queries.tokens, FIRST + BEHIND + AHEAD)  # query watched
        self.watched_of: dict[tuple[int, int], torch.Tensor] = {}  # on a device, by the borders of some rows

    def add(self, block: Block) -> None:
        mean = block.head_mean
        if mean.device.type == "cpu":
            watch(mean.numpy(), block.keys.start, block.rows.start, BEHIND, AHEAD, FIRST, self.segment, self.watched.numpy(), self.bounds.numpy())
            return
        self.bounds, self.watched = self.bounds.to(mean.device), self.watched.to(mean.device)
        self._watch_there(mean, block.rows, block.keys)

    def _watch_there(self, mean: Float[torch.Tensor, "row key"], rows: slice, keys: slice) -> None:
        """What `watch` does, by array operations."""
        chosen = self._watched_there(rows, mean.device)
        inside = (chosen >= keys.start) & (chosen < keys.stop)
        self.watched[rows] += mean.gather(1, torch.where(inside, chosen - keys.start, 0)) * inside
        row, key = (torch.arange(span.start, span.stop, device=mean.device) for span in (rows, keys))
        near = (key > row[:, None] - BEHIND) & (key <= row[:, None] + AHEAD)
        before = keys.start % self.segment
        after = -(before + mean.shape[1]) % self.segment
        others = torch.nn.functional.pad(mean.masked_fill(near | (key < FIRST), 0.0), (before, after)).unflatten(1, (-1, self.segment))
        first = keys.start // self.segment
        self.bounds[rows, first : first + others.shape[1]] += others.amax(2)

    def _watched_there(self, rows: slice, device: torch.device) -> Int[torch.Tensor, "row watched"]:
        """The keys watched for these rows, which are the same in every layer."""
        if (rows.start, rows.stop) not in self.watched_of:
            self.watched_of[rows.start, rows.stop] = torch.from_numpy(watched_keys(np.arange(rows.start, rows.stop), self.keys)).to(device)
        return self.watched_of[rows.start, rows.stop]

    def arrays(self) -> dict[str, np.ndarray]:
        return {}

    def may_reach(self, rows: slice, needed: Float[np.ndarray, " row"]) -> Int[np.ndarray, " key"]:
        """The keys in segments that may hold, for some row, a key not watched whose mean weight is at least what is needed there, and more than nothing."""
        bounds = self.bounds[rows].cpu().numpy() * (SLACK / self.layers)
        segments = np.flatnonzero(((bounds >= needed[:, None]) & (bounds > 0)).any(0))
        keys = (segments[:, None] * self.segment + np.arange(self.segment)).ravel()
        return keys[keys < self.keys]


def segment_of(keys: int) -> int:
    """How many keys share one bound: with few, fewer keys are looked at twice, with many, the bounds of a long text take less memory."""
    return SEGMENT if keys <= LONG else LONG_SEGMENT


def watched_keys(rows: Int[np.ndarray, " row"], keys: int) -> Int[np.ndarray, "row watched"]:
    """The keys whose sums are kept for each row: the first, and those near it that are not among these; -1 where there is none."""
    near = rows[:, None] + np.arange(1 - BEHIND, 1 + AHEAD)
    first = np.broadcast_to(np.arange(FIRST), (len(rows), FIRST))
    found = np.concatenate([first, np.where(near >= FIRST, near, -1)], axis=1)
    return np.where(found < keys, found, -1)


class MeanWeights:
    """A reducer: the mean weight over layers and heads of every pair, for models that are read one layer at a time. Memory: queries x keys, once."""

    def __init__(self, stack: Stack) -> None:
        self.layers, self.total = stack.layers, torch.zeros(stack.queries.tokens, stack.keys.tokens)

    def add(self, block: Block) -> None:
        self.total[block.rows, block.keys] += block.head_mean.cpu()

    def arrays(self) -> dict[str, np.ndarray]:
        """`token_links` of the whole means."""
        links, whole = no_links(len(self.total)), slice(0, len(self.total))
        weights, keys = (self.total / self.layers).topk(min(LINKS, self.total.shape[1]))
        _keep(links, whole, weights.numpy(), keys.numpy())
        return {"token_links": links}


def no_links(tokens: int) -> np.ndarray:
    """Links of no query: key -1, weight 0."""
    links = np.zeros((tokens, LINKS), TOKEN_LINK)
    links["key"] = -1
    return links


def _keep(links: np.ndarray, rows: slice, weights: Float[np.ndarray, "row rank"], keys: Int[np.ndarray, "row rank"]) -> None:
    links["key"][rows, : keys.shape[1]] = np.where(weights > 0, keys, -1)
    links["weight"][rows, : keys.shape[1]] = np.maximum(weights, 0.0)


def token_links(stack: Stack, layers: Sequence[LayerScores], bounds: LinkBounds, progress: Callable[[float], None]) -> np.ndarray:
    """`token_links`: for each query token the 8 keys with the largest mean over layers and heads of p, strongest first.

    A query that sees fewer keys has key -1 and weight 0 in what remains. The mean is over all layers, so no single layer's pass can give it for every key.
    Exact: the keys that were watched give each query a threshold; weights are computed a second time, from the kept queries and keys, of all other keys
    whose segment's bound reaches it for some query of a few rows, and dropped.
    """
    tokens, device = stack.queries.tokens, layers[0].keys.device
    links, step = no_links(tokens), rows_of_a_look(device.type)

    def strongest(_: int, start: int) -> tuple[slice, np.ndarray, np.ndarray]:
        rows = slice(start, min(start + step, tokens))
        return rows, *_strongest(layers, rows, bounds)

    def keep(found: tuple[slice, np.ndarray, np.ndarray]) -> None:
        _keep(links, *found)
        progress(found[0].stop / tokens)

    lanes_on(device).work(range(0, tokens, step), strongest, keep)
    return links


def rows_of_a_look(device: str) -> int:
    """How many rows are looked at a second time together: few look at fewer keys, many take fewer steps."""
    return ROWS if device == "cpu" else ROWS_ON_A_DEVICE


def _strongest(layers: Sequence[LayerScores], rows: slice, bounds: LinkBounds) -> tuple[Float[np.ndarray, "row rank"], Int[np.ndarray, "row rank"]]:
    """Weights and keys of the strongest links of some rows."""
    watched = watched_keys(np.arange(rows.start, rows.stop), bounds.keys)
    known = np.where(watched >= 0, bounds.watched[rows].cpu().numpy() / len(layers), -1.0).astype(np.float32)
    least = np.partition(known, -LINKS, axis=1)[:, -LINKS]
    keys = bounds.may_reach(rows, least)
    more = _mean_weights(layers, rows, keys).numpy()
    row, place = np.nonzero(watched >= 0)
    at = np.searchsorted(keys, watched[row, place])
    twice = (at < len(keys)) & (np.append(keys, -1)[at] == watched[row, place])
    more[row[twice], at[twice]] = -1.0
    weights, order = torch.from_numpy(np.concatenate([known, more], axis=1)).topk(LINKS)
    everywhere = np.concatenate([watched, np.broadcast_to(keys, more.shape)], axis=1)
    return weights.numpy(), np.take_along_axis(everywhere, order.numpy(), axis=1)


def _mean_weights(layers: Sequence[LayerScores], rows: slice, keys: Int[np.ndarray, " key"]) -> Float[torch.Tensor, "row key"]:
    """Mean over layers and heads of the weights of some rows on some keys, from scores and each row's known normaliser."""
    device, on_a_device = layers[0].keys.device, layers[0].keys.device.type != "cpu"
    chosen = torch.from_numpy(keys).to(device)
    seen = {mask: _seen(mask, rows, keys) for mask in {layer.visibility for layer in layers}}
    place = torch.arange(len(keys), device=device)
    hidden = {mask: unseen(*(torch.from_numpy(of_rows).to(device) for of_rows in borders), place) for mask, borders in seen.items()} if on_a_device else {}
    total = torch.zeros(rows.stop - rows.start, len(keys), device=device)
    scores = torch.empty(len(layers[0].log_normalisers), *total.shape, device=device)
    for layer in layers:
        layer.between(rows, chosen, out=scores)
        if on_a_device:
            scores.sub_(layer.log_normalisers[:, rows, None]).masked_fill_(hidden[layer.visibility], -torch.inf)
            total += scores.exp_().sum(0)
        else:
            add_weights(scores.numpy(), layer.log_normalisers[:, rows].numpy(), *seen[layer.visibility], total.numpy())
    return (total / (len(layers) * len(scores))).cpu()


def _seen(visibility: Visibility, rows: slice, keys: Int[np.ndarray, " key"]) -> tuple[np.ndarray, np.ndarray]:
    """Where among the keys, which are in order, those start and stop that each row sees."""
    return np.searchsorted(keys, visibility.first[rows]), np.searchsorted(keys, visibility.last[rows])
