"""Text, figures and tables as LaTeX that stands in any document: nothing a text says is ever a command."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from reportgen.characters import clean_text

COMMAND = "reportgenletters"
# Where LaTeX has no letters for a character, it prints the character's number; LuaLaTeX and XeLaTeX print what their font has.
DEFINITION = rf"\ifdefined\{COMMAND}\else\DeclareRobustCommand{{\{COMMAND}}}[2]{{\ifdefined\Umathchar #1\else\texttt{{\small[#2]}}\fi}}\fi" + "\n"
GREEK = {
    "α": r"\alpha",
    "β": r"\beta",
    "γ": r"\gamma",
    "δ": r"\delta",
    "ε": r"\epsilon",
    "ζ": r"\zeta",
    "η": r"\eta",
    "θ": r"\theta",
    "ι": r"\iota",
    "κ": r"\kappa",
    "λ": r"\lambda",
    "μ": r"\mu",
    "ν": r"\nu",
    "ξ": r"\xi",
    "π": r"\pi",
    "ρ": r"\rho",
    "ς": r"\varsigma",
    "σ": r"\sigma",
    "τ": r"\tau",
    "υ": r"\upsilon",
    "φ": r"\phi",
    "χ": r"\chi",
    "ψ": r"\psi",
    "ω": r"\omega",
}
SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "-": "-{}",  # no ligature of two
    "\u00a0": "~",
    "\u202f": r"\,",
    "\u2009": r"\,",
    "\u2010": "-{}",
    "\u2011": "-{}",
    "\u2012": "--",
    "\u2013": "--",
    "\u2014": "---",
    "\u2018": r"\textquoteleft{}",
    "\u2019": r"\textquoteright{}",
    "\u201a": r"\quotesinglbase{}",
    "\u201c": r"\textquotedblleft{}",
    "\u201d": r"\textquotedblright{}",
    "\u201e": r"\quotedblbase{}",
    "\u2026": r"\dots{}",
    "\u2022": r"\textbullet{}",
    "\u20ac": r"\texteuro{}",
    "\u2212": "$-$",
    "\u00d7": r"$\times$",
    "\u00f7": r"$\div$",
    "\u00b1": r"$\pm$",
    "\u00b7": r"$\cdot$",
    "\u00ac": r"$\neg$",
    "\u00b5": r"$\mu$",
    "\u00b2": "$^2$",
    "\u00b3": "$^3$",
    "\u00b9": "$^1$",
    "\u00b0": r"$^\circ$",
    "\u2264": r"$\leq$",
    "\u2265": r"$\geq$",
    "\u2260": r"$\neq$",
    "\u2248": r"$\approx$",
    "\u2190": r"$\leftarrow$",
    "\u2192": r"$\rightarrow$",
    "\u2208": r"$\in$",
    "\u221a": r"$\surd$",
    "\u2211": r"$\sum$",
    "\u220f": r"$\prod$",
    "\u2202": r"$\partial$",
    "\u221e": r"$\infty$",
    **{letter: rf"${name}$" for letter, name in GREEK.items()},
}
# Letters of the T1 encoding that LaTeX reads as UTF-8; others of Latin are written with the accents that they decompose into.
T1 = frozenset("¡¿§£«»ßÆæŒœØøÅåÐðÞþŁłĐđıȷŊŋ")
ACCENTS = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0304": "=",
    "\u0306": "u",
    "\u0307": ".",
    "\u0308": '"',
    "\u030a": "r",
    "\u030b": "H",
    "\u030c": "v",
    "\u0323": "d",
    "\u0327": "c",
    "\u0328": "k",
    "\u0331": "b",
}
UNBROKEN = 24  # characters: a longer run without a blank, such as a checksum, may be broken after each eighth
INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufe00-\ufe0f]")
WHITE = re.compile(r"[ \t\r\n\f\v\u1680\u2000-\u2008\u200a\u205f\u3000\u0085]+")


def escape(text: str) -> str:
    """The text as LaTeX prints it, on one line. What pdfLaTeX has no letters for is printed as numbers of characters, and by newer engines as it is."""
    known = WHITE.sub(" ", INVISIBLE.sub("", unicodedata.normalize("NFC", clean_text(text)))).strip()
    return " ".join(_word(word) for word in known.split(" "))


def _word(word: str) -> str:
    if len(word) <= UNBROKEN:
        return "".join(_runs(word))
    return r"\hspace{0pt}".join("".join(_runs(word[start : start + 8])) for start in range(0, len(word), 8))


def _runs(text: str) -> Iterator[str]:
    foreign = ""
    for letter in text:
        written = _letter(letter)
        if written is None:
            foreign += letter
            continue
        if foreign:
            yield _foreign(foreign)
            foreign = ""
        yield written
    if foreign:
        yield _foreign(foreign)


def _letter(letter: str) -> str | None:
    """How LaTeX writes a character, None for one that it has no letter for."""
    if letter in SPECIAL:
        return SPECIAL[letter]
    if " " <= letter < "\x7f" or letter in T1:
        return letter
    base, *accents = unicodedata.normalize("NFD", letter)
    if len(accents) == 1 and accents[0] in ACCENTS and base.isascii() and base.isalpha():
        return f"\\{ACCENTS[accents[0]]}{{{base}}}"
    return None


def _foreign(letters: str) -> str:
    """At most eight characters by their numbers: more say no more to a reader."""
    numbers = " ".join(f"U+{ord(letter):04X}" for letter in letters[:8]) + (" ..." if len(letters) > 8 else "")
    return rf"\{COMMAND}{{{letters}}}{{{numbers}}}"


def figure(path: str, caption: str, short: str, label: str, wide: bool) -> str:
    """A float with one picture at its own size; its folder is what \\reportgenfolder says, by default the one that LaTeX is started in."""
    kind = "figure*" if wide else "figure"
    return "\n".join(
        [
            DEFINITION.rstrip("\n"),
            r"\providecommand{\reportgenfolder}{.}",
            rf"\begin{{{kind}}}[tbp]",
            r"  \centering",
            rf"  \includegraphics{{\reportgenfolder/{path}}}",
            r"  \small",
            rf"  \caption[{{{short}}}]{{{caption}}}",
            rf"  \label{{fig:{label}}}",
            rf"\end{{{kind}}}",
            "",
        ]
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]], columns: str, caption: str, label: str, apart: bool = False) -> str:
    """A float with one table (of the package booktabs), with room between its rows where they are to stand `apart`; cells are LaTeX already."""
    ending = r" \\ \addlinespace" if apart else r" \\"
    lines = [" & ".join(cells) + ending for cells in rows]
    return "\n".join(
        [
            DEFINITION.rstrip("\n"),
            r"\begin{table*}[tbp]",
            r"  \centering",
            rf"  \caption{{{caption}}}",
            rf"  \label{{tab:{label}}}",
            r"  \small",
            rf"  \begin{{tabular}}{{@{{}}{columns}@{{}}}}",
            r"    \toprule",
            "    " + " & ".join(head) + r" \\",
            r"    \midrule",
            *("    " + line for line in lines),
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table*}",
            "",
        ]
    )
