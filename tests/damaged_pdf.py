"""PDF files with something wrong: cut, changed, contradicting themselves, or made to take for ever."""

from __future__ import annotations

import random
import re
import zlib

PAGE = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>"
FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
SHOWN = b"BT /F1 12 Tf 72 700 Td (Some words are here to be read.) Tj ET"


def stream(content: bytes, more: bytes = b"") -> bytes:
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (more, len(content), content)


def pdf(objects: dict[int, bytes], *, root: int = 1, start: int | None = None, size: int | None = None) -> bytes:
    """A file of these objects with a table of where they are."""
    out, places = b"%PDF-1.7\n", {}
    for number, body in objects.items():
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    last = max(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % last
    out += b"".join(b"%010d 00000 n \n" % places.get(number, 0) for number in range(1, last))
    return out + b"trailer\n<</Size %d/Root %d 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size or last, root, table if start is None else start)


def plain(**changed: bytes) -> dict[int, bytes]:
    """The objects of a file with one page, some of them changed: catalog, pages, page, content, font."""
    names = {"catalog": 1, "pages": 2, "page": 3, "content": 4, "font": 5}
    kept = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        3: PAGE,
        4: stream(SHOWN),
        5: FONT,
    }
    return kept | {names[name]: body for name, body in changed.items()}


def damaged_files(whole: bytes) -> list[tuple[str, bytes]]:
    """At least eighty files by what is wrong with them; the same each time."""
    files = [(f"cut-{part}", whole[: len(whole) * part // 20]) for part in range(1, 20)]
    files += [(f"flipped-{seed}", _flipped(whole, seed, 1 + 3 * seed)) for seed in range(20)]
    files += [(f"shuffled-{seed}", _shuffled(whole, seed)) for seed in range(6)]
    files += [(name, pdf(objects)) for name, objects in _contradictions().items()]
    files += [(name, pdf(objects)) for name, objects in _bombs().items()]
    return files + _wrong_tables()


def _flipped(data: bytes, seed: int, times: int) -> bytes:
    changed, chance = bytearray(data), random.Random(seed)
    for _ in range(times):
        changed[chance.randrange(20, len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _shuffled(data: bytes, seed: int) -> bytes:
    parts = re.split(rb"(?<=endobj)", data)
    random.Random(seed).shuffle(parts)
    return b"%PDF-1.4\n" + b"".join(parts)


def _contradictions() -> dict[str, dict[int, bytes]]:
    huge = b"9" * 40
    return {
        "no-pages": plain(pages=b"<</Type/Pages/Kids[]/Count 0>>"),
        "negative-count": plain(pages=b"<</Type/Pages/Kids[3 0 R]/Count -5>>"),
        "huge-count": plain(pages=b"<</Type/Pages/Kids[3 0 R]/Count 2147483647>>"),
        "count-past-limit": plain(pages=b"<</Type/Pages/Kids[3 0 R]/Count 150>>"),
        "no-kids": plain(pages=b"<</Type/Pages/Count 3>>"),
        "pages-in-a-ring": plain(pages=b"<</Type/Pages/Kids[2 0 R]/Count 1>>"),
        "pages-in-a-long-ring": plain(pages=b"<</Type/Pages/Kids[6 0 R]/Count 4>>") | {6: b"<</Type/Pages/Kids[2 0 R]/Count 4/Parent 2 0 R>>"},
        "one-page-often": plain(pages=b"<</Type/Pages/Kids[" + b"3 0 R " * 100 + b"]/Count 100>>"),
        "kids-are-no-pages": plain(pages=b"<</Type/Pages/Kids[5 0 R 1 0 R 99 0 R null]/Count 4>>"),
        "page-is-a-number": plain(page=b"17"),
        "no-box": plain(page=PAGE.replace(b"/MediaBox[0 0 612 792]", b"")),
        "empty-box": plain(page=PAGE.replace(b"612 792", b"0 0")),
        "box-inside-out": plain(page=PAGE.replace(b"0 0 612 792", b"612 792 0 0")),
        "huge-box": plain(page=PAGE.replace(b"612 792", huge + b" " + huge)),
        "box-of-words": plain(page=PAGE.replace(b"0 0 612 792", b"/a /b (c) null")),
        "odd-turn": plain(page=PAGE.replace(b"/Contents", b"/Rotate 45/Contents")),
        "no-content": plain(content=b"null"),
        "content-in-a-ring": plain(content=b"[4 0 R 4 0 R]"),
        "wrong-length": plain(content=b"<</Length 999999>>stream\n" + SHOWN + b"\nendstream"),
        "length-in-a-ring": plain(content=b"<</Length 4 0 R>>stream\n" + SHOWN + b"\nendstream"),
        "unknown-filter": plain(content=stream(SHOWN, b"/Filter/NoSuchDecode")),
        "broken-packing": plain(content=stream(b"\x78\x9cnot packed at all" * 20, b"/Filter/FlateDecode")),
        "no-font": plain(font=b"null"),
        "font-of-nothing": plain(font=b"<</Type/Font/Subtype/TrueType/FontDescriptor 4 0 R/FirstChar 0/LastChar 255/Widths 4 0 R>>"),
        "font-in-a-ring": plain(font=b"<</Type/Font/Subtype/Type0/Encoding/Identity-H/DescendantFonts[5 0 R]>>"),
        "unknown-letters": plain(
            font=b"<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/Identity-H/DescendantFonts[<</Type/Font/Subtype/CIDFontType2/BaseFont/X>>]>>"
        ),
        "size-of-nothing": plain(content=stream(SHOWN.replace(b"12 Tf", b"0 Tf"))),
        "huge-size": plain(content=stream(SHOWN.replace(b"12 Tf", huge + b" Tf"))),
        "far-away": plain(content=stream(SHOWN.replace(b"72 700", huge + b" -" + huge))),
        "not-numbers": plain(content=stream(SHOWN.replace(b"72 700", b"nan inf"))),
        "squashed": plain(content=stream(b"0 0 0 0 0 0 cm " + SHOWN)),
        "open-text": plain(content=stream(SHOWN[:-10])),
        "unbalanced": plain(content=stream(b"Q Q Q " + SHOWN + b" q q ET ET")),
        "garbage-content": plain(content=stream(bytes(range(256)) * 40)),
        "ring-of-catalogs": plain(catalog=b"<</Type/Catalog/Pages 1 0 R>>"),
        "no-catalog": plain(catalog=b"[]"),
    }


def _bombs() -> dict[str, dict[int, bytes]]:
    twice = zlib.compress(zlib.compress(b" " * 50_000_000))
    shown = b" ".join(b"BT /F1 8 Tf 72 %d Td (again) Tj ET" % (700 - i % 600) for i in range(20_000))
    return {
        "packed-twice": plain(content=stream(twice, b"/Filter[/FlateDecode/FlateDecode]")),
        "packed-blanks": plain(content=stream(zlib.compress(SHOWN + b" " * 20_000_000), b"/Filter/FlateDecode")),
        "many-filters": plain(content=stream(SHOWN, b"/Filter[" + b"/ASCIIHexDecode" * 2000 + b"]")),
        "deep-arrays": plain(page=PAGE.replace(b"/Contents", b"/X " + b"[" * 20_000 + b"]" * 20_000 + b"/Contents")),
        "deep-dictionaries": plain(page=PAGE.replace(b"/Contents", b"/X " + b"<</Y " * 5_000 + b"1" + b">>" * 5_000 + b"/Contents")),
        "deep-states": plain(content=stream(b"q " * 100_000 + SHOWN)),
        "form-in-itself": plain(page=_with_form(), content=stream(b"/A Do")) | {6: _form(b"/A Do " + SHOWN, 6)},
        "forms-in-a-row": plain(page=_with_form(), content=stream(b"/A Do")) | {n: _form(b"/A Do " + SHOWN, n + 1) for n in range(6, 300)} | {300: FONT},
        "forms-that-double": plain(page=_with_form(), content=stream(b"/A Do"))
        | {n: _form(b"/A Do /A Do", n + 1) for n in range(6, 14)}
        | {14: _form(SHOWN, 14)},
        "one-place": plain(content=stream(b"BT /F1 12 Tf 72 700 Td " + b"(a) Tj -6.67 0 Td " * 3_000 + b" ET")),
        "many-words": plain(content=stream(zlib.compress(shown), b"/Filter/FlateDecode")),
        "one-long-line": plain(content=stream(b"BT /F1 1 Tf 0.0001 0 0 1 72 700 Tm (" + b"word " * 20_000 + b") Tj ET")),
    }


def _with_form() -> bytes:
    return PAGE.replace(b"/Font", b"/XObject<</A 6 0 R>>/Font")


def _form(content: bytes, inner: int) -> bytes:
    more = b"/Type/XObject/Subtype/Form/BBox[0 0 612 792]/Resources<</Font<</F1 5 0 R>>/XObject<</A %d 0 R>>>>" % inner
    return stream(content, more)


def _wrong_tables() -> list[tuple[str, bytes]]:
    whole = pdf(plain())
    return [
        ("table-nowhere", pdf(plain(), start=999_999_999)),
        ("table-at-the-start", pdf(plain(), start=0)),
        ("table-in-a-ring", whole.replace(b"/Root 1 0 R", b"/Root 1 0 R/Prev %d" % whole.rindex(b"xref\n0"))),
        ("table-of-too-many", pdf(plain(), size=2_000_000_000)),
        ("wrong-root", pdf(plain(), root=77)),
        ("no-trailer", whole[: whole.rindex(b"trailer")]),
        ("packed-objects", pdf(plain(font=stream(b"1 0 2 5 <</A 5 0 R>>", b"/Type/ObjStm/N 1000000/First 4")))),
        ("two-headers", b"%PDF-1.4\n%PDF-2.0\n" * 50 + whole),
        ("junk-before", b"junk " * 150 + whole),
        ("unknown-encryption", whole.replace(b"/Root 1 0 R", b"/Root 1 0 R/Encrypt<</Filter/Odd/V 9/R 9/O(a)/U(b)/P -1>>/ID[(a)(b)]")),
    ]
