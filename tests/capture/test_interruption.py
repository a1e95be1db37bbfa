"""Ctrl-C in the middle of a pass: nothing is left behind, and the model is as it was."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent.parent / "tokens"))
from fed import LONG, document, gpt2

from reportgen.capture import MeasureOptions, measure

TEXT = f"{LONG}\n\nSo be it. Nobody waved."
STAGES = {
    "forward pass": ("attention, layer 2", MeasureOptions(probes=False)),
    "backward pass": ("backward pass", MeasureOptions(probes=False)),
    "second look at the links": ("strongest token links", MeasureOptions(probes=False)),
    "control run": ("attention in shuffled order", MeasureOptions(probes=False, control=True)),
    "divergence of heads": ("divergence of heads", MeasureOptions(probes=False)),
    "pruning": ("pruning of", MeasureOptions(probes=False, attribution="full")),
    "window": ("attention, window 2", MeasureOptions(window=150, probes=False)),
}


@pytest.mark.parametrize("name", STAGES)
def test_an_interrupted_measurement_leaves_no_file_and_the_model_as_it_was(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage, options = STAGES[name]
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    language_model, threads = gpt2(), torch.get_num_threads()
    language_model.model.train()
    before = language_model.model.config._attn_implementation
    shares: list[float] = []

    def interrupt(said: str, share: float) -> None:
        if said.startswith(stage) and share > 0:
            shares.append(share)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure(document(TEXT), language_model, options=options, progress=interrupt)
    assert len(shares) == 1
    assert list(tmp_path.iterdir()) == []
    assert language_model.model.config._attn_implementation == before
    assert language_model.model.training
    assert torch.get_num_threads() == threads
    assert not torch.is_inference_mode_enabled()
    assert torch.is_grad_enabled()
    ours = [hook for module in language_model.model.modules() for hook in (module._forward_hooks | module._forward_pre_hooks).values()]
    assert [hook for hook in ours if not hook.__module__.startswith("transformers.")] == []  # the library leaves its own
