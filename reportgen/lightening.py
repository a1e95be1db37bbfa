"""A page in fewer bytes: what most cells of a table are is said once, ends that HTML takes for granted are left out, data are deflated."""

from __future__ import annotations

import json
import re

from reportgen.packing import deflated

DATA = re.compile(r'(<script type="application/json"[^<>]*)>([^<]*)</script>')
BODY = re.compile(r"<table\b[^>]*>.*?</table>", re.DOTALL)
FIGURE, PLAIN = '<td class="figure">', "<td>"
MOSTLY = 4  # a table that a script fills again has not so many more figures than texts
BETWEEN_CELLS = re.compile(r"</t[dh]>\s*(?=<t[dh][ >])")
AFTER_ROW = re.compile(r"</t[dh]>\s*</tr>\s*(?=<tr[ >]|</t(?:body|head)>)")


def lighten(page: str) -> str:
    """The page with light tables and data. Text and data have no `<` in a page, so that what looks like a tag is one."""
    page = BODY.sub(lambda table: _lighten_table(table[0]), page)
    return DATA.sub(lambda data: _lighten_data(data[0], data[1], data[2]), page)


def _lighten_data(whole: str, start: str, data: str) -> str:
    """The data deflated, where that is shorter; templates/static/unpacking.js makes of them what they were."""
    packed = deflated(json.dumps(json.loads(data), ensure_ascii=False, separators=(",", ":")).encode("utf-8"))
    lighter = f"{start} data-packed>{packed}</script>"
    return lighter if len(lighter) < len(whole) else whole


def _lighten_table(table: str) -> str:
    if table.count(FIGURE) > MOSTLY * table.count(PLAIN):
        table = _marked(table.replace(PLAIN, '<td class="plain">').replace(FIGURE, PLAIN))
    return AFTER_ROW.sub("", BETWEEN_CELLS.sub("", table))


def _marked(table: str) -> str:
    """The table with a class that says of its cells without one that they are figures."""
    start, _, rest = table.partition(">")
    before, found, after = start.partition(' class="')
    return f"{before}{found}figures {after}>{rest}" if found else f'{start} class="figures">{rest}'
