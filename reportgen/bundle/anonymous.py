"""Measurements without what names their author: titles, files, paths and accounts in the metadata."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from reportgen.measurements import Measurements

TITLE, SOURCE = "Anonymous document", "document"
LEFT_OUT = "(place left out)"
PLACE = re.compile(
    r"(?:(?<![\w.:/\\~-])(?:~?/[^\s/\"'<>|]+/[^\s\"'<>|]*|~?/(?:home|Users|root)\b[^\s\"'<>|]*)|\b[A-Za-z]:[\\/][^\s\"'<>|]*|\\\\[^\s\"'<>|]+|file://[^\s\"'<>|]*)"
)
ENDINGS = frozenset([".txt", ".md", ".html", ".pdf", ".docx"])


def anonymised(measurements: Measurements) -> Measurements:
    """The same numbers and text; title and source are neutral, of a model's name what comes after the account, and no path is left in any entry of the metadata.

    The document's own text is as it was.
    """
    metadata = measurements.metadata
    ending = PurePosixPath(metadata["source"]).suffix.lower()
    own = {"title": TITLE, "source": SOURCE + (ending if ending in ENDINGS else ""), "model": model_name(metadata["model"])}
    names = [name for name in (metadata["title"], metadata["source"]) if len(name) > 3]
    kept = {key: value if key in own else _without(value, names) for key, value in metadata.items()}
    return replace(measurements, metadata=kept | own)


def model_name(name: str) -> str:
    """What is left of a folder or an account with a model: its last part."""
    return PureWindowsPath(name).name or "model"


def _without(value: Any, names: list[str]) -> Any:
    if isinstance(value, str):
        return _text_without(value, names)
    if isinstance(value, dict):
        return {key: _without(inner, names) for key, inner in value.items()}
    return [_without(inner, names) for inner in value] if isinstance(value, (list, tuple)) else value


def _text_without(text: str, names: list[str]) -> str:
    """Paths are taken out of every text, names of sentences alone: single words are kinds and settings."""
    text = PLACE.sub(LEFT_OUT, text)
    for name in names if " " in text else ():
        text = text.replace(name, "the document")
    return text
