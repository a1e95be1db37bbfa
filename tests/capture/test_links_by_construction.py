"""From a model whose links are known by construction to what the page says of them: a copying head is vital, a head without values is idle."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tiny_folders import byte_level
from transformers import GPT2Config, GPT2LMHeadModel

from reportgen.analyses import verified_links
from reportgen.capture import MeasureOptions, measure
from reportgen.capture.knockout import document_links
from reportgen.documents import document_from_text
from reportgen.models import given_model

SENTENCES = (
    *(
        "Zebras run over the plain.",
        "The men sat down and ate.",
        "Many said K was there.",
        "Rain fell on the old town.",
        "No one had seen it.",
        "They told him S was gone.",
    ),
    *(
        "The day was long and hot.",
        "A dog came up the road.",
        "Then Q went home again.",
        "All the lamps were lit.",
        "He had no more to say.",
        "In the end J left too.",
    ),
    *("The wind died down at last.", "Nothing more was heard."),
)
QUERY, KEY, IDLE_QUERY, IDLE_KEY = (next(at for at, text in enumerate(SENTENCES) if f" {letter} " in text) for letter in "QKJS")


def token(letter: str, before: str = "") -> int:
    (found,) = byte_level()(before + letter)["input_ids"][-1:]
    return found


def one_layer(**changes: Any) -> GPT2LMHeadModel:
    """A dimension for each token, positions without a trace; every token looks at the first one, whose values are 0."""
    size = 320
    options = {
        "n_layer": 1,
        "n_head": 2,
        "n_embd": size,
        "vocab_size": size,
        "n_positions": 512,
        "tie_word_embeddings": False,
        "bos_token_id": 0,
        "eos_token_id": 0,
    }
    model = GPT2LMHeadModel(GPT2Config(**(options | changes))).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "ln_" not in name:
                weight.zero_()
        model.transformer.wte.weight.copy_(torch.eye(size))
        model.lm_head.weight.copy_(0.3 * torch.eye(size))
    return model


def copying_and_idle() -> GPT2LMHeadModel:
    """Head 0 leads from Q to K and writes what it finds there; head 1 leads from J to S and finds nothing."""
    model, head = one_layer(), 160
    attention = model.transformer.h[0].attn
    queries, keys, values = (slice(part * 320, (part + 1) * 320) for part in range(3))
    with torch.no_grad():
        for number, (looking, looked_at) in enumerate((("Q", "K"), ("J", "S"))):
            attention.c_attn.weight[:, queries][token(looking, " "), number * head] = 2.0
            attention.c_attn.weight[:, keys][token(looked_at, " "), number * head] = 2.0
            attention.c_attn.weight[:, keys][token("Z"), number * head + 1] = 2.0
            attention.c_attn.bias[queries][number * head + 1] = 10.0
        attention.c_attn.weight[:, values][token("K", " "), 0] = 0.3
        attention.c_proj.weight[0, token("x")] = 1.0
    return model


@pytest.fixture(scope="module")
def tokens() -> list[int]:
    return byte_level()(" ".join(SENTENCES))["input_ids"]


def analysed(model: GPT2LMHeadModel, monkeypatch: pytest.MonkeyPatch) -> verified_links.Result:
    monkeypatch.setattr(document_links, "PASSES", {"fast": 99.0, "full": 99.0})
    measured = measure(document_from_text(" ".join(SENTENCES)), given_model(model, byte_level()), options=MeasureOptions(probes=False))
    assert measured.sentences == SENTENCES
    return verified_links.analyse(measured)


def test_the_marked_letters_stand_once_in_the_text(tokens: list[int]) -> None:
    assert [tokens.count(found) for found in (token("Z"), *(token(letter, " ") for letter in "QKJS"))] == [1] * 5
    assert tokens[0] == token("Z")


def test_a_copying_head_is_vital_and_a_head_without_values_is_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    found = analysed(copying_and_idle(), monkeypatch)
    assert found.every
    links = {(link.query, link.key): link for link in found.strongest[:2]}
    assert set(links) == {(QUERY, KEY), (IDLE_QUERY, IDLE_KEY)}
    vital, idle = links[QUERY, KEY], links[IDLE_QUERY, IDLE_KEY]
    assert vital.effect > 0.01
    assert vital.percentile == 1
    assert idle.effect == 0
    assert (found.idle[0].query, found.idle[0].key) == (IDLE_QUERY, IDLE_KEY)
    assert (QUERY, KEY) not in {(link.query, link.key) for link in found.idle}
    others = ~found.hidden.first & (found.hidden.effect > 0)
    assert list(zip(found.hidden.queries[others].tolist(), found.hidden.keys[others].tolist(), strict=True)) == [(QUERY, KEY)]


def test_a_model_whose_heads_have_no_values_is_reported_as_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(n_layer=2, n_head=3, n_embd=48, vocab_size=320, n_positions=512, bos_token_id=0, eos_token_id=0)).eval()
    with torch.no_grad():
        for block in model.transformer.h:
            block.attn.c_attn.weight[:, 96:] = 0
            block.attn.c_attn.bias[96:] = 0
    found = analysed(model, monkeypatch)
    assert found.idle_of_all
    assert found.vital == ()
    assert "changes nothing that the model predicts" in verified_links.find(found)
