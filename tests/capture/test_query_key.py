"""The strongest token link behind every shown link, against a plain search through the model's own eager attention, and the score that its vectors give."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from families import SEAM
from reference import Reference
from test_families import input_of
from tiny import made_up_layout, measured, references_of, tiny_gpt2, tiny_llama, vars_of

from reportgen.capture.feeding import Feed
from reportgen.capture.forward import measure_forward, run_through
from reportgen.capture.layout import TextLayout
from reportgen.capture.query_key import TokenPair, _vectors
from reportgen.capture.self_check import check_model
from reportgen.capture.streaming import StackPass
from reportgen.contract import spec_of

FAMILIES = {family.name: family for family in SEAM if family.name in ("Llama", "BERT", "T5", "BART", "Gemma 2", "Mistral", "gpt-oss")}
CAP = 3.0


def ranked(attention: np.ndarray, expected: np.ndarray, content: bool) -> list[tuple[int, int]]:
    """The pairs of one view in the order of their lift, at most as many as the page shows."""
    pairs = [(i, j) for i, j in np.ndindex(attention.shape) if expected[i, j] > 0 and not (content and j in (0, i))]
    return sorted(pairs, key=lambda pair: -float(attention[pair]) / float(expected[pair]))[:50]


def links_by_loops(arrays: dict[str, np.ndarray], stack: str) -> list[tuple[int, int]]:
    """What the page shows of every view, with and without the first sentence and the sentence itself; across texts, all pairs."""
    attention = arrays[f"{stack}.sentence_attention"].mean(1, dtype=np.float32)
    expected = arrays[f"{stack}.sentence_expected"]
    expected = expected if expected.ndim == 2 else expected.mean(0)
    views = [attention.mean(0), *attention]
    return sorted({pair for view in views for content in ((False,) if stack == "cross" else (False, True)) for pair in ranked(view, expected, content)})


def strongest_by_loops(reference: Reference, link: tuple[int, int]) -> float:
    """The greatest weight of the pair's tokens, without the first token and special tokens as keys unless no other is seen."""
    keys = np.flatnonzero(reference.key_members == link[1])
    kept = np.setdiff1d(keys, reference.looked_at.sinks)
    block = reference.p[:, :, reference.members == link[0]]
    return float(block[..., kept].max()) if len(kept) and block[..., kept].max() > 0 else float(block[..., keys].max())


@pytest.mark.parametrize("name", FAMILIES)
def test_behind_every_shown_link_stands_its_strongest_token_link(name: str) -> None:
    model, given = FAMILIES[name].build(), input_of(FAMILIES[name])
    arrays, references = measured(model, given).arrays, references_of(model, given)
    for stack, reference in references.items():
        pairs = arrays[f"{stack}.query_key_pairs"]
        links = links_by_loops(arrays, stack)
        assert [(reference.members[q], reference.key_members[k]) for *_, q, k in pairs.tolist()] == links
        found = reference.p[tuple(pairs.T)]
        np.testing.assert_allclose(found, [strongest_by_loops(reference, link) for link in links], rtol=2e-5)
        assert arrays[f"{stack}.query_key"].shape[:2] == (len(links), 3)


def test_sinks_are_keys_only_where_a_sentence_has_nothing_else() -> None:
    layout = made_up_layout(tokens=61, sentences=7)
    members = layout.sentence_of_token.copy()
    first, third = np.flatnonzero(members == 0), np.flatnonzero(members == 3)
    sinks = np.concatenate([first[:1], third])
    layout = TextLayout(**{**vars_of(layout), "sinks": sinks})
    pairs = measured(tiny_llama(), Feed(source=layout)).arrays["decoder.query_key_pairs"]
    to_first = pairs[(members[pairs[:, 3]] == 0) & (pairs[:, 2] > first[1])]
    assert len(to_first) > 3
    assert (to_first[:, 3] > 0).all()
    assert np.isin(pairs[members[pairs[:, 3]] == 3, 3], third).all()
    assert (members[pairs[:, 3]] == 3).any()


def test_a_first_sentence_of_one_token_is_looked_at_all_the_same() -> None:
    layout = made_up_layout(tokens=31, sentences=3)
    members = np.repeat([0, 1, 2], [1, 13, 17]).astype(np.int32)
    pairs = measured(tiny_gpt2(), Feed(source=TextLayout(**{**vars_of(layout), "sentence_of_token": members}))).arrays["decoder.query_key_pairs"]
    assert {(members[q], members[k]) for *_, q, k in pairs.tolist()} == {(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2)}


def kept_layers(model: Any, given: Feed) -> dict[str, list[Any]]:
    shapes = check_model(model, given)
    passes = {name: StackPass(stack=stack, reducers=[], keep_layers=True) for name, stack in given.stacks(shapes).items()}
    run_through(model, given, passes)
    return {name: done.layers for name, done in passes.items()}


def scores_of(layers: list[Any], layer: int, head: int, query: int, keys: range) -> np.ndarray:
    """What the stored products sum to, key by key."""
    pairs = [TokenPair(layer=layer, head=head, query=query, key=key, log_weight=0.0) for key in keys]
    return _vectors(layers, pairs)[:, 2].sum(1, dtype=np.float64)


def softmax(scores: np.ndarray) -> np.ndarray:
    return np.exp(scores - np.logaddexp.reduce(scores))


@pytest.mark.parametrize(("name", "stack", "layer"), [("Llama", "decoder", 1), ("BERT", "encoder", 2), ("BART", "cross", 1), ("BART", "decoder", 0)])
def test_the_products_of_all_keys_give_the_eager_weights_by_softmax(name: str, stack: str, layer: int) -> None:
    model, given = FAMILIES[name].build(), input_of(FAMILIES[name])
    layers, reference = kept_layers(model, given)[stack], references_of(model, given)[stack]
    for head, query in ((0, 29), (3, 71), (4, 50)):
        seen = range(int((reference.p[layer, head, query] > 0).sum()))
        np.testing.assert_allclose(softmax(scores_of(layers, layer, head, query, seen)), reference.p[layer, head, query, : len(seen)], atol=2e-5)


def test_a_soft_cap_is_taken_of_the_sum_of_the_products() -> None:
    model, given = FAMILIES["Gemma 2"].build(), input_of(FAMILIES["Gemma 2"])
    layers, reference = kept_layers(model, given)["decoder"], references_of(model, given)["decoder"]
    scores = scores_of(layers, 1, 5, 61, range(62))
    assert np.abs(scores).max() > CAP
    np.testing.assert_allclose(softmax(CAP * np.tanh(scores / CAP)), reference.p[1, 5, 61, :62], atol=2e-5)


def test_a_position_bias_is_added_to_the_sum_of_the_products() -> None:
    model, given = FAMILIES["T5"].build(), input_of(FAMILIES["T5"])
    layers, reference = kept_layers(model, given)["encoder"], references_of(model, given)["encoder"]
    bias = model.encoder.block[0].layer[0].SelfAttention.compute_bias(131, 131)[0].detach().double().numpy()
    np.testing.assert_allclose(softmax(scores_of(layers, 2, 3, 77, range(131)) + bias[3, 77]), reference.p[2, 3, 77], atol=2e-5)


def test_the_stored_vectors_are_the_query_the_key_and_their_product_and_a_group_shares_its_keys() -> None:
    model, given = FAMILIES["Llama"].build(), input_of(FAMILIES["Llama"])
    layers, arrays = kept_layers(model, given)["decoder"], measured(model, given).arrays
    vectors, pairs = arrays["decoder.query_key"], arrays["decoder.query_key_pairs"]
    np.testing.assert_array_equal(vectors[:, 0] * vectors[:, 1], vectors[:, 2])
    for (query, key, _), (layer, head, q, k) in zip(vectors, pairs.tolist(), strict=True):
        np.testing.assert_allclose(query, layers[layer].queries.flatten(0, 1)[head, q] * layers[layer].rule.scaling, rtol=1e-6)
        np.testing.assert_allclose(key, layers[layer].keys[head // 3, k], rtol=1e-6)


def test_heads_of_fewer_dimensions_have_nan_in_place_of_those_they_lack() -> None:
    layers = kept_layers(tiny_gpt2(), Feed(source=made_up_layout(tokens=31, sentences=3)))["decoder"]
    layers[0].queries, layers[0].keys = layers[0].queries[..., :7], layers[0].keys[..., :7]
    pairs = [TokenPair(layer=layer, head=2, query=5, key=3, log_weight=0.0) for layer in (0, 1)]
    found = _vectors(layers, pairs)
    assert np.isnan(found[0, :, 7:]).all()
    assert np.isfinite(found[0, :, :7]).all()
    assert np.isfinite(found[1]).all()


def test_models_read_one_layer_at_a_time_have_none() -> None:
    from per_layer_models import CASES
    from test_families import case_input

    found = measured(CASES["bloom"].build(), case_input(CASES["bloom"])).arrays
    assert not [key for key in found if "query_key" in key]


def test_progress_ends_when_all_links_are_found() -> None:
    model, given, told = tiny_llama(), Feed(source=made_up_layout(tokens=61, sentences=7)), []
    measure_forward(model, given, check_model(model, given), lambda stage, share: told.append((stage, share)))
    assert [share for stage, share in told if stage == "queries and keys behind links"][-1] == 1.0


def test_the_arrays_have_the_axes_of_the_contract() -> None:
    assert spec_of("decoder.query_key").axes == ("link", "part", "dimension")
    assert spec_of("window3/cross.query_key_pairs").axes == ("link", "index")
