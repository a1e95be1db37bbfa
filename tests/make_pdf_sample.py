"""Writes samples/reading-in-order.pdf from the text in tests/sample_sources: the same bytes each time from one version of reportlab.

`python tests/make_pdf_sample.py [OUT.pdf]`.

The source has one block a line: "# " the title, "@ " a line below it, "= " and "== " headings, "* " and "1. " items, "- " references,
"^[...]" a note, "! table" and "! figure" with their caption up to "! end", anything else a paragraph.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from typesetting import NOTE, SetLine, Type, notes_in, set_lines

ROOT = Path(__file__).parent.parent
SOURCE, TARGET = ROOT / "tests" / "sample_sources" / "reading-in-order.txt", ROOT / "samples" / "reading-in-order.pdf"
WIDTH, HEIGHT, MARGIN, GUTTER, TOP, FOOT = 612.0, 792.0, 54.0, 20.0, 70.0, 66.0
COLUMN = (WIDTH - 2 * MARGIN - GUTTER) / 2
HEADS = ("Hartwig and Oyelaran", "Reading in Order")

TITLE = Type(font="Times-Bold", size=17, leading=20, justified=False, centred=True)
BYLINE = Type(font="Times-Roman", size=11, leading=14, justified=False, centred=True)
ABSTRACT = Type(font="Times-Roman", size=9.5, leading=11.4)
SECTION = Type(font="Times-Bold", size=12, leading=15, justified=False)
SUBSECTION = Type(font="Times-Bold", size=10, leading=13, justified=False)
BODY = Type(font="Times-Roman", size=10, leading=12, indent=12)
FIRST = Type(font="Times-Roman", size=10, leading=12)
ITEM = Type(font="Times-Roman", size=10, leading=12, indent=-14)
REFERENCE = Type(font="Times-Roman", size=9, leading=10.8, indent=-12)
CAPTION = Type(font="Times-Roman", size=8.5, leading=10)
CELL = Type(font="Times-Roman", size=9, leading=11, justified=False)
NOTES = Type(font="Times-Roman", size=8, leading=9.4)
TICK = Type(font="Helvetica", size=6.5, leading=8, justified=False)


@dataclass
class Page:
    """Where the next line goes, and the notes that wait for the foot of the column."""

    canvas: Canvas
    notes: dict[int, str]
    number: int = 1
    column: int = 0
    y: float = HEIGHT - TOP
    top: float = HEIGHT - TOP
    waiting: list[SetLine] = field(default_factory=list)
    floats: list[Sequence[str]] = field(default_factory=list)

    @property
    def left(self) -> float:
        return MARGIN + self.column * (COLUMN + GUTTER)

    def room(self, further: float = 0.0) -> float:
        """What is left of the column above its notes."""
        taken = sum(line.style.leading for line in self.waiting)
        return self.y - FOOT - taken - (8 if self.waiting or further else 0) - further


def blocks_of(source: str) -> tuple[list[list[str]], dict[int, str]]:
    """The blocks of the source, each as its lines, and the notes by number; a mark stands where a note was."""
    notes: dict[int, str] = {}

    def marked(match: re.Match[str]) -> str:
        notes[len(notes) + 1] = curled(match[1])
        return chr(NOTE + len(notes))

    blocks: list[list[str]] = []
    for line in source.splitlines():
        line = curled(re.sub(r"\^\[(.*?)\](?=\s|$)", marked, line))
        if blocks and blocks[-1][0].startswith("! ") and blocks[-1][-1] != "! end":
            blocks[-1].append(line)
        elif line.strip():
            blocks.append([line])
    return blocks, notes


def curled(text: str) -> str:
    """The text with the quotation marks of a printed page."""
    return re.sub(r'"', "”", re.sub(r'(?<![^\s(])"', "“", text)).replace("'", "’")


def make(out: Path) -> None:
    """Write the paper."""
    blocks, notes = blocks_of(SOURCE.read_text(encoding="utf-8"))
    canvas = Canvas(str(out), pagesize=(WIDTH, HEIGHT), invariant=1, pageCompression=1)
    canvas.setTitle("Reading in Order: What the Layout of a Page Does to Measurements of Attention")
    canvas.setAuthor("Ines Hartwig and Tunde Oyelaran")
    page = Page(canvas=canvas, notes=notes)
    draw_foot(page)
    front = next(index for index, (line, *_) in enumerate(blocks) if re.match(r"= \d", line))
    draw_front(page, [line for line, *_ in blocks[:front]])
    after_heading = True
    for block in blocks[front:]:
        after_heading = draw_block(page, block, after_heading)
    end_column(page)
    canvas.save()


def draw_front(page: Page, lines: Sequence[str]) -> None:
    """Title, names and abstract over the whole width."""
    width = WIDTH - 2 * MARGIN
    for line in lines:
        style, inset, text = TITLE, 20.0, line[2:]
        if line.startswith("@ "):
            style = BYLINE
        elif line.startswith("= "):
            page.y -= 8
            style = Type(font="Times-Bold", size=11, leading=15, justified=False, centred=True)
        elif not line.startswith("# "):
            style, inset, text = ABSTRACT, 36.0, line
        for one in set_lines(text, style, width - 2 * inset):
            page.y -= one.style.leading
            draw(page.canvas, one, MARGIN + inset, page.y)
        page.y -= 4 if style is TITLE else 0
    page.y -= 14
    page.top = page.y


def draw_block(page: Page, block: Sequence[str], after_heading: bool) -> bool:
    """Draws a block; says whether the next one comes right after a heading."""
    line = block[0]
    if line.startswith("! "):
        page.floats.append(block)
        return False
    style, text, above = styled(line, after_heading)
    lines = set_lines(text, style, COLUMN)
    if style in (SECTION, SUBSECTION) and page.room() < above + sum(one.style.leading for one in lines) + 2 * BODY.leading:
        next_column(page)
    page.y -= above if page.y < page.top else 0
    for one in lines:
        place(page, one)
    page.y -= 2 if style in (SECTION, SUBSECTION) else 0
    return style in (SECTION, SUBSECTION)


def styled(line: str, after_heading: bool) -> tuple[Type, str, float]:
    """How a line of the source is set, its text, and the room above it."""
    if line.startswith("= "):
        return SECTION, line[2:], 9
    if line.startswith("== "):
        return SUBSECTION, line[3:], 6
    if line.startswith("- "):
        return REFERENCE, line[2:], 2
    if line.startswith("* "):
        return ITEM, "• " + line[2:], 2
    if re.match(r"\d\. ", line):
        return ITEM, line, 2
    return (FIRST if after_heading else BODY), line, 0


def place(page: Page, line: SetLine) -> None:
    """Draws a line in the column, or at the top of the next one where it or its notes do not fit."""
    notes = [one for note in line.notes for one in set_lines(f"{chr(NOTE + note)}{page.notes[note]}", NOTES, COLUMN)]
    if page.room(sum(one.style.leading for one in notes)) < line.style.leading:
        next_column(page)
    page.y -= line.style.leading
    draw(page.canvas, line, page.left, page.y)
    page.waiting += notes


def next_column(page: Page) -> None:
    """Ends the column and starts the next one, on a new page after the second; a figure or table that waits comes first."""
    end_column(page)
    if page.column == 0:
        page.column = 1
    else:
        page.canvas.showPage()
        page.number, page.column, page.top = page.number + 1, 0, HEIGHT - TOP
        draw_head(page)
    page.y = page.top
    if page.floats:
        draw_float(page, page.floats.pop(0))


def end_column(page: Page) -> None:
    """Draws the notes of the column at its foot, below a short rule."""
    height = sum(line.style.leading for line in page.waiting)
    if page.waiting:
        page.canvas.line(page.left, FOOT + height + 2, page.left + 50, FOOT + height + 2)
    y = FOOT + height
    for line in page.waiting:
        y -= line.style.leading
        draw(page.canvas, line, page.left, y + 2)
    page.waiting = []


def draw_float(page: Page, block: Sequence[str]) -> None:
    """Draws a table or the figure at the top of the column, with its caption below."""
    rows = [line for line in block if line.startswith("|")]
    if rows:
        draw_table(page, rows)
    else:
        draw_figure(page)
    caption = next(line for line in block[1:] if not line.startswith(("|", "!")))
    for one in set_lines(caption, CAPTION, COLUMN):
        page.y -= one.style.leading
        draw(page.canvas, one, page.left, page.y)
    page.y -= 12


def draw_table(page: Page, rows: Sequence[str]) -> None:
    for row in rows:
        page.y -= CELL.leading
        for x, cell in zip((4, 80, 140, 194), row.strip("| ").split(" | "), strict=True):
            draw(page.canvas, set_lines(cell, CELL, COLUMN)[0], page.left + x, page.y)
    page.y -= 4


def draw_figure(page: Page) -> None:
    """Four curves over distance: fixed numbers, as everything in the paper."""
    left, width, height = page.left + 26, COLUMN - 40, 96.0
    foot = page.y - height - 4
    page.canvas.rect(left, foot, width, height)
    for share in (0.0, 0.5, 1.0):
        draw(page.canvas, set_lines(f"{share:.1f}", TICK, 30)[0], left - 14, foot + share * (height - 6))
    for distance in (1, 2, 4, 8, 16, 32, 64):
        place_x = left + 8 + (distance.bit_length() - 1) * (width - 20) / 6
        draw(page.canvas, set_lines(str(distance), TICK, 30)[0], place_x, foot - 8)
    for share, name in ((0.97, "repaired"), (0.85, "margins"), (0.74, "columns"), (0.1, "across")):
        page.canvas.line(left, foot + share * (height - 6), left + width, foot + (share - 0.03) * (height - 6))
        draw(page.canvas, set_lines(name, TICK, 60)[0], left + width - 34, foot + share * (height - 6) + 2)
    draw(page.canvas, set_lines("sentences between the two ends", TICK, COLUMN)[0], left + 54, foot - 17)
    page.y = foot - 24


def draw(canvas: Canvas, line: SetLine, left: float, y: float) -> None:
    """Draws the words of a line, notes' marks raised and smaller."""
    style = line.style
    for x, word in line.words:
        at = left + x
        for part in _parts(word):
            raised = notes_in(part)
            size, text = (0.66 * style.size, str(raised[0])) if raised else (style.size, part)
            canvas.setFont(style.font, size)
            canvas.drawString(at, y + (0.36 * style.size if raised else 0), text)
            at += stringWidth(text, style.font, size)


def _parts(word: str) -> Iterator[str]:
    """The word with each mark of a note on its own."""
    yield from (part for part in re.split(f"([{chr(NOTE)}-{chr(NOTE + 99)}])", word) if part)


def draw_head(page: Page) -> None:
    """The running head: names on even pages, the short title on odd ones, and the page's number."""
    canvas, y = page.canvas, HEIGHT - 46
    canvas.setFont("Times-Italic", 9)
    canvas.drawCentredString(WIDTH / 2, y, HEADS[page.number % 2])
    canvas.setFont("Times-Roman", 9)
    if page.number % 2:
        canvas.drawRightString(WIDTH - MARGIN, y, str(page.number))
    else:
        canvas.drawString(MARGIN, y, str(page.number))


def draw_foot(page: Page) -> None:
    """The number of the first page, at its foot."""
    page.canvas.setFont("Times-Roman", 9)
    page.canvas.drawCentredString(WIDTH / 2, 40, "1")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
