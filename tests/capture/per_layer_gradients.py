"""p dp of models that are read one layer at a time: autograd through zeros that are added to each softmax's result, put to token pairs by plain loops."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from per_layer_models import BLOCK, RANDOM, Case, banded
from tiny import made_up_layout

from reportgen.capture.layout import TextLayout
from reportgen.capture.per_layer import attention_types_kept
from reportgen.capture.streaming import attention_implementation

ROUND = 60  # a multiple of every window
Products = dict[str, list[np.ndarray]]
SOFTMAXES = {"banded": 1, "banded with global tokens": 2, "blocks": 5}


@dataclass(frozen=True, kw_only=True)
class Fed:
    """A case's model and made-up texts for it, of which the target's rows are in the last one read."""

    case: Case
    model: Any
    source: TextLayout
    answer: TextLayout | None

    @classmethod
    def of(cls, case: Case, dtype: torch.dtype = torch.float64) -> Fed:
        """In float64 without padding where there is a band and nothing else: a row of padding is then not a number, and so is the model's own gradient."""
        alone = case.build().config.model_type in ("longformer", "led") and case.chosen is None and dtype == torch.float64
        source = made_up_layout(ROUND if alone else case.lengths[0], 5)
        answer = None if case.targets is None else made_up_layout(case.targets, 3, seed=1)
        source = source if answer is None else source.changed(target_rows=source.target_rows[:0])
        return cls(case=case, model=case.build().to(dtype), source=source, answer=answer)

    @property
    def layouts(self) -> dict[str, TextLayout]:
        return {"encoder": self.source, "decoder": self.answer or self.source}

    @property
    def embeddings(self) -> torch.Tensor:
        return self.model.get_input_embeddings()(torch.from_numpy(self.source.ids.astype(np.int64))[None]).detach()

    def target(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Negative log-likelihood of the tokens after the target's rows."""
        read = self.answer or self.source
        ids = torch.from_numpy(read.ids.astype(np.int64))
        inputs = {name: values for name, values in self.case.inputs(self.source.tokens).items() if name == "global_attention_mask"}
        inputs |= {"decoder_input_ids": ids[None]} if self.answer else {}
        inputs |= {"use_cache": False} if getattr(self.model.config, "use_cache", False) else {}
        logits = self.model(inputs_embeds=embeddings, **inputs).logits[0]
        return torch.nn.functional.cross_entropy(logits[read.target_rows], ids[read.target_rows + 1], reduction="sum")


@contextmanager
def zeros_added(kept: list[tuple[torch.Tensor, torch.Tensor]]) -> Iterator[None]:
    """Inside the block the result of each softmax goes into the list, with zeros that are added to it."""
    softmax = torch.nn.functional.softmax

    def with_zeros(*arguments: Any, **keywords: Any) -> torch.Tensor:
        result = softmax(*arguments, **keywords)
        zeros = torch.zeros_like(result, requires_grad=True)
        kept.append((result.detach(), zeros))
        return result + zeros

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.functional, "softmax", with_zeros)
        yield


def products_by_autograd(fed: Fed) -> list[torch.Tensor]:
    """p dp of every softmax in the order of the calls."""
    kept: list[tuple[torch.Tensor, torch.Tensor]] = []
    with attention_types_kept(fed.model), attention_implementation(fed.model, "eager"), zeros_added(kept):
        value = fed.target(fed.embeddings)
    slopes = torch.autograd.grad(value, [zeros for _, zeros in kept])
    return [(weights * slope).double() for (weights, _), slope in zip(kept, slopes, strict=True)]


def placed(fed: Fed, layers: int, kind: str) -> Products:
    """The same by stack and layer, between tokens."""
    parts, chosen, tokens = products_by_autograd(fed), list(fed.case.chosen or ()), fed.source.tokens
    if kind == "dense":
        return {"decoder" if fed.model.config.model_type in ("bloom", "falcon") else "encoder": [part[0].numpy() for part in parts]}
    step = SOFTMAXES[kind]
    first, rest = parts[: step * layers], parts[step * layers :]
    if kind == "blocks":
        return {"encoder": [blocks(first[start : start + step], tokens) for start in range(0, len(first), step)]}
    own_rows = [rows.transpose(1, 2)[None] for rows in first[1::step]] if chosen else None
    found = {"encoder": banded(tuple(part.transpose(1, 2) for part in first[::step]), own_rows, tokens, chosen)}
    return found | ({"decoder": [part.numpy() for part in rest[::2]], "cross": [part.numpy() for part in rest[1::2]]} if rest else {})


def blocks(parts: list[torch.Tensor], tokens: int) -> np.ndarray:
    """BigBird's five softmaxes, reading by reading, a key that is read twice with the sum; outside training every random block is block 0."""
    heads, count = parts[0].shape[1], -(-tokens // BLOCK)
    pairs = np.zeros((heads, count * BLOCK, count * BLOCK))
    for row in range(count):
        edge = {0: 0, 1: 1, count - 2: 3, count - 1: 4}.get(row, 2)
        near = {1: [0, 1, 2, count - 1], count - 2: [0, row - 1, row, row + 1]}
        read = {0: list(range(count)), 2: [0, row - 1, row, row + 1, *[0] * RANDOM, count - 1], 4: list(range(count))}.get(edge)
        part = parts[edge][0, :, row - 2] if edge == 2 else parts[edge][0]
        for slot, block in enumerate(read or [*near[row], *[0] * RANDOM]):
            pairs[:, row * BLOCK : (row + 1) * BLOCK, block * BLOCK : (block + 1) * BLOCK] += part[:, :, slot * BLOCK : (slot + 1) * BLOCK].numpy()
    return pairs[:, :tokens, :tokens]


def plain_gradient(fed: Fed) -> tuple[float, torch.Tensor]:
    """The target's value and its gradient by the embeddings, by the model as it is."""
    embeddings = fed.embeddings.requires_grad_(True)
    with attention_types_kept(fed.model):
        value = fed.target(embeddings)
    return float(value.detach()), torch.autograd.grad(value, embeddings)[0][0]
