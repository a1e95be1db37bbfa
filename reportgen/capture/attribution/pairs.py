"""What the loss of each sentence depends on, sentence by sentence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from reportgen.capture.attribution.gradients import Report, differentiate, times_gradient
from reportgen.capture.attribution.steps import steps_of
from reportgen.capture.embedding import embedded
from reportgen.capture.feeding import Feed
from reportgen.capture.targets import sentence_target
from reportgen.models import Kind, LanguageModel

ALL_ROWS, SOME_ROWS = 60, 24
KINDS = ("causal", "masked", "seq2seq")
RULE = f"all sentences up to {ALL_ROWS}, else {SOME_ROWS} spread evenly"


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Input x gradient of the losses of the sentences `rows`, on each sentence of the source; NaN where the source's sentence is not given for the loss."""

    values: Float[np.ndarray, "row sentence"]
    rows: Int[np.ndarray, " row"]
    of: int  # how many sentences could be rows

    @property
    def notices(self) -> list[str]:
        """What to say where not every sentence is a row."""
        if len(self.rows) == self.of:
            return []
        return [f"Input x gradient of pairs of sentences: of {self.of} sentences {len(self.rows)}, spread evenly, are rows, since each costs a backward pass."]


def measure_pairs(language_model: LanguageModel, given: Feed, report: Report) -> Pairs:
    """For a sentence i the sum over the tokens of each sentence of e . dLoss(i)/de, with e their embeddings.

    The loss is sentence i's negative log-likelihood: given all before (causal; of which only the text up to i is run), given all others, i being masked
    (masked models), given the source and all before in the decoder's text (encoder-decoders, whose rows are sentences of that text). Cost: a forward and
    a backward pass for each row. For models of these kinds only.
    """
    read = given.source if given.target is None else given.target
    rows, causal = _rows(read.sentences, language_model.kind == "causal"), language_model.kind == "causal"
    values = np.full((len(rows), given.source.sentences), np.nan, np.float32)
    run = [place for place, sentence in enumerate(rows) if sentence or not causal]  # nothing is before the first
    losses = [sentence_target(language_model, given, int(rows[place])) for place in run]
    for step in steps_of(f"gradients of {len(run)} sentences", [aimed.tokens for _, aimed in losses], report):
        loss, aimed = losses[step]
        embeddings = embedded(language_model.model, aimed.source)
        products = times_gradient(embeddings, differentiate(language_model.model, aimed, loss, embeddings).gradient)
        values[run[step], : aimed.source.sentences] = aimed.source.summed_by_sentence(products)
    if given.target is None:
        values[np.arange(len(rows)), rows] = np.nan
    return Pairs(values=values, rows=rows, of=read.sentences)


def tokens_planned(kind: Kind, given: Feed) -> int:
    """About how many tokens `measure_pairs` runs there and back; 0 for models of other kinds."""
    if kind not in KINDS:
        return 0
    read = given.source if given.target is None else given.target
    rows, beside = _rows(read.sentences, kind == "causal"), given.tokens - read.tokens
    if kind == "masked":
        return len(rows) * read.tokens
    ends = [int(np.flatnonzero(read.sentence_of_token == sentence)[-1]) + 1 for sentence in rows.tolist() if sentence or kind != "causal"]
    return sum(ends) + len(ends) * beside


def _rows(sentences: int, causal: bool) -> Int[np.ndarray, " row"]:
    """All, or some from the first that can depend on another to the last."""
    if sentences <= ALL_ROWS:
        return np.arange(sentences, dtype=np.int32)
    return np.linspace(1 if causal else 0, sentences - 1, SOME_ROWS).round().astype(np.int32)
