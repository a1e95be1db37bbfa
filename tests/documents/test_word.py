"""Word files, each made by hand for what it shows."""

from __future__ import annotations

import pytest
import word_files as word
from word_files import item, p, run, table

from reportgen.documents import ReadingLimits
from reportgen.documents.document import Reading
from reportgen.documents.docx import docx_reading
from reportgen.documents.docx.numbering import written
from reportgen.errors import DocumentError

LIMITS = ReadingLimits()
DECIMAL, BULLET = word.level(0, "decimal", "%1."), word.level(0, "bullet", "x")


def read(body: str, **parts: str) -> Reading:
    return docx_reading(word.word_file(body, **parts), LIMITS)


def blocks(body: str, **parts: str) -> list[tuple[str, str]]:
    return [(piece.kind, piece.text) for piece in read(body, **parts).pieces]


def test_styles_become_kinds_and_levels() -> None:
    found = read(p("A", "Heading1") + p("b") + p("C", "Own") + p("d", "Quote") + p("e", "Caption") + p("f  g", "Code") + p("   h", "Code") + p("i", "Unknown"))
    assert [(piece.kind, piece.text, piece.level) for piece in found.pieces] == [
        ("heading", "A", 1),
        ("paragraph", "b", 0),
        ("heading", "C", 2),
        ("quotation", "d", 0),
        ("caption", "e", 0),
        ("code", "f  g\n   h", 0),
        ("paragraph", "i", 0),
    ]


def test_under_a_title_headings_are_one_level_lower() -> None:
    found = read(p("T", "Title") + p("A", "Heading1") + p("B", "Heading2"))
    assert [piece.level for piece in found.pieces] == [1, 2, 3]


def test_a_level_of_the_outline_makes_a_heading_of_a_paragraph_and_the_body_level_makes_none() -> None:
    found = read(p("A", "", '<w:outlineLvl w:val="2"/>') + p("b", "Heading1", '<w:outlineLvl w:val="9"/>'))
    assert [(piece.kind, piece.level) for piece in found.pieces] == [("heading", 3), ("paragraph", 0)]


def test_styles_that_are_based_on_each_other_end() -> None:
    circle = (
        '<w:style w:styleId="X"><w:name w:val="x"/><w:basedOn w:val="Y"/></w:style><w:style w:styleId="Y"><w:name w:val="y"/><w:basedOn w:val="X"/></w:style>'
    )
    assert blocks(p("a", "X"), styles=word.styles(circle)) == [("paragraph", "a")]


def test_list_items_have_the_numbers_that_word_writes() -> None:
    lists = word.numbering(DECIMAL + word.level(1, "lowerLetter", "%1.%2)"), word.level(0, "upperRoman", "(%1)", 3), BULLET)
    body = item("a", 1) + item("b", 1) + item("c", 1, 1) + item("d", 1, 1) + item("e", 1) + item("f", 1, 1) + item("g", 2) + item("h", 3) + item("i", 1)
    assert blocks(body, numbering=lists) == [("list item", text) for text in ("1. a", "2. b", "2.a) c", "2.b) d", "3. e", "3.a) f", "(III) g", "- h", "4. i")]


def test_a_list_can_start_anew_and_a_style_can_number_its_paragraphs_and_headings_keep_their_numbers() -> None:
    anew = '<w:num w:numId="7"><w:abstractNumId w:val="1"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/></w:lvlOverride></w:num>'
    lists = word.numbering(BULLET, DECIMAL, lists=anew)
    body = p("a", "ListNumber") + p("b", "ListNumber") + item("c", 7) + item("d", 7) + item("E", 2, 0, "Heading1") + item("F", 1, 0, "Heading1") + item("g", 0)
    assert [text for _, text in blocks(body, numbering=lists)] == ["1. a", "2. b", "5. c", "6. d", "7. E", "F", "g"]


def test_items_of_lists_that_are_not_there_have_a_dash() -> None:
    assert blocks(item("a", 3)) == [("list item", "- a")]
    assert blocks(item("a", 1, 4), numbering=word.numbering(DECIMAL)) == [("list item", "- a")]


@pytest.mark.parametrize(
    ("count", "form", "text"),
    [(3, "decimal", "3"), (3, "decimalZero", "03"), (28, "lowerLetter", "bb"), (4, "upperLetter", "D"), (1994, "upperRoman", "MCMXCIV"), (9, "lowerRoman", "ix"),
     (0, "lowerRoman", "0"), (2, "none", ""), (5, "chineseCounting", "5")],
)  # fmt: skip
def test_numbers_are_written_in_the_form_of_their_list(count: int, form: str, text: str) -> None:
    assert written(count, form) == text


def test_a_table_has_a_line_for_each_row() -> None:
    assert blocks(table(("a", "b", "c"), ("d", p("e") + p("f"), ""), ("", "", ""))) == [("table", "a | b | c\nd | e f")]


def test_a_table_that_only_arranges_the_page_is_read_through() -> None:
    long = "Words and words. " * 70
    assert [kind for kind, _ in blocks(table((p("A", "Heading1"),), ("b",)))] == ["heading", "paragraph"]
    assert [kind for kind, _ in blocks(table((long, "b"), ("c", long)))] == ["paragraph"] * 4
    assert [kind for kind, _ in blocks(table(("a", "b")))] == ["paragraph"] * 2


def test_a_table_in_a_cell_is_text_of_the_cell() -> None:
    assert blocks(table(("a", table(("b", "c"), ("d", "e")) + p("f")), ("g", "h"))) == [("table", "a | b | c d | e f\ng | h")]


def test_inserted_text_stays_and_deleted_text_leaves_nothing() -> None:
    deleted = "<w:del><w:r><w:delText>not </w:delText></w:r></w:del><w:moveFrom><w:r><w:t>nor this</w:t></w:r></w:moveFrom>"
    found = read(p(run("I am ") + deleted + "<w:ins>" + run("very ") + "</w:ins>" + run("glad.")))
    assert [piece.text for piece in found.pieces] == ["I am very glad."]
    assert found.notices == ("Left out of the Word file: 2 tracked deletions.",)


def test_breaks_tabs_hyphens_links_fields_and_content_controls_are_read_as_they_look() -> None:
    body = p(
        run("a") + "<w:r><w:br/><w:t>b</w:t><w:tab/><w:t>c</w:t><w:noBreakHyphen/><w:t>d</w:t><w:softHyphen/></w:r>"
        '<w:hyperlink r:id="x">' + run(" e") + "</w:hyperlink><w:r><w:instrText>PAGE</w:instrText></w:r><w:fldSimple>" + run(" 5") + "</w:fldSimple>"
        "<w:sdt><w:sdtPr/><w:sdtContent>" + run(" f") + "</w:sdtContent></w:sdt><m:oMath><m:r><m:t>x+1</m:t></m:r></m:oMath>"
    )
    assert blocks(body + "<w:sdt><w:sdtContent>" + p("g") + "</w:sdtContent></w:sdt>") == [("paragraph", "a\nb c-d e 5 fx+1"), ("paragraph", "g")]


def test_hidden_text_and_contents_and_pictures_and_comments_are_left_out_and_counted() -> None:
    body = (
        p("One two 3", "TOC1") + p(run("seen") + run("unseen", "<w:vanish/>") + run(" too", '<w:vanish w:val="0"/>'))
        + p("<w:r><w:drawing><a:blip/></w:drawing></w:r>" + run("End."))
    )  # fmt: skip
    around = {"header": word.part("header", p("Running head")), "footer": word.part("footer", p("7"))}
    found = read(body, comments=word.part("comments", "<w:comment/><w:comment/>"), **around)
    assert [piece.text for piece in found.pieces] == ["seen too", "End."]
    said = "Left out of the Word file: headers and footers (3 words), tables of contents (3 words), 2 comments, 1 hidden run, 1 picture."
    assert found.notices == (said,)


def test_notes_stand_at_the_end_in_the_order_in_which_the_text_refers_to_them() -> None:
    refer = '<w:r><w:footnoteReference w:id="3"/></w:r>', '<w:r><w:endnoteReference w:id="1"/></w:r>', '<w:r><w:footnoteReference w:id="9"/></w:r>'
    notes = {"footnotes": word.part("footnotes", f'<w:footnote w:id="0">{p("rule")}</w:footnote><w:footnote w:id="3">{p("See A.") + p("And B.")}</w:footnote>')}
    notes["endnotes"] = word.part("endnotes", f'<w:endnote w:id="1">{p("See C.")}</w:endnote>')
    found = read(p(run("It rained.") + refer[1]) + p(run("It snowed.") + refer[0] + refer[2]), **notes)
    assert [piece.text for piece in found.pieces] == ["It rained.", "It snowed.", "1. See C.", "2. See A. And B."]
    assert found.notices == ("Footnotes and endnotes (2) stand at the end, as list items, and their marks are left out of the text.",)


def test_a_text_box_is_read_once_after_its_paragraph() -> None:
    box = f"<wps:txbx><w:txbxContent>{p('boxed')}</w:txbxContent></wps:txbx>"
    old = f"<v:textbox><w:txbxContent>{p('boxed')}</w:txbxContent></v:textbox>"
    body = p(
        f'<w:r><mc:AlternateContent><mc:Choice Requires="wps">{box}</mc:Choice><mc:Fallback>{old}</mc:Fallback></mc:AlternateContent></w:r>' + run("around")
    )
    found = read(body)
    assert [piece.text for piece in found.pieces] == ["around", "boxed"]
    assert found.notices == ("Text boxes (1) stand after the paragraphs they hang on.",)


def test_the_language_is_that_of_most_letters() -> None:
    swedish = run("De for till havet tidigt.", '<w:lang w:val="sv-SE"/>')
    assert read(p(swedish + run("Soon."))).language == "sv"
    assert read(p(swedish + run("They went to the sea early in the year."))).language == "en"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"plain text", "cannot be unpacked"),
        (word.zipped({"a.txt": "a"}), "zip archive and no Word file"),
        (word.word_file(p("a"), main="template.main"), "with macros or a template"),
        (word.zipped({"[Content_Types].xml": "<Types>spreadsheetml</Types>"}), "of another office program"),
        (word.word_file(p("a"), others={"word/media/x.bin": bytes(30_000_000)}), "zip bomb"),
        (word.word_file(p("a"), others={f"x/{number}": "" for number in range(10_001)}), "parts, more than any Word file"),
        (word.word_file(p("a"), head=word.HEAD + '<!DOCTYPE w:document [<!ENTITY a "b">]>'), "XML entities"),
        (word.word_file(p("a"))[:-900], "cannot be unpacked"),
    ],
)
def test_what_is_no_word_file_or_would_fill_the_memory_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        docx_reading(data, LIMITS)


def test_the_strict_variant_of_the_format_is_refused_by_name() -> None:
    strict = '<Relationship Id="r1" Type="http://purl.oclc.org/ooxml/officeDocument/relationships/officeDocument" Target="word/document.xml"/>'
    with pytest.raises(DocumentError, match="strict variant"):
        docx_reading(word.word_file(p("a"), others={"_rels/.rels": strict}), LIMITS)


def test_an_encrypted_archive_is_refused() -> None:
    data = bytearray(word.word_file(p("a")))
    place = data.rindex(b"PK\x01\x02")
    data[place + 8] |= 1
    with pytest.raises(DocumentError, match="encrypted"):
        docx_reading(bytes(data), LIMITS)


def test_what_unpacks_to_more_than_four_times_the_limit_is_refused_and_the_flag_is_named() -> None:
    data = word.word_file(p("a"), others={"word/x.bin": bytes(900_000)})
    with pytest.raises(DocumentError, match="--max-size"):
        docx_reading(data, ReadingLimits(size=200_000))
    assert docx_reading(data, LIMITS).pieces
