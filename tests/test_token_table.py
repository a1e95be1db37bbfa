"""Token-to-token weights on a terminal, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up import made_up
from rich.console import Console

from reportgen.errors import OutputError
from reportgen.sentence_pair import TokenWeights, find_pair
from reportgen.token_table import check_kind, serialise, show

WEIGHTS = np.array([[0.5, 0.125, 0.0], [0.0625, 0.25, 0.0009765625], [0.001, 0.002, 0.003]], np.float32)


def found(**changes: object) -> TokenWeights:
    """Sentence 5, three tokens, on sentence 1, three tokens."""
    pair = find_pair(made_up(), (4, 0), (1, 2))
    queries, keys = pair.queries.tokens_of(4), pair.keys.tokens_of(0)
    words = {"query_words": pair.queries.words(queries), "key_words": pair.keys.words(keys)}
    weights = {"weights": WEIGHTS, "mass": float(WEIGHTS.sum(1).mean())}
    return replace(TokenWeights(pair=pair, query_tokens=queries, key_tokens=keys, **words, **weights), **changes)


def shown(what: TokenWeights, width: int = 100, at_most: int = 20) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    show(what, console, at_most)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_a_narrow_pair_is_a_table_of_all_weights_in_per_cent() -> None:
    lines = shown(found())
    assert lines[0] == "Head 1.2 of the decoder"
    assert lines[1] == "Sentence 5 (query): Umber vigil wharf."
    assert lines[2] == "Sentence 1 (key): Amber birch cedar."
    assert lines[3].startswith("Mass: 31.48")
    assert "mean over 3 query tokens of the sum over 3 key tokens; measured before: " in lines[3]
    assert [line.split() for line in lines[5:]] == [
        ["Amber", "birch", "cedar.", "sum"],
        ["Umber", "50.0", "12.5", "0.0", "62.5"],
        ["vigil", "6.2", "25.0", "0.1", "31.3"],
        ["wharf.", "0.1", "0.2", "0.3", "0.6"],
    ]


def test_a_wide_pair_is_a_list_of_the_strongest() -> None:
    lines = shown(found(), width=34, at_most=4)
    start = next(index for index, line in enumerate(lines) if line.startswith("The 4 strongest of 9"))
    rows = [line.split() for line in lines[start:] if line.endswith("%")]
    assert [row[:4] for row in rows] == [
        ["Umber", "20", "Amber", "0"],
        ["vigil", "21", "birch", "1"],
        ["Umber", "20", "birch", "1"],
        ["vigil", "21", "Amber", "0"],
    ]
    assert [row[4] for row in rows] == ["50.0", "25.0", "12.5", "6.25"]


def test_hostile_tokens_stay_text() -> None:
    hostile = found(query_words=("[bold]x", "\x1b[31mred", "\n\n"), key_words=("[/]", ":smile:", "a" * 40))
    text = "\n".join(shown(hostile))
    assert "[bold]x" in text
    assert "\x1b" not in text
    assert "[/]" in text
    assert ":smile:" in text
    assert r"'\n\n'" in text
    assert "a" * 13 + "…" in text
    assert "a" * 14 not in text


def test_json_holds_the_matrix_with_sentences_numbered_from_one() -> None:
    data = json.loads(serialise(found(), made_up().metadata, ".json"))
    assert data["schema"] == 1
    assert (data["stack"], data["layer"], data["head"], data["window"]) == ("decoder", 1, 2, None)
    assert data["query_sentence"] == {"number": 5, "text": "Umber vigil wharf."}
    assert data["key_tokens"] == [{"position": 0, "text": "Amber"}, {"position": 1, "text": "birch"}, {"position": 2, "text": "cedar."}]
    np.testing.assert_allclose(data["weights"], WEIGHTS, rtol=1e-5)
    assert data["mass"] == pytest.approx(found().mass, rel=1e-5)
    assert data["model"] == "made-up-1"


def test_csv_has_a_row_for_each_pair_of_tokens() -> None:
    rows = list(csv.reader(io.StringIO(serialise(found(query_words=('a,"b"', "\n", "c")), made_up().metadata, ".CSV"), newline="")))
    assert rows[0] == ["query_position", "query_token", "key_position", "key_token", "weight"]
    assert len(rows) == 10
    assert rows[1] == ["20", 'a,"b"', "0", "Amber", "0.5"]
    assert rows[6] == ["21", "'\n", "2", "cedar.", "0.000976562"]


def test_a_token_that_a_table_would_take_for_a_formula_is_text_there() -> None:
    rows = list(csv.reader(io.StringIO(serialise(found(key_words=('=HYPERLINK("http://x")', "-", "b=1")), made_up().metadata, ".csv"), newline="")))
    assert [row[3] for row in rows[1:4]] == ['\'=HYPERLINK("http://x")', "'-", "b=1"]


def test_a_file_of_another_kind_is_refused() -> None:
    check_kind(Path("x.JSON"))
    check_kind(Path("x.csv"))
    with pytest.raises(OutputError, match="Cannot write x.html: name a .json or a .csv file"):
        check_kind(Path("x.html"))
