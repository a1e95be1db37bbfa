"""Markdown (CommonMark and its tables) as pieces: structure becomes kinds, inline markup is removed.

List items keep a marker ("- " or their number), so that a model sees a list. Images leave their alternative text.
HTML makes no structure: its tags are dropped and the text between them stays. Rules, comments and front matter leave
nothing. Code keeps its lines; a table has one line per row with " | " between the cells.
"""

import re
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from reportgen.documents.decoding import clean
from reportgen.documents.document import Piece
from reportgen.documents.markup import visible_text
from reportgen.documents.tables import table_row
from reportgen.errors import DocumentError

FRONT_MATTER = re.compile(r"\A---[ ]*\n(?:[A-Za-z_][\w -]*:.*\n|[ \t#-].*\n|\n)+?(?:---|\.\.\.)[ ]*(?:\n|\Z)")
MOST_NESTING = 100  # the parser drops what lies deeper, and its own limit of 20 is met by nested quotations


def markdown_pieces(text: str) -> Iterator[Piece]:
    """The blocks of a Markdown text, in order, none of them empty. Raises `DocumentError` for a text nested so deep that some of it would be lost."""
    parser = MarkdownIt("commonmark", {"maxNesting": MOST_NESTING}).enable(["table", "strikethrough"])
    tokens, walk = parser.parse(FRONT_MATTER.sub("", text)), _Walk()
    if any(token.level >= MOST_NESTING - 1 for token in tokens):
        raise DocumentError(f"The document nests quotations or lists more than {MOST_NESTING // 2} deep; such a text cannot be read whole.")
    for token in tokens:
        piece = walk.step(token)
        if piece and piece.text.strip():
            yield piece


class _Walk:
    """The walk over the parser's flat tokens: what contains the current one, and what it adds up to."""

    def __init__(self) -> None:
        self.containers: list[str] = []
        self.marker = ""
        self.cells: list[str] = []
        self.rows: list[str] = []
        self.level = 0

    def step(self, token: Token) -> Piece | None:
        """The piece that this token completes, if it completes one."""
        if token.nesting > 0:
            self._enter(token)
        elif token.nesting < 0:
            return self._leave()
        elif token.type == "inline":
            return self._prose(_inline_text(token.children or ()))
        elif token.type in {"fence", "code_block"}:
            return Piece(kind="code", text=code_text(token.content))
        elif token.type == "html_block":
            return self._prose(prose_text(visible_text(token.content)))
        return None

    def _enter(self, token: Token) -> None:
        self.containers.append(token.type)
        if token.type == "list_item_open":
            self.marker = f"{token.info}{token.markup} " if token.info else "- "
        if token.type == "heading_open":
            self.level = int(token.tag[1])

    def _leave(self) -> Piece | None:
        match self.containers.pop():
            case "list_item_open":
                self.marker = ""
            case "tr_open":
                self.rows.append(table_row(self.cells))
                self.cells = []
            case "table_open":
                rows, self.rows = "\n".join(filter(None, self.rows)), []
                return Piece(kind="table", text=code_text(rows))
        return None

    def _prose(self, text: str) -> Piece | None:
        if "tr_open" in self.containers:
            self.cells.append(text.replace("\n", " "))
            return None
        if not text:
            return None
        marker, self.marker = self.marker, ""
        kind = self._kind()
        return Piece(kind=kind, text=marker + text, level=self.level if kind == "heading" else 0)

    def _kind(self) -> str:
        inner_to_outer = (KINDS.get(container) for container in reversed(self.containers))
        return next(filter(None, inner_to_outer), "paragraph")


KINDS = {
    "heading_open": "heading",
    "list_item_open": "list item",
    "blockquote_open": "quotation",
}


def prose_text(text: str) -> str:
    """The text with runs of blanks made one and lines trimmed; single line breaks stay."""
    lines = (re.sub(r"[^\S\n]+", " ", line).strip() for line in clean(text).split("\n"))
    return "\n".join(line for line in lines if line)


def code_text(text: str) -> str:
    """The text line by line as it stands, without blank lines around it and without tabs."""
    lines = [line.rstrip() for line in clean(text).expandtabs(4).split("\n")]
    return "\n".join(lines).strip("\n")


def _inline_text(children: Sequence[Token]) -> str:
    return prose_text("".join(map(_text_of, children)))


def _text_of(token: Token) -> str:
    match token.type:
        case "softbreak":
            return " "
        case "hardbreak":
            return "\n"
        case "image":
            return "".join(map(_text_of, token.children or ()))
        case "html_inline":
            return "\n" if re.match(r"<br\b", token.content, re.IGNORECASE) else ""
        case _:
            return token.content
