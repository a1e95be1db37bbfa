"""Whether a model is the one that a measurements file was made with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reportgen.errors import ModelError
from reportgen.models.language_model import GIVEN, UNKNOWN, LanguageModel
from reportgen.models.packaged import PACKAGED

COMMIT = re.compile(r"[0-9a-f]{40}")


def named_in_file(metadata: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The name to load the file's model by, and the revision; no name where the file does not say enough: a folder's place is not in it.

    The revision goes with any name of a hub that the model is loaded by.
    """
    name, identity = metadata["model"], metadata["revision"]
    known = next((model for model in PACKAGED if (model.title, model.identity) == (name, identity)), None)
    if known is not None:
        return known.name, None
    return (name, identity) if COMMIT.fullmatch(identity) else (None, None)


def refuse_another_model(model: Any, metadata: Mapping[str, Any]) -> None:
    """Raise `ModelError` when the model, a `LanguageModel` or a transformers model, is of another family, identity or number type than the file's.

    Where file or model has none but "given by the caller", weights cannot be told apart.
    """
    bare = model.model if isinstance(model, LanguageModel) else model
    identity = model.identity if isinstance(model, LanguageModel) else getattr(bare.config, "_commit_hash", None) or GIVEN
    found = {"family": bare.config.model_type, "revision": identity, "dtype": str(bare.dtype).removeprefix("torch.")}
    for name, here in found.items():
        if here != metadata[name] and not (name == "revision" and {here, metadata[name]} & {GIVEN, UNKNOWN}):
            raise ModelError(
                f"The measurements file was made with {metadata['model']} ({metadata['family']}, {metadata['revision']}, {metadata['dtype']}), and this model's {name} "
                f"is {here}; give the model that was measured."
            )
