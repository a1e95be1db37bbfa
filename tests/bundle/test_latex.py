"""What LaTeX prints is what the text says."""

from __future__ import annotations

from pathlib import Path

import pytest
from bundle.typeset import NEEDS_LATEX, compiled, words_of

from reportgen.bundle.latex import DEFINITION, escape, figure, table

HOSTILE = r"\input{/etc/passwd} 100% & $x_1^2$ #1 {~} <b> \end{document} ``-- --- `' \"%\\"


def test_every_special_character_is_escaped() -> None:
    assert escape(r"50% & $5 #1 a_b {c} ~ ^ \x") == r"50\% \& \$5 \#1 a\_b \{c\} \textasciitilde{} \textasciicircum{} \textbackslash{}x"


def test_letters_that_latex_has_are_written_and_others_are_numbered() -> None:
    assert escape("Gödel, Łódź, Ἀ") == r"G\"{o}del, Ł\'{o}d\'{z}, \reportgenletters{Ἀ}{U+1F08}"
    assert escape("中文 e\u0301") == r"\reportgenletters{中文}{U+4E2D U+6587} \'{e}"
    assert escape("ρ × −1\u202f%") == r"$\rho$ $\times$ $-$1\,\%"


def test_unseen_characters_and_line_ends_are_left_out() -> None:
    assert escape("\u202ea\u200b\n\n b\x00c ") == "a bc"


@NEEDS_LATEX
@pytest.mark.parametrize("text", [HOSTILE], ids=["hostile"])
def test_hostile_text_is_printed_as_it_is(text: str, tmp_path: Path) -> None:
    float_ = figure("none.pdf", escape(text), escape(text), "reportgen-x", wide=False).replace(r"\includegraphics", r"% ")
    body = DEFINITION + escape(text) + "\n\n" + float_ + table(["a", escape(text)], [["1", escape(text + " 中文 ع")]], "lp{5cm}", escape(text), "reportgen-t")
    printed = words_of(compiled(body, tmp_path))
    assert printed.count("/etc/passwd") >= 4
    assert "100% & $x" in printed
    assert "[U+4E2D U+6587]" in printed
