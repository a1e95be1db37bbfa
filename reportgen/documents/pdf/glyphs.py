"""The characters of a page as its reader sees them: where each stands, how large, in what kind of type.

Coordinates are points with the page turned so that most of its text runs from left to right: x to the right, y down.
"""

from __future__ import annotations

import ctypes
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from reportgen.documents.pdf.opening import MOST_WIDE, size_of

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage

BOLD_NAME = re.compile(r"bold|black|heavy|semib|demi|-bd|medi(?!um|ev|a)|^cmb|^sfbx|^sfsx|^lmbx|cmssbx|-b$|\.b$|[a-z]T?[BZ]I?$", re.I)
ITALIC_NAME = re.compile(r"ital|obli|slant|-it$|^cmti|^cmsl|^cmbxti|^sfti|^sfsl|regu-?ital", re.I)
MONO_NAME = re.compile(r"courier|mono|cmtt|sftt|cmsltt|lmtt|consol|menlo|typewriter|inconsolata|txtt|fira ?code|source ?code|nimbusmon|code", re.I)
MATH_NAME = re.compile(r"^(?:cm(?:mi|sy|ex|bsy|mib)|ms[abx]m|eufm|eurm|lmmath|rsfs|bbold|txsy|txmi|px(?:sy|mi)|mtsy|mtmi|rmtmi|stix.*math)|math|symbol", re.I)
FIXED_WIDTH, ITALIC, FORCE_BOLD = 1 << 0, 1 << 6, 1 << 18  # of a font's flags (PDF 32000-1:2008, table 123)
SUBSET = re.compile(r"^[A-Z]{6}\+")
PRIVATE = (range(0xE000, 0xF900), range(0xF0000, 0x110000))
LINE_END_HYPHENS = ("\x02", "\ufffe")  # what pdfium makes of a hyphen that ends a line
STRAIGHT = 1e-5  # rise over run: a baseline that rises no more has one y from its start to its end
NEARLY = 0.035  # radians: two degrees off the straight are still straight
SMALLEST_TYPE, LARGEST_TYPE = 0.5, 2000.0  # points


class Style(NamedTuple):
    """The type a character is set in: its size in points, as the page shows it, and its cut."""

    size: float
    bold: bool = False
    italic: bool = False
    mono: bool = False
    math: bool = False


class Glyph(NamedTuple):
    """One visible character with its advance from left to right, the y of its baseline, and whether white space was met before it."""

    text: str
    left: float
    right: float
    base: float
    style: Style
    spaced: bool


@dataclass(frozen=True, kw_only=True)
class PageGlyphs:
    """The characters of a page in the order of the file, and how many were left out: turned, beyond the page's edge, without a meaning."""

    glyphs: tuple[Glyph, ...]
    height: float
    turned: int = 0
    outside: int = 0
    unknown: int = 0


class _Met(NamedTuple):
    """A character as the library gives it: its box and origin in the page's own coordinates, its style and quarter turn (None: askew)."""

    text: str
    box: tuple[float, float, float, float]
    origin: tuple[float, float]
    style: Style
    turn: int | None
    spaced: bool


def page_glyphs(document: PdfDocument, number: int) -> PageGlyphs:
    """The characters of this page, counted from 0; none where the page cannot be loaded."""
    from pypdfium2 import PdfiumError

    size = size_of(document, number)
    try:
        page = document[number] if size else None
    except PdfiumError:
        page = None
    if page is None:
        return PageGlyphs(glyphs=(), height=0.0)
    try:
        return _turned_upright(list(_met(page)), _edges(page))
    finally:
        page.close()


def _turned_upright(met: list[_Met], edges: tuple[float, float, float, float]) -> PageGlyphs:
    """The characters that run with most of the page, in coordinates in which they run to the right."""
    known = [one for one in met if one.text]
    turns = Counter(one.turn for one in known if one.turn is not None)
    turn = max(sorted(turns), key=turns.get) if turns else 0
    straight = [one for one in known if one.turn == turn]
    left, top, right, bottom = _upright(edges, turn)
    placed = [Glyph(one.text, *_span(one, turn, left, top), one.style, one.spaced) for one in straight]
    inside = [glyph for glyph in placed if -1 <= (glyph.left + glyph.right) / 2 <= right - left + 1 and -1 <= glyph.base <= bottom - top + 1]
    return PageGlyphs(
        glyphs=tuple(inside),
        height=bottom - top,
        turned=len(known) - len(straight),
        outside=len(placed) - len(inside),
        unknown=len(met) - len(known),
    )


def _span(one: _Met, turn: int, left: float, top: float) -> tuple[float, float, float]:
    """Left, right and baseline of a character in the page's upright coordinates."""
    (x0, y0, x1, y1), (x, y) = one.box, one.origin
    if turn == 0:
        return x0 - left, x1 - left, -y - top
    start, end, base = ((y0, y1, x), (-x1, -x0, y), (-y1, -y0, -x))[turn - 1]
    return start - left, end - left, base - top


def _upright(box: tuple[float, float, float, float], turn: int) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a box (left, bottom, right, top) once the text with this many quarter turns runs to the right."""
    (x0, y0), (x1, y1) = _upright_point(box[0], box[1], turn), _upright_point(box[2], box[3], turn)
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def _upright_point(x: float, y: float, turn: int) -> tuple[float, float]:
    return ((x, -y), (y, x), (-x, y), (-y, -x))[turn]


def _edges(page: PdfPage) -> tuple[float, float, float, float]:
    left, bottom, right, top = page.get_bbox()
    return (left, bottom, right, top) if right - left > 1 and top - bottom > 1 else (-math.inf, -math.inf, math.inf, math.inf)


def _met(page: PdfPage) -> Iterator[_Met]:
    """Every visible character of the page, in the order of the file; one without a meaning has no text."""
    from pypdfium2 import raw

    text = raw.FPDFText_LoadPage(page.raw)
    if not text:
        return
    try:
        yield from _characters(text, raw)
    finally:
        raw.FPDFText_ClosePage(text)


def _characters(text, raw) -> Iterator[_Met]:
    box, x, y = raw.FS_RECTF(), ctypes.c_double(), ctypes.c_double()
    box_of, origin_of, code_of = raw.FPDFText_GetLooseCharBox, raw.FPDFText_GetCharOrigin, raw.FPDFText_GetUnicode
    styles, spaced = _Styles(text, raw), False
    for index in range(raw.FPDFText_CountChars(text)):
        character = _character(code_of(text, index))
        if character == " ":
            spaced = True
        elif box_of(text, index, box):
            style, turn, origin = styles.of(index)
            if origin is None:
                origin = (x.value, y.value) if origin_of(text, index, x, y) else (math.inf, math.inf)
            edges = (box.left, box.bottom, box.right, box.top)
            if abs(edges[0] + edges[1] + edges[2] + edges[3] + origin[0] + origin[1]) < MOST_WIDE and SMALLEST_TYPE <= style.size <= LARGEST_TYPE:
                yield _Met(character, edges, origin, style, turn, spaced)
                spaced = False


@cache
def _character(code: int) -> str:
    """The character of this code: "" where it has no meaning outside its font, one space for white space of any kind."""
    if code in (0, 0xFFFD, 0xFFFF) or code > 0x10FFFF or 0xD800 <= code < 0xE000 or any(code in area for area in PRIVATE):
        return ""
    character = chr(code)
    if character in LINE_END_HYPHENS:
        return "-"
    return " " if character.isspace() or code < 32 or 0x7F <= code < 0xA0 or character in "\u200b\u2060\ufeff" else character


class _Styles:
    """The styles of a page's characters, looked up once for each piece of text that the file sets at once."""

    def __init__(self, text, raw) -> None:
        self.text, self.raw = text, raw
        by_address = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
        self.piece_at = by_address(ctypes.cast(raw.FPDFText_GetTextObject, ctypes.c_void_p).value)  # an address costs less than a pointer object
        self.handle = ctypes.cast(text, ctypes.c_void_p)
        self.known: dict[int, tuple[Style, int | None, tuple[float, float] | None]] = {}
        self.cuts: dict[int, tuple[bool, bool, bool, bool]] = {}
        self.matrix, self.size = raw.FS_MATRIX(), ctypes.c_float()

    def of(self, index: int) -> tuple[Style, int | None, tuple[float, float] | None]:
        """Style and turn of the character, and a point on its baseline where all of its piece have one that is straight."""
        key = self.piece_at(self.handle, index) or -1 - index
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = self._look(self.raw.FPDFText_GetTextObject(self.text, index), index)
        return found

    def _look(self, piece, index: int) -> tuple[Style, int | None, tuple[float, float] | None]:
        matrix, size = self.matrix, self.raw.FPDFText_GetFontSize(self.text, index)
        if not self.raw.FPDFText_GetMatrix(self.text, index, matrix):
            return Style(round(size, 2)), 0, None
        height = math.hypot(matrix.c, matrix.d) * size
        cut = self._cut(piece) if piece else (False,) * 4
        x, y = ctypes.c_double(), ctypes.c_double()
        straight = piece and abs(matrix.b) < STRAIGHT * abs(matrix.a) and self.raw.FPDFText_GetCharOrigin(self.text, index, x, y)
        style = Style(round(height, 2) if math.isfinite(height) else 0.0, *cut)
        return style, _quarter_turns(matrix.a, matrix.b), (x.value, y.value) if straight else None

    def _cut(self, piece) -> tuple[bool, bool, bool, bool]:
        font = self.raw.FPDFTextObj_GetFont(piece)
        key = ctypes.cast(font, ctypes.c_void_p).value or 0
        if key not in self.cuts:
            self.cuts[key] = _cut_of(font, self.raw) if key else (False,) * 4
        return self.cuts[key]


def _cut_of(font, raw) -> tuple[bool, bool, bool, bool]:
    """Whether the font is bold, italic, of one width, or one for mathematics; by its name, since few fonts say it elsewhere."""
    buffer = ctypes.create_string_buffer(200)
    raw.FPDFFont_GetBaseFontName(font, buffer, 200)
    name = SUBSET.sub("", buffer.value.decode("utf-8", "replace"))
    flags = max(raw.FPDFFont_GetFlags(font), 0)
    math_font = MATH_NAME.search(name) is not None
    mono = MONO_NAME.search(name) is not None or bool(flags & FIXED_WIDTH)
    bold = BOLD_NAME.search(name) is not None or bool(flags & FORCE_BOLD)
    italic = ITALIC_NAME.search(name) is not None or bool(flags & ITALIC)
    return bold and not math_font, italic, mono and not math_font, math_font


def _quarter_turns(a: float, b: float) -> int | None:
    """How many quarter turns to the left the text is turned by; None where it stands askew."""
    angle = math.atan2(b, a)
    turns = round(angle / (math.pi / 2))
    return turns % 4 if abs(angle - turns * math.pi / 2) < NEARLY else None
