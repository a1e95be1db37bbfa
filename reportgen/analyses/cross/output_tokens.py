"""Down to the tokens of an encoder-decoder's output: what each looks at most in the source and among the tokens before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Shaped

from reportgen.analyses.sinks import token_texts
from reportgen.measurements import Measurements

SHOWN = 3  # of each token's links in each text


@dataclass(frozen=True, kw_only=True)
class Looked:
    """A token that is looked at, its sentence (None: it is of none), and the mean weight over layers and heads."""

    token: str
    sentence: int | None
    weight: float


@dataclass(frozen=True, kw_only=True)
class OutputToken:
    """A token that the decoder read, its sentence (None: it is of none), and the tokens it looks at most: of the source, by cross-attention, and of what the decoder had read."""

    token: str
    sentence: int | None
    source: tuple[Looked, ...]
    before: tuple[Looked, ...]


def output_tokens(measurements: Measurements) -> tuple[OutputToken, ...]:
    """Every token of the output in its order, with three links at most in either text, strongest first; of a stack whose links of tokens were not measured none."""
    source, output = token_texts(measurements), token_texts(measurements, "target_")
    looks = (
        _looked(measurements, "cross", source, measurements["token_sentences"]),
        _looked(measurements, "decoder", output, measurements["target_token_sentences"]),
    )
    if not any(looks):
        return ()
    nothing = ((),) * len(output)
    sentences = measurements["target_token_sentences"].tolist()
    rows = zip(output, sentences, looks[0] or nothing, looks[1] or nothing, strict=True)
    return tuple(OutputToken(token=token, sentence=_of(sentence), source=at, before=before) for token, sentence, at, before in rows)


def _looked(measurements: Measurements, stack: str, texts: Sequence[str], members: Shaped[np.ndarray, " token"]) -> tuple[tuple[Looked, ...], ...]:
    if f"{stack}.token_links" not in measurements:
        return ()
    links = measurements[f"{stack}.token_links"][:, :SHOWN]
    rows = zip(links["key"].tolist(), links["weight"].tolist(), strict=True)
    return tuple(
        tuple(Looked(token=texts[key], sentence=_of(int(members[key])), weight=weight) for key, weight in zip(keys, weights, strict=True) if key >= 0)
        for keys, weights in rows
    )


def _of(sentence: int) -> int | None:
    return sentence if sentence >= 0 else None
