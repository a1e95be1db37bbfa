"""The links of a document that are verified, as the measurements file has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

from reportgen.capture.feeding import Feed
from reportgen.capture.knockout.choosing import strongest_links
from reportgen.capture.knockout.effects import LinkEffects, Report, measure_link_effects
from reportgen.capture.knockout.sentences import STACKS, all_links, linked_texts
from reportgen.capture.per_layer import reads_per_layer
from reportgen.models import LanguageModel

LINKS_AT_MOST = 60
WHOLE_PASSES_AT_MOST = 12
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
) -> MeasuredLinks:
    """`attribution.link_effect` and `attribution.link_drop` of the strongest links, or a notice that says why there are none.

    `attention` holds the arrays of the forward pass of the same text. Sentences are numbered from `first_sentence`, which is where a window of a document
    begins. Causal models: `LINKS_AT_MOST` links; where each takes a whole pass, `WHOLE_PASSES_AT_MOST`.
    """
    if reads_per_layer(language_model.model.config):
        return _nothing_hidden("the model's attention is outside the library's interface")
    if not attention_alone:
        return _nothing_hidden("the model carries information past its attention, where hiding a sentence does not cut it")
    if language_model.kind not in STACKS:
        return _nothing_hidden("the model gives no distribution over tokens")
    texts = linked_texts(language_model.kind, given)
    possible = all_links(texts)
    links = strongest_links(*_pairs_of(attention, texts.stack), possible, LINKS_AT_MOST)
    if not len(links):
        return _nothing_hidden("no sentence sees another")
    found = measure_link_effects(language_model, given, links, report, passes_at_most=WHOLE_PASSES_AT_MOST)
    said = {"links": len(found.links), "possible": len(possible), "way": "whole passes" if found.whole_passes else "kept keys and values"}
    return MeasuredLinks(arrays=_arrays(found, first_sentence), metadata=said, notices=_notices(found, len(possible)))


def _nothing_hidden(why: str) -> MeasuredLinks:
    """No links, and a notice that says why."""
    return MeasuredLinks(arrays={}, metadata={}, notices=(f"Not measured, because {why}: {WHAT}.",))


def _pairs_of(attention: Mapping[str, np.ndarray], stack: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean share of attention over heads and layers as reports have it, and the share that even attention would give."""
    expected = attention[f"{stack}.sentence_expected"]
    shares = attention[f"{stack}.sentence_attention"].mean(1, dtype=np.float32).mean(0)
    return shares, expected if expected.ndim == 2 else expected.mean(0)


def _arrays(found: LinkEffects, first_sentence: int) -> dict[str, np.ndarray]:
    numbered: Int[np.ndarray, "link 2"] = found.links + first_sentence
    triples = np.concatenate([numbered, found.effect[:, None]], axis=1)
    return {"attribution.link_effect": triples.astype(np.float32), "attribution.link_drop": found.drop.astype(np.float32)}


def _notices(found: LinkEffects, possible: int) -> tuple[str, ...]:
    """What is measured of fewer links than reports show."""
    notices = []
    if found.whole_passes and len(found.links) < possible:
        notices.append(
            f"The effect of hiding one sentence from another is measured for the strongest {len(found.links)} of {possible:,} links, because each takes a "
            "pass over the whole text."
        )
    return tuple(notices)
