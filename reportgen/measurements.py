"""The waist: small labelled arrays, the sentences, and where they come from; one `.npz` file."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reportgen.contract import TEXT, spec_of
from reportgen.errors import MeasurementsError
from reportgen.files import replacing

FORMAT = 1
STACKS = ("decoder", "encoder", "cross")
TOKEN_LINK = np.dtype([("key", "<i4"), ("weight", "<f4")])


@dataclass(frozen=True, kw_only=True)
class Measurements:
    """Everything that was measured on one document with one model.

    `arrays` maps the names of the contract to read-only numpy arrays; `metadata` is plain JSON data; `text` is the text that the
    sentence and token spans index into.
    """

    arrays: Mapping[str, np.ndarray]
    metadata: Mapping[str, Any]
    text: str

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
        """The stack that the sentences were read by: `decoder` or `encoder`."""
        return next(stack for stack in STACKS if f"{stack}.sentence_attention" in self.arrays)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The sentences' texts, in order."""
        return tuple(self.text[start:end] for start, end in self.arrays["sentence_spans"])

    @property
    def notices(self) -> tuple[str, ...]:
        """What was truncated, left out or approximated, one sentence each."""
        return tuple(self.metadata["notices"])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file, whole or not at all. Raises `OutputError` when the place cannot be written to."""
        with replacing(path) as file:
            metadata = json.dumps(self.metadata, sort_keys=True, ensure_ascii=False)
            np.savez_compressed(file, allow_pickle=False, metadata=np.array(metadata), text=np.array(self.text), **self.arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Measurements:
        """Read a file written by `save`. Raises `MeasurementsError` when it is damaged or is something else."""
        arrays = _read_arrays(Path(path))
        try:
            metadata, text = json.loads(str(arrays.pop("metadata"))), str(arrays.pop("text"))
        except (KeyError, ValueError) as error:
            raise MeasurementsError(f"{path} is not a measurements file: it has no readable metadata and text.") from error
        return cls(arrays=arrays, metadata=metadata, text=text)


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            if not isinstance(stored, np.lib.npyio.NpzFile):
                raise MeasurementsError(f"{path} is a single array, not a measurements file.")
            return {name: stored[name] for name in stored.files}
    except FileNotFoundError as error:
        raise MeasurementsError(f"There is no file {path}.") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zipfile.LargeZipFile, MemoryError, _zlib_error()) as error:
        raise MeasurementsError(f"{path} is damaged or is not a measurements file ({error}); measure the document again.") from error


def _zlib_error() -> type[Exception]:
    import zlib

    return zlib.error


def _check(measurements: Measurements) -> None:
    """Shapes, number types and format agree with the contract, or a `MeasurementsError` names what does not."""
    if not isinstance(measurements.metadata, dict) or measurements.metadata.get("format") != FORMAT:
        raise MeasurementsError(f"This measurements file is not of format {FORMAT}; measure the document again with this version.")
    missing = [name for name in TEXT if name not in measurements.arrays]
    if missing or not any(f"{stack}.sentence_attention" in measurements.arrays for stack in STACKS):
        raise MeasurementsError(f"This measurements file is incomplete: {', '.join(missing) or 'sentence_attention'} is missing.")
    sizes: dict[tuple[str, str], int] = {}
    for key, array in measurements.arrays.items():
        _check_array(key, array, sizes)


def _check_array(key: str, array: np.ndarray, sizes: dict[tuple[str, str], int]) -> None:
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
        scope = "" if name in ("sentence", "token") else stack
        if sizes.setdefault((scope, name), size) != size:
            raise MeasurementsError(f"{key} has {size} along {axis} where other arrays have {sizes[scope, name]}.")
