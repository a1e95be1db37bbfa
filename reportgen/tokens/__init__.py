"""What a model is fed: the tokens of one or two texts, or of a text and its continuation, and the sentence each token lies in."""

from reportgen.tokens.alignment import align_tokens
from reportgen.tokens.chat import Chat
from reportgen.tokens.encoding import Encoding, encode
from reportgen.tokens.long_sentences import split_long
from reportgen.tokens.model_input import ModelInput, build_input, chat_of, refuse_unknown_tokens
from reportgen.tokens.tokenised_text import (
    DOCUMENT,
    GENERATED,
    MINIMUM_SENTENCES,
    PAIR,
    TokenisedText,
    owners_of_tokens,
    refuse_too_few,
    tokenised_text,
    unread_notice,
)

__all__ = [
    "DOCUMENT",
    "GENERATED",
    "MINIMUM_SENTENCES",
    "PAIR",
    "Chat",
    "Encoding",
    "ModelInput",
    "TokenisedText",
    "align_tokens",
    "build_input",
    "chat_of",
    "encode",
    "owners_of_tokens",
    "refuse_too_few",
    "refuse_unknown_tokens",
    "split_long",
    "tokenised_text",
    "unread_notice",
]
