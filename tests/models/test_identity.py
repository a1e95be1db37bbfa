"""Whether a model is the one a file was made with, and by which name it can be loaded again."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from tiny_folders import byte_level, tiny_gpt2

from reportgen.errors import ModelError
from reportgen.models import given_model, named_in_file, refuse_another_model
from reportgen.models.packaged import DEFAULT

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OF_FILE = {"model": "tiny", "family": "gpt2", "revision": "weights sha256 " + "a" * 64, "dtype": "float32"}


def of_file(**changes: Any) -> dict[str, Any]:
    return {**OF_FILE, **changes}


def test_packaged_and_hub_models_are_named_by_the_file_and_folders_are_not() -> None:
    assert named_in_file({"model": DEFAULT.title, "revision": DEFAULT.identity}) == (DEFAULT.name, None)
    assert named_in_file({"model": DEFAULT.title, "revision": "another wheel"}) == (None, None)
    assert named_in_file({"model": "somebody/model", "revision": COMMIT}) == ("somebody/model", COMMIT)
    assert named_in_file(of_file()) == (None, None)
    assert named_in_file({"model": "tiny", "revision": "given by the caller"}) == (None, None)


def test_the_same_model_passes_and_others_are_refused_by_what_differs() -> None:
    model = dataclasses.replace(given_model(tiny_gpt2(), byte_level()), identity=OF_FILE["revision"])
    refuse_another_model(model, of_file())
    for name, value in {"family": "llama", "revision": COMMIT, "dtype": "bfloat16"}.items():
        with pytest.raises(ModelError, match=f"this model's {name} is "):
            refuse_another_model(model, of_file(**{name: value}))


def test_weights_of_no_known_identity_cannot_be_told_apart() -> None:
    bare = tiny_gpt2()
    refuse_another_model(bare, of_file())
    refuse_another_model(given_model(bare, byte_level()), of_file(revision=COMMIT))
    refuse_another_model(dataclasses.replace(given_model(bare, byte_level()), identity=COMMIT), of_file(revision="given by the caller"))
