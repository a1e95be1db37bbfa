"""The waist: small labelled arrays, the sentences, and where they come from; one `.npz` file."""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from reportgen.archive import WINDOW, StoredArrays, described, writing
from reportgen.blocks import check_blocks
from reportgen.contract import PAIR_KEY, TARGET_TEXT, TEXT, WINDOW_KEY, WINDOW_TEXT, spec_of
from reportgen.contract.checking import STACKS, check_values, scope_of
from reportgen.errors import MeasurementsError
from reportgen.sentence_pairs import PAIR_SENTENCES, PairArrays

FORMAT = 1
QUESTION = "the question"  # the source of a second text that is no file
OWN, WRITTEN = "document", "generated"  # of `sentence_parts`
TOKEN_LINK = np.dtype([("key", "<i4"), ("weight", "<f4")])
METADATA = {
    **dict.fromkeys(("title", "source", "sha256", "language", "model", "revision", "family", "dtype", "device", "attention_way"), str),
    **dict.fromkeys(("layers", "heads"), int),
    **dict.fromkeys(("block_kinds", "windows", "notices"), list),
    **dict.fromkeys(("libraries", "options"), dict),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredWindow:
    """What one window gave: sentences `first` up to, not including, `last` of the document, and its arrays by the names they have without windows.

    Their sentences and tokens are counted from the window's first. They may lie on disk, and are then read each time they are asked for.
    """

    first: int
    last: int
    arrays: Mapping[str, np.ndarray]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Prefixed(Mapping[str, np.ndarray]):
    """The arrays whose names begin with a prefix, without it."""

    arrays: Mapping[str, np.ndarray]
    prefix: str

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[self.prefix + name]

    def __iter__(self) -> Iterator[str]:
        return (name.removeprefix(self.prefix) for name in self.arrays if name.startswith(self.prefix))

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(frozen=True, kw_only=True, eq=False)
class Measurements:
    """Everything that was measured on one document with one model.

    `arrays` maps the names of the contract to read-only numpy arrays; `metadata` is plain JSON data; `text` is the text that the
    sentence and token spans index into, `target_text` the one of an encoder-decoder's decoder, empty for other models.
    """

    arrays: Mapping[str, np.ndarray]
    metadata: Mapping[str, Any]
    text: str
    target_text: str = ""

    def __post_init__(self) -> None:
        _check(self)
        for array in _held(self.arrays).values():
            array.setflags(write=False)

    def __getitem__(self, key: str) -> np.ndarray:
        """The array stored under `key`; a key that starts with `*.` means the model's first stack.

        What is stored by pair is made a whole array each time it is asked for; raises `MeasurementsError` where that takes more than 8 GiB.
        """
        name = key.replace("*", self.stack, 1)
        return self.by_pair.whole(name) if PAIR_KEY + name in self.arrays else self.arrays[name]

    def __contains__(self, key: str) -> bool:
        name = key.replace("*", self.stack, 1)
        return name in self.arrays or PAIR_KEY + name in self.arrays

    @cached_property
    def by_pair(self) -> PairArrays:
        """The arrays between sentences with one axis of pairs: those that some window holds where they alone are stored, else all."""
        return PairArrays(arrays=self.arrays, stack=self.stack, first_read=self.first_read)

    @property
    def first_read(self) -> Int[np.ndarray, " sentence"] | None:
        """Of each sentence the first that was read with it, in the first window that holds it; None for a document that was read at once."""
        first, last = np.array([(window.first, window.last) for window in self.windows], np.int64).reshape(-1, 2).T
        return first[np.searchsorted(last, np.arange(len(self.arrays["sentence_spans"])), side="right")] if len(first) else None

    @property
    def stack(self) -> str:
        """The stack that the sentences were read by: `encoder` where there is one, else `decoder`."""
        return _stack(self.arrays)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The sentences' texts, in order."""
        return tuple(self.text[start:end] for start, end in self.arrays["sentence_spans"])

    @property
    def target_sentences(self) -> tuple[str, ...]:
        """The texts of the sentences that an encoder-decoder's decoder read, in order; none for other models."""
        return tuple(self.target_text[start:end] for start, end in self.arrays.get("target_sentence_spans", ()))

    @property
    def windows(self) -> tuple[MeasuredWindow, ...]:
        """What each window gave, in order; empty when the document was read at once."""
        found = range(len(self.metadata["windows"]))
        spans = [self.arrays[f"{WINDOW}{index}/sentences"].tolist() for index in found]
        return tuple(
            MeasuredWindow(first=first, last=last, arrays=_Prefixed(arrays=self.arrays, prefix=f"{WINDOW}{index}/"))
            for index, (first, last) in zip(found, spans, strict=True)
        )

    @property
    def sentence_parts(self) -> tuple[str, ...]:
        """What each sentence is of: `OWN`, `WRITTEN` by the model, or the second text, "pair" or "question"."""
        return tuple(self.metadata.get("sentence_parts") or [OWN] * len(self["sentence_spans"]))

    @property
    def notices(self) -> tuple[str, ...]:
        """What was truncated, left out or approximated, one sentence each."""
        return tuple(self.metadata["notices"])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file, whole or not at all. Raises `OutputError` when the place cannot be written to."""
        with writing(path) as writer:
            for name in self.arrays:
                writer.add(name, self.arrays[name])
            writer.finish(self.metadata, self.text, self.target_text)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Measurements:
        """Read a file written by `save`. Raises `MeasurementsError` when it is damaged or is something else."""
        arrays = StoredArrays(Path(path))
        try:
            metadata, text = _object(arrays.held.pop("metadata")), _string(arrays.held.pop("text"))
            target_text = _string(arrays.held.pop("target_text")) if "target_text" in arrays else ""
        except (KeyError, ValueError, RecursionError) as error:
            raise MeasurementsError(f"{path} is not a measurements file: it has no readable metadata and text.") from error
        return cls(arrays=arrays, metadata=metadata, text=text, target_text=target_text)


def _object(array: np.ndarray) -> dict[str, Any]:
    found = json.loads(_string(array))
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def _string(array: np.ndarray) -> str:
    if array.shape or array.dtype.kind != "U":
        raise ValueError("not a string")
    return str(array).ljust(array.dtype.itemsize // 4, "\0")  # numpy leaves off null characters at the end, which a model can write


def _check(measurements: Measurements) -> None:
    """Shapes, number types and format agree with the contract, or a `MeasurementsError` names what does not."""
    if measurements.metadata.get("format") != FORMAT:
        raise MeasurementsError(f"This measurements file is not of format {FORMAT}; measure the document again with this version.")
    needed = {**TEXT, **TARGET_TEXT} if _crosses(measurements.arrays) else TEXT
    missing = [name for name in needed if name not in measurements.arrays]
    if missing or not _stack(measurements.arrays):
        raise MeasurementsError(f"This measurements file is incomplete: {', '.join(missing) or 'sentence_attention'} is missing.")
    sizes: dict[tuple[str, str], int] = {("", "span"): 2, ("target", "span"): 2}
    for key, shape, kind in described(measurements.arrays):
        _check_array(key, shape, kind, sizes, _crosses(measurements.arrays))
    _check_metadata(measurements, sizes)
    _check_text(measurements, measurements.text, "")
    check_blocks(measurements.metadata, len(measurements.text))
    if _crosses(measurements.arrays):
        _check_text(measurements, measurements.target_text, "target_")
    check_values(measurements.arrays, _held(measurements.arrays), lambda key, axis: sizes.get(scope_of(key, axis, _crosses(measurements.arrays))))
    _check_windows(measurements, sizes)
    _check_pairs(measurements, sizes)


def _held(arrays: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    return arrays.held if isinstance(arrays, StoredArrays) else arrays


def _crosses(arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether the decoder of an encoder-decoder read a text of its own."""
    return "cross.sentence_attention" in arrays


def _stack(arrays: Mapping[str, np.ndarray]) -> str:
    """The first stack whose attention between sentences is there, for the whole document or for its first window; empty when none is."""
    names = [f"{prefix}{{}}.{name}" for prefix in ("", PAIR_KEY, f"{WINDOW}0/") for name in ("sentence_attention", "sentence_attention_by_layer")]
    return next((stack for stack in STACKS for name in names if name.format(stack) in arrays), "")


def _check_metadata(measurements: Measurements, sizes: Mapping[tuple[str, str], int]) -> None:
    """Every entry that the report reads is there and of its type; layers, heads and target are those of the arrays."""
    metadata = measurements.metadata
    wrong = [name for name, kind in METADATA.items() if not isinstance(metadata.get(name), kind)]
    if wrong:
        raise MeasurementsError(f"The metadata of this measurements file has no proper {', '.join(wrong)}.")
    layers, heads, sentences = sizes[measurements.stack, "layer"], sizes.get((measurements.stack, "head"), metadata["heads"]), sizes["", "sentence"]
    if (layers, heads) != (metadata["layers"], metadata["heads"]):
        raise MeasurementsError(f"The metadata speaks of {metadata['layers']} layers of {metadata['heads']} heads, the arrays of {layers} of {heads}.")
    target = metadata.get("target", {})
    if not isinstance(target, dict) or (target and not _is_target(target, sentences)):
        raise MeasurementsError(f"The metadata of this measurements file names no proper target: {json.dumps(target)} of {sentences} sentences.")
    if not target and any(key.startswith("attribution.") for key in measurements.arrays):
        raise MeasurementsError("This measurements file holds attributions, but its metadata names no target of them.")


def _is_target(target: Mapping[str, Any], sentences: int) -> bool:
    first, last = target.get("sentence"), target.get("last_sentence")
    several = last is None or (first is not None and last in range(first, sentences))
    return first in (None, *range(sentences)) and several and isinstance(target.get("description"), str)


def _check_text(measurements: Measurements, text: str, prefix: str) -> None:
    """Spans lie in the text and in order; every sentence has a token and a block."""
    arrays, length = measurements.arrays, len(text)
    spans, tokens, members = (arrays[prefix + name] for name in ("sentence_spans", "token_spans", "token_sentences"))
    if not len(spans) or (np.diff(spans.ravel()) < 0).any() or spans[0, 0] < 0 or spans[-1, 1] > length:
        raise MeasurementsError(f"The sentence spans of this measurements file do not follow each other within its text of {length} characters.")
    if not len(tokens) or (tokens < 0).any() or (tokens > length).any() or (tokens[:, 0] > tokens[:, 1]).any():
        raise MeasurementsError(f"The token spans of this measurements file do not lie within its text of {length} characters.")
    if not np.array_equal(np.union1d(members, [-1]), np.arange(-1, len(spans))):
        raise MeasurementsError(f"The tokens of this measurements file do not cover its {len(spans)} sentences.")
    if not np.isin(arrays[f"{prefix}sentence_blocks"], np.arange(len(measurements.metadata.get(f"{prefix}block_kinds", ())))).all():
        raise MeasurementsError("This measurements file places sentences in blocks that its metadata does not list.")


def _check_windows(measurements: Measurements, sizes: Mapping[tuple[str, str], int]) -> None:
    """The windows are those of the metadata, in order, overlap or follow each other, and cover the document; each one's arrays are of its sentences and tokens."""
    listed = len(measurements.metadata["windows"])
    names = {match[0] for name, _, _ in described(measurements.arrays) if (match := re.match(WINDOW_KEY, name))}
    needed = [f"{WINDOW}{index}/{name}" for index in range(listed) for name in WINDOW_TEXT]
    missing = [name for name in needed if name not in measurements.arrays]
    if missing or names != {f"{WINDOW}{index}/" for index in range(listed)}:
        raise MeasurementsError(
            f"The metadata of this measurements file lists {listed} windows, its arrays are of {len(names)} ({missing[0] if missing else 'more'} missing)."
        )
    bounds = [(0, 0), *((window.first, window.last) for window in measurements.windows)]
    follow = all(first <= reached < last and (first > before or not reached) for (before, reached), (first, last) in itertools.pairwise(bounds))
    if listed and (not follow or bounds[-1][1] != sizes["", "sentence"]):
        raise MeasurementsError(f"The windows of this measurements file do not cover its {sizes['', 'sentence']} sentences one after the other.")
    for index, window in enumerate(measurements.windows):
        _check_window(f"{WINDOW}{index}/", window, len(measurements.text), sizes)


def _check_pairs(measurements: Measurements, sizes: Mapping[tuple[str, str], int]) -> None:
    """Where arrays are stored by pair, the pairs are listed, in reading order, each once, and are of the document's sentences."""
    by_pair = [name for name, _, _ in described(measurements.arrays) if name.startswith(PAIR_KEY)]
    if not by_pair:
        return
    if PAIR_SENTENCES not in by_pair:
        raise MeasurementsError(f"This measurements file holds {by_pair[0]} and no {PAIR_SENTENCES}.")
    sentences, pairs = sizes["", "sentence"], measurements.arrays[PAIR_SENTENCES].astype(np.int64)
    if not len(pairs) or pairs.min() < 0 or pairs.max() >= sentences or (np.diff(pairs[:, 0] * sentences + pairs[:, 1]) <= 0).any():
        raise MeasurementsError(f"The pairs of this measurements file are not pairs of its {sentences} sentences in reading order.")


def _check_window(prefix: str, window: MeasuredWindow, length: int, sizes: Mapping[tuple[str, str], int]) -> None:
    sentences, members, spans = window.last - window.first, window.arrays["token_sentences"], window.arrays["token_spans"]
    if sizes.get((prefix, "sentence"), sentences) != sentences or not np.array_equal(np.union1d(members, [-1]), np.arange(-1, sentences)):
        raise MeasurementsError(f"The arrays under {prefix} of this measurements file are not of its {sentences} sentences.")
    if (spans < 0).any() or (spans > length).any() or (spans[:, 0] > spans[:, 1]).any():
        raise MeasurementsError(f"The token spans under {prefix} of this measurements file do not lie within its text of {length} characters.")


def _check_array(key: str, shape: tuple[int, ...], dtype: np.dtype, sizes: dict[tuple[str, str], int], crosses: bool) -> None:
    spec = spec_of(key)
    if spec is None:
        raise MeasurementsError(f"This measurements file holds {key}, which format {FORMAT} does not know.")
    kind = "key_weight" if dtype == TOKEN_LINK else dtype.name
    axes = ("layer", *spec.axes) if spec.by_layer_too and len(shape) == len(spec.axes) + 1 else spec.axes
    if kind not in spec.kinds or len(shape) != len(axes):
        raise MeasurementsError(f"{key} is {len(shape)}-dimensional {kind}; expected {' x '.join(spec.axes)} of {' or '.join(spec.kinds)}.")
    for axis, size in zip(axes, shape, strict=True):
        scope, name = scope_of(key, axis, crosses)
        if sizes.setdefault((scope, name), size) != size:
            raise MeasurementsError(f"{key} has {size} along {axis} where other arrays have {sizes[scope, name]}.")
