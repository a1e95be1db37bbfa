"""What arrays of a measurements file must be beyond shape and number type: read with their fellows, finite, and places that there are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from jaxtyping import Bool

from reportgen.archive import holds_infinity
from reportgen.contract import PAIR_KEY, WINDOW_KEY, spec_of
from reportgen.errors import MeasurementsError

STACKS = ("encoder", "decoder", "cross")
BESIDE = {  # arrays that others cannot be read without
    "*.fixed_offset": ("*.fixed_offset_without_sink", "*.fixed_offsets"),
    "*.rare_token_by_sentence": ("*.rare_token_expected_by_sentence",),
    "*.rare_token_without_sink_by_sentence": ("*.rare_token_expected_without_sink_by_sentence",),
    "*.head_divergence": ("*.head_divergence_queries",),
    "*.coreference": ("*.coreference_expected", "*.coreference_without_sink", "*.coreference_expected_without_sink"),
    "*.coreference_by_sentence": ("*.coreference_expected_by_sentence", "*.coreference_queries"),
    "*.coreference_without_sink_by_sentence": ("*.coreference_expected_without_sink_by_sentence", "*.coreference_without_sink_queries"),
    "*.syntax_accuracy": ("*.syntax_baseline", "*.syntax_pairs"),
    "*.syntax_reverse_accuracy": ("*.syntax_reverse_baseline", "*.syntax_reverse_pairs"),
    "*.query_key": ("*.query_key_pairs",),
    "attribution.link_sample": ("attribution.link_sample_drop",),
    "pruning.loss": ("pruning.heads", "pruning.random_loss"),
}
WHOLE = ("pruning.loss", "pruning.random_loss", "attribution.link_effect", "attribution.link_sample")  # NaN nowhere
WHERE_SEEN = (  # NaN only between sentences whose attention is NaN too, since no window read them together
    *("sentence_expected", "rollout", "rollout_by_layer", "rollout_without_sink", "rollout_without_sink_by_layer"),
)
WHOLE_AT_ZERO = ("faithfulness.deletion",)  # NaN at any step but 0, which is the intact target
NEVER_BELOW_ZERO = ("*.sentence_expected", "*.head_divergence", "*.head_divergence_without_sink")
AT_MOST_ONE = ("share", "weight", "cosine", "correlation")  # units
FAR = 100  # from 0: a number of such a unit that is farther is no measured one, and analyses add up and square it
RISING_FROM_ZERO = ("*.decay_edges", "pruning.heads", "faithfulness.counts")
PLACES = {  # what numbers, or the columns of the last axis, are counted along; -1 is none
    **{f"*.{name}_example": ("query_token", "key_token") for name in ("duplicate_token", "induction", "previous_token", "next_token", "coreference", "syntax")},
    "*.head_divergence_queries": ("query_token",),
}
SIZES = {  # along axes that are as long in every file
    **{(key, "query_key"): 2 for key in PLACES if key.endswith("_example")},
    **{("*.query_key_pairs", "index"): 4, ("*.query_key", "part"): 3, ("pruning.order", "index"): 3},
    **{(f"attribution.{name}", "part"): 3 for name in ("link_effect", "link_sample")},
}

SizeOf = Callable[[str, str], int | None]


def check_values(names: Mapping[str, object], held: Mapping[str, np.ndarray], size_of: SizeOf) -> None:
    """Of all `names` that each has its fellows, of the arrays that are `held` that their numbers can be what was measured.

    `size_of` gives the size along an axis of an array, by its key; None where no array has told it. Raises `MeasurementsError` that names the array.
    """
    for key in names:
        _check_fellows(key, names)
        _refuse(key, _wrong_sizes(key, size_of))
    for key, array in held.items():
        _refuse(key, _wrong_numbers(key, array) or _wrong_places(key, array, size_of))
    _check_seen(held)


def _refuse(key: str, said: str) -> None:
    if said:
        raise MeasurementsError(f"{key} of this measurements file {said}; measure the document again.")


def scope_of(key: str, axis: str, crosses: bool) -> tuple[str, str]:
    """Which arrays have the same size along an axis: those of the stack, of the window, of the text that a decoder reads beside its source, or all."""
    window = match[0] if (match := re.match(WINDOW_KEY, key)) else ""
    stack, name = key.removeprefix(window).removeprefix(PAIR_KEY).partition(".")[0] if "." in key else "", axis.replace("query_", "").replace("key_", "")
    if name in ("layer", "head"):
        return stack, name
    if name == "pair":
        return "", name
    if name not in ("sentence", "token", "span"):
        return window + stack, name
    of_target = key.startswith("target_") or (crosses and (stack == "decoder" or (stack == "cross" and axis.startswith("query_"))))
    return "target" if of_target else window, name


def _row_of(key: str) -> str:
    """The key as the tables have it."""
    stack, _, rest = key.rpartition("/")[2].partition(".")
    return f"*.{rest}" if stack in STACKS else key


def _check_fellows(key: str, names: Mapping[str, object]) -> None:
    for fellow in BESIDE.get(_row_of(key), ()):
        needed = fellow.replace("*.", key.partition(".")[0] + ".")
        if needed not in names:
            raise MeasurementsError(f"This measurements file holds {key} and no {needed}, without which it says nothing; measure the document again.")


def _wrong_sizes(key: str, size_of: SizeOf) -> str:
    """What is wrong with sizes that are no other array's, or stand in a relation to another's; empty where nothing is."""
    row, bins, edges = _row_of(key), size_of(key, "bin"), size_of(key, "edge")
    if row == "*.decay_edges" and bins is not None and edges != bins + 1:
        return f"has {edges} edges of {bins} bins"
    wrong = next((axis for (of, axis), size in SIZES.items() if of == row and size_of(key, axis) != size), "")
    return f"has {size_of(key, wrong)} along {wrong} where there are {SIZES[row, wrong]}" if wrong else ""


def _wrong_numbers(key: str, array: np.ndarray) -> str:
    """What is wrong with the numbers themselves; empty where nothing is."""
    row, floats = _row_of(key), array.dtype.kind == "f"
    if wrong := _out_of_bounds(key, array):
        return wrong
    if row == "pruning.random_loss" and not len(array):
        return "lacks every draw"
    if (row in WHOLE and np.isnan(array).any()) or (row in WHOLE_AT_ZERO and np.isnan(array[:, :1]).any()):
        return "lacks a number"
    if row in NEVER_BELOW_ZERO and (array < 0).any():
        return "holds a number below 0"
    if row in RISING_FROM_ZERO and not floats and (not len(array) or array[0] != 0 or (np.diff(array.astype(np.int64)) <= 0).any()):
        return "does not rise from 0"
    return ""


def _out_of_bounds(key: str, array: np.ndarray) -> str:
    """What is wrong with numbers that the array's unit does not have, empty where nothing is; an infinity is one of no unit, NaN of each."""
    spec = spec_of(key)
    if spec is None or spec.unit not in AT_MOST_ONE or array.dtype.kind != "f":
        return "holds an infinity" if holds_infinity(array) else ""
    if not any(bool((np.abs(part) > FAR).any()) for part in (array if array.ndim > 2 else [array])):
        return ""
    return "holds an infinity" if holds_infinity(array) else f"holds a {spec.unit} of more than {FAR}"


def _wrong_places(key: str, array: np.ndarray, size_of: SizeOf) -> str:
    axes = () if re.match(WINDOW_KEY, key) else PLACES.get(_row_of(key), ())
    sizes = [size_of(key, axis) for axis in axes]
    columns = [array] if len(axes) == 1 else [array[..., column] for column in range(len(axes))]
    for size, column in zip(sizes, columns, strict=True):
        if size is not None and ((column < -1) | (column >= size)).any():
            return f"names a token that is none of {size}"
    return ""


def _check_seen(held: Mapping[str, np.ndarray]) -> None:
    """What is made of attention between sentences lacks no number where that has one."""
    for stack in STACKS:
        attention = next((held[key] for key in (f"{stack}.sentence_attention", f"{stack}.sentence_attention_by_layer") if key in held), None)
        if attention is None:
            continue
        seen = ~np.isnan(attention.reshape(-1, *attention.shape[-2:])[0])
        for key in (f"{stack}.{name}" for name in WHERE_SEEN):
            if key in held and any(bool((lacking & seen).any()) for lacking in _lacking(held[key])):
                _refuse(key, "lacks a number between sentences that were read together")


def _lacking(array: np.ndarray) -> Iterator[Bool[np.ndarray, "query_sentence key_sentence"]]:
    """Which pairs are NaN, of one matrix after the other."""
    for matrix in array.reshape(-1, *array.shape[-2:]):
        yield np.isnan(matrix)
