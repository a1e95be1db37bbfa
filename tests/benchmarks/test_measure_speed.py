"""The whole print-out, with made-up figures in place of runs."""

from __future__ import annotations

import measure_speed
import peers
import pytest
from timing import Figures, Outcome, Timed


def made_up(timed: Timed) -> Outcome:
    """Ours takes 0.5 s + 2 ms T + 1 µs T² at 40 tokens a sentence, less 20 ms for each sentence that merging takes away."""
    sentences = timed.tokens // 40
    left = -(-sentences // timed.merged)
    seconds = 0.5 + 2e-3 * timed.tokens + 1e-6 * timed.tokens**2 - 0.02 * (sentences - left)
    return Figures(seconds=seconds if timed.way == "ours" else 1, gigabytes=1.5, tokens=timed.tokens, sentences=left)


def test_table_and_growth_are_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["measure_speed.py", "--tokens", "480", "2000", "5000", "--runs", "2", "--memory-for-peers", "6"])
    monkeypatch.setattr(measure_speed, "run_apart", made_up)
    monkeypatch.setattr(peers, "find_spec", lambda name: None if name == "bertviz" else object())
    measure_speed.main()
    printed = capsys.readouterr().out
    rows = [line for line in printed.splitlines() if line.startswith("|")]
    assert len(rows) == 5
    assert [row.count("not installed") for row in rows[2:]] == [1, 1, 1]
    assert [row.count("does not fit") for row in rows[2:]] == [0, 1, 2]  # savis, then eager attention as well
    assert "Ours: t = 0.5 s + 2 ms T + 1 µs T² for T tokens" in printed
    assert "SDPA: t = 1 s + 0 ms T + 0 µs T² for T tokens, within 0% of each time; nothing grows with T²." in printed
    assert "merged: 8.5 s with 50, 8.0 s with 25, 7.8 s with 13, 7.6 s with 7, 7.6 s with 4, 7.5 s with 2." in printed
    assert "Ours at 2,000 tokens: t = 7.5 s + (20 ms) S for S sentences, within 0% of each time; by it 50 sentences take 13% more than 2." in printed


def test_two_lengths_give_no_growth_with_tokens(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["measure_speed.py", "--tokens", "480", "2000", "--gradients"])
    monkeypatch.setattr(measure_speed, "run_apart", made_up)
    measure_speed.main()
    printed = capsys.readouterr().out
    assert "Ours backward: growth with tokens is fitted from three lengths on; 2 were measured." in printed
