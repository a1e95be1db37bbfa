import pytest

from reportgen.documents import document_from_text

PROSE = """It was late in the year when the two of them set out for the coast, and
the roads were bad. They had little money, and less to say to each other
than either had hoped for when they made their plan."""


def blocks(text):
    document = document_from_text(text)
    return [(block.kind, document.text[block.start : block.end]) for block in document.blocks]


def kinds(text):
    return [kind for kind, _ in blocks(text)]


def test_blank_lines_part_paragraphs():
    assert blocks("One is here.\n\n \nTwo is there.") == [("paragraph", "One is here."), ("paragraph", "Two is there.")]


def test_hard_wrapped_lines_are_joined_by_a_space():
    assert blocks(PROSE) == [("paragraph", PROSE.replace("\n", " "))]


def test_a_short_last_paragraph_is_joined_at_the_width_of_the_others():
    short = "They walked all day, from before the sun was up until long after it was\ngone. Nobody spoke."
    assert blocks(f"{PROSE}\n\n{short}")[1] == ("paragraph", short.replace("\n", " "))


def test_a_word_broken_at_its_hyphen_is_closed_up():
    assert blocks("They were both well-known in the whole of the town as hard-\nworking people.")[0][1].endswith("hard-working people.")


def test_verse_keeps_its_lines():
    verse = "The wind is on the hill,\nThe moon is on the sea,\nAnd all the town is still\nAnd all is well with me."
    assert blocks(verse) == [("paragraph", verse)]


def test_lines_of_uneven_length_keep_their_breaks():
    address = "Anna Hill\nthe old house by the river, second floor\nYork"
    assert blocks(address) == [("paragraph", address)]


def test_very_long_lines_are_a_paragraph_each():
    line = "This is a line that nobody wrapped. " * 6
    assert kinds(f"{line}\n{line}\n{line}") == ["paragraph"] * 3


def test_two_spaces_after_a_period_become_one():
    assert blocks("One is here.  Two is there.") == [("paragraph", "One is here. Two is there.")]


@pytest.mark.parametrize(
    "heading",
    [
        "CHAPTER IX",
        "CHAPTER 42. The Whiteness of The Whale.",
        "Chapter One: A Start",
        "IX",
        "IV.",
        "THE LONG WAY HOME",
        "1. Introduction",
        "2.1 What we measured",
        "II. Methods",
        "Introduction",
        "What did they want?",
        "Act III",
    ],
)
def test_a_heading_is_known_by_its_form(heading):
    assert blocks(f"{heading}\n\n{PROSE}")[0] == ("heading", heading)


@pytest.mark.parametrize("underline", ["====", "---------", "~~~~", "****"])
def test_an_underline_makes_a_heading_and_is_dropped(underline):
    assert blocks(f"how it went\n{underline}\n{PROSE}") == [
        ("heading", "how it went"),
        ("paragraph", PROSE.replace("\n", " ")),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "He was gone.",
        "Dear Sir,",
        "They said:",
        "“Nothing at all”",
        "and then he left",
        "Chapter 5 was a long one.",
        "STOP!",
        "Part of the way was steep",
        "1941 was a hard year for all of them, they said, and so were the next two or three",
    ],
)
def test_a_short_line_that_is_no_heading_stays_a_paragraph(line):
    assert blocks(f"{PROSE}\n\n{line}\n\n{line}")[-1] == ("paragraph", line)


def test_a_line_above_and_below_a_heading_is_dropped():
    assert blocks(f"=====\nhow it went\n=====\n{PROSE}")[0] == ("heading", "how it went")


def test_a_chapter_and_its_name_on_the_next_line_are_headings():
    assert blocks(f"CHAPTER I\nLoomings\n\n{PROSE}")[:2] == [("heading", "CHAPTER I"), ("heading", "Loomings")]


def test_a_title_in_capitals_over_two_lines_is_one_heading():
    assert blocks(f"MOBY-DICK;\nOR, THE WHALE.\n\n{PROSE}")[0] == ("heading", "MOBY-DICK; OR, THE WHALE.")


def test_a_text_all_in_capitals_is_not_all_headings():
    assert kinds(PROSE.upper() + "\nAND SO ON.") == ["paragraph"]


def test_list_items_are_blocks_and_keep_their_markers():
    text = "We need these:\n- milk from the\n  shop\n* bread\n• salt"
    assert blocks(text) == [
        ("paragraph", "We need these:"),
        ("list item", "- milk from the shop"),
        ("list item", "* bread"),
        ("list item", "• salt"),
    ]


@pytest.mark.parametrize("markers", [("1.", "2."), ("1)", "2)"), ("(a)", "(b)"), ("a)", "b)"), ("(i)", "(ii)"), ("i.", "ii.")])
@pytest.mark.parametrize("between", ["\n", "\n\n"])
def test_enumerated_lines_are_list_items_with_or_without_blank_lines(markers, between):
    items = [f"{marker} Buy milk" for marker in markers]
    assert blocks(between.join(items)) == [("list item", item) for item in items]


def test_numbered_headings_with_text_between_them_are_not_a_list():
    assert kinds(f"1. Start\n\n{PROSE}\n\n2. End\n\n{PROSE}") == ["heading", "paragraph"] * 2


def test_a_number_that_starts_a_wrapped_line_by_chance_makes_no_list():
    text = "They had read it all before in the small book that he kept, in chapter\n12. The next one they had not read."
    assert kinds(text) == ["paragraph"]


def test_a_marker_on_a_line_of_its_own_joins_what_follows():
    assert blocks("(a)\n\nThe tenant pays.") == [("list item", "(a) The tenant pays.")]
    assert blocks("The list ends here.\n\n(a)") == [("paragraph", "The list ends here."), ("paragraph", "(a)")]


def test_a_table_keeps_its_lines():
    table = "Name    Age   City\nAnna    31    Oslo\nBert    45    Bern"
    assert blocks(table) == [("code", table)]


def test_a_table_with_tabs_has_none_left():
    assert blocks("Name\tAge\nAnna\t31") == [("code", "Name    Age\nAnna    31")]


def test_rules_and_ornaments_leave_nothing():
    assert kinds(f"{PROSE}\n\n* * *\n\n-----\n\n{PROSE}") == ["paragraph", "paragraph"]


@pytest.mark.parametrize("text", [" " * 200_000 + "x", "a  " * 70_000, "- " * 90_000, "-\n" * 90_000, "1.\n\n" * 30_000, "IX\n" * 60_000])
@pytest.mark.timeout(120)
def test_hostile_repetition_does_not_hang(text):
    assert document_from_text(text + "\n\nEnd.").text.endswith("End.")
