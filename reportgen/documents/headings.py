"""Headings in plain text, told by their form and by what stands around them."""

import re

LONGEST = 100
MOST_WORDS = 12
SENTENCE_END = tuple(".,;:!…")

DIVISION = re.compile(
    r"(?i:chapter|part|book|section|act|scene|canto|appendix|letter|volume|article|lecture|stave)\s+"
    r"(?:[IVXLCDM]+|\d+|[A-Z]|(?i:the\s+)?(?i:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
    r"|first|second|third|fourth|fifth|last))\b(?P<name>.*)"
)
ROMAN_NUMBER = re.compile(r"(?=[IVXLC])(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})\.?")
NUMBERED = re.compile(r"(?:\d{1,2}(?:\.\d{1,2}){0,4}|[IVXLC]+|[A-Z])[.)]?\s+[^\W\d_].*")


def is_certain_heading(line: str) -> bool:
    """Whether the line is a heading wherever it stands: CHAPTER IX, a Roman number, a line in capitals."""
    return len(line) <= LONGEST and (_is_division(line) or is_roman_number(line) or is_in_capitals(line))


def is_likely_heading(line: str, after: str) -> bool:
    """Whether a line on its own is a heading, given the text that comes after it.

    It is short, starts with a capital or a number, does not end like a sentence, and longer text follows.
    """
    if is_certain_heading(line):
        return True
    return (
        len(line) <= LONGEST
        and len(line.split()) <= MOST_WORDS
        and (line[0].isupper() or is_numbered(line))
        and not line.endswith(SENTENCE_END)
        and len(after) > len(line)
    )


def is_in_capitals(line: str) -> bool:
    """Whether the line is a word or more in capitals only, and not a shout."""
    return line.isupper() and sum(map(str.isalpha, line)) >= 4 and not line.endswith(("!", "?", ",", ":", ";"))


def is_roman_number(line: str) -> bool:
    """Whether the line is a Roman number and nothing else; a lone I is one as well."""
    return ROMAN_NUMBER.fullmatch(line) is not None


def is_numbered(line: str) -> bool:
    """Whether the line is a number and a name, as in "2.1 Methods"."""
    return NUMBERED.fullmatch(line) is not None


def _is_division(line: str) -> bool:
    match = DIVISION.fullmatch(line)
    if not match:
        return False
    name = match["name"].strip()
    return not name or (match["name"][0] in ".:—–- \t" and _is_title(name.lstrip(".:—–- ")))


def _is_title(name: str) -> bool:
    """Whether most of its longer words have capitals."""
    words = [word for word in re.findall(r"[^\W\d_]+", name) if len(word) > 3] or [name]
    capitals = sum(word[0].isupper() for word in words)
    return name[:1].isupper() and capitals >= 0.6 * len(words)
