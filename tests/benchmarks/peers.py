"""Other tools on the same model, tokenizer and tokens, each producing what it produces. They are timed where they are installed."""

from __future__ import annotations

import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

HEADS = 30 * 9  # of the default model
NUMBER = 4  # bytes of a float32
# Bytes that each keeps for a pair of tokens. eager: the weights, and half as much for the formulas over them.
# savis: the weights, a copy of them, and for each head of a layer the maximum over layers with its position.
# bertviz: the weights, a copy, Python numbers in lists (24 + 8), and four copies of the page at 28 characters a number.
BYTES_PER_PAIR = {"eager": HEADS * NUMBER * 1.5, "savis": HEADS * NUMBER * 2 + 9 * (NUMBER + 8), "bertviz": HEADS * (NUMBER * 2 + 32 + 4 * 28)}
LOADED = 1.4  # GB that the process takes with the model and no arrays
INSTALLED_APART = ("savis", "bertviz")


def needed(way: str, tokens: int) -> float:
    """GB that a way which keeps tokens x tokens arrays needs; 0 for one that keeps none."""
    return LOADED + BYTES_PER_PAIR[way] * tokens**2 / 1e9 if way in BYTES_PER_PAIR else 0


def is_missing(way: str) -> bool:
    """Whether this way is another package's and that is not installed."""
    return way in INSTALLED_APART and find_spec(way) is None


def ids_of(loaded: Any, layout: Any) -> Any:
    """The layout's tokens as a batch of one, where the model is."""
    import torch

    return torch.from_numpy(layout.ids.astype(np.int64))[None].to(loaded.model.device)


def savis(loaded: Any, layout: Any) -> None:
    """Inter-sentence attention as `savis.Attention` and `savis.ISA` make it: the text, one token generated, the maximum over layers, heads and tokens.

    Their own loading puts inputs on CUDA, so the model and the tokens are handed over. Nothing is drawn or written.
    """
    import torch
    from savis import ISA

    from reportgen.capture.streaming import attention_implementation

    _give_punkt_to_nltk()
    ids = ids_of(loaded, layout)
    with attention_implementation(loaded.model, "eager"), torch.no_grad():
        written = loaded.model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=1, output_attentions=True, return_dict_in_generate=True, stopping_criteria=None
        )
    ISA(written.sequences[0], written.attentions, loaded.tokenizer)


def _give_punkt_to_nltk() -> None:
    """NLTK's English sentence model from the installed `punkt` package: `savis` asks NLTK to download it on every call."""
    import nltk

    from reportgen.sentences.punkt_model import load_punkt

    nltk.download = lambda *names, **options: True
    nltk.sent_tokenize = lambda text, language="english": load_punkt("en").tokenizer.tokenize(text)


def bertviz(loaded: Any, layout: Any) -> float:
    """The head view of all layers and heads as an HTML file; gives its size in MB."""
    import torch
    from bertviz import head_view

    from reportgen.capture.streaming import attention_implementation

    with attention_implementation(loaded.model, "eager"), torch.no_grad():
        attentions = loaded.model(input_ids=ids_of(loaded, layout), use_cache=False, output_attentions=True).attentions
    page = head_view(attentions, loaded.tokenizer.convert_ids_to_tokens(layout.ids.tolist()), html_action="return")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "head_view.html"
        file.write_text(page.data, encoding="utf-8")
        return file.stat().st_size / 1e6
