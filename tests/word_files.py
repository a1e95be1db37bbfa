"""Word files made by hand, so that every part of them can be what a test needs."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
SPACES = (
    f'xmlns:w="{W}" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" xmlns:v="urn:schemas-microsoft-com:vml" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
)
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
WML = "application/vnd.openxmlformats-officedocument.wordprocessingml"
KINDS = ("styles", "numbering", "footnotes", "endnotes", "comments", "header", "footer")
STYLES = {
    "Normal": ("Normal", ""),
    "Title": ("Title", ""),
    "Heading1": ("heading 1", '<w:pPr><w:outlineLvl w:val="0"/></w:pPr>'),
    "Heading2": ("heading 2", '<w:pPr><w:outlineLvl w:val="1"/></w:pPr>'),
    "Own": ("My own heading", '<w:basedOn w:val="Heading2"/>'),
    "Quote": ("Quote", ""),
    "Caption": ("caption", ""),
    "Code": ("HTML Preformatted", ""),
    "TOC1": ("toc 1", ""),
    "ListNumber": ("List Number", '<w:pPr><w:numPr><w:numId w:val="2"/></w:numPr></w:pPr>'),
}


def run(text: str, properties: str = "") -> str:
    """A run of text."""
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def p(content: str, style: str = "", properties: str = "") -> str:
    """A paragraph of text or of runs."""
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f"<w:p><w:pPr>{named}{properties}</w:pPr>{content if content.startswith('<') else run(content)}</w:p>"


def item(text: str, number: int, level: int = 0, style: str = "") -> str:
    """A paragraph of a list."""
    return p(text, style, f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>')


def table(*rows: tuple[str, ...]) -> str:
    """A table; each cell is a paragraph of text, or blocks."""
    cells = ("".join(f"<w:tc>{cell if cell.startswith('<w:p>') or cell.startswith('<w:tbl>') else p(cell)}</w:tc>" for cell in row) for row in rows)
    return "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in cells) + "</w:tbl>"


def level(index: int, form: str, text: str, start: int = 1) -> str:
    """A level of a list's definition."""
    return f'<w:lvl w:ilvl="{index}"><w:start w:val="{start}"/><w:numFmt w:val="{form}"/><w:lvlText w:val="{text}"/></w:lvl>'


def styles(extra: str = "", language: str = "en-GB") -> str:
    """A part with the styles that the tests name."""
    found = "".join(
        f'<w:style w:type="paragraph" w:styleId="{key}"{" w:default=" + chr(34) + "1" + chr(34) if key == "Normal" else ""}><w:name w:val="{name}"/>{more}</w:style>'
        for key, (name, more) in STYLES.items()
    )
    defaults = f'<w:docDefaults><w:rPrDefault><w:rPr><w:lang w:val="{language}"/></w:rPr></w:rPrDefault></w:docDefaults>'
    return f"{HEAD}<w:styles {SPACES}>{defaults}{found}{extra}</w:styles>"


def numbering(*definitions: str, lists: str = "") -> str:
    """A part with lists numbered from 1, each of the definition of its place."""
    abstract = "".join(f'<w:abstractNum w:abstractNumId="{index}">{levels}</w:abstractNum>' for index, levels in enumerate(definitions))
    numbers = "".join(f'<w:num w:numId="{index + 1}"><w:abstractNumId w:val="{index}"/></w:num>' for index in range(len(definitions)))
    return f"{HEAD}<w:numbering {SPACES}>{abstract}{numbers}{lists}</w:numbering>"


def part(kind: str, content: str) -> str:
    """A part of the kind: notes, comments, a header, a footer."""
    root = {"header": "hdr", "footer": "ftr"}.get(kind, kind)
    return f"{HEAD}<w:{root} {SPACES}>{content}</w:{root}>"


def word_file(body: str, *, head: str = HEAD, main: str = "document.main", others: Mapping[str, str | bytes] | None = None, **parts: str) -> bytes:
    """A Word file with this body, parts by kind (`styles` by default those above), and other entries of the archive by name."""
    parts = {"styles": styles(), **parts}
    types = "".join(f'<Override PartName="/word/{kind}.xml" ContentType="{WML}.{kind}+xml"/>' for kind in KINDS)
    relations = "".join(
        f'<Relationship Id="r{kind}" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}" Target="{kind}.xml"/>' for kind in parts
    )
    entries = {
        "[Content_Types].xml": f'{HEAD}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{WML}.{main}+xml"/>{types}</Types>',
        "_rels/.rels": _relations(
            '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/>'
        ),
        "word/document.xml": f"{head}<w:document {SPACES}><w:body>{body}</w:body></w:document>",
        "word/_rels/document.xml.rels": _relations(relations),
        **{f"word/{kind}.xml": content for kind, content in parts.items()},
        **(others or {}),
    }
    return zipped(entries)


def zipped(entries: Mapping[str, str | bytes]) -> bytes:
    """A zip archive of these entries."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return data.getvalue()


def _relations(content: str) -> str:
    return f'{HEAD}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{content}</Relationships>'
