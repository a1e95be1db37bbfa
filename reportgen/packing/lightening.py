"""A page in fewer bytes: what most cells of a table are is said once, what HTML takes for granted is left out, data are deflated."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from reportgen.packing.codes import deflated
from reportgen.packing.numbers import take_numbers

DATA = re.compile(r'(<script type="application/json"[^<>]*)>([^<]*)</script>')
FIGURE, PLAIN = '<td class="figure">', "<td>"
MOSTLY = 4  # a table that a script fills again has not so many more figures than texts
TWO_HEADINGS = re.compile(r"</th>\s*<th[ >]")
HEADING_OF_ROW, HEADING_OF_COLUMN = '<th scope="row"', '<th scope="col"'
NEEDLESS_QUOTES = re.compile(r'="([A-Za-z0-9_#.,:;%()+-]+)"(?=[ >])')
BETWEEN_CELLS = re.compile(r"</t[dh]>\s*(?=<t[dh][ >])")
AFTER_ROW = re.compile(r"</t[dh]>\s*</tr>\s*(?=<tr[ >]|</t(?:body|head)>)")


def lighten(page: str) -> str:
    """The page with light tables and data. Text and data have no `<` in a page, so that what looks like a tag is one."""
    page = _each(page, "<table", "</table>", inside=_lighten_table)
    page = DATA.sub(lambda data: _lighten_data(data[0], data[1], data[2]), page)
    return _each(page, "<script", "</script>", outside=_unquoted)


def _each(page: str, start: str, end: str, inside: Callable[[str], str] = str, outside: Callable[[str], str] = str) -> str:
    """The page with each part from `start` to `end`, and what stands between these parts, changed."""
    before, *parts = page.split(start)
    halves = (part.partition(end) for part in parts)
    return outside(before) + "".join(inside(start + part + found) + outside(rest) for part, found, rest in halves)


def _unquoted(part: str) -> str:
    """Without the quotes around attributes that are one word; a text has no quotes of its own, they are escaped."""
    style, end, rest = part.rpartition("</style>")
    return style + end + NEEDLESS_QUOTES.sub(lambda value: f"={value[1]}", rest)  # a template would be filled in more slowly


def _lighten_data(whole: str, start: str, data: str) -> str:
    """The data deflated, where that is shorter, with the numbers of their lists behind them; templates/static/unpacking.js makes of them what they were.

    What is no finite number is null: JSON has no others, and a browser would read none of the data.
    """
    left, count, numbers = take_numbers(json.loads(data, parse_constant=lambda _: None))
    packed = deflated(json.dumps(left, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8"))
    lighter = f'{start} data-packed="{count}">{packed}{f" {deflated(numbers)}" if count else ""}</script>'
    return lighter if len(lighter) < len(whole) else whole


def _lighten_table(table: str) -> str:
    """A heading is one of a column where its neighbours are headings, else of a row: browsers know that by themselves."""
    if table.count(FIGURE) > MOSTLY * table.count(PLAIN):
        table = _marked(table.replace(PLAIN, '<td class="plain">').replace(FIGURE, PLAIN))
    head, end, body = table.rpartition("</thead>")
    if not TWO_HEADINGS.search(body):
        body = body.replace(HEADING_OF_ROW, "<th")
    if "<td" not in head and head.count("<tr") == 1 < head.count("<th "):
        head = head.replace(HEADING_OF_COLUMN, "<th")
    return AFTER_ROW.sub("", BETWEEN_CELLS.sub("", head + end + body))


def _marked(table: str) -> str:
    """The table with a class that says of its cells without one that they are figures."""
    start, _, rest = table.partition(">")
    before, found, after = start.partition(' class="')
    return f"{before}{found}figures {after}>{rest}" if found else f'{start} class="figures">{rest}'
