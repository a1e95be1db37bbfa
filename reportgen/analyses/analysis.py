"""What every analysis module offers to the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reportgen.measurements import Measurements


@dataclass(frozen=True, kw_only=True)
class Method:
    """A number's name, its formula in plain text, and where it was published."""

    name: str
    formula: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """One entry of the registry: from measurements to a result, its charts, and its sentence of finding.

    `needs` names the arrays (without the stack's prefix) that must be in the measurements for the analysis to run; of names
    joined by `|` one is enough, and a name with a dot is whole. Where `applies_with` names an array, the analysis is for models that have it, and nothing is said
    of its absence with others. Documents of more than `sentences_at_most` sentences are left out, where that is given.
    `notices` says what of the result is shown otherwise than it was measured. `lead` is the finding in one or two sentences, for the top of the page, where
    the whole is longer.
    """

    name: str
    question: str
    needs: tuple[str, ...]
    analyse: Callable[[Measurements], Any]
    draw: Callable[[Any], Mapping[str, Mapping[str, Any]]]
    find: Callable[[Any], str]
    caveat: str
    methods: tuple[Method, ...]
    sentences_at_most: int | None = None
    applies_with: str | None = None
    notices: Callable[[Any], tuple[str, ...]] = lambda result: ()
    lead: Callable[[Any], str] | None = None
