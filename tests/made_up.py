"""Made-up measurements: small, causal, rows that sum to 1, every axis of another prime size, the same for the same seed.

The numbers are the contract's formulas over a made-up attention array p that is small enough to be held whole.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from made_up_scores import score_arrays

from reportgen.contract import spec_of
from reportgen.measurements import TOKEN_LINK, Measurements

LAYERS, SENTENCES, HEADS, TOKENS = 3, 5, 7, 23
TOKENS_OF_SENTENCE = (3, 5, 4, 7, 3)  # 22; the 23rd token is the break after the second sentence and belongs to none
WORDS = (
    *("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath", "islet", "joker", "kayak", "larch"),
    *("maple", "night", "ocean", "plume", "quill", "river", "stone", "trail", "umber", "vigil", "wharf"),
)
BREAK = "\n\n"
LINKS = 8
KINDS = 17  # of tokens: the last of a text are copies of its first
RELATIONS = ("amod", "det", "dobj", "nsubj", "pobj", "poss", "prep", "aux", "conj", "mark", "cc")
WORD_OFFSETS = (-2, -1, 1, 2)
NOT_IN_OLDER_FILES = tuple(f"decoder.coreference_{name}" for name in ("without_sink_by_sentence", "expected_without_sink_by_sentence", "without_sink_queries"))


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is made up. Other numbers of sentences share the tokens out as evenly as they can."""

    layers: int = LAYERS
    heads: int = HEADS
    sentences: int = SENTENCES
    tokens: int = TOKENS

    @property
    def tokens_of_sentence(self) -> tuple[int, ...]:
        if (self.sentences, self.tokens) == (SENTENCES, TOKENS):
            return TOKENS_OF_SENTENCE
        inside = self.tokens - (1 if self.sentences > 2 else 0)
        return tuple(len(part) for part in np.array_split(np.arange(inside), self.sentences))


def made_up(
    *,
    seed: int = 0,
    sizes: Sizes | None = None,
    leave_out: Collection[str] = (),
    replaced: Mapping[str, np.ndarray] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Measurements:
    """Measurements of a document that nobody wrote by a model that does not exist.

    `leave_out` names keys, or beginnings of keys (`attribution.`, `decoder.probe_`); `replaced` gives arrays and `metadata` entries of one's own.
    """
    sizes = sizes or Sizes()
    text, arrays = _text(sizes)
    p = attention(sizes, seed)
    within = {**pair_arrays(p, arrays["token_sentences"]), **_head_arrays(p, arrays, seed), **_coreference(p, arrays, seed), **_syntax(sizes, seed)}
    arrays |= {f"decoder.{name}": values for name, values in within.items()}
    arrays |= _attribution_arrays(p, arrays["token_sentences"], seed) | _pruning_arrays(sizes, seed)
    arrays |= _faithfulness_arrays(sizes, seed)
    arrays = {key: _as_stored(key, values) for key, values in (arrays | dict(replaced or {})).items()}
    kept = {key: values for key, values in arrays.items() if not key.startswith(tuple(leave_out))}
    return Measurements(arrays=kept, metadata=_metadata(sizes, kept) | dict(metadata or {}), text=text)


def attention(sizes: Sizes, seed: int = 0) -> np.ndarray:
    """p, layer x head x query x key, float64: softmax of random scores, the later layers the sharper ones; the first token draws the even heads."""
    scores = np.random.default_rng(seed).normal(size=(sizes.layers, sizes.heads, sizes.tokens, sizes.tokens))
    scores *= 1.0 + np.arange(sizes.layers)[:, None, None, None]
    scores[:, ::2, :, 0] += 3.0
    weights = np.exp(scores) * np.tri(sizes.tokens)
    return weights / weights.sum(-1, keepdims=True)


def _text(sizes: Sizes) -> tuple[str, dict[str, np.ndarray]]:
    text, spans, members, sentence_spans = "", [], [], []
    for sentence, count in enumerate(sizes.tokens_of_sentence):
        if sentence == 2:
            spans.append((len(text), len(text) + len(BREAK)))
            members.append(-1)
            text += BREAK
        elif sentence:
            text += " "
        words = [WORDS[(len(spans) + index) % len(WORDS)] for index in range(count)]
        words = [words[0].capitalize(), *words[1:]]
        words[-1] += "."
        begin = len(text)
        for index, word in enumerate(words):
            text += " " if index else ""
            spans.append((len(text), len(text) + len(word)))
            members.append(sentence)
            text += word
        sentence_spans.append((begin, len(text)))
    arrays = {
        "sentence_spans": np.array(sentence_spans),
        "sentence_blocks": np.array([min(sentence, 1) + (sentence > 1) for sentence in range(sizes.sentences)]),
        "token_ids": np.arange(len(spans)) % KINDS * 31 % 97,
        "token_spans": np.array(spans),
        "token_sentences": np.array(members),
    }
    return text, arrays


def _in_sentence(members: np.ndarray) -> np.ndarray:
    return (members[:, None] == np.arange(members.max() + 1)).astype(float)


def _pooled(matrices: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Mean over the queries of a sentence, sum over the keys of a sentence."""
    inside = _in_sentence(members)
    return inside.T @ matrices @ inside / inside.sum(0)[:, None]


def _without_first(p: np.ndarray) -> np.ndarray:
    """p without its first key, renormalised; NaN where nothing is left."""
    kept = p.copy()
    kept[..., 0] = 0
    left = kept.sum(-1, keepdims=True)
    return np.divide(kept, left, out=np.full_like(kept, np.nan), where=left > 0)


def pair_arrays(p: np.ndarray, members: np.ndarray) -> dict[str, np.ndarray]:
    """Everything about pairs of sentences."""
    tokens, sentences = len(members), members.max() + 1
    shares = _pooled(p, members)
    isa = np.array([[p[:, :, members == i][..., members == j].max((1, 2, 3)) for j in range(sentences)] for i in range(sentences)]).transpose(2, 0, 1)
    even = np.tri(tokens) / np.arange(1, tokens + 1)[:, None]
    bare = np.where(np.isnan(_without_first(p)), np.eye(tokens), _without_first(p))
    found = {"sentence_attention": shares, "outside_attention": 1 - shares.sum(-1), "isa": isa.max(0), "isa_by_layer": isa}
    for name, weights in (("rollout", p), ("rollout_without_sink", bare)):
        layers = np.stack([_pooled(joint, members) for joint in rollouts(weights)])
        found |= {name: layers[-1], f"{name}_by_layer": layers}
    links = np.zeros((tokens, LINKS), TOKEN_LINK)
    mean = p.mean((0, 1))
    order = np.argsort(-mean, axis=1, kind="stable")[:, :LINKS]
    links["weight"][:, : order.shape[1]] = np.take_along_axis(mean, order, 1)
    links["key"] = -1
    links["key"][:, : order.shape[1]] = np.where(np.take_along_axis(mean, order, 1) > 0, order, -1)
    return found | {"sentence_expected": _pooled(even, members), "coverage": np.ones((sentences, sentences)), "token_links": links}


def rollouts(p: np.ndarray) -> list[np.ndarray]:
    """The rollout over tokens after each layer."""
    joint, found = np.eye(p.shape[-1]), []
    for layer in p.mean(1):
        joint = (0.5 * layer + 0.5 * np.eye(p.shape[-1])) @ joint
        found.append(joint)
    return found


def _head_arrays(p: np.ndarray, arrays: Mapping[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    members, tokens = arrays["token_sentences"], p.shape[-1]
    delimiter = np.arange(tokens) % 3 == 0
    found = score_arrays(p, _without_first(p), arrays["token_ids"], members, delimiter)
    random = np.random.default_rng(seed + 1)
    drawn = [f"probe_{name}{suffix}" for name in ("induction", "previous_token", "duplicate_token") for suffix in ("", "_without_sink")]
    found |= {name: random.random(p.shape[:2]) for name in drawn}
    found["decay_edges"] = np.concatenate([[0], 2 ** np.arange(int(np.log2(tokens)) + 2)])
    shape = (*p.shape[:2], len(found["decay_edges"]) - 1)
    found |= {"decay": random.random(shape), "decay_without_sink": random.random(shape)}
    flat = p.reshape(*p.shape[:2], -1)
    flat = flat / np.linalg.norm(flat, axis=-1, keepdims=True)
    similarity = flat @ flat.transpose(0, 2, 1)
    seen = np.tri(tokens).sum(0)
    found |= {"head_similarity": similarity, "head_similarity_without_sink": similarity}
    inside = np.flatnonzero(members >= 0)
    compared = np.unique(inside[np.array([1, 3, 5]) * len(inside) // 6])
    found |= {"head_divergence": divergences(p, members, compared), "head_divergence_without_sink": divergences(_without_first(p), members, compared)}
    found |= {"head_divergence_queries": compared, "importance": random.gamma(0.5, size=p.shape[:2])}
    found["importance_abs"] = found["importance"] + random.gamma(2.0, size=p.shape[:2])
    return found | {"token_influence": p.mean(1).sum(1) / seen, "token_influence_total": p.mean(1).sum(1)}


def _coreference(p: np.ndarray, arrays: Mapping[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    """Every third token of the later half is a mention of an entity, and so is one of the tokens before it; controls are the two beside that."""
    members, sentences = arrays["token_sentences"], arrays["token_sentences"].max() + 1
    queries = np.arange(len(members) // 2, len(members), 3)
    queries = queries[(members[queries] >= 0) & (queries > 3)]
    if not len(queries):
        return {}
    keys = np.random.default_rng(seed + 3).integers(2, queries - 1)
    found, around = p[:, :, queries, keys], (p[:, :, queries, keys - 1] + p[:, :, queries, keys + 1]) / 2
    left = np.maximum(1 - p[:, :, queries, 0], 0.01)
    inside = _in_sentence(members)[queries]
    with np.errstate(invalid="ignore"):
        by_sentence = {
            f"{name}{suffix}_by_sentence": values @ inside / inside.sum(0)
            for suffix, share_of in (("", 1), ("_without_sink", left))
            for name, values in (("coreference", found / share_of), ("coreference_expected", around / share_of))
        }
    best = found.argmax(-1)
    return {
        "coreference": found.mean(-1),
        "coreference_expected": around.mean(-1),
        "coreference_without_sink": (found / left).mean(-1),
        "coreference_expected_without_sink": (around / left).mean(-1),
        "pronoun_coreference": found[..., ::2].mean(-1),
        "pronoun_coreference_expected": around[..., ::2].mean(-1),
        **by_sentence,
        "coreference_queries": np.broadcast_to(inside.sum(0), (len(p), sentences)),
        "coreference_without_sink_queries": np.broadcast_to(inside.sum(0), (*p.shape[:2], sentences)),
        "coreference_example": np.stack([queries[best], keys[best]], -1),
    }


def _syntax(sizes: Sizes, seed: int) -> dict[str, np.ndarray]:
    random, shape = np.random.default_rng(seed + 4), (sizes.layers, sizes.heads, len(RELATIONS))
    found: dict[str, np.ndarray] = {}
    for name in ("syntax", "syntax_reverse"):
        offsets = random.dirichlet(np.ones(len(WORD_OFFSETS) + 1), len(RELATIONS))[:, :-1]
        found |= {f"{name}_accuracy": random.random(shape) ** 3, f"{name}_offsets": offsets, f"{name}_baseline": offsets.max(1)}
        found[f"{name}_pairs"] = random.integers(10, 60, len(RELATIONS))
    words = random.integers(1, sizes.tokens, shape)
    return found | {"syntax_example": np.stack([words, words - 1], -1)}


def divergences(p: np.ndarray, members: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Jensen-Shannon divergence of every two heads of layer x head x query x key, other sentences as wholes, mean over queries; a row of NaN is left out."""
    heads = p.reshape(-1, *p.shape[2:])
    total, count = np.zeros((2, len(heads), len(heads)))
    for query in queries.tolist():
        rows = heads[:, query] @ _cells_of(members, int(members[query]))
        known = ~np.isnan(rows).any(-1)
        both, rows = known[:, None] & known, np.nan_to_num(rows)
        apart = _entropy((rows[:, None] + rows) / 2) - (_entropy(rows)[:, None] + _entropy(rows)) / 2
        total += np.where(both, apart.clip(0), 0)
        count += both
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0) * ~np.eye(len(heads), dtype=bool)


def _cells_of(members: np.ndarray, own: int) -> np.ndarray:
    """key x cell: the first token, tokens of the own sentence and of none alone, any other sentence as a whole."""
    alone = (members == own) | (members < 0) | (np.arange(len(members)) == 0)
    names = np.where(alone, -1 - np.arange(len(members)), members)
    return (names[:, None] == np.unique(names)).astype(float)


def _entropy(p: np.ndarray) -> np.ndarray:
    return -(p * np.log(np.where(p > 0, p, 1))).sum(-1)


def _mean_scores(p: np.ndarray, members: np.ndarray) -> dict[str, np.ndarray]:
    """Means over the queries in sentences; rows without a value are left out."""
    tokens, inside = len(members), members >= 0
    gap = np.abs(np.subtract.outer(np.arange(tokens), np.arange(tokens)))
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -(p * np.log(np.where(p > 0, p, 1))).sum(-1)
        relative = entropy / np.log(np.arange(1, tokens + 1))
        between = np.where((members >= 0)[None], p, 0)
        between = between / between.sum(-1, keepdims=True)
    jumps = np.abs(np.subtract.outer(members, members)) * np.logical_and.outer(inside, inside)
    later = inside & (np.arange(tokens) >= 1)
    before = np.pad(np.diagonal(p, -1, 2, 3), ((0, 0), (0, 0), (1, 0)))

    def mean(values: np.ndarray, queries: np.ndarray = inside) -> np.ndarray:
        return np.nanmean(values[..., queries], axis=-1)

    return {
        "entropy": mean(entropy),
        "relative_entropy": mean(relative, later),
        "distance": mean((p * gap).sum(-1)),
        "locality": mean((p * (gap <= 3)).sum(-1)),
        "previous_token": mean(before, later),
        "within_sentence": mean((p * np.equal.outer(members, members)).sum(-1)),
        "sentence_distance": mean((between * jumps).sum(-1)),
        "first_token": mean(p[..., 0], later),
        "delimiter": mean(p[..., ::3].sum(-1)),
        "confidence": mean(p.max(-1)),
    }


def _attribution_arrays(p: np.ndarray, members: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """The target is the last sentence; its rows are the tokens before each of its tokens."""
    sentences = members.max() + 1
    rows = np.maximum(np.flatnonzero(members == sentences - 1) - 1, 0)
    random = np.random.default_rng(seed + 2)
    of_target = p[:, :, rows].mean(2)  # layer head key
    found = {
        "attribution.gradient": random.gamma(2.0, size=sentences),
        "attribution.input_x_gradient": random.normal(size=sentences),
        "attribution.attention": of_target.mean((0, 1)) @ _in_sentence(members),
        "attribution.attention_by_head": of_target @ _in_sentence(members),
        "attribution.rollout": rollouts(p)[-1][rows].mean(0) @ _in_sentence(members),
        **_links(random, sentences),
    }
    return found | _by_token(found, of_target, members, seed)


def _by_token(found: Mapping[str, np.ndarray], of_target: np.ndarray, members: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Two more methods, and each method's values shared out to the tokens of its sentence; tokens of none have their own."""
    random = np.random.default_rng(seed + 5)
    more = {f"attribution.{name}": random.gamma(2.0, size=members.max() + 1) for name in ("gradient_norm", "value_norm")}
    shares, inside = random.gamma(1.0, size=len(members)), members >= 0
    shares[inside] /= np.bincount(members[inside], weights=shares[inside])[members[inside]]
    methods = {name: found[name] for name in ("attribution.gradient", "attribution.input_x_gradient")} | more
    by_token = {name.replace(".", ".token_"): shares * np.where(inside, values[members], 1) for name, values in methods.items()}
    return more | by_token | {"attribution.token_attention": of_target.mean((0, 1))}


def _pruning_arrays(sizes: Sizes, seed: int) -> dict[str, np.ndarray]:
    """The target grows with the square of the heads masked, faster in random order."""
    total, random = sizes.layers * sizes.heads, np.random.default_rng(seed + 3)
    heads = np.unique((np.array([0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1]) * total).round())
    share = heads / total
    places = np.array([(0, *place) for place in np.ndindex(sizes.layers, sizes.heads)])
    drawn = 9 + 21 * share**2 + 6 * (1 - share) * share * (1 + random.random((2, 1)))
    return {"pruning.order": random.permutation(places), "pruning.heads": heads, "pruning.loss": 9 + 21 * share**2, "pruning.random_loss": drawn}


def _faithfulness_arrays(sizes: Sizes, seed: int) -> dict[str, np.ndarray]:
    """Two methods and two random orders: the target, of the last sentence's tokens, is the worse the more sentences are gone, whichever they are.

    Nothing where fewer than two sentences could be taken out.
    """
    if sizes.sentences < 3:
        return {}
    sentences, parts, random = sizes.sentences - 1, sizes.tokens_of_sentence[-1], np.random.default_rng(seed + 5)
    counts = np.unique([0, *(-(-sentences * percent // 100) for percent in (1, 5, 10, 20, 50)), sentences])
    base, share = random.gamma(2.0, size=parts), counts / max(sentences, 1)
    noise = random.gamma(0.5, size=(2, 4, len(counts), parts)) * (share * (1 - share))[:, None]
    found = {"faithfulness.counts": counts, "faithfulness.orders": np.stack([random.permutation(sentences) for _ in range(2)])}
    for name, gone, extra in (("deletion", share, noise[0]), ("insertion", 1 - share, noise[1])):
        values = base + gone[:, None] * 0.5 + extra
        found |= {f"faithfulness.{name}": values[:2], f"faithfulness.random_{name}": values[2:]}
    return found


def _links(random: np.random.Generator, sentences: int) -> dict[str, np.ndarray]:
    """Of the links to earlier sentences, every other one was hidden, and of the rest every other one that does not lead to the first sentence was drawn by chance."""
    possible = np.argwhere(np.tri(sentences, k=-1))
    links, rest = possible[::2], possible[1::2]
    effects = np.concatenate([links, random.gamma(1.0, 0.1, (len(links), 1))], axis=1)
    found = {"attribution.link_effect": effects, "attribution.link_drop": random.normal(0, 0.1, len(links))}
    drawn = rest[rest[:, 1] > 0][::2]
    sample = np.concatenate([drawn, random.gamma(1.0, 0.1, (len(drawn), 1))], axis=1)
    return found | ({"attribution.link_sample": sample, "attribution.link_sample_drop": random.normal(0, 0.1, len(drawn))} if len(drawn) else {})


def _as_stored(key: str, values: np.ndarray) -> np.ndarray:
    """The array in a number type that the contract names: its own where it can, else float32 where it can, else the only one."""
    values = np.asarray(values)
    kinds = spec_of(key).kinds
    return values if values.dtype.fields or values.dtype.name in kinds else values.astype("float32" if "float32" in kinds else kinds[0])


def _metadata(sizes: Sizes, arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    last, tokens = sizes.sentences - 1, int((arrays["token_sentences"] == sizes.sentences - 1).sum())
    target = {"sentence": last, "tokens": tokens, "description": f"negative log-likelihood of sentence {last + 1} ({tokens} tokens), given all before it"}
    return {
        "format": 1,
        "title": "Trees and water",
        "source": "trees-and-water.txt",
        "sha256": "0" * 64,
        "language": "en",
        "block_kinds": ["heading", "paragraph", "paragraph"],
        "model": "made-up-1",
        "revision": "weights sha256 " + "1" * 64,
        "family": "made-up",
        "layers": sizes.layers,
        "heads": sizes.heads,
        "dtype": "float32",
        "device": "cpu",
        "attention_way": "streaming",
        "libraries": {"numpy": "2.0", "torch": "2.0"},
        "options": {"attribution": "fast", "probes": {"seed": 0, "rows": 4, "period": 100}, "sentences": "Punkt", "sentence_attention_dtype": "float32"},
        "windows": [],
        "notices": [],
        "mentions": {"decoder": {"names": 5, "pronouns": 2, "entities": 3, "later": 4, "without_antecedent": 1}},
        "syntax": {
            "pipeline": "made_up_sm",
            "version": "1.0",
            "spacy": "3.8",
            "relations": list(RELATIONS),
            "offsets": list(WORD_OFFSETS),
            "left_out": ["dep"],
        },
        "faithfulness": {"methods": ["attention", "gradient"], "sentences": sizes.sentences - 1, "draws": 2, "seed": 0, "passes": 20, "tokens_run": 300},
        "pruning": {"tokens": sizes.tokens, "of": sizes.tokens, "seeds": [0, 1], "passes": 20},
    } | ({"target": target} if any(key.startswith("attribution.") for key in arrays) else {})
