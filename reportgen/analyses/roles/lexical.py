"""How alike two sentences are in their words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

WORD = re.compile(r"[^\W\d_]{3,}")
COMMON = 0.1  # a word in more of the sentences than this says nothing of their content


def similarity(sentences: Sequence[str]) -> Float[np.ndarray, "sentence sentence"]:
    """Cosine of tf-idf vectors of words of three letters or more that are in two sentences or more and in a tenth of them at most; 0 to 1.

    idf = ln((1 + S) / (1 + sentences with the word)) + 1. *Source:* Salton and Buckley 1988; sentences for documents. Memory: sentences x words.
    """
    counted = [Counter(word.lower() for word in WORD.findall(text)) for text in sentences]
    among = Counter(word for counts in counted for word in counts)
    most = max(COMMON * len(counted), 2)
    place = {word: index for index, word in enumerate(sorted(word for word, count in among.items() if 2 <= count <= most))}
    vectors = np.zeros((len(counted), len(place)), np.float32)
    for row, counts in enumerate(counted):
        for word in counts.keys() & place.keys():
            vectors[row, place[word]] = counts[word] * (np.log((1 + len(counted)) / (1 + among[word])) + 1)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = np.divide(vectors, length, out=vectors, where=length > 0)
    return np.clip(vectors @ vectors.T, 0, 1)
