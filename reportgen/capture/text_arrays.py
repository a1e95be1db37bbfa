"""What the measurements file says of a text itself."""

from __future__ import annotations

import numpy as np

from reportgen.tokens import TokenisedText


def text_arrays(tokenised: TokenisedText) -> dict[str, np.ndarray]:
    """Spans and blocks of the sentences, ids, spans and sentences of the tokens, named as the contract names them."""
    return {
        "sentence_spans": np.array([(sentence.start, sentence.end) for sentence in tokenised.sentences], np.int32),
        "sentence_blocks": np.array([sentence.block for sentence in tokenised.sentences], np.int32),
        "token_ids": tokenised.ids,
        "token_spans": tokenised.spans,
        "token_sentences": tokenised.sentence_of_token,
    }
