"""What a model writes: greedy generation, and which characters of its text each token stands for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from reportgen.errors import ModelError

GREEDY = {"do_sample": False, "num_beams": 1}
STARTS = ("decoder_start_token_id", "bos_token_id")  # one of which an encoder-decoder's decoder reads first
# what a model cannot write without: which tokens begin and end a text, and which it must never choose
OF_THE_MODEL = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id", "forced_bos_token_id", "bad_words_ids")
OF_THE_MODEL += ("suppress_tokens", "begin_suppress_tokens")
TOKENS_BEFORE = 16


@dataclass(frozen=True, kw_only=True)
class Written:
    """A text that a model wrote: its tokens, `spans` in the text's characters, and those that are special tokens, which stand for none."""

    text: str
    ids: Int[np.ndarray, " token"]
    spans: Int[np.ndarray, "token 2"]
    special: Bool[np.ndarray, " token"]


def generate_greedily(model: Any, ids: Int[np.ndarray, " token"], tokens: int) -> tuple[Int[np.ndarray, " written"], Mapping[str, Any]]:
    """What the model's own `generate` gives, and the settings: the most probable token each time, `tokens` at most, no penalty, no minimum length.

    The ids are the prompt and its continuation, or an encoder-decoder's own from the start token on; the token that ends the text is left off, because
    nothing would read it. The model's other habits (sampling, beams, penalties, lengths) are set aside meanwhile.
    """
    import torch
    from transformers import GenerationConfig

    if not getattr(model, "can_generate", lambda: False)():
        raise ModelError(f"{type(model).__name__} cannot write text.")
    own = {name: value for name in OF_THE_MODEL if (value := getattr(model.generation_config, name, None)) is not None}
    if model.config.is_encoder_decoder and not own.keys() & STARTS:
        raise ModelError(f"{type(model).__name__} cannot write text: its generation settings have no {' and no '.join(STARTS)} for its decoder to start with.")
    padding = own.get("pad_token_id", _any_of(own.get("eos_token_id", 0)))
    setting = GenerationConfig(**GREEDY, max_new_tokens=tokens, **{**own, "pad_token_id": padding})
    fed = torch.from_numpy(ids.astype(np.int64))[None].to(model.device)
    with _plain_generation(model), torch.no_grad():
        found = model.generate(fed, attention_mask=torch.ones_like(fed), generation_config=setting)
    written = found[0].cpu().numpy().astype(np.int32)
    ends = np.atleast_1d(own.get("eos_token_id", [])).tolist()
    prompt = 1 if model.config.is_encoder_decoder else len(ids)
    if len(written) > prompt and int(written[-1]) in ends:
        written = written[:-1]
    return written, {"tokens_at_most": tokens, "tokens": len(written) - prompt, **GREEDY, **own}


def _any_of(ids: int | list[int]) -> int:
    return ids if isinstance(ids, int) else ids[0]


@contextmanager
def _plain_generation(model: Any) -> Iterator[None]:
    """The model in evaluation mode and without generation settings of its own; both are as before afterwards, also after an error."""
    from transformers import GenerationConfig

    before, training = model.generation_config, [module for module in model.modules() if module.training]
    try:
        model.eval()
        model.generation_config = GenerationConfig()
        yield
    finally:
        model.generation_config = before
        for module in training:
            module.training = True


def decode_pieces(tokenizer: Any, ids: Sequence[int], before: Sequence[int]) -> Written:
    """The text of some tokens after others, special tokens left out, and the characters each token stands for.

    Token by token, what the text gains is the token's. A token that is a part of a character stands for the whole of it, as in the tokenizer's own offsets,
    so neighbours may share a character; every character belongs to some token, and spans never step back. Raises `ModelError` when the tokenizer
    writes what went before anew.
    """
    texts = list(_texts(tokenizer, ids, before))
    text = texts[-1] if texts else ""
    spans, finished = np.zeros((len(ids), 2), np.int32), 0
    for place, so_far in enumerate(texts):
        same = agreement(so_far, text)
        start, finished = finished, max(finished, same)
        within = same < len(so_far) and place + 1 < len(texts)  # the last character is not whole yet
        spans[place] = start, min(finished + within, len(text))
    special = np.isin(np.array(ids, np.int32), sorted(special_ids(tokenizer)))
    spans[special, 1] = spans[special, 0]
    return Written(text=text, ids=np.array(ids, np.int32), spans=spans, special=special)


def special_ids(tokenizer: Any) -> set[int]:
    """The ids of the tokens that stand for no text."""
    added = getattr(tokenizer, "added_tokens_decoder", {})
    return set(tokenizer.all_special_ids) | {number for number, token in added.items() if token.special}


def named_special(tokenizer: Any) -> dict[int, str]:
    """The tokens that stand for no text, by their ids."""
    numbers = sorted(special_ids(tokenizer))
    return dict(zip(numbers, map(str, tokenizer.convert_ids_to_tokens(numbers)), strict=True))


def _texts(tokenizer: Any, ids: Sequence[int], before: Sequence[int]) -> Iterator[str]:
    """The text after one token, two tokens, and so on."""
    known = written_text(tokenizer, before)
    for end in range(1, len(ids) + 1):
        whole = written_text(tokenizer, [*before, *ids[:end]])
        if not whole.startswith(known):
            raise ModelError("The model's tokenizer rewrites earlier text when a token follows, so what the model wrote cannot be placed.")
        yield whole[len(known) :]


def written_text(tokenizer: Any, ids: Sequence[int]) -> str:
    """What some tokens write, special tokens left out."""
    return tokenizer.decode(list(map(int, ids)), skip_special_tokens=True, clean_up_tokenization_spaces=False)


def agreement(one: str, other: str) -> int:
    """How many characters two texts have in common from the start."""
    return next((place for place, (mine, yours) in enumerate(zip(one, other, strict=False)) if mine != yours), min(len(one), len(other)))


def last_whole_characters(ids: Sequence[int], spans: Int[np.ndarray, "token 2"]) -> Sequence[int]:
    """A few tokens from the end of a text, the first of which begins a character: what follows them is decoded as it would be after all."""
    start = max(len(ids) - TOKENS_BEFORE, 0)
    while start > 0 and spans[start, 0] < spans[start - 1, 1]:
        start -= 1
    return ids[start:]
