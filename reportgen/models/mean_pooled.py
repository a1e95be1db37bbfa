"""A classifier of BERT's shape that reads the mean of all states, as sentence encoders are used, where the library's own reads the first."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from transformers import BertConfig, BertForSequenceClassification, BertModel, BertPreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from reportgen.errors import ModelError


class MeanPooledBert(BertForSequenceClassification):
    """A linear head on the mean of the last layer's states; tokens that `attention_mask` leaves out are not in the mean."""

    def __init__(self, config: BertConfig) -> None:
        BertPreTrainedModel.__init__(self, config)  # the parent class would make a pooler that nothing reads
        self.num_labels = config.num_labels
        self.bert = BertModel(config, add_pooling_layer=False)
        self.classifier = torch.nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        **keywords: Any,
    ) -> SequenceClassifierOutput:
        """The logits of each text; `keywords` are the encoder's own."""
        texts = {"token_type_ids": token_type_ids, "position_ids": position_ids, "inputs_embeds": inputs_embeds}
        output = self.bert(input_ids, attention_mask=attention_mask, **texts, **keywords)
        logits = self.classifier(mean_state(output.last_hidden_state, attention_mask).to(self.classifier.weight.dtype))
        return SequenceClassifierOutput(logits=logits, hidden_states=output.hidden_states, attentions=output.attentions)


def mean_state(states: torch.Tensor, attention_mask: torch.Tensor | None) -> torch.Tensor:
    """The mean of each text's states that the mask keeps, in float32 at least."""
    wide = states.to(torch.promote_types(states.dtype, torch.float32))
    if attention_mask is None:
        return wide.mean(1)
    kept = attention_mask.to(wide)[..., None]
    return (wide * kept).sum(1) / kept.sum(1)


def with_head(body: BertModel, head: Path, sha256: str) -> MeanPooledBert:
    """The classifier of this body and the head in the file, in the body's number type. Raises `ModelError` for a file that is not the one it should be."""
    body.config.update(_settings(head, sha256))
    with torch.device("meta"):  # what is made here is replaced
        model = MeanPooledBert(body.config)
    model.bert, model.classifier = body, torch.nn.Linear(body.config.hidden_size, body.config.num_labels)
    model.classifier.load_state_dict(load_file(head))
    return model.to(body.dtype)


def _settings(head: Path, sha256: str) -> dict[str, Any]:
    """What the configuration says of a classifier with this head."""
    found = hashlib.sha256(head.read_bytes()).hexdigest()
    if found != sha256:
        raise ModelError(f"The head {head.name} has sha256 {found}, expected {sha256}; it was not used.")
    with safe_open(head, "pt") as file:
        labels = json.loads(file.metadata()["labels"])
    id2label = dict(enumerate(labels))
    return {"id2label": id2label, "label2id": {label: number for number, label in id2label.items()}, "classifier_pooling": "mean"}
