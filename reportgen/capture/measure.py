"""From a document and a model to measurements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reportgen.capture.passes import MeasureOptions, Passes, Progress
from reportgen.capture.windowed import WindowedPasses
from reportgen.documents import Document
from reportgen.errors import DocumentError, ModelError
from reportgen.measurements import Measurements
from reportgen.models import LanguageModel, given_model
from reportgen.sentences import Sentence, split_sentences
from reportgen.tokens import build_input, refuse_unknown_tokens
from reportgen.windows import WindowedText, tokenise_windows


def measure(document: Document, model: Any, tokenizer: Any = None, *, options: MeasureOptions | None = None, progress: Progress | None = None) -> Measurements:
    """The measurements of a document: attention of every layer and head of every stack, streamed, and what the model's output depends on.

    `model` is a `LanguageModel`, or a transformers model with its `tokenizer`; it is left exactly as it was. `progress` is called with the stage's name and
    the share of it that is done. A document longer than the model is measured in overlapping windows. Raises `DocumentError` or `ModelError` when the two cannot be measured together.
    Memory: that of the model's plain forward pass, plus the queries and keys of all layers; never tokens x tokens, but for models whose attention is outside
    the library's interface, which hold one layer's weights at a time.
    """
    options, report = options or MeasureOptions(), progress or (lambda stage, share: None)
    language_model = given_model(model, tokenizer)
    _refuse_what_reads_twice(language_model)
    sentences = split_sentences(document) if options.sentences is None else options.sentences
    windowed = _in_windows(document, sentences, language_model, options)
    if windowed is not None:
        return WindowedPasses.of(document, windowed, language_model=language_model, options=options, report=report).measurements()
    fed = build_input(document, language_model, sentences=sentences, pair=options.pair, generate=options.generate)
    return Passes(language_model=language_model, fed=fed, options=options, report=report).measurements()


def _refuse_what_reads_twice(language_model: LanguageModel) -> None:
    """Encoder-decoders whose decoder reads the source again find their answer by end tokens that no part of a text has, and take no embeddings."""
    if language_model.kind != "seq2seq" and getattr(language_model.model.config, "is_encoder_decoder", False):
        what = f"{language_model.name} ({language_model.family}) is a {language_model.kind} model"
        raise ModelError(f"{what} with an encoder and a decoder; of encoder-decoders reportgen measures those that write text.")


def _in_windows(document: Document, sentences: Sequence[Sentence], language_model: LanguageModel, options: MeasureOptions) -> WindowedText | None:
    """The document's windows, where it takes several; None where it is read at once, or cut for the sake of what is read beside it or written after it."""
    beside = options.pair is not None or options.generate is not None or language_model.kind == "seq2seq"
    if beside and (options.window, options.stride) != (None, None):
        raise DocumentError("Windows are for a document by itself: leave out --window and --stride, or the second text and the text to write.")
    if beside:
        return None
    limit, tokenizer = language_model.positions, language_model.tokenizer
    found = tokenise_windows(document, sentences, tokenizer, limit, size=options.window, stride=options.stride)
    refuse_unknown_tokens(language_model, language_model.model, found.whole.ids)
    return found if len(found.windows) > 1 else None
