"""The finished bytes of an anonymous bundle searched for what would tell who made it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from reportgen.bundle.identity import Trace
from reportgen.bundle.latex import escape
from reportgen.bundle.unpacking import is_text, unfolded
from reportgen.errors import OutputError
from reportgen.packing.codes import DIGITS

LONG = 6  # bytes: shorter ones are found as words only, and not among numbers, which are all bytes there are
SAID = 5
ADDRESS = re.compile(rb"(?<![\w.%+-])[A-Za-z0-9][\w.%+-]*@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}(?![\w-])")
ORCID = re.compile(rb"(?<![\w-])\d{4}-\d{4}-\d{4}-\d{3}[\dXx](?![\w-])")
CODES = re.compile(b"[" + re.escape(DIGITS.encode("ascii")) + b"]{60,}")  # packed blocks, which hold every sign
LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Where something was found, what kind of thing it is, and what it says."""

    place: str
    kind: str
    text: str


def refuse_traces(files: Mapping[str, bytes], traces: Iterable[Trace], allowed: Iterable[str]) -> None:
    """Raise `OutputError` naming the places of what was found and is not allowed."""
    accepted = {text.strip().lower() for text in allowed}
    found = [one for one in search(files, traces) if one.text.lower() not in accepted]
    if not found:
        return
    said = "; ".join(f"{one.place}: {one.kind} ({one.text})" for one in found[:SAID])
    more = f"; and {len(found) - SAID} more" if len(found) > SAID else ""
    raise OutputError(f"The bundle is not anonymous, and nothing was written: {said}{more}. Change the document, or accept what is named with --allow TEXT.")


def search(files: Mapping[str, bytes], traces: Iterable[Trace]) -> list[Finding]:
    """Each trace once for each place, and every e-mail address and ORCID, in all that is inside of the files."""
    patterns = [(trace, _spellings(trace.text)) for trace in traces]
    found: dict[tuple[str, str], Finding] = {}
    for name, data in files.items():
        for place, inner in unfolded(name, data):
            for one in _found_in(place, inner, patterns):
                found.setdefault((one.place.partition(" at byte")[0], one.text.lower()), one)
    return list(found.values())


def _found_in(place: str, data: bytes, patterns: list[tuple[Trace, Mapping[bytes, bool]]]) -> Iterator[Finding]:
    lower, text = data.lower(), is_text(data)
    for trace, spellings in patterns:
        for spelling, as_bytes in spellings.items():
            if (text or as_bytes) and (at := _find(lower, spelling, text, trace.alone)) >= 0:
                yield Finding(place=f"{place} at byte {at}", kind=trace.kind, text=trace.text)
                break
    if text:
        yield from _addresses(place, CODES.sub(b" ", data))


def _find(data: bytes, spelling: bytes, text: bool, alone: bool) -> int:
    """Where it begins; -1 where it does not. A short one counts as a word of its own, and not among numbers."""
    at = data.find(spelling) if text or len(spelling) >= LONG else -1
    while at >= 0 and (alone or len(spelling) < LONG) and not _stands_alone(data, at, at + len(spelling)):
        at = data.find(spelling, at + 1)
    return at


def _stands_alone(data: bytes, start: int, end: int) -> bool:
    return (start == 0 or data[start - 1] not in LETTERS) and (end == len(data) or data[end] not in LETTERS)


def _spellings(text: str) -> dict[bytes, bool]:
    """How the text may be written, in small letters, and whether among other things than text too."""
    found: dict[bytes, bool] = {}
    for form in dict.fromkeys((text, text.lower(), text.upper(), text.title())):
        found |= {form.encode(code, "replace").lower(): True for code in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")}
        plain = json.dumps(form)[1:-1]
        escaped = (
            *(plain, plain.replace("/", "\\/"), json.dumps(form, ensure_ascii=False)[1:-1], "".join(f"\\u{ord(letter):04x}" for letter in form)),
            *(quote(form, safe=""), quote(form), quote(form, safe="").replace("%20", "+"), "".join(f"%{byte:02x}" for byte in form.encode("utf-8", "replace"))),
            *(html.escape(form), "".join(f"&#{ord(letter)};" for letter in form), "".join(f"&#x{ord(letter):x};" for letter in form)),
            *(escape(form), form.encode("utf-8", "replace").hex(), form.encode("utf-16-be", "replace").hex()),
        )
        found |= {spelling.encode("utf-8", "replace").lower(): False for spelling in escaped if spelling.encode("utf-8", "replace").lower() not in found}
    return found


def _addresses(place: str, data: bytes) -> Iterator[Finding]:
    for found in ADDRESS.finditer(data):
        yield Finding(place=f"{place} at byte {found.start()}", kind="an e-mail address", text=found[0].decode("utf-8"))
    for found in ORCID.finditer(data):
        if _is_orcid(found[0].decode("ascii").upper().replace("-", "")):
            yield Finding(place=f"{place} at byte {found.start()}", kind="an ORCID", text=found[0].decode("ascii"))


def _is_orcid(digits: str) -> bool:
    """*Source:* ISO 7064, MOD 11-2."""
    total = 0
    for digit in digits[:-1]:
        total = (total + int(digit)) * 2
    return "0123456789X"[(12 - total % 11) % 11] == digits[-1]
