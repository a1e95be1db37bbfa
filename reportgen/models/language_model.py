"""A model, its tokenizer, and where they come from."""

from __future__ import annotations

import hashlib
import inspect
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reportgen.errors import ModelError
from reportgen.models import packaged
from reportgen.models.first_calls import call_math_once
from reportgen.models.kinds import Kind, kind_of_folder, kind_of_model, refuse_other_senses
from reportgen.models.placing import Placing, placing
from reportgen.models.positions import source_positions, target_positions
from reportgen.models.readable import refuse_unreadable

GIVEN, UNKNOWN = "given by the caller", "unknown revision"


@dataclass(frozen=True, kw_only=True)
class LanguageModel:
    """What is measured: a model with its tokenizer. `identity` is a revision, a checksum, or says that the caller gave it."""

    model: Any
    tokenizer: Any
    name: str
    identity: str
    kind: Kind

    @property
    def family(self) -> str:
        """The transformers model type, such as `llama`."""
        return str(self.model.config.model_type)

    @property
    def positions(self) -> int | None:
        """The longest input in tokens, of the encoder where there is one; None when the model sets no limit."""
        return source_positions(self.model)

    @property
    def target_positions(self) -> int | None:
        """The longest input of an encoder-decoder's decoder in tokens, start token included; None when there is no limit or no such decoder."""
        return target_positions(self.model)


def load_model(name: str = "default", *, revision: str | None = None, device: str = "auto", dtype: str = "float32") -> LanguageModel:
    """The model named: `default`, a packaged model's short name, a local folder, or a hub id (`HF_HUB_OFFLINE` is respected).

    Weights are read from safetensors only. `device` is auto (a GPU where there is one), cpu, cuda, cuda:N or mps; `dtype` the number type that the
    weights are used in: float32, bfloat16, float16, float64, or auto for that of the file. Raises `ModelError` when there is no such model or device, or
    the model cannot be read exactly.
    """
    where = placing(device, dtype)
    known = packaged.find_packaged(name)
    if known is not None:
        return _load(str(packaged.fetch(known)), where, title=known.title, identity=known.identity, head=known.head)
    if os.path.isdir(name):
        return _load(name, where, title=Path(name).resolve().name, identity=_weights_checksum(Path(name)))
    if not name or name.startswith((".", "~", os.sep)):
        raise ModelError(f"There is no model folder {name!r}.")
    return _load(name, where, title=name, identity=None, revision=revision)


def given_model(model: Any, tokenizer: Any) -> LanguageModel:
    """A model and tokenizer that the caller has loaded, checked like any other; its class says what kind it is."""
    if isinstance(model, LanguageModel):
        return model
    if tokenizer is None:
        raise ModelError("A model that is handed in needs its tokenizer too.")
    config = model.config
    name = os.path.basename(str(getattr(config, "_name_or_path", "") or "")) or type(model).__name__
    kind, identity = kind_of_model(model, name), getattr(config, "_commit_hash", None) or GIVEN
    return checked(LanguageModel(model=model, tokenizer=tokenizer, name=name, identity=identity, kind=kind))


def checked(language_model: LanguageModel) -> LanguageModel:
    """The same, ready to be run, or a `ModelError` that says why its attention cannot be read."""
    refuse_other_senses(type(language_model.model), language_model.name)
    refuse_unreadable(language_model.model, language_model.kind, language_model.name)
    call_math_once()
    return language_model


def _load(
    source: str, where: Placing, *, title: str, identity: str | None, revision: str | None = None, head: packaged.PackagedHead | None = None
) -> LanguageModel:
    from transformers import AutoConfig, AutoTokenizer

    with _said_of(f"the model {title}"):
        config = AutoConfig.from_pretrained(source, revision=revision)
    kind, auto_class = kind_of_folder(config, title)
    with _said_of(f"the tokenizer of {title}"):
        tokenizer = AutoTokenizer.from_pretrained(source, revision=revision)
    if len(tokenizer) <= len(tokenizer.all_special_ids):  # what the library makes up where there is no tokenizer file
        raise ModelError(f"{title} comes without a tokenizer that knows any word.")
    model = _load_weights(source, config, auto_class, title, {"revision": revision, "dtype": where.dtype})
    if head is not None:
        from reportgen.models.mean_pooled import with_head

        kind, model = "classifier", with_head(model, head.path, head.sha256).eval()
    with _said_of(f"the model {title} to {where.device}"):
        model = model.to(where.device)
    identity = identity or getattr(model.config, "_commit_hash", None) or UNKNOWN
    return checked(LanguageModel(model=model, tokenizer=tokenizer, name=title, identity=identity, kind=kind))


def _load_weights(source: str, config: Any, auto_class: str, title: str, asked: dict[str, Any]) -> Any:
    """The model on the CPU in evaluation mode, every weight of it from the files: a pooler that nothing reads is not made at all."""
    import transformers

    auto = getattr(transformers, auto_class)
    model_class = _class_for(auto, config, title)
    options = {**asked, "use_safetensors": True, "output_loading_info": True}
    if auto_class == "AutoModel" and "add_pooling_layer" in inspect.signature(model_class.__init__).parameters:
        options["add_pooling_layer"] = False
    with _said_of(f"the model {title}"):
        model, found = auto.from_pretrained(source, **options)
    if found["missing_keys"]:
        raise ModelError(f"The weights of {title} are incomplete: {len(found['missing_keys'])} tensors such as {min(found['missing_keys'])} are missing.")
    return model.eval()


def _class_for(auto: Any, config: Any, title: str) -> Any:
    """The class that the Auto class loads for this configuration, before anything is loaded."""
    if type(config) not in auto._model_mapping:
        raise ModelError(f"{title} declares {', '.join(config.architectures or ()) or 'nothing'}, and the library has no such class for {config.model_type}.")
    found = auto._model_mapping[type(config)]
    model_class = found[0] if isinstance(found, tuple) else found
    refuse_other_senses(model_class, title)
    return model_class


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
