"""The plain formulas of coreference and syntax over a whole attention array, one pair and one word at a time: the independent path."""

from __future__ import annotations

import itertools
import math

import numpy as np
from reference import Reference

from reportgen.mentions import MentionPairs
from reportgen.syntax import SyntaxWords

OFFSETS = [offset for offset in range(-10, 11) if offset]


def coreference(reference: Reference, pairs: MentionPairs) -> dict[str, np.ndarray]:
    """Every array of coreference. Each layer has a mask of its own."""
    layers, heads, sentences = *reference.p.shape[:2], reference.shape[0]
    layout, members = reference.looking, reference.members
    rows = {layer: _rows_of_layer(reference, pairs, layer) for layer in range(layers)}
    found = {name: np.full((layers, heads), np.nan) for name in ("coreference", "coreference_expected")}
    found |= {f"{name}_without_sink": values.copy() for name, values in found.items()}
    found |= {f"pronoun_{name}": np.full((layers, heads), np.nan) for name in ("coreference", "coreference_expected")}
    by_sentence = [f"{name}{suffix}_by_sentence" for name in ("coreference", "coreference_expected") for suffix in ("", "_without_sink")]
    found |= {name: np.full((layers, heads, sentences), np.nan) for name in by_sentence}
    found |= {"coreference_queries": np.zeros((layers, sentences)), "coreference_example": np.full((layers, heads, 2), -1)}
    found["coreference_without_sink_queries"] = np.zeros((layers, heads, sentences))
    for layer, head in np.ndindex(layers, heads):
        p, counted = reference.p[layer, head], rows[layer]
        left = {query: np.delete(p[query], layout.sinks).sum() for query in counted}
        of_sentence = [[query for query in counted if members[query] == sentence] for sentence in range(sentences)]
        found["coreference_without_sink_queries"][layer, head] = [sum(left[query] > 1e-37 for query in inside) for inside in of_sentence]
        for kind, name in enumerate(("coreference", "coreference_expected")):
            values = {query: sum(_value(p, query, pair, kind) for pair in of_query) for query, of_query in counted.items()}
            found[name][layer, head] = np.mean(list(values.values()))
            renormalised = {query: value / left[query] for query, value in values.items() if left[query] > 1e-37}
            found[f"{name}_without_sink"][layer, head] = np.mean(list(renormalised.values())) if renormalised else np.nan
            from_pronouns = [
                sum(_value(p, query, pair, kind) for pair in of_query if pair[2]) for query, of_query in counted.items() if any(pair[2] for pair in of_query)
            ]
            found[f"pronoun_{name}"][layer, head] = np.mean(from_pronouns) if from_pronouns else np.nan
            for sentence, suffix in itertools.product(range(sentences), ("", "_without_sink")):
                inside = [value for query, value in (renormalised if suffix else values).items() if members[query] == sentence]
                found[f"{name}{suffix}_by_sentence"][layer, head, sentence] = np.mean(inside) if inside else np.nan
        every = [(p[query, pair[0]], query, pair[0]) for query, of_query in counted.items() for pair in of_query]
        found["coreference_example"][layer, head] = max(every)[1:]
        found["coreference_queries"][layer] = [len(inside) for inside in of_sentence]
    return found


def mention_sums(reference: Reference, p: np.ndarray, pairs: MentionPairs) -> list[list[tuple[int, np.ndarray, np.ndarray]]]:
    """By layer, of every query that counts: its sentence, and of each head the weight on earlier mentions and on their controls, in the weights `p`."""
    found = []
    for layer in range(len(p)):
        rows = []
        for query, of_query in _rows_of_layer(reference, pairs, layer).items():
            values = [[sum(_value(head, query, pair, kind) for pair in of_query) for head in p[layer]] for kind in (0, 1)]
            rows.append((int(reference.members[query]), *np.array(values)))
        found.append(rows)
    return found


def _value(p: np.ndarray, query: int, pair: tuple[int, list[int], bool], kind: int) -> float:
    key, controls, _ = pair
    return float(p[query, key] if kind == 0 else np.mean(p[query, controls]))


def _rows_of_layer(reference: Reference, pairs: MentionPairs, layer: int) -> dict[int, list[tuple[int, list[int], bool]]]:
    """By query that counts: each key that counts, its controls, and whether a pronoun looks at a name."""
    sinks, visible, kinds = set(reference.looking.sinks.tolist()), reference.visible[layer], pairs.kind_of_token
    own: dict[int, set[int]] = {}
    for query, key in zip(pairs.queries.tolist(), pairs.keys.tolist(), strict=True):
        own.setdefault(query, set()).add(key)
    rows: dict[int, list[tuple[int, list[int], bool]]] = {}
    for query, key, begins, pronoun in zip(*(values.tolist() for values in (pairs.queries, pairs.keys, pairs.begins, pairs.pronoun_to_name)), strict=True):
        if not reference.looking.sentence_queries[query] or key in sinks or not visible[query, key]:
            continue
        away = query - key
        reach = max(2, math.floor(away / 10))
        controls = [
            c
            for c in range(begins)
            if away - reach <= query - c <= away + reach and visible[query, c] and kinds[c] == kinds[key] >= 0 and c not in sinks and c not in own[query]
        ]
        if controls:
            rows.setdefault(query, []).append((key, controls, pronoun))
    return rows


def syntax(reference: Reference, text: SyntaxWords) -> dict[str, np.ndarray]:
    """Every array of syntax but the example."""
    layers, heads = reference.p.shape[:2]
    words = [text.tokens[text.word_of_token == word] for word in range(len(text.head))]
    causal = not np.triu(reference.p, 1).any()
    found = {}
    for name, way in (("syntax", -1), ("syntax_reverse", 1)):
        counted = [
            word
            for word in range(len(words))
            if text.head[word] >= 0 and reference.looking.sentence_queries[words[word][0]] and (not causal or (text.head[word] - word) * way > 0)
        ]
        by_relation = [[word for word in counted if text.relation[word] == relation] for relation in range(len(text.relations))]
        accuracy = np.full((layers, heads, len(text.relations)), np.nan)
        for layer, head in np.ndindex(layers, heads):
            for relation, members in enumerate(by_relation):
                right = [_chosen(reference.p[layer, head], words, text.sentence, word, way) == text.head[word] for word in members]
                accuracy[layer, head, relation] = np.mean(right) if right else np.nan
        offsets = np.array([[np.mean([text.head[w] - w == o for w in members]) if members else np.nan for o in OFFSETS] for members in by_relation])
        found |= {f"{name}_accuracy": accuracy, f"{name}_offsets": offsets, f"{name}_baseline": offsets.max(1)}
        found[f"{name}_pairs"] = np.array([len(members) for members in by_relation])
    return found


def _chosen(p: np.ndarray, words: list[np.ndarray], sentence: np.ndarray, word: int, way: int) -> int:
    """The other word of the sentence that the word looks at most (reverse: that looks most at it)."""
    others = [other for other in range(len(words)) if sentence[other] == sentence[word] and other != word]
    pairs = [(word, other) if way < 0 else (other, word) for other in others]
    weights = [p[np.ix_(words[one], words[two])].sum(1).mean() for one, two in pairs]
    return others[int(np.argmax(weights))] if weights and max(weights) > 0 else -1
