"""The token-to-token weights of one pair of sentences: one more pass of the model over the same tokens, up to the layer that is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from reportgen.capture.block import CELLS_AT_MOST
from reportgen.capture.feeding import Feed, Shapes
from reportgen.capture.forward import run_through
from reportgen.capture.layout import TextLayout
from reportgen.capture.passes import Progress
from reportgen.capture.per_layer import global_mask
from reportgen.capture.scores import LayerScores, ScoreRule, layer_scores
from reportgen.capture.streaming import StackPass, refuse_what_is_not_finite
from reportgen.capture.visibility import Visibility
from reportgen.errors import MeasurementsError, ModelError
from reportgen.measurements import Measurements
from reportgen.models import LanguageModel, refuse_another_model
from reportgen.models.positions import source_positions, target_positions
from reportgen.sentence_pair import Head, ReadText, SentencePair, TokenWeights, find_pair, stacks_of

RELATIVE = {"float32": 1e-3, "float16": 2e-3}  # rounding of the stored mass, and of scores that two passes add up in another order
ABSOLUTE = 1e-6
COARSE = 2e-2  # of half-precision models


def token_weights(
    measurements: Measurements, model: Any, pair: tuple[int, int], head: Head, *, stack: str | None = None, progress: Progress | None = None
) -> TokenWeights:
    """The weight of every token of sentence `pair[0]` on every token of sentence `pair[1]`, measured again with the model that the file was measured with.

    Sentences are counted from 0; `head` is (layer, head), from 0, or "mean" for the mean over all layers and heads; `stack` may be left out where there
    is one. The model, a `LanguageModel` or a transformers model, reads the same tokens (those of the window that the pair was read in), is stopped after the
    layer, and is left as it was. Raises `SelectionError` when the file has no such pair or head, `ModelError` when the model is another one
    or gives another mass than the file's `sentence_attention`. Memory: that of the forward pass, and a few rows of one layer's weights.
    """
    found = find_pair(measurements, pair, head, stack)
    refuse_another_model(model, measurements.metadata)
    bare = model.model if isinstance(model, LanguageModel) else model
    given = _feed(found, bare)
    weights = _taken(bare, given, found, stacks_of(measurements), progress or (lambda stage, share: None))
    mass = float(weights.sum(1).mean())
    _refuse_another_mass(mass, found, str(bare.dtype).removeprefix("torch."))
    queries, keys = found.queries.tokens_of(found.query), found.keys.tokens_of(found.key)
    return TokenWeights(
        pair=found,
        query_tokens=queries,
        key_tokens=keys,
        query_words=found.queries.words(queries),
        key_words=found.keys.words(keys),
        weights=weights.astype(np.float32),
        mass=mass,
    )


def _feed(pair: SentencePair, model: Any) -> Feed:
    """What the model read."""
    _refuse_tokens_that_the_model_does_not_read(pair.source, model, source_positions(model))
    if pair.target is not None:
        _refuse_tokens_that_the_model_does_not_read(pair.target, model.get_decoder(), target_positions(model))
    types = {} if pair.source.types is None else {"token_type_ids": pair.source.types}
    target = None if pair.target is None else _layout(pair.target)
    return Feed(source=_layout(pair.source), target=target, extra=types | global_mask(model, pair.source.ids))


def _refuse_tokens_that_the_model_does_not_read(text: ReadText, stack: Any, limit: int | None) -> None:
    known = stack.get_input_embeddings().weight.shape[0]
    if int(text.ids.min()) < 0 or int(text.ids.max()) >= known:
        raise MeasurementsError(f"The measurements file holds tokens {text.ids.min()} to {text.ids.max()}, but the model knows 0 to {known - 1}.")
    if limit is not None and len(text.ids) > limit:
        raise MeasurementsError(f"The measurements file holds {len(text.ids)} tokens read at once, but the model reads {limit} at most.")


def _layout(text: ReadText) -> TextLayout:
    nothing = np.array([], np.int64)
    return TextLayout(ids=text.ids, sentence_of_token=text.sentence_of_token, sinks=np.array([0]), delimiter=np.zeros(len(text.ids), bool), target_rows=nothing)


def _taken(model: Any, given: Feed, pair: SentencePair, shapes: Shapes, report: Progress) -> Float[np.ndarray, "query key"]:
    """The weights of the pair's tokens in the wanted head, or their mean over every head of every layer."""

    def show(name: str, layer: int, share: float) -> None:
        report(f"attention of the {name}, layer {layer + 1}", (layer + share) / shapes[name][0])

    passes = {name: PairPass(stack=stack, reducers=[], progress=show) for name, stack in given.stacks(shapes).items()}
    wanted = passes[pair.stack]
    wanted.wanted, wanted.head = pair.wanted_layers, None if pair.head == "mean" else pair.head[1]
    wanted.queries, wanted.keys = pair.queries.tokens_of(pair.query), pair.keys.tokens_of(pair.key)
    try:
        run_through(model, given, passes)
    except _AllTakenError:
        pass
    else:
        raise ModelError(f"The model has no layer {wanted.wanted[-1]} in its {pair.stack} that computes attention; it is not the one that was measured.")
    return np.mean(wanted.found, axis=0)


class _AllTakenError(Exception):
    """The last wanted layer has been read: the rest of the pass is not needed."""


@dataclass(kw_only=True, eq=False)
class PairPass(StackPass):
    """A pass that takes the weights of some queries on some keys in the wanted layers, in one head or averaged over all, and ends after the last of them."""

    wanted: Sequence[int] = ()
    head: int | None = None  # None: the mean over all
    queries: Int[np.ndarray, " query"] = field(default_factory=lambda: np.array([], np.int64))
    keys: Int[np.ndarray, " key"] = field(default_factory=lambda: np.array([], np.int64))
    found: list[Float[np.ndarray, "query key"]] = field(default_factory=list)

    def attend(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, visibility: Visibility, rule: ScoreRule) -> torch.Tensor:
        """The layer's output as ever, after its weights were taken if they are wanted."""
        if self.done in self.wanted:
            refuse_what_is_not_finite(self.stack.name, self.done, query, key)
            self._keep(weights_between(layer_scores(query, key, visibility, rule).on_the_cpu(), self.queries, self.keys))
        return super().attend(query, key, value, visibility, rule)

    def take(self, weights: Float[torch.Tensor, "head query key"], visibility: Visibility) -> None:
        """The same of a layer that is read whole; nothing else is made of it."""
        if self.done in self.wanted:
            self._keep(weights[:, self.queries][:, :, self.keys].cpu().double().numpy())
        self.done += 1

    def _keep(self, weights: Float[np.ndarray, "head query key"]) -> None:
        self.found.append(weights.mean(0) if self.head is None else weights[self.head])
        if self.done == self.wanted[-1]:
            raise _AllTakenError


def weights_between(scores: LayerScores, queries: Int[np.ndarray, " query"], keys: Int[np.ndarray, " key"]) -> Float[np.ndarray, "head query key"]:
    """The exact weights of some queries on some keys in every head, from the scores of all keys that they see."""
    seen = slice(*scores.visibility.span(int(queries[0]), int(queries[-1]) + 1))
    heads, width = len(scores.log_normalisers), seen.stop - seen.start
    rows_at_once = max(CELLS_AT_MOST // (heads * width), 1)
    found = np.zeros((heads, len(queries), len(keys)))
    inside = np.flatnonzero((keys >= seen.start) & (keys < seen.stop))
    for start in range(int(queries[0]), int(queries[-1]) + 1, rows_at_once):
        rows = slice(start, min(start + rows_at_once, int(queries[-1]) + 1))
        logs = _log_weights(scores, rows, seen)
        mine = np.flatnonzero((queries >= rows.start) & (queries < rows.stop))
        found[:, mine[:, None], inside] = np.exp(logs[:, (queries[mine] - rows.start)[:, None], keys[inside] - seen.start])
    return found


def _log_weights(scores: LayerScores, rows: slice, seen: slice) -> Float[np.ndarray, "head row key"]:
    """ln p of some rows on a range of keys that holds all they see, in double precision."""
    cells = torch.empty(len(scores.log_normalisers), rows.stop - rows.start, seen.stop - seen.start)
    scores.between(rows, seen, out=cells)
    cells.masked_fill_(scores.visibility.unseen(rows, seen, cells.device), -torch.inf)
    logs = cells.double()
    normaliser = logs.logsumexp(2)
    if scores.rule.extra is not None:
        normaliser = torch.logaddexp(normaliser, torch.from_numpy(scores.rule.extra).double()[:, None])
    return (logs - normaliser[:, :, None]).numpy()


def _refuse_another_mass(mass: float, pair: SentencePair, dtype: str) -> None:
    """The proof that the same was measured: the weights add up to what the file says of the pair, within rounding."""
    relative = COARSE if dtype != "float32" and dtype != "float64" else RELATIVE[pair.kind]
    if not abs(mass - pair.mass) <= relative * pair.mass + ABSOLUTE:
        raise ModelError(
            f"The model gives sentence {pair.query + 1} a mass of {mass:.6g} on sentence {pair.key + 1}, where the measurements file has {pair.mass:.6g} "
            f"({pair.kind}): it does not compute what was measured. Measure the document again with this model."
        )
