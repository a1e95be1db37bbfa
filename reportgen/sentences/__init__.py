"""Sentences: a document becomes exact spans of its text, one for each sentence."""

from reportgen.sentences.splitting import Sentence, split_sentences

__all__ = ["Sentence", "split_sentences"]
