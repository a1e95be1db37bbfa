"""The table of a device, with made-up ways and a device of which nothing is asked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import device_speed
import pytest
import torch


def made_up_device(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("empty_cache", "reset_peak_memory_stats", "synchronize"):
        monkeypatch.setattr(torch.cuda, name, lambda *_: None)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda _: 3e9)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Made up")


def out_of_memory(loaded: Any, layout: Any) -> None:
    if layout.tokens > device_speed.WARM_UP:
        raise torch.OutOfMemoryError


def test_a_row_for_each_length_and_what_does_not_fit_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    made_up_device(monkeypatch)
    runs: list[tuple[str, int]] = []
    ways = {way: lambda loaded, layout, way=way: runs.append((way, layout.tokens)) for way in device_speed.THERE} | {"eager": out_of_memory}
    monkeypatch.setattr(device_speed, "WAYS", ways)
    short = SimpleNamespace(tokens=128, sentences=3)
    loaded = SimpleNamespace(name="nothing", model=SimpleNamespace(device=torch.device("cuda"), dtype=torch.float32))
    monkeypatch.setattr(
        device_speed, "load", lambda tokens, model, device: (loaded, SimpleNamespace(tokens=tokens, sentences=tokens // 40, head=lambda count: short))
    )
    monkeypatch.setattr("sys.argv", ["device_speed.py", "--tokens", "400", "800", "--runs", "2"])
    device_speed.main()
    heading, _, *rows, said = capsys.readouterr().out.splitlines()
    assert "| eager / ours |" in heading
    assert "savis" not in heading
    assert "without logits" not in heading
    assert [row.split(" | ")[:2] for row in rows] == [["| 400", "10"], ["| 800", "20"]]
    assert all("3.00 GB" in row and row.count("does not fit") == 1 for row in rows)
    assert runs.count(("ours", 400)) == runs.count(("backward", 800)) == 2
    assert runs.count(("ours", 128)) == 2
    assert said.startswith("Made up, ")
    assert said.endswith("medians of 2.")
