"""What is inside of what: members of archives, streams of PDF, texts of PNG, packed and encoded blocks of text, however deep."""

from __future__ import annotations

import base64
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress

import numpy as np

from reportgen.packing.codes import BASE, DIGITS

DEEPEST, LARGEST = 6, 1 << 30  # of what is inside of what; bytes that one stream may unpack to
STREAM = re.compile(rb"\bstream\r?\n")
ENCODED = re.compile(rb"[A-Za-z0-9+/_-]{8,}={0,2}")
TOGETHER = 100  # short decoded blocks that are looked through at once: almost all of them are words
PACKED = re.compile(b"[0-3](?:[" + re.escape(DIGITS.encode("ascii")) + b"]{5}){2,}(?=[^" + re.escape(DIGITS.encode("ascii")) + b"]|$)")
TEXTS_OF_PNG = (b"tEXt", b"zTXt", b"iTXt", b"eXIf")
ZIP, PNG, PDF, GZIP, NPY = b"PK\x03\x04", b"\x89PNG\r\n\x1a\n", b"%PDF-", b"\x1f\x8b", b"\x93NUMPY"
ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
MAGIC = (ZIP, PNG, PDF, GZIP, NPY, *ZLIB)


def unfolded(place: str, data: bytes, depth: int = 0) -> Iterator[tuple[str, bytes]]:
    """The bytes themselves and everything that is inside of them, each with its place."""
    yield place, data
    if depth < DEEPEST:
        for inner, found in _inside(data):
            if found != data:
                yield from unfolded(f"{place}, {inner}", found, depth + 1)


def is_text(data: bytes) -> bool:
    """Whether it is UTF-8 without zero bytes."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\0" not in data


def _inside(data: bytes) -> Iterator[tuple[str, bytes]]:
    if data.startswith(ZIP):
        yield from _members(data)
    elif data.startswith(PNG):
        yield from _chunks(data)
    elif data.startswith(PDF):
        yield from _streams(data)
    elif data.startswith((GZIP, *ZLIB)):
        yield from (("unpacked", inner) for inner in [_inflated(data)] if inner)
    elif data.startswith(NPY):
        yield from _strings(data)
    elif is_text(data):
        yield from _blocks(data)


def _members(data: bytes) -> Iterator[tuple[str, bytes]]:
    with suppress(zipfile.BadZipFile, OSError, zlib.error, NotImplementedError), zipfile.ZipFile(io.BytesIO(data)) as archive:
        for entry in archive.infolist():
            yield f"member {entry.filename}", archive.read(entry)


def _chunks(data: bytes) -> Iterator[tuple[str, bytes]]:
    """*Source:* PNG, third edition (W3C 2025), 11.3.3: texts may be deflated after a keyword."""
    place = len(PNG)
    while place + 8 <= len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        kind, held = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        if kind in TEXTS_OF_PNG:
            yield f"chunk {kind.decode('ascii')} at byte {place}", held
            for start in range(len(held)):
                if held[start : start + 2] in ZLIB and (inner := _inflated(held[start:])):
                    yield f"chunk {kind.decode('ascii')} at byte {place}, unpacked", inner
        place += 12 + length


def _streams(data: bytes) -> Iterator[tuple[str, bytes]]:
    for found in STREAM.finditer(data):
        inner = _inflated(data[found.end() :])
        if inner:
            yield f"stream at byte {found.end()}", inner


def _strings(data: bytes) -> Iterator[tuple[str, bytes]]:
    """What an array of strings says, which is stored with four bytes for each character."""
    with suppress(ValueError, EOFError):
        array = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
        if array.dtype.kind == "U":
            yield "string", "\n".join(array.ravel().tolist()).encode("utf-8", "replace")


def _blocks(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Blocks as reportgen packs them, and base64."""
    for found in PACKED.finditer(data):
        yield f"packed block at byte {found.start()}", _from_digits(found[0])
    runs = list(ENCODED.finditer(data))
    for first in range(0, len(runs), TOGETHER):
        yield from _decoded(runs[first : first + TOGETHER])


def _decoded(runs: Sequence[re.Match[bytes]]) -> Iterator[tuple[str, bytes]]:
    """What the runs of letters stand for in base64, read from each of four places, because what stands before it may look like a part of it; texts and bytes apart."""
    place = f"base64 at byte {runs[0].start()}" + (f" to {runs[-1].end()}" if len(runs) > 1 else "")
    texts, rest = [], []
    for run in runs:
        for shift in range(4):
            inner = _from_base64(run[0][shift:])
            if inner.startswith(MAGIC):
                yield f"base64 at byte {run.start()}", inner
            (texts if is_text(inner) else rest).append(inner)
    yield place, b"\n".join(texts)
    yield place, b"\n\xff".join(rest)


def _from_digits(text: bytes) -> bytes:
    """What reportgen.packing.codes.as_text was given."""
    values = np.zeros(256, np.int64)
    values[np.frombuffer(DIGITS.encode("ascii"), np.uint8)] = np.arange(BASE)
    digits = values[np.frombuffer(text[1:], np.uint8).reshape(-1, 5)]
    words = (digits * BASE ** np.arange(4, -1, -1)).sum(1)
    return (words & 0xFFFFFFFF).astype(">u4").tobytes()[: 4 * len(words) - int(text[:1])]


def _from_base64(text: bytes) -> bytes:
    plain = text.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    whole = plain[: len(plain) - (len(plain) % 4 == 1)]
    return base64.b64decode(whole + b"=" * (-len(whole) % 4))


def _inflated(data: bytes) -> bytes:
    """As much as can be unpacked, nothing where that is nothing."""
    unpacker = zlib.decompressobj(wbits=47)
    with suppress(zlib.error):
        return unpacker.decompress(data, LARGEST)
    return b""
