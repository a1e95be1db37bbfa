"""The languages that have sentence rules: those whose Punkt parameters the `punkt` package carries."""

import re
from dataclasses import replace

from reportgen.documents import Document
from reportgen.errors import DocumentError

ENGLISH = "en"
LANGUAGES = {
    "cs": "czech",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "et": "estonian",
    "fi": "finnish",
    "fr": "french",
    "it": "italian",
    "ml": "malayalam",
    "nl": "dutch",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ru": "russian",
    "sl": "slovene",
    "sv": "swedish",
    "tr": "turkish",
}
SAME = {"nb": "no"}  # the packaged Norwegian is Bokmål


def in_language(document: Document, language: str | None = None, *, rules: bool = True) -> Document:
    """The document as one in that language, by default the one it says it is in, with its code shortened to what the rules go by ("de-AT" to "de").

    Raises `DocumentError` for a language without rules, unless none are needed.
    """
    wanted = language or document.language
    return replace(document, language=require_language(wanted) if rules else known_language(wanted) or wanted)


def require_language(language: str) -> str:
    """The code of a language that has rules. Raises `DocumentError` for another, which lists those there are."""
    known = known_language(language)
    if known is None:
        there = ", ".join(f"{code} ({name.capitalize()})" for code, name in LANGUAGES.items())
        raise DocumentError(
            f"There are no rules for sentences in language {language!r}: name one of {there} with --language, or give the sentences with --sentences."
        )
    return known


def known_language(language: str) -> str | None:
    """The code of a language that has rules: of "de", "DE", "de-AT", "de_CH" it is "de"; None where there are none."""
    code = re.split(r"[-_]", language.strip().lower(), maxsplit=1)[0]
    code = SAME.get(code, code)
    return code if code in LANGUAGES else None
