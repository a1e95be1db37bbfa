"""Documents that are damaged, or made to break what reads them: the same ones each time."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from collections.abc import Iterator

import word_files as word
from word_files import item, p, run, table

SEED = 20
SENTENCES = "".join(f"Gull {number} slept at dawn, and the quay was quiet. " for number in range(40))
PAGE = (
    f"<!DOCTYPE html><html lang=en><head><meta charset=utf-8><title>Gulls</title></head><body><nav><a href=/>Home</a></nav><article><h1>Gulls</h1><p>{SENTENCES}</p>"
    f"<ul><li>One<li>Two</ul><table><tr><th>A<th>B<tr><td>1<td>2</table><pre>x = 1</pre><blockquote>{SENTENCES}</blockquote></article></body></html>"
).encode()
BODY = p("Gulls", "Title") + p(SENTENCES) + item("One", 1) + table(("a", "b"), ("c", "d")) + p(run("End.") + '<w:r><w:footnoteReference w:id="1"/></w:r>')
WORD = word.word_file(
    BODY,
    numbering=word.numbering(word.level(0, "decimal", "%1.")),
    footnotes=word.part("footnotes", f'<w:footnote w:id="1">{p("A note.")}</w:footnote>'),
)
LAUGHS = "".join(f'<!ENTITY l{index} "{f"&l{index - 1};" * 10}">' for index in range(1, 12))
BOMB = f'<!DOCTYPE w:document [<!ENTITY l0 "ha">{LAUGHS}]>'


def hostile_files() -> dict[str, bytes]:
    """About 140 files by name, none of them larger than a few megabytes."""
    made = (*_texts(), *_markdown(), *_pages(), *_word(), *_archives(), *_at_random())
    found = dict(made)
    assert len(found) == len(made)
    return found


def _texts() -> Iterator[tuple[str, bytes]]:
    contents = {
        "empty": b"", "blank": b" \n\t\r\n", "nul": b"One\0two. Three.", "surrogates": b"One \xed\xa0\x80 two. Three.", "overlong": b"One \xc0\xaf two.",
        "cut": "One €".encode()[:-1], "latin": "Déjà vu. Encore.".encode("latin-1"), "utf16": "One. Two.".encode("utf-16"), "utf32": "One. Two.".encode("utf-32"),
        "bells": b"\x07" * 500, "line": b"a" * 2_000_000, "words": b"a " * 300_000, "combining": b"e" + "\u0301".encode() * 100_000 + b". Two.",
        "direction": "One \u202e two \u2066 three. Four.".encode(), "noncharacters": "One \ufffe\uffff\U0010ffff two. Three.".encode(), "pdf": b"%PDF-1.4\n", "zip": WORD,
        "marks": b"\xef\xbb\xbf" * 100, "rules": b"-" * 100_000, "indents": b"\n".join(b" " * index + b"a" for index in range(1_000)), "newlines": b"\n" * 1_000_000,
    }  # fmt: skip
    return ((f"{name}.txt", data) for name, data in contents.items())


def _markdown() -> Iterator[tuple[str, bytes]]:
    contents = {
        "quotes": b"> " * 5_000 + b"a", "lists": b"- " * 5_000 + b"a", "brackets": b"[" * 2_000 + b"a. b", "stars": b"*a " * 5_000, "ticks": b"`" * 50_000 + b"a",
        "table": b"|a" * 2_000 + b"\n" + b"|-" * 2_000 + b"\n" + b"|b" * 2_000, "images": b"![" * 1_000 + b"a", "tags": b"<b" * 20_000, "empty": b"", "front": b"---\n" * 5_000,
        "entities": b"&#x110000; &#0; &#xd800; &#xffff; One. Two.", "links": b"[a](" * 10_000, "html": PAGE, "rules": b"***\n" * 10_000,
    }  # fmt: skip
    return ((f"{name}.md", data) for name, data in contents.items())


def _pages() -> Iterator[tuple[str, bytes]]:
    deep = {
        tag: f"<{tag}>".encode() * 20_000 + b"One. Two." for tag in ("div", "table><tr><td", "ul><li", "b", "font", "blockquote", "svg", "form", "a", "button")
    }
    contents = {
        "empty": b"", "blank": b" \n", "nul": b"<p>One\0 two. Three.", "attribute": b"<p title='" + b"a" * 5_000_000 + b"'>One. Two.", "attributes": b"<p " + b"a1 " * 100_000 + b">One.",
        "classes": b"<p class='" + b"a " * 500_000 + b"'>One. Two.", "entities": BOMB.replace("w:document", "html").encode() + b"<p>&l11; &l9;</p><p>One. Two.",
        "characters": b"<p>&#0; &#xd800; &#x110000; &#xffff; &#99999999999999999999; One. Two.", "unclosed": b"<p>One. <b", "script": b"<script>" + b"x" * 1_000_000, "comment": b"<!--" + b"-" * 1_000_000,
        "utf16": PAGE.decode().encode("utf-16"), "utf32": PAGE.decode().encode("utf-32"), "wrong": b"<meta charset=utf-8><p>\xff\xfe\xc3 One. Two.", "zipped": b"<meta charset=zip><p>One. Two.",
        "frames": b"<html><frameset><frame src='http://localhost/'></frameset></html>", "hidden": b"<body hidden><p>One. Two.", "styles": b"<p style='" + b"display:" * 100_000 + b"'>One.",
        "cells": b"<table>" + b"<tr>" * 1_000 + b"<td>a<td>b</table>", "spans": b"<table><tr><td colspan=999999999 rowspan=999999999>a<td>b<tr><td>c<td>d</table>", "numbers": b"<ol start=99999999999999><li value=-1>a<li>b",
        "paragraphs": b"<p>a" * 5_000, "breaks": b"<br>" * 10_000 + b"One. Two.", "xml": b"<?xml version='1.0' encoding='utf-16'?><p>One. Two.", "text": SENTENCES.encode(), "word": WORD, "pdf": b"%PDF-1.4\n",
        "levels": b"<p role=heading aria-level=99999999999>a</p><p>One. Two.", "include": b"<p>One.<xi:include href='file:///etc/passwd'/><iframe src='file:///etc/passwd'></iframe><img src='http://localhost/'>",
        "braille": ("<p>" + "\u2800\u2801\u2801\u2801" * 1_000 + " One. Two.").encode(), "marks": b"<sup><a href='#a'>1</a></sup>" * 20_000 + b"One. Two.", "pre": b"<pre>" + b"\t" * 100_000 + b"a",
        **{f"deep-{index}": data for index, data in enumerate(deep.values())},
    }  # fmt: skip
    return ((f"{name}.html", data) for name, data in contents.items())


def _word() -> Iterator[tuple[str, bytes]]:
    laughing = word.HEAD + BOMB
    outside = word.HEAD + '<!DOCTYPE w:document [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    level, tables = word.level(0, "lowerRoman", "%1%2%9%"), table(("a", "b"), ("c", "d"))
    for _ in range(40):
        tables = table(("a", tables), ("c", "d"))
    contents = {
        "laughs": word.word_file(p("&l11; One. Two."), head=laughing), "laughs-inside": word.word_file(BODY.replace("Quote", "&l11;").replace("Title", "&l11;"), head=laughing),
        "outside": word.word_file(p("&x; One."), head=outside), "no-body": word.word_file("").replace(b"w:body", b"w:bodi"), "blank": word.word_file(""), "tables": word.word_file(tables),
        "deep": word.word_file("<w:sdt><w:sdtContent>" * 500 + p("a") + "</w:sdtContent></w:sdt>" * 500), "sections": word.word_file("<w:ins>" * 200 + p("One.") + "</w:ins>" * 200),
        "unclosed": word.word_file("<w:p><w:r>"), "long": word.word_file(p("a" * 11_000_000)), "wide": word.word_file(p(run("a b. ") * 10_000)), "paragraphs": word.word_file(p("") * 5_000 + p("One.")),
        "cells": word.word_file(table(("a",) * 1_000, ("b",) * 1_000)), "numbers": word.word_file(item("a", 1, 8) + item("b", 999_999), numbering=word.numbering(level)),
        "starts": word.word_file(item("a", 1), numbering=word.numbering(word.level(0, "lowerLetter", "%1", 999_999_999))), "levels": word.word_file(p("a", "", '<w:outlineLvl w:val="-7"/>') + p("One.")),
        "nonsense": word.word_file(p("a", "", '<w:numPr><w:ilvl w:val="x"/><w:numId/></w:numPr>') + p("One.")), "no-styles": word.word_file(p("One."), styles="<a/>"),
        "styles": word.word_file(p("One."), styles="not xml"), "numbering": word.word_file(item("One.", 1), numbering="\x00"), "notes": word.word_file(BODY, footnotes="<w:footnotes>"),
        "notes-again": word.word_file(p('<w:r><w:footnoteReference w:id="1"/></w:r>' * 9_000 + run("One.")), footnotes=word.part("footnotes", f'<w:footnote w:id="1">{p("a")}</w:footnote>')),
        "boxes": word.word_file("<w:p><w:r><w:txbxContent>" * 60 + p("One.") + "</w:txbxContent></w:r></w:p>" * 60), "utf16": word.word_file("").replace(b"UTF-8", b"UTF-7"),
        "bomb": word.word_file(p("One."), others={"word/media/a.bin": bytes(25_000_000)}), "bomb-document": word.word_file(p(" " * 25_000_000)), "many": word.word_file(p("One."), others={f"a/{n}": "" for n in range(11_000)}),
        "names": word.word_file(p("One."), others={"../../etc/passwd": "a", "/abs": "b", "C:\\a": "c", "word/" + "a" * 60_000: "d"}), "no-types": word.zipped({"word/document.xml": "<a/>"}),
        "types": word.word_file(p("One."), others={"[Content_Types].xml": "<Types/>"}), "no-relations": word.word_file(p("One."), others={"_rels/.rels": "<a/>"}), "macros": word.word_file(p("a"), main="macroEnabled.main"),
        "relations": word.word_file(p("One."), others={"word/_rels/document.xml.rels": "<Relationships"}), "empty": b"", "text": SENTENCES.encode(), "page": PAGE, "ole": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(5_000),
        "encrypted": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "end": WORD[-22:], "magic": b"PK\x03\x04", "twice": WORD + WORD, "noise-before": b"noise" * 100 + WORD,
    }  # fmt: skip
    return ((f"{name}.docx", data) for name, data in contents.items())


def _archives() -> Iterator[tuple[str, bytes]]:
    """Archives whose tables of contents lie, or that hold themselves again."""
    inside = WORD
    for _ in range(12):
        inside = word.zipped({"a.zip": inside})
    yield "recursive.docx", word.word_file(p("One."), others={"word/embeddings/a.docx": inside})
    yield "recursive-alone.docx", inside
    lying = bytearray(word.word_file(p("One. " * 200_000)))
    at = lying.index(b"word/document.xml", lying.index(b"PK\x01\x02")) - 46
    lying[at + 24 : at + 28] = struct.pack("<I", 7)
    yield "lying.docx", bytes(lying)
    at = lying.index(b"PK\x05\x06")
    lying[at + 16 : at + 20] = struct.pack("<I", 2**31)
    yield "astray.docx", bytes(lying)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_LZMA) as archive, zipfile.ZipFile(io.BytesIO(WORD)) as whole:
        for name in whole.namelist():
            archive.writestr(name, whole.read(name))
    yield "lzma.docx", data.getvalue()


def _at_random() -> Iterator[tuple[str, bytes]]:
    """Cut and spoilt at places drawn by chance."""
    draw = random.Random(SEED)
    for ending, whole in (("docx", WORD), ("html", PAGE)):
        for index in range(6):
            yield f"cut-{index}.{ending}", whole[: draw.randrange(1, len(whole))]
        for index in range(10):
            spoilt = bytearray(whole)
            for _ in range(2 ** (index % 6)):
                spoilt[draw.randrange(len(spoilt))] = draw.randrange(256)
            yield f"spoilt-{index}.{ending}", bytes(spoilt)
        yield f"noise.{ending}", draw.randbytes(3_000)
        yield f"noise-after.{ending}", whole[:60] + draw.randbytes(3_000)
