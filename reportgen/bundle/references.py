"""The papers that the numbers of a report come from, as BibTeX."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from reportgen.render import template_folder
from reportgen.report import Report

CITED = re.compile(r"(?P<first>[A-Z][\w-]+)(?P<second> and [A-Z][\w-]+)?(?: et al\.)?,? (?P<year>(?:19|20)\d\d)\b")
RECORD = re.compile(r"^@\w+\{(?P<key>[^,\s]+),.*?^\}$", re.MULTILINE | re.DOTALL)
BY_NAME = {"Bonferroni": "bonferroni1936", "Ltri-LLM": "ltri-llm2024"}  # of what goes by a name without a year
TWO_OF_A_YEAR = {("vig", "2019", "Belinkov"): "vig2019analyzing"}
SENTENCES = "kiss2006"  # Punkt


def records() -> dict[str, str]:
    """Every record by its key, in the order of keys."""
    text = (template_folder() / "bundle" / "sources.bib").read_text(encoding="utf-8").replace("\r\n", "\n")
    found = {match["key"]: match[0] for match in RECORD.finditer(text)}
    return dict(sorted(found.items()))


def keys_of(source: str) -> list[str]:
    """The keys of what a method's source names: of each first author with a year, and of what is known by its name alone."""
    named = [key for name, key in BY_NAME.items() if name in source]
    return list(dict.fromkeys([*named, *(_key(match) for match in CITED.finditer(source))]))


def _key(match: re.Match[str]) -> str:
    first = unicodedata.normalize("NFKD", match["first"]).encode("ascii", "ignore").decode("ascii").lower()
    second = (match["second"] or "").removeprefix(" and ")
    return TWO_OF_A_YEAR.get((first, match["year"], second), first + match["year"])


def keys_in(report: Report) -> list[str]:
    """The keys of every source that the report's methods name, sorted."""
    return sorted(set(_named(method.source for section in report.sections for method in section.methods)))


def _named(sources: Iterable[str]) -> Iterator[str]:
    for source in sources:
        yield from keys_of(source)


def bibliography(keys: Iterable[str]) -> bytes:
    """The records of these keys, each once, in order. Raises KeyError for a source that nobody has written a record for."""
    known = records()
    return ("\n\n".join(known[key] for key in sorted(set(keys))) + "\n").encode("ascii")
