"""The arithmetic of the plan."""

from __future__ import annotations

from pathlib import Path

import pytest
from fitting import GrowthWithTokens
from measure_batch import FASTER, LENGTHS, plan, table_of, write_documents


def growth(constant: float, linear: float, quadratic: float = 0.0) -> GrowthWithTokens:
    return GrowthWithTokens(constant=constant, linear=linear, quadratic=quadratic, misfit=0.0)


def test_the_plan_adds_up_measuring_on_a_faster_machine_and_pages_on_a_core() -> None:
    grown = {"fast": growth(2.0, 0.01, 1e-6), "page": growth(1.5, 0.001), "measurements": growth(1e5, 100.0), "page_bytes": growth(4e5, 300.0)}
    planned = plan(grown, "fast")
    assert [(one.tokens, one.faster) for one in planned] == [(tokens, faster) for tokens in LENGTHS for faster in FASTER]
    first = planned[1]  # 500 tokens, 5 times: (2 + 5 + 0.25) / 5 + 1.5 + 0.5 seconds for each of 100,000 documents, by 64 workers
    assert first.hours == pytest.approx(3.45 * 100_000 / 64 / 3600)
    assert first.of_pages == pytest.approx(2.0 * 100_000 / 64 / 3600)
    assert first.terabytes == pytest.approx(0.07)
    assert first.megabytes_a_second == pytest.approx(0.07e6 / (first.hours * 3600))
    assert len(table_of(planned).splitlines()) == 2 + len(planned)


def test_documents_are_pieces_that_differ_and_end_at_blanks(tmp_path: Path) -> None:
    write_documents(tmp_path, 5, 20)
    texts = [path.read_text(encoding="utf-8") for path in sorted(tmp_path.iterdir())]
    assert len(set(texts)) == 5
    assert all(100 <= len(text) < 130 and text.strip() == text for text in texts)
