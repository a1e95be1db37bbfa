"""Made-up attention between sentences for roles: by distance alone, or by something more."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from distance_driven import distance_driven
from made_up import Sizes, made_up

from reportgen.measurements import Measurements

LAYERS, HEADS, SENTENCES = 2, 5, 61
THEMES = (
    "harbour boats sailed fishermen anchor",
    "mountain glacier summit climbers ridge",
    "violin concert orchestra melody strings",
    "furnace copper smelter ingots slag",
    "orchard apples ladder baskets cider",
    "theatre curtain actors rehearsal stage",
    "telescope comet orbit planets nebula",
    "hospital surgeon nurses fever bandage",
    "railway engine carriage tunnel signal",
    "parchment scribe monastery vellum quill",
    "election ballot candidate parliament votes",
    "desert camels oasis caravan dunes",
    "kitchen oven pastry butter flour",
)


def by_distance(seed: int = 0, sentences: int = SENTENCES, noise: float = 0.3) -> np.ndarray:
    """layer x head x query x key: nothing but distance, length and chance."""
    return distance_driven(sentences, seed=seed, views=LAYERS * HEADS, noise=noise).reshape(LAYERS, HEADS, sentences, sentences)


def renewed(shares: np.ndarray, head: tuple[int, int], factor: np.ndarray) -> np.ndarray:
    """The same with one head's shares times a factor for each pair, rows summing to what they did."""
    found = shares.copy()
    row = found[head].sum(-1, keepdims=True)
    found[head] *= factor
    found[head] *= row / found[head].sum(-1, keepdims=True)
    return found


def themes_of(sentences: int = SENTENCES, seed: int = 0) -> np.ndarray:
    """Which theme each sentence has, at random, so that it says nothing of distance."""
    return np.random.default_rng(seed).integers(len(THEMES), size=sentences)


def texts_of(themes: Sequence[int]) -> list[str]:
    """Sentences with three words of their theme each."""
    random = np.random.default_rng(1)
    return [
        " ".join(random.choice(THEMES[theme].split(), 3, replace=False)).capitalize() + f" number{'abcdefghij'[index % 10] * 3}."
        for index, theme in enumerate(themes)
    ]


def measured(shares: np.ndarray, texts: Sequence[str] | None = None, blocks: np.ndarray | None = None, kinds: Sequence[str] = ("paragraph",)) -> Measurements:
    """A decoder with these shares that read these texts, in one paragraph unless said otherwise."""
    layers, heads, sentences, _ = shares.shape
    whole = made_up(sizes=Sizes(layers=layers, heads=heads, sentences=sentences, tokens=3 * sentences + 2), replaced={"decoder.sentence_attention": shares})
    arrays = dict(whole.arrays) | {"sentence_blocks": np.zeros(sentences, np.int32) if blocks is None else blocks.astype(np.int32)}
    text = whole.text if texts is None else " ".join(texts)
    if texts is not None:
        ends = np.cumsum([len(one) + 1 for one in texts]) - 1
        spans = np.stack([ends - [len(one) for one in texts], ends], 1).astype(np.int32)
        members = arrays["token_sentences"]
        arrays |= {"sentence_spans": spans, "token_spans": np.where(members[:, None] >= 0, spans[members], spans[0]).astype(np.int32)}
    return Measurements(arrays=arrays, metadata=dict(whole.metadata) | {"block_kinds": list(kinds)}, text=text)
