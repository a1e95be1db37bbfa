"""Token-to-token weights as a reader sees them on a terminal, and as JSON or CSV for other programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reportgen.characters import capitalised, clean_text, no_formula
from reportgen.errors import OutputError
from reportgen.report_data import plain
from reportgen.sentence_pair import TokenWeights
from reportgen.wording import percent

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

SCHEMA = 1
KINDS = (".json", ".csv")
WIDEST_WORD = 14
CELL = 5  # characters of 100.0
PADDING = 2  # characters beside a cell
EDGES = 4  # characters beside the outermost columns


def check_kind(path: Path) -> None:
    """Raise `OutputError` for a file that is neither JSON nor CSV by its name."""
    if path.suffix.lower() not in KINDS:
        raise OutputError(f"Cannot write {path}: name a .json or a .csv file.")


def serialise(found: TokenWeights, metadata: Mapping[str, Any], kind: str) -> str:
    """The weights as JSON (a matrix) or CSV (a row for each pair of tokens), by the suffix of a file's name."""
    return _as_csv(found) if kind.lower() == ".csv" else json.dumps(plain(_as_data(found, metadata)), ensure_ascii=False)


def _as_data(found: TokenWeights, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Sentences are numbered from 1, as on the page; layers, heads, windows and token positions from 0, as in the measurements file."""
    pair, mean = found.pair, found.pair.head == "mean"
    return {
        "schema": SCHEMA,
        **{name: metadata[name] for name in ("title", "sha256", "model", "revision")},
        "stack": pair.stack,
        "layer": None if mean else pair.head[0],
        "head": None if mean else pair.head[1],
        "window": pair.window,
        "query_sentence": {"number": pair.query + 1, "text": pair.query_sentence},
        "key_sentence": {"number": pair.key + 1, "text": pair.key_sentence},
        "query_tokens": [{"position": position, "text": word} for position, word in zip(found.query_tokens.tolist(), found.query_words, strict=True)],
        "key_tokens": [{"position": position, "text": word} for position, word in zip(found.key_tokens.tolist(), found.key_words, strict=True)],
        "weights": found.weights,
        "mass": found.mass,
        "measured_mass": pair.mass,
    }


def _as_csv(found: TokenWeights) -> str:
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow(["query_position", "query_token", "key_position", "key_token", "weight"])
    for query, key in np.ndindex(found.weights.shape):
        words = [no_formula(clean_text(word)) for word in (found.query_words[query], found.key_words[key])]
        rows.writerow([found.query_tokens[query], words[0], found.key_tokens[key], words[1], f"{found.weights[query, key]:.6g}"])
    return written.getvalue()


def show(found: TokenWeights, console: Console, at_most: int) -> None:
    """Print the weights: all of them as a matrix where the console is wide enough, else the strongest, `at_most` of them."""
    fits = _width(found) <= console.width
    what = (
        "Weights in %; rows: query tokens, columns: key tokens"
        if fits
        else f"The {min(at_most, found.weights.size)} strongest of {found.weights.size:,} pairs of tokens"
    )
    for line in (*_heading(found), what):
        console.print(line, highlight=False, markup=False, emoji=False)
    console.print(_matrix(found) if fits else _strongest(found, at_most))


def _heading(found: TokenWeights) -> Iterator[str]:
    pair = found.pair
    head = f"the mean over all {pair.layers} layers and their heads" if pair.head == "mean" else f"head {pair.head[0]}.{pair.head[1]}"
    window = "" if pair.window is None else f", read in window {pair.window + 1}"
    yield f"{capitalised(head)} of the {pair.stack}{window}"
    yield f"Sentence {pair.query + 1} (query): {clean_text(pair.query_sentence)}"
    yield f"Sentence {pair.key + 1} (key): {clean_text(pair.key_sentence)}"
    tokens = f"mean over {len(found.query_tokens)} query tokens of the sum over {len(found.key_tokens)} key tokens"
    yield f"Mass: {percent(found.mass, 4)}, {tokens}; measured before: {percent(pair.mass, 4)}"


def _width(found: TokenWeights) -> int:
    """How many characters wide the matrix is."""
    keys = sum(max(len(_shown(word)), CELL) + PADDING for word in found.key_words)
    return EDGES + max(len(_shown(word)) for word in found.query_words) + PADDING + keys + CELL + PADDING


def _matrix(found: TokenWeights) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None)
    table.add_column("")
    for word in found.key_words:
        table.add_column(Text(_shown(word)), justify="right", no_wrap=True)
    table.add_column("sum", justify="right")
    for word, weights in zip(found.query_words, found.weights, strict=True):
        cells = [Text(f"{100 * weight:.1f}", style="bold" if weight == weights.max() > 0 else "") for weight in weights.tolist()]
        table.add_row(Text(_shown(word)), *cells, f"{100 * weights.sum():.1f}")
    return table


def _strongest(found: TokenWeights, at_most: int) -> Table:
    from rich.table import Table
    from rich.text import Text

    order = np.argsort(-found.weights, axis=None, kind="stable")[:at_most]
    table = Table(box=None)
    for name, justify in (("query token", "left"), ("at", "right"), ("key token", "left"), ("at", "right"), ("weight", "right")):
        table.add_column(name, justify=justify)
    for query, key in zip(*np.unravel_index(order, found.weights.shape), strict=True):
        words = Text(_shown(found.query_words[query])), Text(_shown(found.key_words[key]))
        table.add_row(words[0], str(found.query_tokens[query]), words[1], str(found.key_tokens[key]), percent(found.weights[query, key], 3))
    return table


def _shown(word: str) -> str:
    """A token's characters without the white space around them, a few at most; white space alone as it is written in code."""
    clean = clean_text(word)
    shown = clean.strip() or repr(clean)
    return shown if len(shown) <= WIDEST_WORD else f"{shown[: WIDEST_WORD - 1]}…"
