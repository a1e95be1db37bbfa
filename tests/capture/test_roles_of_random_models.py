"""Models that were never trained have none of the roles that need training."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made_up import made_up
from transformers import LlamaConfig, LlamaForCausalLM

sys.path.insert(0, str(Path(__file__).parent))
from tiny import arrays_of, grouped, tiny_gpt2

from reportgen.analyses import head_roles
from reportgen.capture.layout import TextLayout
from reportgen.documents import read_document
from reportgen.measurements import Measurements
from reportgen.sentences import split_sentences

SAMPLE = Path(__file__).parent.parent.parent / "samples" / "roosevelt-1941.txt"
SENTENCES = 24
WORDS = 32000
TRAINED = {"previous-token", "induction", "duplicate-token", "delimiter", "rare-token", "thematic", "bridge", "receiver", "local", "within-sentence", "sink"}


def text_of_words() -> tuple[str, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The sample's first sentences, their spans and blocks; one token for each word or mark, its span and sentence."""
    document = read_document(SAMPLE)
    sentences = split_sentences(document)[:SENTENCES]
    spans, members = [], []
    for index, sentence in enumerate(sentences):
        start = sentence.start
        for word in document.text[sentence.start : sentence.end].replace(".", " .").replace(",", " ,").split():
            start = document.text.index(word, start)
            spans.append((start, start + len(word)))
            members.append(index)
            start += len(word)
    blocks = np.array([sentence.block for sentence in sentences])
    return document.text, np.array([(one.start, one.end) for one in sentences]), blocks, np.array(spans), np.array(members)


def measured(model: Any) -> Measurements:
    """What such a model gives, with ids by word."""
    text, sentence_spans, blocks, spans, members = text_of_words()
    words = [text[start:end].lower() for start, end in spans]
    ids = np.array([sum(ord(letter) * 31**place for place, letter in enumerate(word)) % WORDS for word in words], np.int32)
    delimiter = np.array([not any(letter.isalnum() for letter in word) for word in words])
    layout = TextLayout(ids=ids, sentence_of_token=members.astype(np.int32), sinks=np.array([0]), delimiter=delimiter, target_rows=np.array([5]))
    arrays = {f"decoder.{name}": values for name, values in arrays_of(model, layout).items()}
    arrays |= {
        "sentence_spans": sentence_spans.astype(np.int32),
        "sentence_blocks": blocks.astype(np.int32),
        "token_ids": ids,
        "token_spans": spans.astype(np.int32),
        "token_sentences": members.astype(np.int32),
    }
    size = {"layers": model.config.num_hidden_layers, "heads": model.config.num_attention_heads}
    metadata = {key: value for key, value in made_up().metadata.items() if key != "target"} | {"block_kinds": ["paragraph"] * (blocks.max() + 1)} | size
    return Measurements(arrays=arrays, metadata=metadata, text=text)


def llama(spread: float) -> LlamaForCausalLM:
    torch.manual_seed(0)
    options = grouped() | {"num_hidden_layers": 5, "vocab_size": WORDS, "max_position_embeddings": 4096, "initializer_range": spread}
    return LlamaForCausalLM(LlamaConfig(**options)).eval()


@pytest.mark.parametrize(
    "make", [lambda: llama(0.02), lambda: llama(0.3), lambda: tiny_gpt2(vocab_size=WORDS, n_positions=2048)], ids=["llama", "llama, wide", "gpt2, wide"]
)
def test_a_model_that_was_never_trained_has_hardly_any_role_but_broad(make: Any) -> None:
    measurements = measured(make())
    result = head_roles.analyse(measurements)
    assert len(measurements["token_ids"]) > 500
    for roles in (result.roles, result.roles_without_sink):
        found = [name for names in roles.values() for name in names if name in TRAINED]
        assert len(found) <= 1, found


def test_near_even_attention_is_broad() -> None:
    result = head_roles.analyse(measured(llama(0.02)))
    assert all("broad" in names for names in result.roles.values())
