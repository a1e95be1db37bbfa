"""From the bytes of a file to characters that a model, a page and a chart can all take."""

import codecs
import re
import unicodedata

from reportgen.characters import UNPRINTABLE
from reportgen.errors import DocumentError

# Longest first: the first two bytes of a UTF-32 mark are also a UTF-16 mark.
OTHER_ENCODINGS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
MOST_CONTROL_BYTES = 0.1
CONTROL_BYTES = bytes(set(range(32)) - set(b"\t\n\v\f\r")) + b"\x7f"

NEW_LINES = re.compile("\r\n|[\r\v\f\x85\u2028]")


def decode(data: bytes, *, name: str) -> str:
    """The text of these bytes, which have to be UTF-8, with or without a byte-order mark.

    Raises DocumentError for another encoding, a binary file, or a file without a visible character.
    """
    _refuse_other_encodings(data, name)
    _refuse_binary(data, name)
    try:
        text = clean(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DocumentError(_not_utf8(data, error.start, name)) from error
    require_visible(text, name=name)
    return text


def clean(text: str) -> str:
    """The text with newlines as "\\n" and no other control character than the tab."""
    text = NEW_LINES.sub("\n", text).replace("\u2029", "\n\n").replace("\ufeff", "")
    return UNPRINTABLE.sub(" ", text)


def require_visible(text: str, *, name: str) -> None:
    """Nothing, where the text has something to read; raises DocumentError where it has not."""
    if not any(unicodedata.category(character)[0] not in "ZC" for character in text):
        raise DocumentError(f"{name} holds no text: give a document with at least one sentence.")


def _refuse_other_encodings(data: bytes, name: str) -> None:
    for mark, encoding in OTHER_ENCODINGS:
        if data.startswith(mark):
            raise DocumentError(f"{name} is {encoding}, not UTF-8 (byte 0): {_how_to_convert(encoding)}")


def _refuse_binary(data: bytes, name: str) -> None:
    if (offset := data.find(0)) >= 0:
        reason = f"a NUL byte at offset {offset}"
    elif data and (share := 1 - len(data.translate(None, CONTROL_BYTES)) / len(data)) > MOST_CONTROL_BYTES:
        reason = f"{share:.0%} of its bytes are control characters"
    else:
        return
    raise DocumentError(f"{name} is a binary file ({reason}): give plain text or Markdown in UTF-8.")


def _not_utf8(data: bytes, offset: int, name: str) -> str:
    advice = _how_to_convert("WINDOWS-1252")
    return f"{name} is not UTF-8: byte 0x{data[offset]:02X} at offset {offset} does not fit; {advice}"


def _how_to_convert(encoding: str) -> str:
    return f"convert it first, for example with `iconv -f {encoding} -t UTF-8 OLD > NEW` (-f is the encoding it has)."
