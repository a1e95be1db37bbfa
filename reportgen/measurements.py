"""The waist: small labelled arrays, the sentences, and where they come from; one `.npz` file."""

from __future__ import annotations

import json
import lzma
import os
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reportgen.contract import TARGET_TEXT, TEXT, spec_of
from reportgen.errors import MeasurementsError
from reportgen.files import replacing

FORMAT = 1
STACKS = ("encoder", "decoder", "cross")
TOKEN_LINK = np.dtype([("key", "<i4"), ("weight", "<f4")])
METADATA = {
    **dict.fromkeys(("title", "source", "sha256", "language", "model", "revision", "family", "dtype", "device", "attention_way"), str),
    **dict.fromkeys(("layers", "heads"), int),
    **dict.fromkeys(("block_kinds", "windows", "notices"), list),
    **dict.fromkeys(("libraries", "options"), dict),
}
# What reading a damaged archive has been seen to raise, flipping one bit of it after the other; RuntimeError: "is encrypted".
DAMAGE = (
    *(OSError, ValueError, EOFError, RuntimeError, KeyError, TypeError, SyntaxError, MemoryError),
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, tokenize.TokenError),
)
END_RECORD = 22  # bytes of a zip archive's last record when it has no comment


@dataclass(frozen=True, kw_only=True)
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
        for array in self.arrays.values():
            array.setflags(write=False)

    def __getitem__(self, key: str) -> np.ndarray:
        """The array stored under `key`; a key that starts with `*.` means the model's first stack."""
        return self.arrays[key.replace("*", self.stack, 1)]

    def __contains__(self, key: str) -> bool:
        return key.replace("*", self.stack, 1) in self.arrays

    @property
    def stack(self) -> str:
        """The stack that the sentences were read by: `encoder` where there is one, else `decoder`."""
        return next(stack for stack in STACKS if f"{stack}.sentence_attention" in self.arrays)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The sentences' texts, in order."""
        return tuple(self.text[start:end] for start, end in self.arrays["sentence_spans"])

    @property
    def target_sentences(self) -> tuple[str, ...]:
        """The texts of the sentences that an encoder-decoder's decoder read, in order; none for other models."""
        return tuple(self.target_text[start:end] for start, end in self.arrays.get("target_sentence_spans", ()))

    @property
    def notices(self) -> tuple[str, ...]:
        """What was truncated, left out or approximated, one sentence each."""
        return tuple(self.metadata["notices"])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file, whole or not at all. Raises `OutputError` when the place cannot be written to."""
        with replacing(path) as file:
            metadata = json.dumps(self.metadata, ensure_ascii=False)
            texts = {"text": self.text} | ({"target_text": self.target_text} if self.target_text else {})
            strings = {name: np.array(value) for name, value in {"metadata": metadata, **texts}.items()}
            np.savez_compressed(file, allow_pickle=False, **strings, **self.arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Measurements:
        """Read a file written by `save`. Raises `MeasurementsError` when it is damaged or is something else."""
        arrays = _read_arrays(Path(path))
        try:
            metadata, text = _object(arrays.pop("metadata")), _string(arrays.pop("text"))
            target_text = _string(arrays.pop("target_text")) if "target_text" in arrays else ""
        except (KeyError, ValueError, RecursionError) as error:
            raise MeasurementsError(f"{path} is not a measurements file: it has no readable metadata and text.") from error
        return cls(arrays=arrays, metadata=metadata, text=text, target_text=target_text)


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            if len(archive.namelist()) != _promised(path):
                raise zipfile.BadZipFile("some of its arrays cannot be found")
            return {name.removesuffix(".npy"): _read_array(archive, name) for name in archive.namelist()}
    except FileNotFoundError as error:
        raise MeasurementsError(f"There is no file {path}.") from error
    except (PermissionError, IsADirectoryError) as error:
        raise MeasurementsError(f"Cannot read {path}: {error.strerror}.") from error
    except DAMAGE as error:
        reason = " ".join(str(error).split())
        raise MeasurementsError(f"{path} is damaged or is not a measurements file ({reason}); measure the document again.") from error


def _promised(path: Path) -> int:
    """How many arrays the archive's last record speaks of: a damaged list of contents can end early without any other sign."""
    with path.open("rb") as file:
        file.seek(-END_RECORD, os.SEEK_END)
        return int.from_bytes(file.read()[10:12], "little")


def _read_array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(name) as member:
        return np.lib.format.read_array(member, allow_pickle=False)


def _object(array: np.ndarray) -> dict[str, Any]:
    found = json.loads(_string(array))
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def _string(array: np.ndarray) -> str:
    if array.shape or array.dtype.kind != "U":
        raise ValueError("not a string")
    return str(array)


def _check(measurements: Measurements) -> None:
    """Shapes, number types and format agree with the contract, or a `MeasurementsError` names what does not."""
    if measurements.metadata.get("format") != FORMAT:
        raise MeasurementsError(f"This measurements file is not of format {FORMAT}; measure the document again with this version.")
    needed = TEXT if "cross.sentence_attention" not in measurements.arrays else {**TEXT, **TARGET_TEXT}
    missing = [name for name in needed if name not in measurements.arrays]
    if missing or not any(f"{stack}.sentence_attention" in measurements.arrays for stack in STACKS):
        raise MeasurementsError(f"This measurements file is incomplete: {', '.join(missing) or 'sentence_attention'} is missing.")
    sizes: dict[tuple[str, str], int] = {("", "span"): 2, ("target", "span"): 2}
    for key, array in measurements.arrays.items():
        _check_array(key, array, sizes, measurements)
    _check_metadata(measurements)
    _check_text(measurements, measurements.text, "")
    if needed is not TEXT:
        _check_text(measurements, measurements.target_text, "target_")


def _check_metadata(measurements: Measurements) -> None:
    """Every entry that the report reads is there and of its type; layers, heads and target are those of the arrays."""
    metadata = measurements.metadata
    wrong = [name for name, kind in METADATA.items() if not isinstance(metadata.get(name), kind)]
    if wrong:
        raise MeasurementsError(f"The metadata of this measurements file has no proper {', '.join(wrong)}.")
    sizes = measurements["*.sentence_attention"].shape
    if sizes[:2] != (metadata["layers"], metadata["heads"]):
        raise MeasurementsError(f"The metadata speaks of {metadata['layers']} layers of {metadata['heads']} heads, the arrays of {sizes[0]} of {sizes[1]}.")
    target = metadata.get("target", {})
    if not isinstance(target, dict) or (target and not _is_target(target, sizes[2])):
        raise MeasurementsError(f"The metadata of this measurements file names no proper target: {json.dumps(target)} of {sizes[2]} sentences.")
    if not target and any(key.startswith("attribution.") for key in measurements.arrays):
        raise MeasurementsError("This measurements file holds attributions, but its metadata names no target of them.")


def _is_target(target: Mapping[str, Any], sentences: int) -> bool:
    return target.get("sentence") in (None, *range(sentences)) and isinstance(target.get("description"), str)


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


def _check_array(key: str, array: np.ndarray, sizes: dict[tuple[str, str], int], measurements: Measurements) -> None:
    spec = spec_of(key)
    if spec is None:
        raise MeasurementsError(f"This measurements file holds {key}, which format {FORMAT} does not know.")
    kind = "key_weight" if array.dtype == TOKEN_LINK else array.dtype.name
    axes = ("layer", *spec.axes) if spec.by_layer_too and array.ndim == len(spec.axes) + 1 else spec.axes
    if kind not in spec.kinds or array.ndim != len(axes):
        raise MeasurementsError(f"{key} is {array.ndim}-dimensional {kind}; expected {' x '.join(spec.axes)} of {' or '.join(spec.kinds)}.")
    stack = key.partition(".")[0] if "." in key else ""
    for axis, size in zip(axes, array.shape, strict=True):
        name = axis.replace("query_", "").replace("key_", "")
        scope = _text_of(key, stack, axis, measurements) if name in ("sentence", "token", "span") else stack
        if sizes.setdefault((scope, name), size) != size:
            raise MeasurementsError(f"{key} has {size} along {axis} where other arrays have {sizes[scope, name]}.")


def _text_of(key: str, stack: str, axis: str, measurements: Measurements) -> str:
    """Which text an axis counts in: the source, or the target that an encoder-decoder's decoder reads."""
    looks = stack == "cross" and axis.startswith("query_")
    reads = stack == "decoder" and "cross.sentence_attention" in measurements.arrays
    return "target" if key.startswith("target_") or looks or reads else ""
