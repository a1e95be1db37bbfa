"""The end of a text, long enough for its target and short enough for many passes."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from reportgen.capture.feeding import Feed
from reportgen.capture.layout import TextLayout
from reportgen.capture.targets import Target


def end_of_text(given: Feed, target: Target, tokens: int) -> Feed:
    """What a causal model reads of a text: the sentences at its end that fit into so many tokens, after what stands before the first sentence.

    All that the target reads is kept, also where that is more.
    """
    source = given.source
    members = source.sentence_of_token
    before = int(np.flatnonzero(members >= 0)[0])
    starts = np.flatnonzero((np.diff(members, prepend=-1) != 0) & (members >= 0))
    fitting = starts[starts >= source.tokens - (tokens - before)]
    first = min(int(fitting[0]) if len(fitting) else source.tokens, int(target.rows[0]))
    return _kept(given, np.concatenate([np.arange(min(before, first)), np.arange(first, source.tokens)]))


def _kept(given: Feed, kept: Int[np.ndarray, " kept"]) -> Feed:
    source = given.source
    layout = TextLayout(
        ids=source.ids[kept],
        sentence_of_token=source.sentence_of_token[kept],
        sinks=np.flatnonzero(np.isin(kept, source.sinks)),
        delimiter=source.delimiter[kept],
        target_rows=source.target_rows[:0],
    )
    return Feed(source=layout, extra={name: values[kept] for name, values in given.extra.items()})
