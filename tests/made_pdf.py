"""PDF files for tests, drawn word by word at places that the test names; y counts from the top of the page."""

from __future__ import annotations

from io import BytesIO

from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

WIDTH, HEIGHT = 612.0, 792.0
LEFT, COLUMN, RIGHT_COLUMN = 54.0, 242.0, 316.0  # two columns with a gutter of 20 points
FULL = 504.0
TEXT = (
    "The ferry left the northern quay at six and reached the island before the wind had turned, so the nets were dry by noon. "
    "Nobody in the harbour could say who had paid for the timber, though all of them had seen it brought ashore in the autumn. "
    "When the second boat came in, its crew told the same story and added that the price had doubled since the spring. "
    "After that the council met every week, wrote down what it was told, and sent the papers to the mainland for advice."
)


class Sheets:
    """Pages under way; `y` is where the last thing drawn ended."""

    def __init__(self, title: str = "", password: str | None = None) -> None:
        self.out = BytesIO()
        encryption = None if password is None else StandardEncryption(password, ownerPassword="owner", strength=128)
        self.canvas = Canvas(self.out, pagesize=(WIDTH, HEIGHT), invariant=1, encrypt=encryption)
        if title:
            self.canvas.setTitle(title)
        self.y = 72.0

    def write(self, text: str, x: float = LEFT, y: float | None = None, *, size: float = 10, font: str = "Times-Roman", below: float = 12) -> Sheets:
        """The text on one line with its baseline at y, or `below` what was drawn last."""
        self.y = self.y + below if y is None else y
        self.canvas.setFont(font, size)
        self.canvas.drawString(x, HEIGHT - self.y, text)
        return self

    def prose(self, text: str, x: float = LEFT, y: float | None = None, *, width: float = FULL, indent: float = 0, **how) -> Sheets:
        """The text broken into lines of this width, the first one set in by `indent`, or the others where that is negative."""
        if y is not None:
            self.y = y - how.get("below", 12)
        for number, line in enumerate(wrapped(text, width, indent, how.get("font", "Times-Roman"), how.get("size", 10))):
            self.write(line, x + (max(indent, 0) if number == 0 else max(-indent, 0)), **how)
        return self

    def middle(self, text: str, y: float | None = None, *, size: float = 10, font: str = "Times-Roman", below: float = 12) -> Sheets:
        """The text in the middle of the page."""
        return self.write(text, (WIDTH - stringWidth(text, font, size)) / 2, y, size=size, font=font, below=below)

    def gap(self, points: float) -> Sheets:
        self.y += points
        return self

    def turned(self, text: str, x: float, y: float, angle: float = 90, size: float = 10) -> Sheets:
        """The text turned to the left around its start."""
        self.canvas.saveState()
        self.canvas.translate(x, HEIGHT - y)
        self.canvas.rotate(angle)
        self.canvas.setFont("Times-Roman", size)
        self.canvas.drawString(0, 0, text)
        self.canvas.restoreState()
        return self

    def page(self) -> Sheets:
        self.canvas.showPage()
        self.y = 72.0
        return self

    def data(self) -> bytes:
        """The file; nothing can be drawn from here on."""
        if not self.out.getvalue():
            self.canvas.save()
        return self.out.getvalue()


def ending_short(text: str, width: float = FULL) -> str:
    """The text with a few words more, so that its last line of this width leaves room."""
    while stringWidth(wrapped(text, width, 0, "Times-Roman", 10)[-1], "Times-Roman", 10) > 0.6 * width:
        text += " So it was."
    return text


def wrapped(text: str, width: float, indent: float, font: str, size: float) -> list[str]:
    """The text in lines that are as full as they can be."""
    lines: list[str] = []
    for word in text.split():
        room = width - (max(indent, 0) if len(lines) == 1 else max(-indent, 0))
        if lines and stringWidth(f"{lines[-1]} {word}", font, size) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
