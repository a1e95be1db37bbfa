"""A lighter page says what it said."""

from __future__ import annotations

import json

from pages.elements import read_page

from reportgen.packing.lightening import lighten

FIGURES = "".join('<tr><th scope="row">{}</th><td>words &amp; more</td>{}</tr>\n'.format(row, '<td class="figure">0.5</td>' * 5) for row in range(3))


def test_cells_keep_their_texts_and_rows() -> None:
    table = f'<table class="sortable" id="scores"><thead><tr><td></td></tr></thead>\n<tbody>\n{FIGURES}</tbody>\n</table>\n<p>after</p>'
    light, page = lighten(table), read_page(lighten(table))
    assert len(light) < len(table)
    assert [cell.text for cell in page.named("td")] == ["", *["words & more", *["0.5"] * 5] * 3]
    assert (len(page.named("tr")), page.named("p")[0].text) == (4, "after")


def test_figures_are_told_from_texts_once_for_a_table() -> None:
    page = read_page(lighten(f'<table class="sortable">{FIGURES}</table>'))
    assert page.named("table")[0].attributes["class"] == "figures sortable"
    assert [cell.attributes.get("class") for cell in page.named("td")][:3] == ["plain", None, None]


def test_a_table_with_as_many_texts_is_not_one_of_figures() -> None:
    page = read_page(lighten('<table><tr><td>a</td><td class="figure">1</td></tr></table>'))
    assert page.named("table")[0].attributes == {}
    assert page.named("td")[1].attributes == {"class": "figure"}


def test_data_come_back_and_short_ones_stay_readable() -> None:
    data = {"words": "é \u2028 <b> “x”" * 99, "numbers": [0.125, None, -3]}
    written = json.dumps(data).replace("<", "\\u003c").replace(">", "\\u003e")
    page = read_page(lighten(f'<script type="application/json" id="much">{written}</script><script type="application/json" id="little">[1, 2]</script>'))
    assert page.data("much") == data
    assert "data-packed" in page.by_id("much").attributes
    assert page.by_id("little").text == "[1, 2]"


def test_what_is_no_finite_number_is_null_as_no_browser_reads_the_others() -> None:
    data = [float("nan"), float("inf"), *["words"] * 99]
    page = read_page(lighten(f'<script type="application/json" id="much">{json.dumps(data)}</script>'))
    assert page.data("much") == [None, None, *["words"] * 99]
