"""LaTeX run in a folder, where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

NEEDS_LATEX = pytest.mark.skipif(not (shutil.which("pdflatex") and shutil.which("bibtex")), reason="no LaTeX is installed")
PREAMBLE = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{textcomp,graphicx,booktabs,array}
\pdfcompresslevel=0
\begin{document}
"""


def run(command: list[str], folder: Path) -> str:
    """What the program says; a failure of it is the test's."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


def latex(folder: Path, name: str) -> str:
    """One run of LaTeX that stops at the first error and may start no other program."""
    return run(["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "-no-shell-escape", name], folder)


def compiled(body: str, folder: Path) -> Path:
    """The PDF of a document with this body."""
    (folder / "one.tex").write_text(PREAMBLE + body + "\n\\end{document}\n", encoding="utf-8")
    latex(folder, "one")
    return folder / "one.pdf"


def words_of(pdf: Path) -> str:
    """The text of a PDF's pages, line ends as blanks."""
    pdfium = pytest.importorskip("pypdfium2")
    document = pdfium.PdfDocument(pdf)
    return " ".join(" ".join(page.get_textpage().get_text_bounded().split()) for page in document)
