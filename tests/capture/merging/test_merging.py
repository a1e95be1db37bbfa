"""The document's numbers out of its windows', against matrices by hand and against all queries at once."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import made_up

from reportgen.archive import Spool
from reportgen.capture.merging import Merging, TokenPlaces, WindowNumbers, target_of_window, text_weights
from reportgen.capture.merging.heads import WeightedMean
from reportgen.measurements import TOKEN_LINK
from reportgen.tokens import TokenisedText
from reportgen.windows import Window, plan_windows

NAN = np.nan
PLENTY = 1 << 30
LAYERS, HEADS = 2, 3
# Five sentences of 2, 3, 1, 2 and 3 tokens in three windows; each window's own sentences are 0 to 2, 3, and 4.
TOKENS_OF_SENTENCE = (2, 3, 1, 2, 3)
WINDOWS = tuple(Window(first=first, last=last, own=own, start=10 * first, end=10 * last - 1) for first, last, own in ((0, 3, 0), (1, 4, 3), (3, 5, 4)))
MEMBERS = np.repeat(np.arange(5), TOKENS_OF_SENTENCE)


def places_of(window: Window) -> np.ndarray:
    return np.flatnonzero((window.first <= MEMBERS) & (window.last > MEMBERS))


def counted_of(window: Window) -> np.ndarray:
    return MEMBERS[places_of(window)] >= window.own


def numbers(index: int, arrays: dict[str, np.ndarray], **weights: Any) -> WindowNumbers:
    window = WINDOWS[index]
    counted = counted_of(window)
    return WindowNumbers(window=window, arrays=arrays, queries=int(counted.sum()), weights=weights, places=places_of(window), counted=counted)


def merge(numbers: Iterable[WindowNumbers], **options: Any) -> Any:
    """The document's numbers out of its windows', one after the other."""
    merging = Merging(**options)
    for window in numbers:
        merging.add(window)
    return merging.finish()


def merged(of_window: Any, budget: int = PLENTY) -> Any:
    return merge((of_window(index) for index in range(3)), stack="decoder", windows=WINDOWS, sentences=5, tokens=len(MEMBERS), budget=budget)


def named_square(index: int, scale: float = 1.0) -> np.ndarray:
    """Cell (i, j) of window w reads wij, with windows counted from 1 and sentences from 0 in the document."""
    window = WINDOWS[index]
    rows, columns = np.arange(window.first, window.last)[:, None], np.arange(window.first, window.last)
    return (scale * (100 * (index + 1) + 10 * rows + columns)).astype(np.float32)


PAIRS_BY_HAND = np.array(
    [
        [100, 101, 102, NAN, NAN],
        [110, 111, 112, 213, NAN],
        [120, 121, 122, 223, NAN],
        [NAN, 231, 232, 233, 334],
        [NAN, NAN, NAN, 343, 344],
    ],
    np.float32,
)
COVERAGE_BY_HAND = [[1, 1, 1, 0, 0], [1, 2, 2, 1, 0], [1, 2, 2, 1, 0], [0, 1, 1, 2, 1], [0, 0, 0, 1, 1]]


def pair_arrays(index: int) -> dict[str, np.ndarray]:
    square, size = named_square(index), WINDOWS[index].last - WINDOWS[index].first
    layer, head = np.arange(LAYERS)[:, None, None, None] * 1000, np.arange(HEADS)[:, None, None] * 10_000
    return {
        "sentence_attention": (square + layer + head).astype(np.float32),
        "isa": square,
        "isa_by_layer": (square + layer[:, 0]).astype(np.float32),
        "sentence_expected": -square,
        "outside_attention": np.broadcast_to(square[:, 0], (LAYERS, HEADS, size)).copy(),
        "coverage": np.ones((size, size), np.int32),
    }


def test_divergences_of_heads_are_weighted_by_the_queries_that_each_sample_stands_for() -> None:
    apart = np.array([[0, 1.0], [1, 0]], np.float32)
    arrays = [{"head_divergence": (index + 1) * apart, "head_divergence_queries": np.array([1, 3][: 2 - index // 2], np.int32)} for index in range(3)]
    found = merged(lambda index: numbers(index, arrays[index]))
    np.testing.assert_allclose(found.arrays["head_divergence"], apart * (6 * 1 + 2 * 2 + 3 * 3) / 11, rtol=1e-6)
    assert found.arrays["head_divergence_queries"].tolist() == [1, 3, 3, 5, 7]
    assert found.arrays["head_divergence_queries"].dtype == np.int32
    assert found.notices == ()


def test_each_pair_is_the_window_that_gives_the_query_sentence_the_most_text_before_it() -> None:
    found = merged(lambda index: numbers(index, pair_arrays(index))).arrays
    np.testing.assert_array_equal(found["isa"], PAIRS_BY_HAND)
    np.testing.assert_array_equal(found["sentence_expected"], -PAIRS_BY_HAND)
    for layer in range(LAYERS):
        np.testing.assert_array_equal(found["isa_by_layer"][layer], PAIRS_BY_HAND + 1000 * layer)
        for head in range(HEADS):
            np.testing.assert_array_equal(found["sentence_attention"][layer, head], PAIRS_BY_HAND + 1000 * layer + 10_000 * head)
    np.testing.assert_array_equal(found["coverage"], COVERAGE_BY_HAND)
    assert found["coverage"].dtype == np.int32
    np.testing.assert_array_equal(found["outside_attention"][1, 2], [100, 110, 120, 231, 343])
    assert "sentence_attention_by_layer" not in found


@settings(max_examples=100, deadline=None)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=25), size=st.integers(10, 40), stride=st.integers(1, 9))
def test_any_plan_of_windows_gives_each_pair_what_a_walk_over_all_pairs_finds(lengths: list[int], size: int, stride: int) -> None:
    sentences, plan = len(lengths), plan_windows(np.array(lengths), special=0, size=size, stride=stride)
    owns = [0, *(last for _, last in plan)]
    squares = [np.random.default_rng(index).random((last - first, last - first), np.float32) for index, (first, last) in enumerate(plan)]
    given_windows = [
        WindowNumbers(
            window=Window(first=first, last=last, own=own, start=0, end=1),
            arrays={"isa": square},
            queries=1,
            weights={},
            places=np.zeros(0, np.int64),
            counted=np.zeros(0, bool),
        )
        for (first, last), own, square in zip(plan, owns, squares, strict=False)
    ]
    planned = [numbers.window for numbers in given_windows]
    found = merge(given_windows, stack="encoder", windows=planned, sentences=sentences, tokens=1).arrays
    for query in range(sentences):
        for key in range(sentences):
            together = [(first, index) for index, (first, last) in enumerate(plan) if first <= min(query, key) and max(query, key) < last]
            assert found["coverage"][query, key] == len(together)
            expected = NAN
            if together:
                first, index = min(together)
                expected = squares[index][query - first, key - first]
            np.testing.assert_array_equal(found["isa"][query, key], np.float32(expected))


def test_by_pair_the_numbers_are_those_of_the_whole_matrices() -> None:
    whole, found = (
        merge((numbers(index, pair_arrays(index)) for index in range(3)), stack="decoder", windows=WINDOWS, sentences=5, tokens=len(MEMBERS), whole=most)
        for most in (PLENTY, 0)
    )
    seen = np.argwhere(~np.isnan(PAIRS_BY_HAND))
    assert np.stack([found.pairs.queries, found.pairs.keys], 1).tolist() == seen.tolist()
    assert set(found.by_pair) == {"sentence_attention", "isa", "isa_by_layer", "sentence_expected", "coverage"}
    for name, values in found.by_pair.items():
        assert values.dtype == whole.arrays[name].dtype, name
        np.testing.assert_array_equal(values, whole.arrays[name][..., seen[:, 0], seen[:, 1]], err_msg=name)
        np.testing.assert_array_equal(found.pairs.matrix(values), whole.arrays[name], err_msg=name)
    assert set(whole.arrays) - set(found.arrays) == set(found.by_pair)
    assert whole.by_pair == {}
    assert found.notices[-1].startswith("The matrices of decoder between sentences are stored by pair, for the 17 of 25 pairs that a window holds")


@pytest.mark.parametrize("short", [False, True])
def test_matrices_are_whole_as_long_as_all_of_them_fit(short: bool) -> None:
    all_of_them = 100 * (LAYERS * HEADS + LAYERS + 3)
    found = merge(
        (numbers(index, pair_arrays(index)) for index in range(3)),
        stack="decoder",
        windows=WINDOWS,
        sentences=5,
        tokens=len(MEMBERS),
        whole=all_of_them - short,
    )
    assert bool(found.by_pair) == short


def test_pairs_no_window_reads_together_are_nan_and_never_zero() -> None:
    found = merged(lambda index: numbers(index, {"isa": np.zeros_like(named_square(index))})).arrays
    np.testing.assert_array_equal(np.isnan(found["isa"]), found["coverage"] == 0)


def test_layers_that_see_differently_in_some_windows_only_have_a_matrix_each() -> None:
    def arrays(index: int) -> dict[str, np.ndarray]:
        square = named_square(index)
        return {"sentence_expected": np.stack([square, -square]) if index == 1 else square}

    found = merged(lambda index: numbers(index, arrays(index))).arrays["sentence_expected"]
    np.testing.assert_array_equal(found[0], PAIRS_BY_HAND)
    np.testing.assert_array_equal(found[1], np.where((PAIRS_BY_HAND >= 200) & (PAIRS_BY_HAND < 300), -PAIRS_BY_HAND, PAIRS_BY_HAND))


def test_one_window_gives_its_own_arrays_back() -> None:
    whole = made_up()
    of_target = ("decoder.probe", "decoder.importance")
    arrays = {name.removeprefix("decoder."): values for name, values in whole.arrays.items() if name.startswith("decoder.") and not name.startswith(of_target)}
    window = Window(first=0, last=5, own=0, start=0, end=len(whole.text))
    every = np.arange(23)
    squared = np.random.default_rng(0).random((3, 7))
    examples = {name: np.ones(values.shape[:-1]) for name, values in arrays.items() if name.endswith("_example")}
    weights = {**examples, "head_similarity": squared, "relative_entropy": 17.0, "token_influence": np.arange(23.0, 0, -1)}
    one = WindowNumbers(window=window, arrays=arrays, queries=22, weights=weights, places=every, counted=every >= 0)
    found = merge([one], stack="decoder", windows=[window], sentences=5, tokens=23).arrays
    assert set(found) == set(arrays)
    for name, values in arrays.items():
        assert found[name].dtype == values.dtype, name
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_an_example_is_the_strongest_of_all_windows_in_the_documents_tokens() -> None:
    pairs = np.array([[[[1, 0], [2, 1]]], [[[3, 0], [-1, -1]]], [[[2, 1], [1, 0]]]], np.int32)  # window layer head (query, key)
    strength = np.array([[[0.3, 0.2]], [[0.5, 0.0]], [[0.4, 0.1]]])
    found = merged(lambda index: numbers(index, {"coreference_example": pairs[index]}, coreference_example=strength[index])).arrays
    assert found["coreference_example"].tolist() == [[[5, 2], [2, 1]]]  # the second window begins with the document's third token
    with pytest.raises(ValueError, match="coreference_example have no weights"):
        merged(lambda index: numbers(index, {"coreference_example": pairs[index]}))


def test_words_of_a_relation_are_added_up_and_the_best_offset_is_that_of_all() -> None:
    pairs = np.array([[4, 0], [1, 0], [3, 2]], np.int32)
    offsets = np.array([[[1, 0, 0], [NAN, NAN, NAN]], [[0, 1, 0], [NAN, NAN, NAN]], [[0, 1, 0], [0.5, 0, 0.5]]], np.float32)
    arrays = [{"syntax_pairs": pairs[index], "syntax_offsets": offsets[index], "syntax_baseline": offsets[index].max(1)} for index in range(3)]
    found = merged(lambda index: numbers(index, arrays[index], syntax_offsets=pairs[index][:, None])).arrays
    assert found["syntax_pairs"].tolist() == [8, 2]
    np.testing.assert_allclose(found["syntax_offsets"], [[0.5, 0.5, 0], [0.5, 0, 0.5]])
    np.testing.assert_allclose(found["syntax_baseline"], [0.5, 0.5])


# Means over queries


def weights_of(index: int) -> np.ndarray:
    """p of a window, layer x head x query x key: causal, rows that sum to 1, every third head blind on its first tokens."""
    size = len(places_of(WINDOWS[index]))
    p = np.random.default_rng(index).random((LAYERS, HEADS, size, size)) * np.tri(size)
    return p / p.sum(-1, keepdims=True)


def all_rows(of_row: Any) -> list[np.ndarray]:
    """A quantity of every query of the document, each in the window it is counted in: layer x head each; None leaves the query out."""
    rows = []
    for index, window in enumerate(WINDOWS):
        p = weights_of(index)
        rows += [of_row(p[:, :, query, :], query) for query in np.flatnonzero(counted_of(window))]
    return [row for row in rows if row is not None]


def entropy(row: np.ndarray, query: int) -> np.ndarray:
    return -(row * np.log(np.where(row > 0, row, 1))).sum(-1)


def first_token(row: np.ndarray, query: int) -> np.ndarray | None:
    return row[..., 0] if query >= 1 else None


def head_arrays(index: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    p, queries = weights_of(index), np.flatnonzero(counted_of(WINDOWS[index]))
    later = queries[queries >= 1]
    strong = p.max(-1) > 0.5  # rows that some number leaves out, by head
    counted = np.isin(np.arange(p.shape[2]), queries)
    kept = strong & counted
    products = np.einsum("lhqk,lgqk->lhg", p[:, :, queries], p[:, :, queries])
    lengths = np.sqrt(np.einsum("lhh->lh", products))
    with np.errstate(invalid="ignore"):
        arrays = {
            "entropy": np.stack([entropy(p[:, :, query], query) for query in queries]).mean(0),
            "first_token": p[:, :, later, 0].mean(-1),
            "relative_entropy_without_sink": np.where(kept, p.max(-1), 0).sum(-1) / kept.sum(-1),
            "head_similarity": products / (lengths[:, :, None] * lengths[:, None, :]),
        }
    weights = {"first_token": len(later), "relative_entropy_without_sink": kept.sum(-1), "head_similarity": lengths**2}
    return {name: values.astype(np.float32) for name, values in arrays.items()}, weights


def test_means_over_windows_are_the_means_over_all_queries() -> None:
    found = merged(lambda index: numbers(index, head_arrays(index)[0], **head_arrays(index)[1]))
    np.testing.assert_allclose(found.arrays["entropy"], np.mean(all_rows(entropy), axis=0), rtol=1e-6)
    np.testing.assert_allclose(found.arrays["first_token"], np.mean(all_rows(first_token), axis=0), rtol=1e-6)
    strongest = np.stack(all_rows(lambda row, query: np.where(row.max(-1) > 0.5, row.max(-1), NAN)))
    np.testing.assert_allclose(found.arrays["relative_entropy_without_sink"], np.nanmean(strongest, axis=0), rtol=1e-6)
    assert found.notices == ()


def test_head_similarity_is_the_cosine_over_all_counted_rows() -> None:
    found = merged(lambda index: numbers(index, head_arrays(index)[0], **head_arrays(index)[1])).arrays["head_similarity"]
    whole = np.zeros((LAYERS, HEADS, len(MEMBERS), len(MEMBERS)))
    for index, window in enumerate(WINDOWS):
        places, counted = places_of(window), counted_of(window)
        whole[:, :, places[counted][:, None], places] = weights_of(index)[:, :, counted]
    flat = whole.reshape(LAYERS, HEADS, -1)
    flat /= np.linalg.norm(flat, axis=-1, keepdims=True)
    np.testing.assert_allclose(found, flat @ flat.transpose(0, 2, 1), rtol=1e-6)


def test_without_weights_a_mean_is_weighted_by_queries_and_a_notice_says_so() -> None:
    values = [np.full((LAYERS, HEADS), value, np.float32) for value in (1.0, 2.0, 5.0)]
    found = merged(lambda index: numbers(index, {"induction": values[index], "entropy": values[index]}))
    expected = (6 * 1 + 2 * 2 + 3 * 5) / 11  # own sentences have 6, 2 and 3 tokens
    np.testing.assert_allclose(found.arrays["induction"], expected, rtol=1e-6)
    np.testing.assert_allclose(found.arrays["entropy"], expected, rtol=1e-6)
    assert found.notices == (
        "Averages over windows, weighted by the windows' queries instead of by the rows or pairs that each number is over: decoder.induction.",
    )


@pytest.mark.parametrize("weights", [{}, {"head_similarity": 4}])
def test_head_similarity_without_lengths_is_said_to_be_an_average(weights: dict[str, Any]) -> None:
    similarity = [np.full((LAYERS, HEADS, HEADS), value, np.float32) for value in (0.1, 0.2, 0.6)]
    found = merged(lambda index: numbers(index, {"head_similarity": similarity[index]}, **weights))
    np.testing.assert_allclose(found.arrays["head_similarity"], 0.3 if weights else (6 * 0.1 + 2 * 0.2 + 3 * 0.6) / 11, rtol=1e-6)
    assert found.notices[0].startswith("Averages over windows")


def test_windows_without_a_value_do_not_count_and_no_value_at_all_is_nan() -> None:
    mean = WeightedMean()
    mean.add(np.array([[1.0, NAN, NAN]]), np.array(3))
    mean.add(np.array([[4.0, 2.0, NAN]]), np.array([[1, 5, 0]]))
    np.testing.assert_allclose(mean.mean(), [[1.75, 2.0, NAN]])


def test_decay_is_weighted_by_the_pairs_of_each_bin_and_shorter_windows_have_fewer_bins() -> None:
    shapes, pairs = (4, 3, 3), ([2, 2, 4, 1], [6, 3, 0], [1, 1, 1])
    edges = [np.array([0, 1, 2, 4, 8], np.int32)[: bins + 1] for bins in shapes]
    decays = [np.full((1, 1, bins), float(index + 1), np.float32) for index, bins in enumerate(shapes)]
    decays[1][..., 2] = NAN
    found = merged(lambda index: numbers(index, {"decay": decays[index], "decay_edges": edges[index]}, decay=np.array(pairs[index]))).arrays
    np.testing.assert_array_equal(found["decay_edges"], [0, 1, 2, 4, 8])
    np.testing.assert_allclose(found["decay"][0, 0], [(2 + 12 + 3) / 9, (2 + 6 + 3) / 6, (4 + 3) / 5, 1.0], rtol=1e-6)


# Tokens


def test_influence_counts_each_query_once_and_is_the_mean_over_those_that_see_the_token() -> None:
    def arrays(index: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        p, counted = weights_of(index), counted_of(WINDOWS[index])
        total = p.mean(1)[:, counted].sum(1)
        seen = (np.tri(p.shape[2])[counted] > 0).sum(0)
        with np.errstate(invalid="ignore"):
            return {"token_influence": (total / seen).astype(np.float32), "token_influence_total": total.astype(np.float32)}, seen

    found = merged(lambda index: numbers(index, arrays(index)[0], token_influence=arrays(index)[1])).arrays
    total, seen = np.zeros((LAYERS, len(MEMBERS))), np.zeros(len(MEMBERS))
    for index, window in enumerate(WINDOWS):
        for query in np.flatnonzero(counted_of(window)):
            for key in range(query + 1):
                total[:, places_of(window)[key]] += weights_of(index)[:, :, query, key].mean(1)
                seen[places_of(window)[key]] += 1
    np.testing.assert_allclose(found["token_influence_total"], total, rtol=1e-6)
    np.testing.assert_allclose(found["token_influence"], total / seen, rtol=1e-6)


def test_token_links_are_those_of_the_tokens_own_window_and_name_the_documents_tokens() -> None:
    def links(index: int) -> np.ndarray:
        found = np.zeros((len(places_of(WINDOWS[index])), 2), TOKEN_LINK)
        found["key"] = [[query, -1 if query == 0 else query - 1] for query in range(len(found))]
        found["weight"] = (index + 1) / 10
        return found

    found = merged(lambda index: numbers(index, {"token_links": links(index)})).arrays["token_links"]
    assert found["key"].tolist() == [[0, -1], *([query, query - 1] for query in range(1, 11))]
    np.testing.assert_allclose(found["weight"][:, 0], [0.1] * 6 + [0.2] * 2 + [0.3] * 3)


def test_by_sentence_numbers_are_those_of_the_window_that_the_sentence_is_counted_in_and_name_the_documents_tokens() -> None:
    def arrays(index: int) -> dict[str, np.ndarray]:
        size = WINDOWS[index].last - WINDOWS[index].first
        shares = np.broadcast_to(named_square(index)[:, 0] / 1000, (LAYERS, HEADS, size)).astype(np.float16)
        keys = np.broadcast_to(np.arange(size), (LAYERS, HEADS, size)).astype(np.int32)
        return {"induction_by_sentence": shares, "strongest_key": keys - (index == 2), "rare_token_expected_by_sentence": shares[:, 0].astype(np.float32)}

    found = merged(lambda index: numbers(index, arrays(index))).arrays
    np.testing.assert_allclose(found["induction_by_sentence"][1, 2], [0.1, 0.11, 0.12, 0.231, 0.343], rtol=1e-3)
    assert found["induction_by_sentence"].dtype == np.float16
    np.testing.assert_allclose(found["rare_token_expected_by_sentence"][1], [0.1, 0.11, 0.12, 0.231, 0.343], rtol=1e-3)
    assert found["strongest_key"][1, 2].tolist() == [0, 1, 2, 4, 6]  # the second window begins with token 2, the third with token 6
    assert found["strongest_key"].dtype == np.int32


def test_an_example_is_the_one_of_the_greatest_weight_in_any_window() -> None:
    pairs = [np.full((LAYERS, HEADS, 2), -1, np.int32) for _ in range(3)]
    greatest = [np.zeros((LAYERS, HEADS)) for _ in range(3)]
    pairs[1][0, 1], greatest[1][0, 1] = [3, 1], 0.4
    pairs[2][0, 1], greatest[2][0, 1] = [2, 0], 0.3
    pairs[2][1, 2], greatest[2][1, 2] = [2, 1], 0.2
    found = merged(lambda index: numbers(index, {"induction_example": pairs[index]}, induction_example=greatest[index])).arrays["induction_example"]
    expected = np.full((LAYERS, HEADS, 2), -1)
    expected[0, 1], expected[1, 2] = [5, 3], [8, 7]
    np.testing.assert_array_equal(found, expected)


def test_weights_of_the_text_count_the_rows_that_its_means_are_over() -> None:
    nothing = np.zeros(6, bool)
    ids, members = np.array([5, 7, 5, 9, 7, 5], np.int32), np.array([-1, 0, 0, 1, 1, 1], np.int32)
    marks = {"special": nothing, "delimiter": nothing, "part_of_sentence": np.zeros(0, np.int32)}
    text = TokenisedText(ids=ids, spans=np.zeros((6, 2), np.int32), sentence_of_token=members, sentences=(), notices=(), **marks)
    everything = {"first_token": 5.0, "previous_token": 5.0, "next_token": 4.0, "duplicate_token": 3.0, "induction": 3.0}
    assert text_weights(text, ~nothing) == everything
    assert text_weights(text, members == 1) == {"first_token": 3.0, "previous_token": 3.0, "next_token": 2.0, "duplicate_token": 2.0, "induction": 2.0}


# Memory


def room(*names: str) -> int:
    """Bytes of those arrays of `pair_arrays` for the document: four for each of the 17 pairs that some window holds."""
    sizes = {"sentence_attention": LAYERS * HEADS * 68, "by_layer": LAYERS * 68, "pair": 68}
    return sum(sizes[name] for name in names)


EVERY_PAIR = {"isa", "sentence_expected", "coverage"}


@pytest.mark.parametrize(
    ("budget", "kept", "left_out"),
    [
        (room("sentence_attention", "by_layer", *["pair"] * 3), {"sentence_attention", "isa_by_layer", *EVERY_PAIR}, []),
        (room("sentence_attention", "by_layer", *["pair"] * 3) - 1, {"sentence_attention", "isa_by_layer", *EVERY_PAIR}, []),  # as float16
        (
            room("by_layer", "by_layer", *["pair"] * 3),
            {"sentence_attention_by_layer", "isa_by_layer", *EVERY_PAIR},
            ["sentence_attention (2 x 3 x 17 pairs of sentences)"],
        ),
        (
            room("by_layer", *["pair"] * 3),
            {"isa_by_layer", *EVERY_PAIR},
            ["sentence_attention (2 x 3 x 17 pairs of sentences)", "sentence_attention_by_layer (2 x 17 pairs of sentences)"],
        ),
        (
            room(*["pair"] * 3),
            EVERY_PAIR,
            [
                "sentence_attention (2 x 3 x 17 pairs of sentences)",
                "isa_by_layer (2 x 17 pairs of sentences)",
                "sentence_attention_by_layer (2 x 17 pairs of sentences)",
            ],
        ),
        (
            room("pair"),
            {"coverage"},
            ["sentence_attention", "isa (17 pairs of sentences)", "isa_by_layer", "sentence_expected (17 pairs of sentences)", "sentence_attention_by_layer"],
        ),
        (
            0,
            set(),
            [
                "sentence_attention",
                "isa (17 pairs of sentences)",
                "isa_by_layer",
                "sentence_expected",
                "coverage (17 pairs of sentences)",
                "sentence_attention_by_layer",
            ],
        ),
    ],
)
def test_what_does_not_fit_goes_in_order_with_a_notice_each(budget: int, kept: set[str], left_out: list[str]) -> None:
    found = merged(lambda index: numbers(index, pair_arrays(index)), budget=budget)
    assert set(found.arrays) == {*kept, "outside_attention"}
    assert len(found.notices) == len(left_out)
    for notice, part in zip(found.notices, left_out, strict=True):
        assert f"decoder.{part}" in notice
        assert notice.startswith("Not stored for the whole document")
        assert notice.endswith("each window's own is stored.")


def test_attention_by_layer_is_the_mean_over_heads() -> None:
    found = merged(lambda index: numbers(index, pair_arrays(index)), budget=room("by_layer", "by_layer", *["pair"] * 3)).arrays["sentence_attention_by_layer"]
    for layer in range(LAYERS):
        np.testing.assert_allclose(found[layer], PAIRS_BY_HAND + 1000 * layer + 10_000, rtol=1e-6)


def test_attention_by_head_is_halved_before_it_is_given_up() -> None:
    budget = room("sentence_attention", "by_layer", *["pair"] * 3) - 1
    assert merged(lambda index: numbers(index, pair_arrays(index)), budget=budget).arrays["sentence_attention"].dtype == np.float16


BOOK, BOOK_WINDOW, BOOK_STRIDE, TOKENS_A_SENTENCE = 12_000, 60, 40, 3


def book_pairs(size: int) -> dict[str, np.ndarray]:
    """What a window gives for pairs of sentences."""
    square = np.full((size, size), 0.5, np.float32)
    return {
        "sentence_attention": np.broadcast_to(square, (2, 3, size, size)),
        **{name: square for name in ("isa", "rollout", "rollout_without_sink", "sentence_expected")},
        **{f"{name}_by_layer": np.broadcast_to(square, (2, size, size)) for name in ("isa", "rollout", "rollout_without_sink")},
    }


def book(sentences: int = BOOK) -> Iterator[WindowNumbers]:
    """A book's windows with made-up arrays of two layers of three heads."""
    reached = 0
    for first in range(0, sentences - BOOK_WINDOW + 1, BOOK_STRIDE):
        last = sentences if first + BOOK_STRIDE > sentences - BOOK_WINDOW else first + BOOK_WINDOW
        size = last - first
        tokens = np.arange(first * TOKENS_A_SENTENCE, last * TOKENS_A_SENTENCE)
        arrays = {
            **book_pairs(size),
            "outside_attention": np.zeros((2, 3, size), np.float32),
            "entropy": np.full((2, 3), 1.5, np.float32),
            "token_influence_total": np.ones((2, len(tokens)), np.float32),
            "token_links": np.zeros((len(tokens), 8), TOKEN_LINK),
        }
        window = Window(first=first, last=last, own=reached, start=0, end=1)
        counted = tokens >= reached * TOKENS_A_SENTENCE
        reached = last
        yield WindowNumbers(window=window, arrays=arrays, queries=int(counted.sum()), weights={}, places=tokens, counted=counted)


def test_a_book_is_merged_in_little_memory_and_its_windows_wait_on_disk(tmp_path: Path) -> None:
    merging = Merging(stack="decoder", windows=[given.window for given in book()], sentences=BOOK, tokens=BOOK * TOKENS_A_SENTENCE, budget=1 << 20)
    spool = Spool(tmp_path)
    tracemalloc.start()
    for index, window in enumerate(book()):
        for name, values in window.arrays.items():
            if index % 50 == 0:
                spool.add(f"window{index}/decoder.{name}", values)
        merging.add(window)
    found = merging.finish()
    stored = spool.finish({f"decoder.{name}": values for name, values in found.arrays.items()})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 48 << 20  # one matrix of all sentences has 576 MB
    assert set(found.arrays) == {"outside_attention", "entropy", "token_influence_total", "token_links"}
    assert found.by_pair == {}
    assert len(found.notices) == 10
    assert found.arrays["token_influence_total"].sum() == 2 * TOKENS_A_SENTENCE * sum(window.window.last - window.window.first for window in book())
    np.testing.assert_array_equal(stored["window50/decoder.isa"], np.full((60, 60), 0.5))
    assert not np.isnan(found.arrays["outside_attention"]).any()


@pytest.mark.parametrize("sentences", [3_000, 6_000, 12_000])
def test_memory_grows_with_the_document_and_not_with_its_square(sentences: int) -> None:
    windows = [given.window for given in book(sentences)]
    tracemalloc.start()
    merging = Merging(stack="decoder", windows=windows, sentences=sentences, tokens=sentences * TOKENS_A_SENTENCE)
    for window in book(sentences):
        merging.add(window)
    found = merging.finish()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert set(found.by_pair) == {*book_pairs(1), "coverage"}
    assert peak < sentences * 14_000  # 17 numbers for each of about 140 pairs, and a few to list them: per sentence 9,520 bytes and more
    assert all(values.shape[-1] == len(found.pairs.queries) and not np.isnan(values).any() for values in found.by_pair.values())


# Refusals


@pytest.mark.parametrize("name", ["probe_induction", "importance", "attention_x_gradient", "surprise", "query_key", "alignment_entropy"])
def test_what_has_no_rule_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match=f"no rule to merge decoder.{name}"):
        merged(lambda index: numbers(index, {name: np.zeros((LAYERS, HEADS), np.float32)}))


def test_cross_attention_is_refused() -> None:
    with pytest.raises(ValueError, match="no rule to merge the windows of cross attention"):
        Merging(stack="cross", windows=WINDOWS, sentences=5, tokens=11)


@pytest.mark.parametrize("order", [(1,), (0, 2), (0, 0), (0, 1, 1)])
def test_windows_out_of_order_are_refused(order: tuple[int, ...]) -> None:
    merging = Merging(stack="decoder", windows=WINDOWS, sentences=5, tokens=len(MEMBERS))
    for index in order[:-1]:
        merging.add(numbers(index, {"isa": named_square(index)}))
    with pytest.raises(ValueError, match="does not follow on"):
        merging.add(numbers(order[-1], {"isa": named_square(order[-1])}))


def test_windows_that_end_early_are_refused() -> None:
    merging = Merging(stack="decoder", windows=WINDOWS, sentences=5, tokens=len(MEMBERS))
    merging.add(numbers(0, {"isa": named_square(0)}))
    with pytest.raises(ValueError, match="end at sentence 3 of 5"):
        merging.finish()


def test_windows_of_different_arrays_are_refused() -> None:
    with pytest.raises(ValueError, match="windows differ in their arrays"):
        merged(lambda index: numbers(index, {"isa" if index else "rollout": named_square(index)}))


def test_decay_of_other_distances_is_refused() -> None:
    edges = [np.array([0, 1, 2], np.int32), np.array([0, 1, 3, 5], np.int32)]
    with pytest.raises(ValueError, match="not the same distances"):
        merged(lambda index: numbers(index, {"decay_edges": edges[min(index, 1)]}))


# The target


def test_the_target_says_nothing_of_sentences_its_window_does_not_read() -> None:
    found = target_of_window({"attribution.gradient": np.array([7.0, 9.0], np.float32)}, WINDOWS[2], 5)
    np.testing.assert_array_equal(found["attribution.gradient"], np.array([NAN, NAN, NAN, 7, 9], np.float32))
    assert found["attribution.gradient"].dtype == np.float32
    by_head = np.arange(4, dtype=np.float32).reshape(2, 1, 2)
    placed = target_of_window({"attribution.attention_by_head": by_head}, WINDOWS[2], 5)["attribution.attention_by_head"]
    np.testing.assert_array_equal(placed, np.array([[[NAN, NAN, NAN, 0, 1]], [[NAN, NAN, NAN, 2, 3]]], np.float32))
    with pytest.raises(ValueError, match="no rule that places attribution.surprise"):
        target_of_window({"attribution.surprise": np.zeros(2, np.float32)}, WINDOWS[2], 5)


def test_tokens_of_the_targets_window_lie_where_they_stand_in_the_document_two_that_stand_for_one_added_up() -> None:
    places = TokenPlaces(places=np.array([3, 5, 5, 6]), tokens=8)
    values = {"attribution.token_gradient": np.array([1.0, 2.0, 4.0, 8.0], np.float32)}
    found = target_of_window(values, WINDOWS[2], 5, None, places)["attribution.token_gradient"]
    np.testing.assert_array_equal(found, np.array([NAN, NAN, NAN, 1, NAN, 6, 8, NAN], np.float32))
    assert found.dtype == np.float32
