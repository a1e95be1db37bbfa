"""Texts that tokenizers cut in odd ways, and tokenizers of every kind, trained here."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from hypothesis import strategies as st
from tiny_folders import CORPUS, byte_level, unigram, word_piece
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import ByT5Tokenizer, PreTrainedTokenizerFast, ProphetNetTokenizer

ATOMS = [
    "the",
    " harbour",
    "slept",
    "Nobody",
    ".",
    ", ",
    " ",
    "     ",
    "\n",
    "\n\n",
    "\t",
    "\u00a0",
    "é",
    "e\u0301",
    "E\u0301\u0323",
    "ﬁ",
    "½",
    "Ａ",
    "ß",
    "İ",
    "ǆ",
]
ATOMS += [
    "字",
    "漢字",
    "か\u3099",
    "が",
    "한",
    "\u1112\u1161\u11ab",
    "שלום",
    "مرحبا",
    "\u202bab\u202c",
    "x\u200by",
    "\u200d",
    "\u00ad",
    "\u2060",
    "\ufffd",
    "\U000e0041",
]
ATOMS += ["😀", "👩‍👩‍👧", "🏳️‍🌈", "1️⃣", "नमस्ते", "ไทย", "<|im_end|>", "[SEP]", "[UNK]", "<unk>", "##a", "▁", "_", "@@"]
ANY_TEXT = st.lists(st.one_of(st.sampled_from(ATOMS), st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"])), min_size=1, max_size=14).map("".join)


@cache
def folding_unigram() -> PreTrainedTokenizerFast:
    """Unigram whose normaliser composes, as SentencePiece's does, and makes one blank of several."""
    tokenizer = Tokenizer.from_str(unigram()._tokenizer.to_str())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace("  ", " ")])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>")


@cache
def decomposing_pieces() -> PreTrainedTokenizerFast:
    """WordPiece that decomposes, drops accents and case, and sets ideographs apart."""
    tokenizer = Tokenizer.from_str(word_piece()._tokenizer.to_str())
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=True, handle_chinese_chars=True, clean_text=True)
    tokenizer.decoder = decoders.WordPiece()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]")


@cache
def word_level() -> PreTrainedTokenizerFast:
    """A token for each word that it knows, and one for all others."""
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.train_from_iterator(CORPUS, trainers.WordLevelTrainer(special_tokens=["[UNK]"], show_progress=False))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]")


FAST = {
    "byte-level": byte_level,
    "word pieces": word_piece,
    "decomposing pieces": decomposing_pieces,
    "unigram": unigram,
    "folding unigram": folding_unigram,
    "words": word_level,
}


def slow_pieces(folder: Path) -> ProphetNetTokenizer:
    """Word pieces in Python."""
    known = sorted(word_piece().get_vocab().items(), key=lambda item: item[1])
    (folder / "vocabulary.txt").write_text("\n".join([*(piece for piece, _ in known), "[X_SEP]", "[MASK]", "[PAD]"]) + "\n", encoding="utf-8")
    return ProphetNetTokenizer(folder / "vocabulary.txt")


@cache
def slow_bytes() -> ByT5Tokenizer:
    """A token for each byte, in Python."""
    return ByT5Tokenizer()
