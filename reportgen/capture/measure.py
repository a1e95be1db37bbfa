"""From a document and a model to measurements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from reportgen.capture.measure_options import MeasureOptions
from reportgen.capture.passes import Passes, Progress
from reportgen.capture.targets import refuse_wrong_target
from reportgen.capture.windowed import WindowedPasses
from reportgen.documents import Document, document_from_text
from reportgen.errors import DocumentError, ModelError
from reportgen.measurements import QUESTION, Measurements
from reportgen.models import LanguageModel, given_model
from reportgen.sentences import Sentence, crossing_notice, split_sentences
from reportgen.sentences.levels import SENTENCE, join_units
from reportgen.tokens import MINIMUM_SENTENCES, build_input, chat_of, refuse_unknown_tokens, split_long
from reportgen.windows import WindowedText, tokenise_windows


def measure(document: Document, model: Any, tokenizer: Any = None, *, options: MeasureOptions | None = None, progress: Progress | None = None) -> Measurements:
    """The measurements of a document: attention of every layer and head of every stack, streamed, and what the model's output depends on.

    `model` is a `LanguageModel`, or a transformers model with its `tokenizer`; it is left exactly as it was. `progress` is called with the stage's name and
    the share of it that is done. A document longer than the model is measured in overlapping windows,
    a sentence longer than 1,024 tokens or than the model in pieces. Raises `DocumentError` or `ModelError` when the two cannot be measured together.
    Memory: that of the model's plain forward pass, plus the queries and keys of all layers; never tokens x tokens, but for models whose attention is outside
    the library's interface, which hold one layer's weights at a time.
    """
    options, report = options or MeasureOptions(), progress or (lambda stage, share: None)
    language_model = given_model(model, tokenizer)
    _refuse_what_reads_twice(language_model)
    _refuse_what_cannot_be_explained(language_model, options)
    sentences, notices = _sentences(document, language_model, options)
    windowed = _in_windows(document, sentences, language_model, options)
    if windowed is not None:
        return _saying(notices, WindowedPasses.of(document, windowed, language_model=language_model, options=options, report=report).measurements())
    asked = {"pair": _beside(options), "generate": options.generate, "chat": options.chat, "level": options.level}
    fed = build_input(document, language_model, sentences=sentences, **asked)
    return _saying(notices, Passes(language_model=language_model, fed=fed, options=options, report=report).measurements())


def _sentences(document: Document, language_model: LanguageModel, options: MeasureOptions) -> tuple[Sequence[Sentence], tuple[str, ...]]:
    """The caller's own sentences as they are, or those of the rules, the very long ones in pieces; or the paragraphs or sections of either. And what is to be said of them."""
    own = options.sentences
    found, notices = (split_sentences(document), ()) if own is None else (own, crossing_notice(own, document))
    if own is not None or options.level != SENTENCE:
        units = join_units(document, found, options.level)
        _refuse_one_unit(document, units, language_model, options)
        return units, notices
    limit = options.window or language_model.positions
    return split_long(document, found, language_model.tokenizer, limit, reserved=options.generate or 0)


def _refuse_one_unit(document: Document, units: Sequence[Sentence], language_model: LanguageModel, options: MeasureOptions) -> None:
    """Raise `DocumentError` for a single paragraph or section, by its own name, where a text by itself has to have two."""
    level, alone = options.level, _beside(options) is None or language_model.kind == "seq2seq"
    if level != SENTENCE and alone and len(units) < MINIMUM_SENTENCES:
        raise DocumentError(f"{document.source} has {len(units)} {level}, and attention is measured between two at least: leave out --level {level}.")


def _saying(notices: tuple[str, ...], measurements: Measurements) -> Measurements:
    if not notices:
        return measurements
    return replace(measurements, metadata={**measurements.metadata, "notices": [*notices, *measurements.metadata["notices"]]})


def _refuse_what_reads_twice(language_model: LanguageModel) -> None:
    """Encoder-decoders whose decoder reads the source again find their answer by end tokens that no part of a text has, and take no embeddings.

    A bare encoder has no decoder, whatever the configuration says that it shares with the whole.
    """
    if language_model.kind not in ("seq2seq", "encoder") and getattr(language_model.model.config, "is_encoder_decoder", False):
        what = f"{language_model.name} ({language_model.family}) is a {language_model.kind} model"
        raise ModelError(f"{what} with an encoder and a decoder; of encoder-decoders reportgen measures those that write text.")


def _refuse_what_cannot_be_explained(language_model: LanguageModel, options: MeasureOptions) -> None:
    """Raise `ModelError` or `DocumentError` for a question that is not for this model, and for a target that it does not have."""
    kind, name, asked = language_model.kind, language_model.name, options.question is not None
    if asked and kind != "question answering":
        raise ModelError(f"{name} ({kind}) does not find answers in a text: --question is for extractive question answering; give a second text with --pair.")
    if asked and options.pair is not None:
        raise DocumentError("The question is given twice: leave out --question or --pair.")
    if asked and not options.question.strip():
        raise DocumentError("The question is empty.")
    if options.attribution == "none":
        if options.target is not None:
            raise DocumentError(f"Nothing is explained without attribution: leave out --target {options.target}, or --attribution none.")
        return
    if kind == "question answering" and _beside(options) is None:
        raise ModelError(f"{name} answers questions, so there is nothing to explain without one: ask it with --question, or measure with --attribution none.")
    refuse_wrong_target(language_model, options.wanted_target)


def _beside(options: MeasureOptions) -> Document | None:
    """The second text in the same input: a file's, or the question."""
    return options.pair if options.question is None else document_from_text(options.question, title="Question", source=QUESTION)


def _in_windows(document: Document, sentences: Sequence[Sentence], language_model: LanguageModel, options: MeasureOptions) -> WindowedText | None:
    """The document's windows, where it takes several; None where it is read at once, or cut for the sake of what is read beside it or written after it."""
    beside = _beside(options) is not None or options.generate is not None or language_model.kind == "seq2seq"
    if beside and (options.window, options.stride) != (None, None):
        raise DocumentError("Windows are for a document by itself: leave out --window and --stride, or the second text and the text to write.")
    if beside:
        return None
    limit, tokenizer = language_model.positions, language_model.tokenizer
    encode_text = chat_of(language_model, None, opened=False).encode if options.chat else None
    found = tokenise_windows(document, sentences, tokenizer, limit, size=options.window, stride=options.stride, encode_text=encode_text)
    refuse_unknown_tokens(language_model, language_model.model, found.whole.ids)
    return found if len(found.windows) > 1 else None
