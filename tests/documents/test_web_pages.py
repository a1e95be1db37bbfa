"""Web pages: structure, encodings, what is left out and what is said of it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml.html import Element, HtmlElement

from reportgen.documents import ReadingLimits
from reportgen.documents.document import Reading
from reportgen.documents.html import html_reading
from reportgen.documents.html.parsing import parse_page
from reportgen.documents.html.walking import PageBlock, page_blocks
from reportgen.errors import DocumentError

LIMITS = ReadingLimits()
PROSE = "The first river comes down from the hills in spring, and with it comes all the snow of the winter, which is a good deal of snow."
MORE = "The second river is longer than the first and slower, and boats go up it as far as the bridge; no boat has ever gone any farther."
AROUND = (
    '<div class="cookie-consent"><p>We use cookies on this site. Accept all of them?</p><button>Yes</button></div>'
    '<nav><ul><li><a href="/">Home</a></li><li><a href="/about">About</a></li></ul></nav>',
    '<aside><h3>Related</h3><p><a href="/x">Lakes of the south</a></p></aside><footer><p>Copyright 2020. All rights reserved.</p></footer>',
)


def page(inside: str, head: str = "") -> bytes:
    return f"<!DOCTYPE html><html lang='en-GB'><head><meta charset='utf-8'>{head}</head><body>{inside}</body></html>".encode()


def read(inside: str, head: str = "") -> Reading:
    return html_reading(page(inside, head), LIMITS)


def blocks(inside: str) -> list[tuple[str, str]]:
    """The blocks between two paragraphs that are long enough for an article."""
    found = read(f"<article><p>{PROSE}</p>{inside}<p>{MORE}</p></article>").pieces
    assert (found[0].text, found[-1].text) == (PROSE, MORE)
    return [(piece.kind, piece.text) for piece in found[1:-1]]


def test_the_main_text_is_kept_and_what_stands_around_it_is_counted() -> None:
    found = read(f"{AROUND[0]}<main><article><h1>Rivers</h1><p>{PROSE}</p><h2>The second</h2><p>{MORE}</p></article></main>{AROUND[1]}")
    assert [(piece.kind, piece.text, piece.level) for piece in found.pieces] == [
        ("heading", "Rivers", 1),
        ("paragraph", PROSE, 0),
        ("heading", "The second", 2),
        ("paragraph", MORE, 0),
    ]
    (said,) = found.notices
    assert said.startswith("Left out as no part of the page's main text: 24 of 81 words")


def found_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have only what is of the class `found` found."""

    def extraction(tree: HtmlElement, **options: object) -> SimpleNamespace:
        body = Element("body")
        body.extend(tree.find_class("found"))
        return SimpleNamespace(body=body)

    monkeypatch.setattr("reportgen.documents.html.main_text.bare_extraction", extraction)


def test_what_stands_among_the_text_that_was_found_is_kept_but_for_menus_and_asides(monkeypatch: pytest.MonkeyPatch) -> None:
    found_alone(monkeypatch)
    inside = (
        f"<h1>A</h1><div><p>Before.</p></div><div><h2>B</h2><p class=found>{PROSE}</p><p>Lost.</p><section id=menu><p>Kept.</p></section><ul><li><a href=x>Link</a> 1</ul>"
        f"<div class='share-box'><p>Share.</p></div><div id=comments><p>Mine.</p></div><p role=banner>Buy.</p><aside>See.</aside><p class=found>{MORE}</p></div>"
    )
    assert [piece.text for piece in read(inside).pieces] == ["A", "B", PROSE, "Lost.", "Kept.", MORE]


@pytest.mark.parametrize(("around", "kept"), [("div", 1), ("main", 4), ("div role=main", 4), ("article", 4)])
def test_more_than_was_found_is_added_only_where_the_page_calls_it_its_main_part(monkeypatch: pytest.MonkeyPatch, around: str, kept: int) -> None:
    found_alone(monkeypatch)
    assert len(read(f"<{around}><div><b class=found>Found.</b><p>{MORE}</p><p>{MORE}</p><p>{MORE}</p></div></{around.split()[0]}>").pieces) == kept


def test_where_no_main_text_is_found_all_visible_text_is_read_with_a_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reportgen.documents.html.main_text.bare_extraction", lambda *args, **options: None)
    found = read("<nav>Home</nav><p>One is here. Two is there.</p>")
    assert [piece.text for piece in found.pieces] == ["Home", "One is here. Two is there."]
    assert found.notices[0].startswith("No main text was found")


def test_lists_keep_markers_and_numbers() -> None:
    found = blocks("<ul><li>a<ul><li>b</ul><li><p>c</p><p>d</p></ul><ol start=3><li>e<li value=7>f<li>f2</ol><dl><dt>g<dd>h</dl>")
    assert found == [("list item", text) for text in ("- a", "- b", "- c", "d", "3. e", "7. f", "8. f2", "- g", "h")]


def test_quotations_captions_and_code_have_kinds() -> None:
    inside = "<blockquote><p>a</p><p>b</p></blockquote><figure><img src=x alt=no><figcaption>Figure 1. c</figcaption></figure><pre>d\n\n  e<br>f</pre>"
    assert blocks(inside) == [("quotation", "a"), ("quotation", "b"), ("caption", "Figure 1. c"), ("code", "d\n\n  e\nf")]


def test_a_table_of_data_has_a_line_for_each_row_and_its_caption_before_it() -> None:
    inside = "<table><caption>Table 1. Depths</caption><tr><th>River<th>Depth<tr><td>First<br>one<td>3&nbsp;m<tr><td>Second<td></table>"
    assert blocks(inside) == [("caption", "Table 1. Depths"), ("table", "River | Depth\nFirst one | 3 m\nSecond")]


def test_a_table_that_arranges_the_page_is_read_through() -> None:
    long = "Words and words go on. " * 60
    found = read(f"<table><tr><td>Menu<td><p>{PROSE}</p><p>{MORE}</p><p>{long}</p></table>").pieces
    assert [piece.kind for piece in found][-3:] == ["paragraph"] * 3


def test_breaks_are_lines_and_two_of_them_part_paragraphs() -> None:
    assert blocks(f"<div>{MORE}<br>a<br> <br>b <b>c</b>\n d</div>") == [("paragraph", f"{MORE}\na"), ("paragraph", "b c d")]


def test_words_across_elements_stay_whole_and_soft_hyphens_go() -> None:
    assert blocks("<p>un<b>believ</b>able hy&shy;phens <a href='x'>l</a>inked</p>") == [("paragraph", "unbelievable hyphens linked")]


@pytest.mark.parametrize(
    "unseen",
    [
        "<script>x()</script>", "<style>p{}</style>", "<!-- x -->", "<p hidden>x</p>", "<p style='color:red; display: none'>x</p>", "<p aria-hidden=true>x</p>",
        "<template>x</template>", "<noscript>x</noscript>", "<span class='a sr-only'>x</span>", "<form><input value=x><select><option>x</select></form>",
        "<svg><text>x</text></svg>", "<dialog>x</dialog>", "<textarea>x</textarea>", "<p style='visibility:hidden'>x</p>", "<?php x ?>", "<iframe>x</iframe>",
    ],
)  # fmt: skip
def test_what_is_not_shown_leaves_nothing_and_what_follows_it_stays(unseen: str) -> None:
    assert blocks(f"<p>One {unseen}two.</p>")[0][1].startswith("One")
    assert "x" not in "".join(text for _, text in blocks(f"<div>a {unseen} b</div>"))
    assert "".join(text for _, text in blocks(f"<div>a {unseen} b</div>")).replace(" ", "") == "ab"


def test_signs_that_link_to_a_heading_are_no_part_of_it() -> None:
    assert blocks("<h2>Why<a href='#why'>\u00a7</a></h2><p>See <a href='#b'>#</a> there.</p><h3><a href='#c'>C# 9</a></h3><p>So.</p>") == [
        ("heading", "Why"),
        ("paragraph", "See # there."),
        ("heading", "C# 9"),
        ("paragraph", "So."),
    ]


def test_a_button_in_a_heading_is_its_text_and_a_page_saved_behind_a_dialog_is_read() -> None:
    assert blocks("<h2><button>Why?</button></h2><p>So.</p><button>No</button>") == [("heading", "Why?"), ("paragraph", "So.")]
    found = read(f"<div aria-hidden=true><article><p>{PROSE}</p><p>{MORE}</p></article></div><div role=dialog><p>Accept?</p></div>")
    assert [piece.text for piece in found.pieces] == [PROSE, MORE]


def test_raised_marks_of_notes_are_left_out_and_counted() -> None:
    found = read(f"<p>{PROSE}<sup><a href='#n1'>[1]</a></sup> {MORE}<sup id=c><a href='#n2'>2</a></sup> E = mc<sup>2</sup>.</p>")
    assert found.pieces[0].text == f"{PROSE} {MORE} E = mc2."
    assert found.notices == ("Left out of the running text: 2 raised marks of notes.",)


@pytest.mark.parametrize(
    ("head", "title"),
    [
        ("<title> A \n page </title>", "A \n page"),
        ("<title>A | Site</title><meta property='og:title' content='A'>", "A"),
        ("", None),
        ("<title></title>", None),
    ],
)
def test_the_title_is_what_the_page_calls_itself(head: str, title: str | None) -> None:
    assert read(f"<p>{PROSE}</p>", head).title == title


def test_the_only_first_heading_is_kept_wherever_it_stands_before_the_text() -> None:
    found = read(f"<header><nav>Menu</nav><h1>Rivers</h1></header><main><p>{PROSE}</p><p>{MORE}</p></main>").pieces
    assert (found[0].kind, found[0].text, found[1].text) == ("heading", "Rivers", PROSE)


@pytest.mark.parametrize(("lang", "language"), [("de", "de"), ("pt-BR", "pt"), ("", None), ("x" * 9, None)])
def test_the_language_is_what_the_page_declares(lang: str, language: str | None) -> None:
    assert html_reading(f"<html lang='{lang}'><p>{PROSE}</p></html>".encode(), LIMITS).language == language


TEXT = "Ångström – “naïve” €"


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("utf-8", ""), ("utf-8", "<meta charset=utf-8>"), ("utf-8-sig", "<meta charset=iso-8859-1>"), ("utf-16", ""), ("cp1252", "<meta charset=iso-8859-1>"),
        ("cp1252", "<meta http-equiv=Content-Type content='text/html; charset=windows-1252'>"), ("utf-8", "<meta charset=utf-16>"), ("gb18030", "<meta charset=gbk>"),
    ],
)  # fmt: skip
def test_encodings_are_found_as_browsers_find_them(encoding: str, declared: str) -> None:
    data = f"<html><head>{declared}</head><body><p>{TEXT} {PROSE}</p></body></html>".encode(encoding)
    found = html_reading(data, LIMITS)
    assert found.pieces[0].text.startswith(TEXT)
    assert found.notices == ()


def test_an_encoding_that_is_not_declared_is_guessed_with_a_notice() -> None:
    found = html_reading(f"<p>{TEXT} {PROSE}</p>".encode("cp1252"), LIMITS)
    assert found.pieces[0].text.startswith(TEXT)
    assert "Windows-1252" in found.notices[0]


def test_bytes_that_do_not_fit_the_declared_encoding_are_counted() -> None:
    found = html_reading(f"<meta charset=utf-8><p>{PROSE} ".encode() + b"\xff\xfe and \xc3 on</p>", LIMITS)
    assert "\ufffd\ufffd and \ufffd on" in found.pieces[0].text
    assert found.notices[0].endswith("encoding (utf-8) were read as \ufffd, 3 in all.")


@pytest.mark.parametrize("label", ["zip", "rot13", "idna", "utf-7", "unicode_escape", "nonsense", "\\x00"])
def test_labels_that_no_page_has_are_not_followed(label: str) -> None:
    assert html_reading(f"<meta charset={label}><p>{TEXT} {PROSE}</p>".encode(), LIMITS).pieces[0].text.startswith(TEXT)


def test_a_page_nested_too_deep_is_refused_rather_than_cut() -> None:
    with pytest.raises(DocumentError, match="nests elements more than 250 deep"):
        read("<div>" * 300 + PROSE + "</div>" * 300)


@pytest.mark.parametrize("data", [b"", b" ", b"<!-- x -->", b"<?x?>"])
def test_a_page_without_anything_is_refused(data: bytes) -> None:
    with pytest.raises(DocumentError, match="holds no text"):
        html_reading(data, LIMITS)


INLINE, PARTING = ("b", "a", "span", "code", "i"), ("p", "div", "ul", "li", "ol", "h2", "blockquote", "section", "dl", "dd", "table", "td", "pre", "br")
TREES = st.recursive(
    st.text(alphabet="abcé \n.1", min_size=1, max_size=7),
    lambda inside: st.tuples(st.sampled_from(INLINE + PARTING), st.lists(inside, max_size=4)).map(lambda made: f"<{made[0]}>{''.join(made[1])}</{made[0]}>"),
    max_leaves=17,
)


@given(st.lists(TREES, min_size=1, max_size=7).map("".join))
@settings(max_examples=150, deadline=None)
def test_no_letter_of_a_page_is_lost_on_the_way_to_its_blocks(inside: str) -> None:
    tree = parse_page(f"<html><body>{inside}x</body></html>")
    shown = [character for character in "".join(tree.itertext()) if character.isalpha()]
    blocks = list(page_blocks(tree))
    assert sorted(character for block in blocks for character in block.piece.text if character.isalpha()) == sorted(shown)
    assert all(block.piece.text.strip("\n") == block.piece.text and block.piece.text.strip() and "\n\n" not in prose_of(block) for block in blocks)


def prose_of(block: PageBlock) -> str:
    """The block's text, where blank lines part nothing in it."""
    return "" if block.piece.kind == "code" else block.piece.text


def test_control_characters_on_a_page_are_blanks() -> None:
    assert blocks("<p>One\x07two&#1;three&#xffff;four.</p>") == [("paragraph", "One two three four.")]


def test_braille_on_a_page_is_kept() -> None:
    braille = "\u2813\u2811\u2807\u2807\u2815"
    assert blocks(f"<p>It says {braille} there.</p>") == [("paragraph", f"It says {braille} there.")]
