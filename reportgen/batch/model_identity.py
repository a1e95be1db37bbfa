"""Which model a run means, before it is loaded: the same weights and tokenizer have the same identity on every machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from reportgen.asked import Asked
from reportgen.errors import ModelError
from reportgen.folders import folder_digest


def pinned(asked: Asked, device: str | None = None) -> Asked:
    """The same run with the device and a hub's commit by name, so that every process and every machine loads the same model onto the same kind of device.

    `auto` becomes the device that this machine would take, or `device`. Raises `ModelError`.
    """
    placing = dict(asked.placing)
    if placing.get("device") in (None, "auto"):
        placing["device"] = device or _best_device()
    if _on_a_hub(asked.model):
        placing["revision"] = _commit(asked.model, placing.get("revision"))
    return replace(asked, placing=placing)


def identity_of(asked: Asked) -> str:
    """The model's name with the version and checksum of its package, the digest of its folder's files, or its commit on a hub. Raises `ModelError`."""
    from reportgen.models.packaged import find_packaged

    known = find_packaged(asked.model)
    if known is not None:
        return f"{known.title}, {known.identity}"
    if os.path.isdir(asked.model):
        return f"{Path(asked.model).resolve().name}, files sha256 {folder_digest(Path(asked.model))}"
    if not asked.model or asked.model.startswith((".", "~", os.sep)):
        raise ModelError(f"There is no model folder {asked.model!r}.")
    return f"{asked.model}, commit {_commit(asked.model, asked.placing.get('revision'))}"


def device_kind(placing: Mapping[str, str | None]) -> str:
    """cpu, cuda or mps, on which numbers depend by rounding; which one of several GPUs does not count."""
    named = placing.get("device") or "auto"
    return (_best_device() if named == "auto" else named).partition(":")[0]


def _on_a_hub(model: str) -> bool:
    from reportgen.models.packaged import find_packaged

    return find_packaged(model) is None and not os.path.isdir(model)


@lru_cache(maxsize=16)
def _commit(model: str, revision: str | None) -> str:
    """The commit that a hub, or the cache of one, has under this revision. Raises `ModelError` where neither says."""
    from transformers import AutoConfig

    try:
        found = getattr(AutoConfig.from_pretrained(model, revision=revision), "_commit_hash", None)
    except (OSError, ValueError) as error:
        raise ModelError(f"Cannot find the model {model}: {str(error).strip().splitlines()[0]}") from error
    if not found:
        raise ModelError(f"The hub does not say which commit of {model} {revision or 'its default revision'} is: download it and name its folder.")
    return found


def _best_device() -> str:
    from reportgen.models.placing import placing

    return placing("auto", "float32").device.type
