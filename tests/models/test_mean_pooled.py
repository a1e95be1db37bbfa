"""The head that comes with reportgen on the packaged encoder: what it is, how it was fitted, what it says of its sample."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import BertConfig, BertModel

from reportgen.capture import MeasureOptions, measure
from reportgen.documents import read_document
from reportgen.errors import ModelError
from reportgen.models import load_model, named_in_file
from reportgen.models.heads import fit_topics
from reportgen.models.mean_pooled import MeanPooledBert, with_head
from reportgen.models.packaged import MINILM, converted_folder, find_packaged

SAMPLES = Path(__file__).parents[2] / "samples"
LABELS = ["calm", "loud", "salt"]
TOPICS = find_packaged("minilm-topics")


def tiny_body(**changes: Any) -> BertModel:
    torch.manual_seed(0)
    sizes = {"num_hidden_layers": 2, "num_attention_heads": 3, "hidden_size": 33, "intermediate_size": 17, "vocab_size": 101}
    return BertModel(BertConfig(**sizes, **changes), add_pooling_layer=False).eval()


def saved_head(folder: Path) -> tuple[Path, str]:
    path, random = folder / "head.safetensors", torch.Generator().manual_seed(1)
    weights = {"weight": torch.randn(3, 33, generator=random), "bias": torch.randn(3, generator=random)}
    save_file(weights, path, metadata={"labels": json.dumps(LABELS)})
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_head_reads_the_mean_of_its_bodys_states(tmp_path: Path) -> None:
    body, (head, digest) = tiny_body(), saved_head(tmp_path)
    model, ids = with_head(body, head, digest), torch.arange(13)[None]
    with torch.no_grad(), safe_open(head, "pt") as file:
        expected = file.get_tensor("weight") @ body(ids).last_hidden_state[0].mean(0) + file.get_tensor("bias")
        torch.testing.assert_close(model(ids).logits[0], expected)
    assert type(model) is MeanPooledBert
    assert model.config.id2label == dict(enumerate(LABELS))
    assert model.bert is body
    assert all(not parameter.is_meta for parameter in model.parameters())


def test_a_head_that_is_another_is_refused(tmp_path: Path) -> None:
    head, digest = saved_head(tmp_path)
    head.write_bytes(head.read_bytes()[:-4] + b"abcd")
    with pytest.raises(ModelError, match=f"head.safetensors has sha256 .*, expected {digest}; it was not used"):
        with_head(tiny_body(), head, digest)


def test_the_packaged_head_is_the_one_that_was_fitted_and_says_how_good_it_is() -> None:
    assert hashlib.sha256(TOPICS.head.path.read_bytes()).hexdigest() == TOPICS.head.sha256
    assert TOPICS.head.path == fit_topics.OUTPUT
    with safe_open(TOPICS.head.path, "pt") as file:
        said = file.metadata()
        assert file.get_tensor("weight").shape == (6, 384)
    assert json.loads(said["labels"]) == list(fit_topics.TOPICS)
    assert f"{int(said['fitted_on']):,} posts" in TOPICS.head.about
    assert TOPICS.head.about.endswith(f"{int(said['tested_on']):,} later ones {said['accuracy']}")
    assert converted_folder(TOPICS) == converted_folder(MINILM)


def test_the_fit_finds_directions_that_tell_topics_apart_and_is_the_same_each_time(tmp_path: Path) -> None:
    random = torch.Generator().manual_seed(0)
    topics = torch.arange(120) % 6
    states = torch.randn(120, 11, generator=random, dtype=torch.float64) + 4 * torch.eye(6, 11, dtype=torch.float64)[topics]
    head, again = fit_topics._fitted(states, topics), fit_topics._fitted(states, topics)
    assert float((head(states).argmax(1) == topics).double().mean()) > 0.95
    assert torch.equal(head.weight, again.weight)
    (tmp_path / "posts.tab").write_text("sci.space\torbit decays\nsci.med\t \nrec.autos\tengine stalls\nmisc.forsale\tbikes\n", encoding="utf-8")
    assert {topic: texts for topic, texts in fit_topics._posts(tmp_path / "posts.tab").items() if texts} == {
        "cars": ["engine stalls"],
        "space": ["orbit decays"],
    }


@pytest.mark.model
def test_the_packaged_classifier_knows_what_its_sample_is_about_and_why() -> None:
    model, document = load_model("minilm-topics"), read_document(SAMPLES / "a-year-in-orbit.txt")
    found = measure(document, model, options=MeasureOptions(target="class:medicine"))
    target = found.metadata["target"]
    assert (target["predicted_class"], target["class"]) == ("space", "medicine")
    assert target["probability"] == pytest.approx(0.143, abs=0.01)
    assert 400 < len(found["token_ids"]) <= 512
    assert found.metadata["kind"] == "classifier"
    assert named_in_file(found.metadata) == ("minilm-topics", None)
    with torch.no_grad():
        logits = model.model(**model.tokenizer(document.text, return_tensors="pt")).logits[0]
    assert target["value"] == pytest.approx(float(logits[4]), abs=1e-3)
    strongest = found.sentences[int(np.argmax(found["attribution.gradient"]))]
    assert strongest in document.text
