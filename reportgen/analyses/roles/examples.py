"""Where in the document a role shows: a sentence that looks, what it looks at, and the tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from reportgen.analyses.roles.lexical import COMMON, WORD, similarity
from reportgen.analyses.roles.text_scores import RoleEvidence
from reportgen.measurements import Measurements

Attention = Float[np.ndarray, "layer head sentence sentence"]
HEADS_SHOWN = 2
BY_TOKENS = {
    "previous-token": "previous_token_example",
    "next-token": "next_token_example",
    "induction": "induction_example",
    "duplicate-token": "duplicate_token_example",
    "coreference": "coreference_example",
}
BY_STRONGEST_KEY = {
    "delimiter": "delimiter_without_sink",
    "rare-token": "rare_token_without_sink",
    "local": "locality_without_sink",
    "within-sentence": "within_sentence_without_sink",
    "broad": "relative_entropy_without_sink",
}
BY_SENTENCES = ("thematic", "bridge", "receiver")


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Running text; `marked` where it is what the head looks from or at."""

    text: str
    marked: bool


@dataclass(frozen=True, kw_only=True)
class Example:
    """One head at work: what sentence `query` looks at in sentence `key`, both counted from 0; `share` of the sentence's attention where known."""

    role: str
    head: str
    query: int
    key: int
    query_text: tuple[Piece, ...]
    key_text: tuple[Piece, ...]
    share: float | None


def examples_of(
    measurements: Measurements, attention: Attention | None, known: Iterable[RoleEvidence], receivers: Mapping[str, int], relations: Mapping[str, str]
) -> tuple[Example, ...]:
    """Up to two examples of each role that some head carries, of its heads of greatest score; none where the arrays to find one are not there."""
    sources = _Sources(measurements=measurements, attention=attention, receivers=receivers, relations=relations)
    return tuple(example for evidence in known for example in _of_role(sources, evidence))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Sources:
    """The measurements, and attention between sentences by head, read once, where it is stored; the sentence of each receiver head, the relation of each syntactic one."""

    measurements: Measurements
    attention: Attention | None
    receivers: Mapping[str, int]
    relations: Mapping[str, str]


def _of_role(sources: _Sources, evidence: RoleEvidence) -> Iterator[Example]:
    for layer, head in _top_heads(sources, evidence)[:HEADS_SHOWN]:
        found = _example(sources, evidence.role.name, layer, head)
        if found:
            yield found


def _top_heads(sources: _Sources, evidence: RoleEvidence) -> list[tuple[int, int]]:
    """The heads that carry the role, greatest score first: the probe's where there is one."""
    carried, probe = evidence.carried | evidence.carried_without_sink, f"*.{evidence.role.probe}"
    score = sources.measurements[probe] if evidence.role.probe and probe in sources.measurements else evidence.without_sink.values
    found = np.argwhere(carried)
    order = np.argsort(-np.nan_to_num(score[carried], nan=-np.inf), kind="stable")
    return [(int(layer), int(head)) for layer, head in found[order]]


def _example(sources: _Sources, role: str, layer: int, head: int) -> Example | None:
    array = f"*.{BY_TOKENS.get(role)}"
    if array in sources.measurements:
        return _of_tokens(sources, role, layer, head, *sources.measurements[array][layer, head].tolist())
    if role == "syntactic" and f"{layer}.{head}" in sources.relations and "*.syntax_example" in sources.measurements:
        relation = sources.measurements.metadata["syntax"]["relations"].index(sources.relations[f"{layer}.{head}"])
        return _of_tokens(sources, role, layer, head, *sources.measurements["*.syntax_example"][layer, head, relation].tolist())
    if role in BY_SENTENCES and sources.attention is not None:
        return _of_sentences(sources, role, layer, head)
    if role in BY_STRONGEST_KEY and "*.strongest_key" in sources.measurements:
        return _of_strongest_key(sources, role, layer, head)
    if role.startswith("offset "):
        return _of_offset(sources, role, layer, head)
    return _of_first_token(sources, role, layer, head) if role == "sink" else None


def _of_tokens(sources: _Sources, role: str, layer: int, head: int, query: int, key: int) -> Example | None:
    members = sources.measurements["token_sentences"]
    if min(query, key) < 0 or min(members[query], members[key]) < 0:
        return None
    return _made(sources, role, layer, head, (int(members[query]), [_span(sources, query)]), (int(members[key]), [_span(sources, key)]))


def _of_strongest_key(sources: _Sources, role: str, layer: int, head: int) -> Example | None:
    """The sentence in which the head's score is greatest, of those that look at a token of some sentence."""
    keys, members = sources.measurements["*.strongest_key"][layer, head], sources.measurements["token_sentences"]
    usable = (keys >= 0) & (members[np.maximum(keys, 0)] >= 0) & (np.arange(len(keys)) > 0)  # the first sentence sees nothing but itself
    if not usable.any():
        return None
    query = int(np.where(usable, _score_by_sentence(sources, BY_STRONGEST_KEY[role], layer, head), -np.inf).argmax())
    return _made(sources, role, layer, head, (query, []), (int(members[keys[query]]), [_span(sources, int(keys[query]))]))


def _of_first_token(sources: _Sources, role: str, layer: int, head: int) -> Example | None:
    """The later sentence that gives the first token the greatest share; none where that token is in no sentence."""
    members = sources.measurements["token_sentences"]
    if members[0] < 0 or members.max() == 0:
        return None
    query = 1 + int(_score_by_sentence(sources, "first_token", layer, head)[1:].argmax())
    return _made(sources, role, layer, head, (query, []), (int(members[0]), [_span(sources, 0)]))


def _of_offset(sources: _Sources, role: str, layer: int, head: int) -> Example | None:
    """The sentence in which the head gives most to the token at its offset: its middle token and the one at that offset, where both are in sentences."""
    offset, array = -int(role.removeprefix("offset ")), "*.fixed_offset_without_sink_by_sentence"
    members = sources.measurements["token_sentences"]
    if array not in sources.measurements:
        return None
    values = sources.measurements[array][layer, head, sources.measurements["*.fixed_offsets"].tolist().index(offset)]
    tokens = np.flatnonzero(members == int(np.where(_long(members), np.nan_to_num(values.astype(np.float32)), -1.0).argmax()))
    query = int(tokens[len(tokens) // 2])
    return _of_tokens(sources, role, layer, head, query, query - offset) if 0 <= query - offset < len(members) else None


def _long(members: Int[np.ndarray, " token"]) -> Bool[np.ndarray, " sentence"]:
    """Sentences that are not so short that any score may be in them."""
    lengths = np.bincount(members[members >= 0])
    return lengths >= min(8, int(np.median(lengths)))


def _score_by_sentence(sources: _Sources, score: str, layer: int, head: int) -> Float[np.ndarray, " sentence"]:
    """A score in each sentence, zero where there is none; sentences of few tokens last, since in these any score may be."""
    array, members = f"*.{score}_by_sentence", sources.measurements["token_sentences"]
    long = _long(members)
    values = np.nan_to_num(sources.measurements[array][layer, head].astype(np.float32)) if array in sources.measurements else np.zeros(len(long), np.float32)
    return np.where(long, values, values - 1e3)


def _of_sentences(sources: _Sources, role: str, layer: int, head: int) -> Example | None:
    """The link of greatest lift between sentences four or more apart: times their similarity for thematic heads, on its own sentence for a receiver."""
    share, expected = sources.attention[layer, head].astype(np.float32), sources.measurements["*.sentence_expected"]
    lift = np.divide(share, expected if expected.ndim == 2 else expected[layer], out=np.zeros_like(share), where=share > 0)
    lift = np.where(_far(sources, role == "receiver"), lift, 0)
    if role == "thematic":
        lift *= similarity(sources.measurements.sentences)
    if role == "receiver":
        lift *= np.arange(len(lift)) == sources.receivers.get(f"{layer}.{head}", -1)
    if not lift.max(initial=0) > 0:
        return None
    query, key = divmod(int(lift.argmax()), len(lift))
    shared = _shared(sources, query, key) if role == "thematic" else set()
    return _made(sources, role, layer, head, *((one, _places(sources, one, shared)) for one in (query, key)), share=float(share[query, key]))


def _far(sources: _Sources, any_key: bool) -> Bool[np.ndarray, "sentence sentence"]:
    """Pairs four sentences apart or more, the first not as key, of sentences of eight tokens or more; a receiver is what it is."""
    members = sources.measurements["token_sentences"]
    lengths = np.bincount(members[members >= 0])
    long = lengths >= min(8, int(np.median(lengths)))
    apart = np.abs(np.subtract.outer(np.arange(len(long)), np.arange(len(long)))) >= 4
    apart[:, 0] = False
    return apart & long[:, None] & (long | any_key)


def _shared(sources: _Sources, query: int, key: int) -> set[str]:
    """Words of both sentences that are in a tenth of all sentences at most."""
    words = [{word.lower() for word in WORD.findall(text)} for text in sources.measurements.sentences]
    return {word for word in words[query] & words[key] if sum(word in others for others in words) <= max(COMMON * len(words), 2)}


def _places(sources: _Sources, sentence: int, words: set[str]) -> list[tuple[int, int]]:
    start, end = sources.measurements["sentence_spans"][sentence].tolist()
    return [(start + match.start(), start + match.end()) for match in WORD.finditer(sources.measurements.text[start:end]) if match[0].lower() in words]


def _span(sources: _Sources, token: int) -> tuple[int, int]:
    """A token's characters, without the space before it."""
    start, end = sources.measurements["token_spans"][token].tolist()
    text = sources.measurements.text[start:end]
    return (start + len(text) - len(text.lstrip()), end) if text.strip() else (start, end)


def _made(
    sources: _Sources,
    role: str,
    layer: int,
    head: int,
    query: tuple[int, list[tuple[int, int]]],
    key: tuple[int, list[tuple[int, int]]],
    share: float | None = None,
) -> Example:
    both = [*query[1], *key[1]] if query[0] == key[0] else None
    texts = [_pieces(sources, sentence, both or spans) for sentence, spans in (query, key)]
    if share is None and sources.attention is not None:
        share = float(sources.attention[layer, head, query[0], key[0]])
    return Example(role=role, head=f"{layer}.{head}", query=query[0], key=key[0], query_text=texts[0], key_text=texts[1], share=share)


def _pieces(sources: _Sources, sentence: int, spans: list[tuple[int, int]]) -> tuple[Piece, ...]:
    """The sentence's text cut at the spans, these marked."""
    at, last = sources.measurements["sentence_spans"][sentence].tolist()
    found = []
    for start, end in sorted(set(spans)):
        start, end = max(start, at), min(end, last)
        if start < end:
            found += [Piece(text=sources.measurements.text[at:start], marked=False), Piece(text=sources.measurements.text[start:end], marked=True)]
            at = end
    return tuple(piece for piece in (*found, Piece(text=sources.measurements.text[at:last], marked=False)) if piece.text)
