"""Names of files and addresses: letters and digits of ASCII and hyphens, whatever a title says."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence

LONGEST = 60
OTHER = re.compile(r"[^a-z0-9]+")
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d|index)")  # names of devices on Windows, and of pages


def slug(text: str, otherwise: str) -> str:
    """`text` in small letters without accents, other characters as hyphens, 60 characters at most; with nothing left, or a name that is not free, `otherwise`.

    A text that has lost letters of another script says so by a checksum, so that two of them differ.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii").lower()
    found = OTHER.sub("-", plain).strip("-")[:LONGEST].strip("-")
    lost = any(letter.isalpha() and not unicodedata.normalize("NFKD", letter)[0].isascii() for letter in text)
    parts = [found if found and not RESERVED.fullmatch(found) else "-".join(filter(None, (otherwise, found)))]
    return "-".join([*parts, *([short_digest(text)] if lost or not found else [])])


def distinct(named: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """A slug for each (slug, identity), in order: the first keeps its own, a later one of the same slug gets a checksum of its identity as well."""
    taken: set[str] = set()
    return tuple(take(wanted, identity, taken) for wanted, identity in named)


def take(wanted: str, identity: str, taken: set[str]) -> str:
    """A slug that is not taken yet, from now on taken: the wanted one, or that with a checksum of the identity."""
    found, tries = wanted, 0
    while found in taken:
        found, tries = f"{wanted}-{short_digest(f'{identity} {tries}')}", tries + 1
    taken.add(found)
    return found


def short_digest(text: str) -> str:
    """Eight hexadecimal digits that stand for a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def by_name(names: Iterable[str], otherwise: str) -> dict[str, str]:
    """A slug for each name, in alphabetical order."""
    found = sorted(set(names))
    return dict(zip(found, distinct([(slug(name, otherwise), name) for name in found]), strict=True))
