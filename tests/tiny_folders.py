"""Tokenizers trained on a few lines, and folders of tiny random models, as a user would have them on disk."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

CORPUS = [
    "The ship left the harbour at dawn. Nobody on the quay waved, and the gulls were loud.",
    "By noon it was a point on the horizon; the harbour slept. Who would have thought so?",
]
LAYERS, HEADS = 2, 3
POSITIONS = 2048


def _numbered(specials: list[str], pieces: Iterable[str]) -> dict[str, int]:
    """Pieces and their numbers: special tokens first, the others by name."""
    return {piece: number for number, piece in enumerate([*specials, *sorted(set(pieces) - set(specials))])}


@cache
def byte_level() -> PreTrainedTokenizerFast:
    """Byte-level BPE as GPT-2 has it: a space belongs to the word after it, nothing is unknown, nothing is added."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=320, initial_alphabet=alphabet, show_progress=False))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


@cache
def word_piece() -> PreTrainedTokenizerFast:
    """WordPiece as BERT has it: lower case, no token for white space, special tokens at both ends and between two texts.

    Its pieces are listed here, because those of a trainer differ from run to run.
    """
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    words = {word for line in CORPUS for word in re.findall(r"\w+|[^\w\s]", line.lower())}
    letters = set("".join(words))
    pieces = words | letters | {f"##{letter}" for letter in letters} | {word[:3] for word in words} | {f"##{word[3:]}" for word in words if word[3:]}
    tokenizer.model = models.WordPiece(_numbered(["[UNK]", "[CLS]", "[SEP]"], pieces), unk_token="[UNK]")
    ends = [(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ends)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]")


@cache
def unigram() -> PreTrainedTokenizerFast:
    """Unigram as T5 has it: a mark for the space before a word, `</s>` after a text, `<pad>` as 0.

    The trainer finds the same pieces each time, but orders them at random and rounds their scores differently.
    """
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    specials = ["<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(vocab_size=110, special_tokens=specials, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    scores = dict(json.loads(tokenizer.to_str())["model"]["vocab"])
    tokenizer.model = models.Unigram([(piece, round(scores[piece], 6)) for piece in _numbered(specials, scores)], unk_id=specials.index("<unk>"))
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>")


def tiny_gpt2(**changes: Any) -> GPT2LMHeadModel:
    """A random GPT-2 whose vocabulary is the byte-level tokenizer's."""
    torch.manual_seed(0)
    sizes = {"n_layer": LAYERS, "n_head": HEADS, "n_embd": 24, "n_positions": POSITIONS, "vocab_size": len(byte_level()), "initializer_range": 0.2}
    return GPT2LMHeadModel(GPT2Config(**{**sizes, "bos_token_id": None, "eos_token_id": None, **changes})).eval()


def save_folder(folder: Path, model: Any, tokenizer: Any = None) -> Path:
    """A folder with the model's weights and a tokenizer."""
    model.save_pretrained(folder)
    (tokenizer or byte_level()).save_pretrained(folder)
    return folder
