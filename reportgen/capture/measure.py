"""From a document and a model to measurements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from reportgen.capture.attribution import Gradients, Target, last_sentence, measure_gradients
from reportgen.capture.feeding import Feed
from reportgen.capture.forward import ForwardNumbers, measure_forward
from reportgen.capture.layout import layout_of
from reportgen.capture.probes import PERIOD, ROWS, SEED, measure_probes
from reportgen.capture.self_check import check_model
from reportgen.documents import Document
from reportgen.errors import ModelError
from reportgen.measurements import FORMAT, Measurements
from reportgen.models import LanguageModel, given_model
from reportgen.sentences import Sentence, split_sentences
from reportgen.tokens import TokenisedText, align_tokens

LIBRARIES = ("torch", "transformers", "numba", "numpy", "nltk", "reportgen")
STACK = "decoder"
Progress = Callable[[str, float], None]


@dataclass(frozen=True, kw_only=True)
class MeasureOptions:
    """Which passes to make besides the forward one, and the caller's own sentences if any."""

    attribution: bool = True
    probes: bool = True
    sentences: Sequence[Sentence] | None = None


def measure(document: Document, model: Any, tokenizer: Any = None, *, options: MeasureOptions | None = None, progress: Progress | None = None) -> Measurements:
    """The measurements of a document: attention of every layer and head, streamed, and what the last sentence depends on.

    `model` is a `LanguageModel`, or a transformers causal model with its `tokenizer`; it is left exactly as it was. `progress` is called with the
    stage's name and the share of it that is done. Raises `DocumentError` or `ModelError` when the two cannot be measured together.
    Memory: that of the model's plain forward pass, plus the queries and keys of all layers; never tokens x tokens.
    """
    options, report = options or MeasureOptions(), progress or (lambda stage, share: None)
    language_model = given_model(model, tokenizer)
    sentences = split_sentences(document) if options.sentences is None else options.sentences
    tokenised = align_tokens(document, sentences, language_model.tokenizer, language_model.positions)
    _check_vocabulary(language_model, tokenised)
    too_short = (language_model.positions or 2 * PERIOD) < 2 * PERIOD
    target = last_sentence(tokenised)
    given = Feed(source=layout_of(tokenised, target.rows))
    shapes = check_model(language_model.model, given)
    forward = measure_forward(language_model.model, given, shapes, report)
    arrays = {**_text_arrays(tokenised), **forward.arrays}
    if options.probes and not too_short:
        probes = measure_probes(language_model.model, language_model.tokenizer, shapes, report)
        arrays |= {f"{STACK}.{name}": values for name, values in probes.items()}
    gradients = measure_gradients(language_model.model, tokenised, target, report) if options.attribution else None
    if gradients is not None:
        arrays |= _attribution_arrays(forward, gradients)
    metadata = _metadata(document, language_model, tokenised, options, target if gradients else None)
    if gradients is not None:
        metadata["target"]["loss_nats"] = round(gradients.loss, 6)
    metadata["options"]["sentence_attention_dtype"] = str(forward.arrays[f"{STACK}.sentence_attention"].dtype)
    if options.probes and too_short:
        metadata["options"]["probes"] = None
        metadata["notices"].append(f"Not measured, because the model reads fewer than {2 * PERIOD} tokens: the probes on repeated random tokens.")
    return Measurements(arrays=arrays, metadata=metadata, text=document.text)


def _check_vocabulary(language_model: LanguageModel, tokenised: TokenisedText) -> None:
    known, largest = language_model.model.get_input_embeddings().weight.shape[0], int(tokenised.ids.max())
    if largest >= known:
        raise ModelError(f"The tokenizer gives token {largest}, but {language_model.name} knows {known} tokens only: they do not belong together.")


def _text_arrays(tokenised: TokenisedText) -> dict[str, np.ndarray]:
    return {
        "sentence_spans": np.array([(sentence.start, sentence.end) for sentence in tokenised.sentences], np.int32),
        "sentence_blocks": np.array([sentence.block for sentence in tokenised.sentences], np.int32),
        "token_ids": tokenised.ids,
        "token_spans": tokenised.spans,
        "token_sentences": tokenised.sentence_of_token,
    }


def _attribution_arrays(forward: ForwardNumbers, gradients: Gradients) -> dict[str, np.ndarray]:
    return {
        "attribution.gradient": gradients.gradient,
        "attribution.input_x_gradient": gradients.input_x_gradient,
        "attribution.attention": forward.target_attention[STACK],
        "attribution.rollout": forward.target_rollout[STACK],
    }


def _metadata(document: Document, language_model: LanguageModel, tokenised: TokenisedText, options: MeasureOptions, target: Target | None) -> dict[str, Any]:
    """Everything needed to know what the numbers are of; no clock, no path, no host."""
    model = language_model.model
    metadata: dict[str, Any] = {
        "format": FORMAT,
        "title": document.title,
        "source": document.source,
        "sha256": document.sha256,
        "language": document.language,
        "block_kinds": [block.kind for block in document.blocks],
        "model": language_model.name,
        "revision": language_model.identity,
        "family": language_model.family,
        "layers": model.config.num_hidden_layers,
        "heads": model.config.num_attention_heads,
        "dtype": str(model.dtype).removeprefix("torch."),
        "device": model.device.type,
        "attention_way": "streaming",
        "libraries": {name: version(name) for name in LIBRARIES},
        "options": {
            "attribution": options.attribution,
            "probes": {"seed": SEED, "rows": ROWS, "period": PERIOD} if options.probes else None,
            "sentences": "Punkt" if options.sentences is None else "given by the caller",
        },
        "windows": [],
        "notices": [*tokenised.notices, *_absences(options)],
    }
    if target is not None:
        metadata["target"] = {"sentence": target.sentence, "tokens": len(target.tokens), "description": target.description}
    return metadata


def _absences(options: MeasureOptions) -> list[str]:
    asked_away = {"attribution": options.attribution, "the probes on repeated random tokens": options.probes}
    return [f"Not measured, because it was asked away: {name}." for name, wanted in asked_away.items() if not wanted]
