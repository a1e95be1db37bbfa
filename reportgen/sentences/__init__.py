"""Sentences: a document becomes exact spans of its text, one for each sentence."""

from reportgen.sentences.given import crossing_notice, read_sentences
from reportgen.sentences.language import in_language
from reportgen.sentences.splitting import Sentence, split_sentences

__all__ = ["Sentence", "crossing_notice", "in_language", "read_sentences", "split_sentences"]
