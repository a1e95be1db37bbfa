"""Reports to draw pages from: a small one over made-up measurements, and one as long as a real document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from made_up import Sizes, made_up
from made_up_pair import made_up_pair
from made_up_tokens import with_neurons
from matrices import content_pairs, lift_of, strongest
from pages.prose import write_document
from pages.token_reports import make_token_links

from reportgen.analyses import (
    ANALYSES,
    attribution_agreement,
    chunks,
    decay,
    faithfulness,
    flow,
    head_agreement,
    head_matrices,
    head_redundancy,
    head_roles,
    layer_claims,
    layer_progression,
    links_beyond_distance,
    pair_agreement,
    sentence_matrix,
    sinks,
    top_links,
    verified_links,
)
from reportgen.measurements import Measurements
from reportgen.report import Provenance, Report, Section, build_report, build_section
from reportgen.sentence_pairs import SentencePairs

BOTH_WAYS = ("sentence_attention", "sentence_expected", "isa", "isa_by_layer", "rollout", "rollout_by_layer")
MEASURES = ("attention", "isa", "rollout", "rollout_without_sink")
NOTICES = ("The document was read to its end; nothing was left out.", "This page is made up: no model was run.")


def small_report(**sizes: int) -> Report:
    """3 layers, 5 sentences and 7 heads, unless said otherwise."""
    return build_report(with_neurons(Sizes(**sizes)))


def encoder_report(**sizes: int) -> Report:
    """The small report of a model that reads both ways: every array of an encoder, attention both ways."""
    made = made_up(sizes=Sizes(**sizes), leave_out=["decoder.probe_"])
    arrays = {key.replace("decoder.", "encoder."): values for key, values in made.arrays.items()}
    both = {f"encoder.{name}": arrays[f"encoder.{name}"].swapaxes(-1, -2) + arrays[f"encoder.{name}"] for name in BOTH_WAYS}
    return build_report(Measurements(arrays=arrays | both, metadata=made.metadata, text=made.text))


def with_result(report: Report, name: str, **fields: Any) -> Report:
    """The report with some fields of one section's result replaced."""
    return _with_sections(report, name, lambda section: replace(section, result=replace(section.result, **fields)))


def with_section(report: Report, name: str, **fields: Any) -> Report:
    """The report with some fields of one section replaced."""
    return _with_sections(report, name, lambda section: replace(section, **fields))


def _with_sections(report: Report, name: str, change: Any) -> Report:
    return replace(report, sections=tuple(change(section) if section.name == name else section for section in report.sections))


def section_of(report: Report, name: str) -> Section:
    return next(section for section in report.sections if section.name == name)


def long_report(*, sentences: int = 181, layers: int = 30, heads: int = 9, seed: int = 1) -> Report:
    """Every section of a page of a long document: decay with distance, a sink, diagonal, some strong far links, noise of each layer."""
    random = np.random.default_rng(seed)
    of_a_decoder = [analysis for analysis in ANALYSES if analysis.applies_with is None]
    matrix = make_sentence_matrix(random, sentences, layers)
    found = make_top_links(matrix)
    redundancy, *carriage = make_carriage(layers, heads)
    agreement, *of_pairs_and_heads = make_agreement(random, matrix, layers, heads)
    results = (
        matrix,
        found,
        make_token_links(np.random.default_rng(seed + 1), matrix, found.content_pairs[0], heads),
        links_beyond_distance.analyse(shorter_document(layers, heads)),
        make_head_roles(layers, heads),
        make_head_matrices(matrix, heads),
        redundancy,
        make_layer_progression(random, layers, heads),
        *carriage,
        chunks.analyse(shorter_document(layers, heads)),
        agreement,
        faithfulness.analyse(shorter_document(layers, heads)),
        verified_links.analyse(shorter_document(layers, heads)),
        *of_pairs_and_heads,
    )
    return Report(
        title="A log of the north light",
        language="en",
        subtitle=f"made-up-1 reads {int(matrix.token_counts.sum()):,} tokens in {sentences} sentences: {layers} layers of {heads} heads",
        provenance=Provenance(rows=(("Document", "made up, seed 1"), ("Model", "made-up-1"), ("Weights", "sha256 " + "0123456789abcdef" * 4))),
        notices=NOTICES,
        sections=tuple(build_section(analysis, result) for analysis, result in zip(of_a_decoder, results, strict=True)),
    )


def make_sentence_matrix(random: np.random.Generator, sentences: int, layers: int) -> sentence_matrix.Result:
    texts, blocks, kinds = write_document(sentences)
    counts = np.array([max(2, round(len(text.split()) * 1.3)) for text in texts])
    expected = _even(counts)
    far = strongest(np.where(random.random((sentences, sentences)) < 0.02, expected, np.nan), 40)
    by_layer = np.stack([_attention(random, expected, far, layer / layers) for layer in range(layers)])
    attention = np.concatenate([by_layer.mean(0, keepdims=True), by_layer]).astype(np.float32)
    peaks = np.minimum(1, by_layer * counts * np.exp(random.normal(0, 0.8, by_layer.shape)) / 2).astype(np.float32)
    lift = lift_of(attention[0], expected)
    near = np.abs(np.subtract.outer(np.arange(sentences), np.arange(sentences))) < 2
    opening = tuple(strongest(np.where(near, np.nan, content_pairs(lift)), 1)[0].tolist())
    return sentence_matrix.Result(
        stack="decoder",
        causal=True,
        windowed=False,
        group=1,
        layer_group=1,
        sentences=texts,
        blocks=blocks,
        block_kinds=kinds,
        token_counts=counts,
        attention=tuple(attention),
        isa=(peaks.max(0), *peaks),
        rollout=tuple(_rollouts(by_layer)),
        rollout_without_sink=tuple(_rollouts(_drop_sink(by_layer))),
        expected=expected,
        opening=opening,
        averages=sentence_matrix.averages(attention[0].ravel(), lift.ravel(), SentencePairs.every(sentences), opening),
        effects=_effects(lift),
    )


def without_heads(report: Report) -> Report:
    """The report of measurements that hold no attention by head: without the section of their matrices, those of layers in larger groups."""
    matrix = section_of(report, "sentence_matrix").result
    group = sentence_matrix.layer_group_of(len(matrix.sentences), len(matrix.attention) - 1, matrix.causal, with_heads=False)
    shown = sentence_matrix.Shown(pairs=SentencePairs.every(len(matrix.sentences)), group=group, causal=matrix.causal)
    pooled = {name: (getattr(matrix, name)[0], *(shown.matrix(one.ravel()) for one in getattr(matrix, name)[1:])) for name in MEASURES}
    report = replace(report, sections=tuple(section for section in report.sections if section.name != "head_matrices"))
    return with_result(report, "sentence_matrix", layer_group=group, **pooled)


def _effects(lift: np.ndarray) -> np.ndarray:
    """Every other one of the 50 strongest links was hidden."""
    hidden = strongest(content_pairs(lift), 50)[1::2]
    return np.concatenate([hidden, 0.1 / np.arange(1, len(hidden) + 1)[:, None]], axis=1).astype(np.float32)


def _even(counts: np.ndarray) -> np.ndarray:
    """What attention spread evenly over all earlier tokens gives each pair of sentences."""
    ends = np.cumsum(counts)
    expected = np.tril(counts[None] / (ends - counts / 2)[:, None], -1)
    return (expected + np.diag(1 - expected.sum(1))).astype(np.float32)


def _attention(random: np.random.Generator, expected: np.ndarray, far: np.ndarray, depth: float) -> np.ndarray:
    size = len(expected)
    gap = np.subtract.outer(np.arange(size), np.arange(size))
    weights = expected * np.exp(-np.log1p(np.abs(gap)) * (0.5 + depth) + random.normal(0, 0.7, expected.shape))
    weights[far[:, 0], far[:, 1]] *= 30 * random.random(len(far)) * depth + 1
    weights[:, 0] += weights.sum(1) * 1.2 * depth
    weights = np.tril(weights)
    return weights / weights.sum(1, keepdims=True)


def _drop_sink(by_layer: np.ndarray) -> np.ndarray:
    kept = by_layer.copy()
    kept[:, 1:, 0] = 0
    return kept / kept.sum(-1, keepdims=True)


def _rollouts(by_layer: np.ndarray) -> np.ndarray:
    joint, found = np.eye(by_layer.shape[-1]), []
    for layer in by_layer:
        joint = 0.5 * layer @ joint + 0.5 * joint
        found.append(joint)
    return np.stack([found[-1], *found]).astype(np.float32)


def make_top_links(matrix: sentence_matrix.Result, count: int = 50) -> top_links.Result:
    attention = np.stack(matrix.attention)
    lift = lift_of(attention, matrix.expected)
    count = min(count, lift.shape[-1] ** 2)
    kept = {"every": lift, "content": content_pairs(lift)}
    pairs = {name: np.stack([strongest(view, count) for view in values]) for name, values in kept.items()}
    fields: dict[str, np.ndarray] = {}
    for name, found in pairs.items():
        view = np.arange(len(lift))[:, None]
        fields |= {f"{name}_pairs": found}
        fields |= {f"{name}_share": attention[view, found[..., 0], found[..., 1]], f"{name}_lift": lift[view, found[..., 0], found[..., 1]]}
    known = {(int(query), int(key)): effect for query, key, effect in matrix.effects.tolist()}
    measured = tuple(known.get((query, key)) for query, key in fields["content_pairs"][0].tolist())
    return top_links.Result(count=count, effects=matrix.effects, content_effect=measured, **fields)


def make_layer_progression(random: np.random.Generator, layers: int, heads: int) -> layer_progression.Result:
    return layer_progression.Result(quantities=tuple(_quantity(random, key, label, layers, heads) for key, label in layer_progression.QUANTITIES.items()))


def _quantity(random: np.random.Generator, key: str, label: str, layers: int, heads: int) -> layer_progression.LayerQuantity:
    values = random.beta(2, 3, (layers, heads)).astype(np.float32)
    low, high = np.quantile(values, [0.25, 0.75], axis=1).astype(np.float32)
    without = None if key == "first_token" else values.mean(1) * np.float32(0.8)
    return layer_progression.LayerQuantity(key=key, label=label, unit="share", mean=values.mean(1), low=low, high=high, mean_without_sink=without, uniform=0.3)


def make_carriage(layers: int, heads: int) -> tuple[head_redundancy.Result, layer_claims.Result, decay.Result, sinks.Result, flow.Result]:
    """Redundancy, claims, decay, sinks and flow of a shorter document: what they print grows with layers, hardly with sentences."""
    measurements = shorter_document(layers, heads)
    return tuple(module.analyse(measurements) for module in (head_redundancy, layer_claims, decay, sinks, flow))


def make_agreement(
    random: np.random.Generator, matrix: sentence_matrix.Result, layers: int, heads: int
) -> tuple[attribution_agreement.Result, pair_agreement.Result, head_agreement.Result]:
    """Agreement of methods over all sentences of the matrix; of pairs and of heads in a shorter document: what they print does not grow with sentences."""
    sentences, gradient = len(matrix.sentences), matrix.attention[0][-1] * np.exp(random.normal(0, 0.8, len(matrix.sentences)))
    values = {"attention": matrix.attention[0][-1], "rollout": matrix.rollout[0][-1], "gradient": gradient}
    values["input_x_gradient"] = gradient * random.choice([-1, 1], sentences)
    replaced = {f"attribution.{name}": numbers.astype(np.float32) for name, numbers in values.items()}
    whole = made_up(sizes=Sizes(layers=1, heads=1, sentences=sentences, tokens=3 * sentences), replaced=replaced)
    shorter = shorter_document(layers, heads)
    return attribution_agreement.analyse(whole), pair_agreement.analyse(shorter), head_agreement.analyse(shorter)


def make_head_roles(layers: int, heads: int) -> head_roles.Result:
    """Roles of a shorter document: what they print grows with layers and heads, not with sentences."""
    return head_roles.analyse(shorter_document(layers, heads))


def make_head_matrices(matrix: sentence_matrix.Result, heads: int) -> head_matrices.Result:
    """Each layer's mean shared out among its heads at random, most of it by the sentence looked at: their mean is the layer's."""
    random, (layers, sentences) = np.random.default_rng(7), (len(matrix.attention) - 1, len(matrix.sentences))
    weights = random.gamma(0.5, size=(layers, heads, 1, sentences)) * np.exp(random.normal(0, 0.4, (layers, heads, sentences, sentences)))
    shares = np.stack(matrix.attention[1:])[:, None] * heads * weights / weights.sum(1, keepdims=True)
    sizes = Sizes(layers=1, heads=1, sentences=sentences, tokens=3 * sentences)
    whole = made_up(sizes=sizes)
    kept = {name: values for name, values in whole.arrays.items() if "." not in name} | {"decoder.sentence_attention": shares.astype(np.float32)}
    return head_matrices.analyse(replace(whole, arrays=kept, metadata=whole.metadata | {"layers": layers, "heads": heads}))


def shorter_document(layers: int, heads: int) -> Measurements:
    """Made-up measurements of 29 sentences."""
    return made_up(sizes=Sizes(layers=layers, heads=heads, sentences=29, tokens=101))


KINDS: dict[str, Callable[[], Report]] = {
    "decoder": partial(small_report, layers=2, heads=3),
    "encoder": partial(encoder_report, layers=2, heads=3),
    "encoder-decoder": lambda: build_report(made_up_pair()),
}
