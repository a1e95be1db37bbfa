"""Models from folders: read exactly, or refused in one sentence that says why."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tiny_folders import POSITIONS, byte_level, save_folder, tiny_gpt2
from transformers import (
    BartConfig,
    BartModel,
    BertConfig,
    BertForTokenClassification,
    BertLMHeadModel,
    BertModel,
    BloomConfig,
    BloomForCausalLM,
    GPT2Model,
    GPTJConfig,
    GPTJForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaModel,
    MambaConfig,
    MambaForCausalLM,
    MptConfig,
    MptForCausalLM,
    Speech2TextConfig,
    Speech2TextForConditionalGeneration,
    ViTConfig,
    ViTModel,
)

from reportgen.capture import measure
from reportgen.capture.per_layer import PER_LAYER
from reportgen.documents import document_from_text
from reportgen.errors import ModelError
from reportgen.models import LanguageModel, given_model, load_model, packaged
from reportgen.models.readable import READ_ANOTHER_WAY

TEXT = "The ship left the harbour. Nobody waved. By noon it slept."
VOCABULARY = len(byte_level())
BERT = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 24, "intermediate_size": 24, "vocab_size": VOCABULARY}
LLAMA = {**BERT, "num_key_value_heads": 1}
LAYERS_AND_HEADS = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 24, "vocab_size": VOCABULARY}

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_folder(tmp_path_factory.mktemp("models") / "tiny-gpt2", tiny_gpt2())


@pytest.fixture
def folder(gpt2: Path, tmp_path: Path) -> Path:
    """A copy of a good folder, to be damaged."""
    copy = tmp_path / "tiny-gpt2"
    copy.mkdir()
    for path in gpt2.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    return copy


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def refusal(name: str | Path) -> str:
    with pytest.raises(ModelError) as caught:
        load_model(str(name))
    said = str(caught.value)
    assert said.strip()
    assert len(said.splitlines()) == 1
    return said


def test_a_folder_gives_its_model_tokenizer_name_and_checksum(gpt2: Path) -> None:
    loaded = load_model(str(gpt2))
    assert (loaded.name, loaded.family, loaded.positions) == ("tiny-gpt2", "gpt2", POSITIONS)
    assert loaded.identity == "weights sha256 " + hashlib.sha256((gpt2 / "model.safetensors").read_bytes()).hexdigest()
    assert not loaded.model.training
    assert loaded.model.dtype == torch.float32
    assert loaded.tokenizer(TEXT)["input_ids"] == byte_level()(TEXT)["input_ids"]
    for key, weights in tiny_gpt2().state_dict().items():
        torch.testing.assert_close(loaded.model.state_dict()[key], weights)


def test_a_folder_is_named_by_its_last_part(gpt2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(gpt2)
    assert load_model(".").name == "tiny-gpt2"
    assert load_model(str(gpt2) + "/").name == "tiny-gpt2"


def test_half_precision_weights_are_used_in_single_precision(tmp_path: Path) -> None:
    loaded = load_model(str(save_folder(tmp_path / "half", tiny_gpt2().half())))
    assert loaded.model.dtype == torch.float32


def test_weights_in_several_files_have_one_checksum(tmp_path: Path) -> None:
    tiny_gpt2().save_pretrained(tmp_path, max_shard_size="20KB")
    byte_level().save_pretrained(tmp_path)
    files = sorted(tmp_path.glob("*.safetensors"))
    assert len(files) > 1
    whole = b"".join(path.read_bytes() for path in files)
    assert load_model(str(tmp_path)).identity == "weights sha256 " + hashlib.sha256(whole).hexdigest()


def test_a_model_whose_head_is_its_embeddings_needs_no_head_of_its_own(tmp_path: Path) -> None:
    headless = save_folder(tmp_path / "base", GPT2Model(tiny_gpt2().config))
    assert load_model(str(headless)).model.get_output_embeddings() is not None


def test_default_means_the_packaged_model(gpt2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(packaged, "fetch", lambda model: asked.append(model) or gpt2)
    loaded = load_model()
    assert asked == [packaged.DEFAULT]
    assert (loaded.name, loaded.identity) == (packaged.DEFAULT.title, packaged.DEFAULT.identity)


# Models that are not there


@pytest.mark.parametrize("name", ["no-such-model", "nobody/no-such-model"])
@pytest.mark.usefixtures("offline")
def test_a_hub_model_that_is_not_here_is_refused_without_the_hub(name: str) -> None:
    assert refusal(name).startswith(f"Cannot load the model {name}: ")


@pytest.mark.parametrize("name", ["no such model", "a/b/c", "x" * 300])
@pytest.mark.usefixtures("offline")
def test_a_name_that_no_model_can_have_is_refused(name: str) -> None:
    assert name in refusal(name)


@pytest.mark.parametrize("name", ["", "./no-such-folder", "../no-such-folder", "~/no-such-folder", "/no/such/folder"])
def test_a_folder_that_does_not_exist_is_said_to_be_one(name: str) -> None:
    assert refusal(name) == f"There is no model folder {name!r}."


def test_a_file_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"weights")
    assert "There is no model folder" in refusal(tmp_path / "weights.bin")


def test_an_empty_folder_holds_no_weights(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"The folder {tmp_path} holds no safetensors weights."


def test_pickled_weights_are_not_read(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save(tiny_gpt2().state_dict(), folder / "pytorch_model.bin")
    assert "holds no safetensors weights" in refusal(folder)


# Folders that are damaged


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.safetensors", b""),
        ("model.safetensors", b"no weights" * 99),
        ("config.json", b""),
        ("config.json", b"{"),
        ("config.json", b"{}"),
        ("config.json", b"[1]"),
        ("config.json", b'{"model_type": "no-such-family"}'),
        ("config.json", b'{"model_type": "gpt2", "n_layer": "two"}'),
        ("tokenizer.json", b""),
        ("tokenizer.json", b"{}"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[:12].decode(),
)
def test_a_damaged_file_is_refused(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    assert refusal(folder).startswith("Cannot load the tokenizer of tiny-gpt2: " if name == "tokenizer.json" else "Cannot load the model tiny-gpt2: ")


def test_weights_cut_short_are_refused(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    assert refusal(folder).startswith("Cannot load the model tiny-gpt2: ")


def test_weights_of_another_shape_are_refused(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "n_embd": 48}))
    assert refusal(folder).startswith("Cannot load the model tiny-gpt2: ")


def test_weights_of_a_layer_too_few_are_refused_rather_than_made_up(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "n_layer": 3}))
    said = refusal(folder)
    assert said.startswith("The weights of tiny-gpt2 are incomplete: 12 tensors such as transformer.h.2.")


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    loaded = load_model(str(save_folder(tmp_path / "small", tiny_gpt2(vocab_size=101))))
    with pytest.raises(ModelError, match=r"gives token \d+, but small knows 101 tokens only"):
        measure(document_from_text(TEXT), loaded)


def test_a_folder_without_a_tokenizer_is_refused(folder: Path) -> None:
    for path in folder.glob("tokenizer*"):
        path.unlink()
    assert "tokenizer" in refusal(folder)


# Models of other kinds

BART = {"d_model": 24, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24, "vocab_size": VOCABULARY}
BART |= {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "pad_token_id": 1, "eos_token_id": 2}
SPEECH = {name: value for name, value in BART.items() if name != "vocab_size"} | {"vocab_size": VOCABULARY, "input_feat_per_channel": 8, "input_channels": 1}


KINDS: dict[str, tuple[Callable[[], Any], str]] = {
    "token classifier": (lambda: BertForTokenClassification(BertConfig(**BERT)), "is a BertForTokenClassification (bert), which reportgen does not measure"),
    "picture": (lambda: ViTModel(ViTConfig(hidden_size=24, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24)), "which reads image"),
    "speech": (lambda: Speech2TextForConditionalGeneration(Speech2TextConfig(**SPEECH)), "which reportgen does not measure"),
    "two-way writer": (lambda: BertLMHeadModel(BertConfig(**BERT)), "looks ahead: is_decoder is not set"),
    "llama": (lambda: LlamaModel(LlamaConfig(**LLAMA)), "are incomplete: 1 tensors such as lm_head.weight"),
    "mpt": (
        lambda: MptForCausalLM(MptConfig(n_layers=2, n_heads=2, d_model=24, vocab_size=VOCABULARY)),
        "does not use the library's attention interface",
    ),
    "gptj": (
        lambda: GPTJForCausalLM(GPTJConfig(n_layer=2, n_head=2, n_embd=24, rotary_dim=4, vocab_size=VOCABULARY)),
        "does not use the library's attention interface",
    ),
    "mamba": (
        lambda: MambaForCausalLM(MambaConfig(num_hidden_layers=2, hidden_size=24, state_size=3, vocab_size=VOCABULARY)),
        "has no attention: it is a state-space model",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_of_another_kind_is_refused_with_the_reason(kind: str, tmp_path: Path) -> None:
    build, reason = KINDS[kind]
    said = refusal(save_folder(tmp_path / f"tiny-{kind}", build()))
    assert f"tiny-{kind}" in said
    assert reason in said


def test_a_model_type_with_a_way_in_of_its_own_is_not_refused() -> None:
    bloom = BloomForCausalLM(BloomConfig(n_layer=2, n_head=2, hidden_size=24, vocab_size=VOCABULARY))
    assert given_model(bloom, byte_level()).kind == "causal"


def test_the_model_types_with_a_way_in_of_their_own_are_those_that_have_a_reader() -> None:
    assert set(PER_LAYER) == READ_ANOTHER_WAY


# Models that are handed in


def test_a_model_that_is_handed_in_is_taken_as_it_is() -> None:
    model = LlamaForCausalLM(LlamaConfig(**LLAMA))
    given = given_model(model, byte_level())
    assert (given.model, given.tokenizer) == (model, byte_level())
    assert (given.name, given.identity, given.family) == ("LlamaForCausalLM", "given by the caller", "llama")


def test_a_model_that_is_handed_in_has_no_path_in_its_name(gpt2: Path) -> None:
    given = given_model(load_model(str(gpt2)).model, byte_level())
    assert given.name == "tiny-gpt2"
    assert os.sep not in given.name


def test_a_language_model_is_not_wrapped_twice() -> None:
    given = given_model(tiny_gpt2(), byte_level())
    assert given_model(given, None) is given


def test_a_model_without_a_tokenizer_is_refused() -> None:
    with pytest.raises(ModelError, match="needs its tokenizer"):
        given_model(tiny_gpt2(), None)


BARE = {
    "bart": lambda: BartModel(BartConfig(**BART)),
    "llama": lambda: LlamaModel(LlamaConfig(**LLAMA)),
    "gpt2": lambda: GPT2Model(tiny_gpt2().config),
    "bert decoder": lambda: BertModel(BertConfig(**BERT, is_decoder=True)),
}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "llama"])
def test_a_model_of_another_kind_is_refused_when_handed_in(kind: str) -> None:
    build, reason = KINDS[kind]
    with pytest.raises(ModelError) as caught:
        given_model(build(), byte_level())
    assert reason in str(caught.value)


@pytest.mark.parametrize("kind", BARE)
def test_a_decoder_without_a_head_is_refused_when_handed_in(kind: str) -> None:
    with pytest.raises(ModelError, match="has no next-token head; hand in the class that has one"):
        given_model(BARE[kind](), byte_level())


def test_a_model_without_a_limit_of_length_has_none() -> None:
    model = SimpleNamespace(config=SimpleNamespace(model_type="endless"))
    assert LanguageModel(model=model, tokenizer=None, name="endless", identity="none", kind="causal").positions is None
