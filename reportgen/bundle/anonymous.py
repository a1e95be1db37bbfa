"""Measurements without what names their author: titles, files, paths and accounts in the metadata."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from reportgen.measurements import QUESTION, Measurements

TITLE, SOURCE = "Anonymous document", "document"
SECOND_TITLE, SECOND_SOURCE = "Anonymous second text", "second-text"
LEFT_OUT = "(place left out)"
PLACE = re.compile(
    r"(?:(?<![\w.:/\\~-])(?:~?/[^\s/\"'<>|]+/[^\s\"'<>|]*|~?/(?:home|Users|root)\b[^\s\"'<>|]*)|\b[A-Za-z]:[\\/][^\s\"'<>|]*|\\\\[^\s\"'<>|]+|file://[^\s\"'<>|]*)"
)
ENDINGS = frozenset([".txt", ".md", ".html", ".pdf", ".docx"])


def anonymised(measurements: Measurements) -> Measurements:
    """The same numbers and texts; titles and sources are neutral, of a model's name what comes after the account, and no path is left in any entry of the metadata.

    What the texts themselves say is as it was.
    """
    metadata = measurements.metadata
    second = second_text(metadata)
    own = {"title": TITLE, "source": _renamed(metadata["source"], SOURCE), "model": model_name(metadata["model"])}
    named = {name: "the document" for name in (metadata["title"], metadata["source"])}
    named |= {second[name]: "the second text" for name in ("title", "source") if second}
    names = {name: named[name] for name in sorted(named, key=len, reverse=True) if len(name) > 3}  # a name may stand in a longer one
    if second:
        neutral = {"title": SECOND_TITLE, "source": _renamed(second["source"], SECOND_SOURCE)}
        own["options"] = _without(metadata["options"], names) | {"pair": second | neutral}
    kept = {key: value if key in own else _without(value, names) for key, value in metadata.items()}
    return replace(measurements, metadata=kept | own)


def second_text(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of a file that was read beside the document; nothing where there was none, or only a question, which names no file."""
    pair = metadata["options"].get("pair") or {}
    return {} if pair.get("source") == QUESTION else pair


def _renamed(source: str, name: str) -> str:
    ending = PurePosixPath(source).suffix.lower()
    return name + (ending if ending in ENDINGS else "")


def model_name(name: str) -> str:
    """What is left of a folder or an account with a model: its last part."""
    return PureWindowsPath(name).name or "model"


def _without(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _text_without(value, names)
    if isinstance(value, dict):
        return {key: _without(inner, names) for key, inner in value.items()}
    return [_without(inner, names) for inner in value] if isinstance(value, (list, tuple)) else value


def _text_without(text: str, names: Mapping[str, str]) -> str:
    """Paths are taken out of every text, names of sentences alone: single words are kinds and settings."""
    text = PLACE.sub(LEFT_OUT, text)
    for name, neutral in names.items() if " " in text else ():
        text = text.replace(name, neutral)
    return text
