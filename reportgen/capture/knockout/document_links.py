"""The links of a document that are verified, as the measurements file has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

from reportgen.capture.feeding import Feed
from reportgen.capture.knockout.choosing import SEED, Chosen, Pairs, choose_links
from reportgen.capture.knockout.effects import Knockout, LinkEffects, Report
from reportgen.capture.knockout.sentences import STACKS, LinkedTexts, all_links, linked_texts
from reportgen.capture.per_layer import reads_per_layer
from reportgen.models import Kind, LanguageModel

LINKS_AT_MOST = 150  # where not all are measured; and as many drawn by chance
EVERY_UP_TO = 60  # sentences, where time does not matter
PASSES = {"fast": 2.25, "full": 12.0}  # the tokens run for all links, in texts
WHOLE_PASSES = {"fast": 12, "full": 60}  # where each link takes one
DRAWN, DRAWN_OF_PASSES = 1 / 2, 1 / 3  # of these, for links drawn by chance
WHAT = "what links between sentences do to the model's output (link_effect)"


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredLinks:
    """The arrays under their names, and what the metadata say of them: how many links were measured of how many there are, and how."""

    arrays: dict[str, np.ndarray]
    metadata: dict[str, Any]
    notices: tuple[str, ...]


def measure_links(
    language_model: LanguageModel,
    given: Feed,
    attention: Mapping[str, np.ndarray],
    report: Report,
    *,
    attention_alone: bool = True,
    first_sentence: int = 0,
    effort: str = "fast",
) -> MeasuredLinks:
    """`attribution.link_effect`, `link_drop` and where these are not of all links `link_sample` and `link_sample_drop`, or a notice that says why there are none.

    `attention` holds the arrays of the forward pass of the same text. Sentences are numbered from `first_sentence`, which is where a window of a document
    begins. All links where they take at most as many tokens as `PASSES` texts, with `full` effort in any causal model's text of `EVERY_UP_TO` sentences;
    else the strongest and as many drawn by chance, half of those tokens each. Where each link takes a whole pass, `WHOLE_PASSES` in all.
    """
    if reads_per_layer(language_model.model.config):
        return _nothing_hidden("the model's attention is outside the library's interface")
    if not attention_alone:
        return _nothing_hidden("the model carries information past its attention, where hiding a sentence does not cut it")
    if language_model.kind not in STACKS:
        return _nothing_hidden("the model gives no distribution over tokens")
    texts = linked_texts(language_model.kind, given)
    pairs = _pairs_of(attention, texts.stack)
    possible = pairs.visible(all_links(texts))
    if not len(possible):
        return _nothing_hidden("no sentence sees another")
    knockout = Knockout.of(language_model, given, possible)
    chosen = _chosen(knockout, pairs, possible, effort)
    found = knockout.effects(np.concatenate([chosen.links, chosen.sample]), report)
    return MeasuredLinks(
        arrays=_arrays(found, len(chosen.links), first_sentence),
        metadata=_metadata(found, chosen, len(possible), texts.looking.tokens),
        notices=_notices(found, chosen, len(possible), effort),
    )


def _nothing_hidden(why: str) -> MeasuredLinks:
    """No links, and a notice that says why."""
    return MeasuredLinks(arrays={}, metadata={}, notices=(f"Not measured, because {why}: {WHAT}.",))


def _chosen(knockout: Knockout, pairs: Pairs, possible: Int[np.ndarray, "link 2"], effort: str) -> Chosen:
    costs, kept = knockout.costs(possible), knockout.kept is not None
    budget = _budget(knockout.texts, costs, effort, kept=kept)
    return choose_links(pairs, possible, costs, budget, LINKS_AT_MOST, DRAWN if kept else DRAWN_OF_PASSES)


def _budget(texts: LinkedTexts, costs: Int[np.ndarray, " link"], effort: str, *, kept: bool) -> int:
    """How many tokens may be run with links hidden, of which all would take `costs`."""
    if not kept:
        return WHOLE_PASSES[effort] * texts.looking.tokens
    every = effort == "full" and texts.looking.sentences <= EVERY_UP_TO
    return int(costs.sum()) if every else int(PASSES[effort] * texts.looking.tokens)


def tokens_planned(kind: Kind, given: Feed, effort: str) -> int:
    """About how many tokens `measure_links` runs in a model of this kind: as if each sentence saw all that it may, and keys could be kept. 0 where there are no links."""
    if kind not in STACKS:
        return 0
    texts, kept = linked_texts(kind, given), kind == "causal"
    links = all_links(texts)
    if not len(links):
        return 0
    costs = texts.costs(links, kept=kept)
    budget = _budget(texts, costs, effort, kept=kept)
    hidden = costs.sum() if costs.sum() <= budget else min(budget, 2 * LINKS_AT_MOST * costs.mean())
    return int(hidden) + texts.tokens_with_nothing_hidden(links, kept=kept)


def _pairs_of(attention: Mapping[str, np.ndarray], stack: str) -> Pairs:
    """Mean share of attention over heads and layers as reports have it, and the share that even attention would give."""
    expected = attention[f"{stack}.sentence_expected"]
    shares = attention[f"{stack}.sentence_attention"].mean(1, dtype=np.float32).mean(0)
    return Pairs(attention=shares, expected=expected if expected.ndim == 2 else expected.mean(0), lengths=stack != "cross")


def _arrays(found: LinkEffects, links: int, first_sentence: int) -> dict[str, np.ndarray]:
    """The first `links` are those that were chosen, the rest, if any, were drawn."""
    numbered: Int[np.ndarray, "link 2"] = found.links + first_sentence
    triples = np.concatenate([numbered, found.effect[:, None]], axis=1).astype(np.float32)
    drop = found.drop.astype(np.float32)
    named = {"attribution.link_effect": triples[:links], "attribution.link_drop": drop[:links]}
    return named | ({"attribution.link_sample": triples[links:], "attribution.link_sample_drop": drop[links:]} if len(drop) > links else {})


def _metadata(found: LinkEffects, chosen: Chosen, possible: int, tokens: int) -> dict[str, Any]:
    """How many links of how many, how they were chosen, and what they cost: the tokens run, and that in passes over the text."""
    return {
        "links": len(chosen.links),
        "possible": possible,
        "chosen": "all" if chosen.every else "strongest",
        "sample": len(chosen.sample),
        "seed": SEED,
        "way": "whole passes" if found.whole_passes else "kept keys and values",
        "tokens_run": found.tokens_run,
        "passes": round(found.tokens_run / tokens, 2),
    }


def _notices(found: LinkEffects, chosen: Chosen, possible: int, effort: str) -> tuple[str, ...]:
    """What is measured of fewer links than there are."""
    notices = []
    if not chosen.every:
        why = "each takes a pass over the whole text" if found.whole_passes else "all of them take too long"
        more = "; --attribution full measures more" if effort == "fast" else ""
        notices.append(
            f"The effect of hiding one sentence from another is measured for the strongest {len(chosen.links)} of {possible:,} links and {len(chosen.sample)} "
            f"drawn by chance, because {why}{more}."
        )
    return tuple(notices)
