"""What is made of a PDF's pages: each feature of typesetting on a page of its own, with the blocks that it should become."""

import pytest
from made_pdf import COLUMN, LEFT, RIGHT_COLUMN, TEXT, Sheets, ending_short
from reportlab.pdfbase.pdfmetrics import stringWidth

from reportgen.documents.pdf import pdf_reading

FIRST, SECOND, THIRD, FOURTH = (sentence if sentence.endswith(".") else sentence + "." for sentence in TEXT.split(". "))
BOLD = "Times-Bold"


def read(sheets):
    return pdf_reading(sheets.data(), 100)


def blocks(sheets):
    return [(piece.kind, piece.text) for piece in read(sheets).pieces]


def levels(sheets):
    return [(piece.level, piece.text) for piece in read(sheets).pieces if piece.kind == "heading"]


def test_lines_are_joined_and_an_indent_starts_a_paragraph():
    sheets = Sheets().prose(TEXT, indent=12).prose(f"{SECOND} {FIRST}", indent=12).prose(FOURTH, indent=12)
    assert blocks(sheets) == [("paragraph", TEXT), ("paragraph", f"{SECOND} {FIRST}"), ("paragraph", FOURTH)]


def test_a_gap_starts_a_paragraph():
    sheets = Sheets().prose(TEXT).gap(8).prose(f"{SECOND} {FIRST}")
    assert blocks(sheets) == [("paragraph", TEXT), ("paragraph", f"{SECOND} {FIRST}")]


def test_without_indents_and_gaps_a_line_with_room_for_the_next_word_ends_a_paragraph():
    text = ending_short(TEXT)
    assert blocks(Sheets().prose(text).prose(f"{SECOND} {THIRD}")) == [("paragraph", text), ("paragraph", f"{SECOND} {THIRD}")]


def two_columns(sheets, left, right, y=120):
    sheets.prose(left, y=y, width=COLUMN).prose(right, RIGHT_COLUMN, y=y, width=COLUMN)
    return sheets


def test_columns_are_read_one_after_the_other_below_a_title_over_both():
    sheets = two_columns(Sheets().middle("On Ferries and the People Who Wait for Them", size=17, font=BOLD, y=72), TEXT, f"{SECOND} {FIRST} {THIRD}")
    assert blocks(sheets) == [
        ("heading", "On Ferries and the People Who Wait for Them"),
        ("paragraph", TEXT),
        ("paragraph", f"{SECOND} {FIRST} {THIRD}"),
    ]


def test_what_stands_over_both_columns_parts_the_page():
    texts = [ending_short(text, COLUMN) for text in (TEXT, f"{SECOND} {FIRST} {THIRD}", f"{THIRD} {FOURTH} {FIRST}", f"{FOURTH} {SECOND} {THIRD}")]
    sheets = two_columns(Sheets(), *texts[:2], y=72)
    sheets.prose("Figure 1: " + FIRST, y=300, width=500, size=9, below=11)
    two_columns(sheets, *texts[2:], y=350)
    first, second, third, fourth = (("paragraph", text) for text in texts)
    assert blocks(sheets) == [first, second, ("caption", "Figure 1: " + FIRST), third, fourth]


def test_the_short_last_line_of_an_abstract_over_both_columns_belongs_to_it():
    sheets = Sheets().prose(f"{TEXT} The end.", y=72)
    two_columns(sheets, f"{SECOND} {FIRST} {THIRD}", f"{THIRD} {FOURTH} {FIRST}", y=sheets.y + 24)
    assert blocks(sheets)[0] == ("paragraph", f"{TEXT} The end.")


def test_three_columns_are_read_from_the_left_to_the_right():
    texts = [ending_short(text, 156) for text in (TEXT, f"{SECOND} {FIRST} {THIRD}", f"{THIRD} {FOURTH} {FIRST}")]
    sheets = Sheets()
    for number, text in enumerate(texts):
        sheets.prose(text, LEFT + 174 * number, 72, width=156)
    assert blocks(sheets) == [("paragraph", text) for text in texts]


def test_a_paragraph_goes_on_over_a_column_and_a_page():
    words = f"{TEXT} {TEXT} {TEXT}".split()
    parts = [" ".join(words[start:end]) for start, end in ((0, 76), (76, 150), (150, None))]
    sheets = two_columns(Sheets(), parts[0], parts[1]).page().prose(parts[2], width=COLUMN)
    assert blocks(sheets) == [("paragraph", " ".join(words))]


def test_a_paragraph_that_is_over_at_the_end_of_a_column_does_not_go_on():
    text = ending_short(TEXT, COLUMN)
    sheets = two_columns(Sheets(), text, f"{SECOND} {FIRST} {THIRD}")
    assert blocks(sheets) == [("paragraph", text), ("paragraph", f"{SECOND} {FIRST} {THIRD}")]


def section(sheets, heading, text=TEXT, *, size=12, font=BOLD):
    return sheets.gap(10).write(heading, size=size, font=font).gap(4).prose(text)


def test_numbered_headings_have_the_level_of_their_number_below_the_title():
    sheets = Sheets().middle("On Ferries", size=17, font=BOLD)
    section(section(section(section(sheets, "1 Introduction"), "1.1 Quays", size=10), "2 Boats"), "References")
    assert levels(sheets) == [(1, "On Ferries"), (2, "1 Introduction"), (3, "1.1 Quays"), (2, "2 Boats"), (2, "References")]


def test_headings_without_numbers_are_ranked_by_their_size():
    sheets = section(section(section(Sheets(), "Boats", size=16), "Oars", size=13), "Quays", size=16)
    assert [(kind, text) for kind, text in blocks(sheets) if kind == "heading"] == [("heading", "Boats"), ("heading", "Oars"), ("heading", "Quays")]
    assert levels(sheets)[1][0] > levels(sheets)[2][0]


def test_headings_in_capitals_and_italics_are_known_by_their_numbers():
    sheets = Sheets().middle("On Ferries", size=17)
    section(sheets, "I. INTRODUCTION", size=10, font="Times-Roman")
    section(sheets, "A. Quays", size=10, font="Times-Italic")
    section(sheets, "II. BOATS", size=10, font="Times-Roman")
    assert levels(sheets) == [(1, "On Ferries"), (2, "I. INTRODUCTION"), (3, "A. Quays"), (2, "II. BOATS")]


def test_bold_words_that_start_a_paragraph_are_no_heading():
    sheets = Sheets().write("Results.", font=BOLD)
    sheets.prose("      " + TEXT, y=sheets.y, indent=44)
    assert blocks(sheets) == [("paragraph", f"Results. {TEXT}")]


def test_items_are_blocks_with_their_bullets():
    sheets = Sheets().prose(f"{TEXT} There are these:").gap(4)
    items = [f"• {FIRST}", f"• {SECOND}", "• Oars."]
    for item in items:
        sheets.prose(item, LEFT + 10, width=300, indent=-8)
    sheets.gap(4).prose(f"{THIRD} {FOURTH}")
    assert blocks(sheets) == [
        ("paragraph", f"{TEXT} There are these:"),
        *(("list item", item) for item in items),
        ("paragraph", f"{THIRD} {FOURTH}"),
    ]


def test_numbered_items_hang_and_what_follows_them_is_a_paragraph():
    sheets = Sheets()
    for item in (f"[1] {FIRST} {SECOND}", f"[2] {THIRD} {FOURTH}", f"[3] {SECOND} {FOURTH}"):
        sheets.prose(item, width=300, indent=-16)
    sheets.prose(f"{TEXT} {TEXT}", indent=12, width=300)
    assert [kind for kind, _ in blocks(sheets)] == ["list item", "list item", "list item", "paragraph"]
    assert blocks(sheets)[1] == ("list item", f"[2] {THIRD} {FOURTH}")


def test_references_that_hang_without_numbers_are_a_block_each():
    sheets = Sheets().write("References", size=12, font=BOLD)
    entries = [f"Abnar, S. (2020). {FIRST}", f"Clark, K. (2019). {SECOND} {THIRD}", f"Vaswani, A. (2017). {FOURTH}"]
    for entry in entries:
        sheets.prose(entry, width=300, indent=-12)
    assert blocks(sheets) == [("heading", "References"), *(("paragraph", entry) for entry in entries)]


def test_lines_of_a_table_of_contents_are_items_without_their_dots():
    sheets = Sheets().write("Contents", size=14, font=BOLD).gap(6)
    for name, page in (("1 Introduction", 1), ("1.1 Quays", 3), ("2 Boats", 12)):
        sheets.write(f"{name} " + ". " * 40 + str(page))
    assert blocks(sheets)[1:] == [("list item", "1 Introduction … 1"), ("list item", "1.1 Quays … 3"), ("list item", "2 Boats … 12")]


def test_a_caption_and_its_table_wait_for_the_end_of_the_paragraph():
    words = f"{TEXT} {TEXT}".split()
    sheets = Sheets().prose(" ".join(words[:100])).page()
    sheets.write("Table 1: Boats and their crews.", size=9).gap(4)
    for row in (("Boat", "Crew", "Nets"), ("Anna", "5", "12"), ("Berta", "7", "3"), ("Clara", "11", "8")):
        sheets.gap(12)
        for x, cell in zip((60, 160, 240), row, strict=True):
            sheets.write(cell, x, sheets.y, size=9)
    sheets.gap(14).prose(" ".join(words[100:]))
    assert blocks(sheets) == [
        ("paragraph", " ".join(words)),
        ("caption", "Table 1: Boats and their crews."),
        ("table", "Boat | Crew | Nets\nAnna | 5 | 12\nBerta | 7 | 3\nClara | 11 | 8"),
    ]


def test_a_sentence_that_starts_with_a_figures_name_is_no_caption():
    sheets = Sheets().prose(TEXT, indent=12).prose(f"Figure 3 shows the quay. {TEXT}", indent=12)
    assert [kind for kind, _ in blocks(sheets)] == ["paragraph", "paragraph"]


def test_the_lettering_of_a_figure_is_left_out_with_a_notice():
    sheets = Sheets().prose(TEXT)
    for x, tick in ((120, "0.0"), (200, "0.5"), (280, "1.0")):
        sheets.write(tick, x, 300, size=7)
    sheets.write("share of boats", 190, 312, size=7).write("Figure 1: Boats.", LEFT, 330, size=9).gap(20).prose(f"{SECOND} {FIRST}")
    assert blocks(sheets) == [("paragraph", TEXT), ("caption", "Figure 1: Boats."), ("paragraph", f"{SECOND} {FIRST}")]
    assert "Left out of the PDF: 2 lines of lettering in figures." in read(sheets).notices


def test_code_keeps_its_lines_and_indents():
    sheets = Sheets().prose(TEXT).gap(6)
    for line, indent in (("def row(boats):", 0), ("for boat in boats:", 4), ("boat.row()", 8), ("return boats", 4)):
        sheets.write(line, LEFT + 10 + indent * 5.4, font="Courier", size=9)
    sheets.gap(6).prose(f"{SECOND} {FIRST}")
    assert blocks(sheets)[1] == ("code", "def row(boats):\n    for boat in boats:\n        boat.row()\n    return boats")


def with_note(sheets, text, note):
    sheets.prose(text)
    return sheets.write("1", LEFT, 700, size=5).write(note, LEFT + 3, 703, size=8)


def test_a_footnote_comes_after_the_paragraph_that_its_page_ends_in():
    words = f"{TEXT} {TEXT}".split()
    sheets = with_note(Sheets(), " ".join(words[:100]), "A note on nets.").page().prose(" ".join(words[100:])).gap(8).prose(f"{SECOND} {FIRST}")
    assert blocks(sheets) == [("paragraph", " ".join(words)), ("paragraph", "¹A note on nets."), ("paragraph", f"{SECOND} {FIRST}")]


def test_raised_figures_are_superscripts():
    text = "All of them were gone."
    sheets = Sheets().write(text).write("12", LEFT + stringWidth(text, "Times-Roman", 10), 80.4, size=6)
    assert blocks(sheets) == [("paragraph", "All of them were gone.¹²")]


def test_running_heads_and_page_numbers_are_dropped_with_a_notice():
    sheets, texts = Sheets(), (f"{FIRST} {SECOND}", f"{SECOND} {FOURTH}", f"{THIRD} {FIRST}", f"{FOURTH} {THIRD}")
    for number, text in enumerate(texts, 1):
        head = "Ferries and Quays" if number % 2 else "A. Hill and B. Dale"
        sheets.write(f"{head}   {number}", y=40, size=9).prose(text, y=90, indent=12).middle(str(number + 6), 760, size=9).page()
    reading = read(sheets)
    assert tuple(piece.text for piece in reading.pieces) == texts
    assert reading.notices == ("Left out of the PDF: running heads, running feet and page numbers on 4 pages.",)


def test_a_page_number_alone_on_a_single_page_is_dropped():
    assert blocks(Sheets().prose(TEXT).middle("17", 760)) == [("paragraph", TEXT)]


def test_a_number_that_ends_the_text_of_every_page_stays():
    sheets = Sheets().prose(f"{TEXT} That makes").write("12 boats.", below=12).page().prose(f"{SECOND} There are").write("19 nets.")
    assert [text.split()[-2:] for _, text in blocks(sheets)] == [["12", "boats."], ["19", "nets."]]


def test_line_numbers_of_a_review_copy_are_dropped_with_a_notice():
    sheets, texts = Sheets(), (f"{TEXT} {TEXT} {TEXT} {TEXT}", f"{SECOND} {TEXT} {TEXT} {TEXT} {SECOND}")
    counted = 0
    for text in texts:
        sheets.prose(ending_short(text))
        lines = int((sheets.y - 72) / 12)
        for line in range(lines):
            sheets.write(f"{(counted := counted + 1):03d}", 26, 84 + 12 * line, size=7)
        sheets.page()
    reading = read(sheets)
    assert [piece.text for piece in reading.pieces] == [ending_short(text) for text in texts]
    assert reading.notices == (f"Left out of the PDF: {counted} line numbers in the margin.",)


def hyphened(*lines):
    sheets = Sheets()
    for line in lines:
        sheets.write(line)
    ((_, text),) = blocks(sheets)
    return text


def test_a_divided_word_is_joined():
    assert (
        hyphened("We look at every sentence of the docu-", "ment and then at every other.")
        == "We look at every sentence of the document and then at every other."
    )


def test_a_compound_that_stands_elsewhere_keeps_its_hyphen():
    lines = ("The long-term plans were made for all of the boats, and these long-", "term plans were kept.")
    assert hyphened(*lines) == "The long-term plans were made for all of the boats, and these long-term plans were kept."


def test_two_words_of_the_document_are_a_compound():
    lines = ("The ferry had a route of its own, and so it was a matter of a ferry-", "route that nobody else took.")
    assert "a ferry-route that" in hyphened(*lines)


def test_a_hyphen_before_a_capital_or_after_self_stays():
    assert "Hill-Dale" in hyphened("This is all that was said about it by the elder of the Hill-", "Dale sisters.")
    assert "self-made" in hyphened("This is all that was said about it by somebody who was self-", "made and proud.")


def test_an_address_is_joined_without_a_space():
    assert "https://example.org/quays/boats.html" in hyphened("More on all of this is found at https://example.org/quays/", "boats.html for those who ask.")


def test_text_that_is_turned_is_dropped_with_a_notice():
    stamp = "arXiv:2001.00001v1 [cs.CL] 1 Jan 2020"
    reading = read(Sheets().turned(stamp, 30, 600, size=18).prose(TEXT, x=72, width=450))
    assert [piece.text for piece in reading.pieces] == [TEXT]
    assert reading.notices == (f"Left out of the PDF: {len(stamp.replace(' ', ''))} characters that run in another direction than the page's text.",)


@pytest.mark.parametrize(("angle", "x", "y", "dx", "dy"), [(90, 100, 700, 12, 0), (270, 500, 100, -12, 0), (180, 560, 300, 0, -12)])
def test_a_page_turned_as_a_whole_is_read(angle, x, y, dx, dy):
    sheets = Sheets()
    for number, line in enumerate(("They walked all day and", "came to a house in which", "nobody had lived.")):
        sheets.turned(line, x + number * dx, y + number * dy, angle)
    assert [text for _, text in blocks(sheets)] == ["They walked all day and came to a house in which nobody had lived."]


def test_a_formula_stays_in_its_paragraph():
    sheets = Sheets().prose(f"{TEXT} So we have")
    sheets.gap(8).write("y = a + b", 260).write("(3)", 540, sheets.y).gap(8).prose(f"where a is the number of boats. {SECOND}")
    assert blocks(sheets) == [("paragraph", f"{TEXT} So we have y = a + b (3) where a is the number of boats. {SECOND}")]


def test_a_large_initial_belongs_to_the_first_word():
    sheets = Sheets().write("T", LEFT, 96, size=30)
    sheets.write("HE ferry left the northern quay at six and reached the", LEFT + 19, 84).write(
        "island before the wind had turned, so the nets were all", LEFT + 19, 96
    )
    sheets.prose("dry by noon. " + SECOND, y=108, width=260)
    assert blocks(sheets)[0][1].startswith("THE ferry left the northern quay at six and reached the island before")


def test_authors_side_by_side_are_read_one_after_the_other():
    sheets = Sheets().middle("On Ferries", size=17, font=BOLD).gap(10)
    for names in (("Anna Hill", "Bert Dale"), ("University of Quays", "Institute of Boats"), ("anna@example.org", "bert@example.org")):
        sheets.gap(12)
        for x, name in zip((100, 360), names, strict=True):
            sheets.write(name, x, sheets.y)
    sheets.gap(20).middle("Abstract", font=BOLD).gap(4).prose(TEXT)
    assert blocks(sheets) == [
        ("heading", "On Ferries"),
        ("paragraph", "Anna Hill\nUniversity of Quays\nanna@example.org"),
        ("paragraph", "Bert Dale\nInstitute of Boats\nbert@example.org"),
        ("heading", "Abstract"),
        ("paragraph", TEXT),
    ]


def test_the_title_is_the_largest_type_and_the_files_own_only_where_it_agrees():
    def titled(named):
        return read(Sheets(title=named).middle("ON FERRIES", size=17, font=BOLD).gap(20).prose(TEXT)).title

    assert titled("") == "ON FERRIES"
    assert titled("On Ferries") == "On Ferries"
    assert titled("untitled-3.dvi") == "ON FERRIES"


def test_without_larger_type_the_title_is_that_of_the_file():
    assert read(Sheets(title="On Ferries").prose(TEXT)).title == "On Ferries"
    assert read(Sheets().prose(TEXT)).title is None


def test_a_page_of_pictures_among_others_is_told():
    assert read(Sheets().prose(TEXT).page().page()).notices == ("1 of the PDF's 2 pages hold no text; pictures of text are not read.",)
