"""Who a text speaks of, and where again: names and pronouns, by a heuristic, as pairs of tokens."""

from reportgen.mentions.document import DocumentMentions, mentions_of
from reportgen.mentions.pairs import CONTENT_REST, CONTENT_START, FUNCTION, OTHER, MentionPairs, pair_mentions
from reportgen.mentions.resolving import Mention, Mentions, find_mentions

__all__ = [
    "CONTENT_REST",
    "CONTENT_START",
    "FUNCTION",
    "OTHER",
    "DocumentMentions",
    "Mention",
    "MentionPairs",
    "Mentions",
    "find_mentions",
    "mentions_of",
    "pair_mentions",
]
