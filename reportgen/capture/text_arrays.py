"""What the measurements file says of a text itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from reportgen.documents import Document
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


def blocks_of(document: Document) -> dict[str, Any]:
    """What the metadata says of the document's blocks, in order: their kinds, their places in the text, and the levels of headings (0 where there is none)."""
    return {
        "block_kinds": [block.kind for block in document.blocks],
        "block_spans": [[block.start, block.end] for block in document.blocks],
        "block_levels": [block.level for block in document.blocks],
    }
