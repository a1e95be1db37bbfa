"""Dependency syntax: a spaCy pipeline's words, their heads and relations, as tokens of the model."""

from reportgen.syntax.parsing import ParsedWord, Parser, load_parser
from reportgen.syntax.words import ENOUGH, SyntaxWords, place_words, relations_of

__all__ = ["ENOUGH", "ParsedWord", "Parser", "SyntaxWords", "load_parser", "place_words", "relations_of"]
