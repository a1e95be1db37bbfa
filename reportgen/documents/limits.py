"""How large a document may be and how much reading it may take, so that no file can stop the machine."""

from __future__ import annotations

from dataclasses import dataclass

from reportgen.errors import DocumentError


@dataclass(frozen=True, kw_only=True)
class ReadingLimits:
    """The most that is read: bytes of a file, pages of a PDF, characters of the text, and for formats that are parsed apart seconds and bytes of memory.

    What is packed in a file may unpack to four times `size`.
    """

    size: int = 100_000_000
    pages: int = 1_000
    characters: int = 5_000_000
    seconds: int = 60
    memory: int = 2_000_000_000

    @property
    def unpacked(self) -> int:
        """How many bytes all that is packed in a file may unpack to."""
        return 4 * self.size


def refuse_size(name: str, size: int, limits: ReadingLimits) -> None:
    """Raise `DocumentError` when the file is too large; of what has no size before it is read one byte more than the limit is read."""
    if size > limits.size:
        raise DocumentError(f"{name} is too large (more than {limits.size:,} bytes): give a part of it, or raise the limit with --max-size.")


def refuse_length(name: str, characters: int, limits: ReadingLimits) -> None:
    """Raise `DocumentError` when the text is too long."""
    if characters > limits.characters:
        found = f"{characters:,} characters, {limits.characters:,} at most"
        raise DocumentError(f"{name} holds too long a text ({found}): give a part of it, or raise the limit with --max-characters.")
