"""A PDF with its objects in an order of their own: the library that prints charts numbers fonts in another order each time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

OBJECT = re.compile(rb"(\d+) 0 obj\n")
REFERENCE = re.compile(rb"\b(\d+) 0 R\b")
LENGTH = re.compile(rb"/Length (\d+)")
ROOT = re.compile(rb"/Root (\d+) 0 R")
NAMED = re.compile(rb"(?:^ +/\w+ \d+ 0 R\n){2,}", re.MULTILINE)
STREAM, END = b"\nstream\n", b"\nendobj\n"
HEAD = b"%PDF-1.7\n%\x80\x80\x80\x80\n\n"


def in_order(pdf: bytes) -> bytes:
    """The same document with objects numbered as they are first named from its root, without producer, dates and identifiers.

    *Source:* ISO 32000-1, 7.5 (file structure). Raises ValueError for a file that is not a plain list of objects of generation 0 with one table.
    """
    objects = dict(_objects(pdf))
    root = ROOT.search(pdf, pdf.rindex(b"trailer"))
    if root is None or b"/Encrypt" in pdf[root.start() - 200 :]:
        raise ValueError("the PDF has no plain trailer")
    order = _reached(objects, int(root[1]))
    numbers = {old: new for new, old in enumerate(order, 1)}
    return _written([_renumbered(objects[old], numbers) for old in order])


def _objects(pdf: bytes) -> Iterator[tuple[int, bytes]]:
    """Every object's number and what stands between its marks. Streams are passed over by their length: they may hold anything."""
    place = 0
    while found := OBJECT.search(pdf, place):
        end = pdf.index(END, found.end())
        stream = pdf.find(STREAM, found.end(), end)
        if stream >= 0:
            length = LENGTH.search(pdf, found.end(), stream)
            if length is None:
                raise ValueError("a stream of the PDF does not say how long it is")
            end = pdf.index(END, stream + len(STREAM) + int(length[1]))
        head, stream = _split(pdf[found.end() : end])
        yield int(found[1]), NAMED.sub(_by_name, head) + stream
        place = end + len(END)


def _by_name(lines: re.Match[bytes]) -> bytes:
    """Entries that name other objects, such as fonts, by their own names, which the drawing itself refers to."""
    return b"".join(sorted(lines[0].splitlines(keepends=True), key=lambda line: (len(line.split()[0]), line)))


def _split(body: bytes) -> tuple[bytes, bytes]:
    """What is said of an object, and its stream."""
    head, mark, stream = body.partition(STREAM)
    return head, mark + stream


def _reached(objects: Mapping[int, bytes], root: int) -> list[int]:
    """The numbers of what the root names, and what that names, each once, breadth first."""
    order = [root]
    for number in order:  # grows while it is read
        named = (int(found[1]) for found in REFERENCE.finditer(_split(objects[number])[0]))
        order.extend(dict.fromkeys(other for other in named if other not in order))
    return order


def _renumbered(body: bytes, numbers: Mapping[int, int]) -> bytes:
    head, stream = _split(body)
    return REFERENCE.sub(lambda found: b"%d 0 R" % numbers[int(found[1])], head) + stream


def _written(bodies: list[bytes]) -> bytes:
    written, places = HEAD, []
    for number, body in enumerate(bodies, 1):
        places.append(len(written))
        written += b"%d 0 obj\n" % number + body + END + b"\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    rows = b"xref\n0 %d\n0000000000 65535 f \n" % (len(bodies) + 1) + table
    trailer = b"trailer\n<<\n  /Size %d\n  /Root 1 0 R\n>>\nstartxref\n%d\n%%%%EOF\n" % (len(bodies) + 1, len(written))
    return written + rows + trailer
