"""Short documents and a tiny model in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_folders import save_folder, tiny_gpt2

from reportgen.asked import Asked


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of one layer."""
    return save_folder(tmp_path_factory.mktemp("models") / "tiny", tiny_gpt2(n_layer=1))


@pytest.fixture(scope="session")
def quick(model: Path) -> Asked:
    """The least that can be measured, on the CPU."""
    return Asked(model=str(model), placing={"device": "cpu"}, measuring={"attribution": "none", "probes": False})
