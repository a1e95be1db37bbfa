import pytest

from reportgen.documents.document import Piece
from reportgen.documents.markdown import markdown_pieces
from reportgen.errors import DocumentError


def blocks(text):
    return [(piece.kind, piece.text) for piece in markdown_pieces(text)]


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("*a* **b** ***c*** ~~d~~ `e_f`", "a b c d e_f"),
        ("[a](http://b.c 'd') <http://e.f>", "a http://e.f"),
        ("a\nb\n   c", "a b c"),
        ("a  \nb\\\nc", "a\nb\nc"),
        ("![a *b*](c.png) d", "a b d"),
        ("a &amp; b &lt; c &#233;", "a & b < c é"),
        ("a <b>bold</b> <i class='x'>it</i> b", "a bold it b"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("a <!-- not this --> b", "a b"),
        (r"\*a\* 1\. b", "*a* 1. b"),
    ],
)
def test_inline_markup_is_removed(markup, text):
    assert blocks(markup) == [("paragraph", text)]


def test_structure_becomes_kinds():
    text = "# A\n\nb\n\n> c\n\n- d\n\n```\ne\n```\n\n    f\n\nG\n-\n"
    assert blocks(text) == [
        ("heading", "A"),
        ("paragraph", "b"),
        ("quotation", "c"),
        ("list item", "- d"),
        ("code", "e"),
        ("code", "f"),
        ("heading", "G"),
    ]


def test_headings_have_levels():
    levels = [(piece.kind, piece.level) for piece in markdown_pieces("# A\n\nb\n\n#### C\n\nD\n-\n\n> ### E\n\n- # F\n\n  g")]
    assert levels == [("heading", 1), ("paragraph", 0), ("heading", 4), ("heading", 2), ("heading", 3), ("heading", 1), ("list item", 0)]


def test_list_items_keep_a_marker():
    assert blocks("3. a\n4. b\n\n* c\n+ d") == [
        ("list item", "3. a"),
        ("list item", "4. b"),
        ("list item", "- c"),
        ("list item", "- d"),
    ]


def test_each_paragraph_of_an_item_is_a_block_and_only_the_first_has_the_marker():
    assert blocks("1. a\n\n   b\n   - c\n2. d") == [
        ("list item", "1. a"),
        ("list item", "b"),
        ("list item", "- c"),
        ("list item", "2. d"),
    ]


def test_an_item_without_text_leaves_its_marker_to_nobody():
    assert blocks("1. ```\n   a\n   ```\n\nb") == [("code", "a"), ("paragraph", "b")]


def test_the_innermost_container_names_the_kind():
    assert blocks("> - a\n>\n> # b\n\n- > c") == [("list item", "- a"), ("heading", "b"), ("quotation", "- c")]


def test_code_keeps_its_lines_and_indents_but_no_tabs():
    assert blocks("```python\n\ndef f():\n\treturn 1  \n\n\nf()\n```") == [("code", "def f():\n    return 1\n\n\nf()")]


def test_a_table_has_a_line_for_each_row():
    assert blocks("| a | b |\n|---|--:|\n| *1* | `2` |\n| 3 | |") == [("table", "a | b\n1 | 2\n3")]


def test_html_makes_no_structure_but_its_text_stays():
    html = "<div><h1>A</h1>\n<p>b &amp; c</p><script>d()</script><style>e{}</style></div>"
    assert blocks(html) == [("paragraph", "A\nb & c")]


def test_rules_comments_and_definitions_leave_nothing():
    assert blocks("a\n\n***\n\n<!-- b -->\n\n[c]: http://d.e\n\nf") == [("paragraph", "a"), ("paragraph", "f")]


def test_front_matter_leaves_nothing():
    assert blocks("---\ntitle: A\ntags:\n  - b\n---\n\nc") == [("paragraph", "c")]


def test_a_rule_at_the_top_is_not_front_matter():
    assert blocks("---\n\nThe text.\n\n---\n\nc") == [("paragraph", "The text."), ("paragraph", "c")]


def test_deeply_nested_text_is_kept():
    assert blocks("> " * 40 + "a") == [("quotation", "a")]


def test_pieces_are_what_a_document_is_built_of():
    assert list(markdown_pieces("a")) == [Piece(kind="paragraph", text="a")]


@pytest.mark.parametrize("text", ["[" * 20_000, "*a " * 20_000, "<b" * 20_000, "a " + "`" * 50_000])
@pytest.mark.timeout(120)
def test_hostile_repetition_does_not_hang_and_loses_no_text(text):
    assert blocks(text + "x")[-1][1].endswith("x")


@pytest.mark.parametrize("text", ["> " * 5_000, "- " * 5_000, "> " * 100, "- " * 50])
@pytest.mark.timeout(120)
def test_a_text_nested_so_deep_that_some_would_be_lost_is_refused(text):
    with pytest.raises(DocumentError, match="nests quotations or lists"):
        blocks(text + "x\n\nmore")


def test_cells_that_are_empty_at_the_end_of_a_row_leave_no_bar() -> None:
    (piece,) = markdown_pieces("| Year | Flow | Note |\n|---|---|---|\n| 1970 | 2350 |  |\n| | | |\n| | 2400 | dry |\n")
    assert piece.text == "Year | Flow | Note\n1970 | 2350\n | 2400 | dry"
