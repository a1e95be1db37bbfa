"""From the bytes of a web page to its characters, by the rules that browsers follow.

A byte-order mark counts first, then what the page declares in its first kilobytes, then UTF-8 where the bytes are that, then Windows-1252. Source: WHATWG
Encoding Standard and HTML Standard, section 13.2.3. Labels that mean a subset are read as the whole (ISO-8859-1 as Windows-1252).
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"))
MARKS_OF_16 = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
DECLARED_WITHIN = 4096  # bytes; browsers look at 1,024, and many pages declare later
DECLARED = re.compile(rb"""<meta[^>]{0,400}?charset\s*=\s*["']?\s*([\w:.-]{1,40})|^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w:.-]{1,40})""", re.IGNORECASE)
WINDOWS = "cp1252"
READ_AS = {"iso8859-1": WINDOWS, "ascii": WINDOWS, "iso8859-9": "cp1254", "gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949", "shift_jis": "cp932"}
OF_PAGES = re.compile(r"utf-8|iso8859-\d+|cp125\d|cp866|cp874|tis-620|koi8-[ru]|mac-(?:roman|cyrillic)|gb18030|big5(?:hkscs)?|euc_jp|iso2022_jp|cp932|cp949")


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """The characters of a page, and what is to be said of how they were come by."""

    text: str
    notices: tuple[str, ...] = ()


def decode_page(data: bytes) -> Decoded:
    """The page's characters. Bytes that do not fit its encoding become U+FFFD, with a notice that counts them."""
    for mark, encoding in MARKS + MARKS_OF_16:
        if data.startswith(mark):
            return _decoded(data[len(mark) :], encoding)
    declared = _declared(data)
    if declared is not None:
        return _decoded(data, declared)
    try:
        return Decoded(text=data.decode("utf-8"))
    except UnicodeDecodeError:
        return _decoded(data, WINDOWS, "The page declares no encoding and is not UTF-8, so it was read as Windows-1252.")


def _declared(data: bytes) -> str | None:
    """The codec for what the page declares; None where it declares nothing, or what no page is written in."""
    match = DECLARED.search(data[:DECLARED_WITHIN])
    if match is None:
        return None
    label = (match[1] or match[2]).decode("ascii", "replace")
    if label.lower().startswith("utf-16"):
        return "utf-8"  # that the declaration could be read as ASCII says that it is wrong
    try:
        name = codecs.lookup(label).name
    except LookupError:
        return None
    name = READ_AS.get(name, name)
    return name if OF_PAGES.fullmatch(name) else None


def _decoded(data: bytes, encoding: str, *notices: str) -> Decoded:
    text = data.decode(encoding, "replace")
    wrong = text.count("\ufffd") - data.count("\ufffd".encode(encoding, "ignore") or b"\xff" * (len(data) + 1))
    if wrong > 0:
        notices = (*notices, f"Bytes that do not fit the page's encoding ({encoding}) were read as \N{REPLACEMENT CHARACTER}, {wrong:,} in all.")
    return Decoded(text=text, notices=notices)
