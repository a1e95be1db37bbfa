"""Short documents and a tiny model in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from batch.fifty import DOCUMENTS, Files, files_in
from tiny_folders import save_folder, tiny_gpt2

from reportgen.asked import Asked
from reportgen.batch import How, run_batch


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of one layer."""
    return save_folder(tmp_path_factory.mktemp("models") / "tiny", tiny_gpt2(n_layer=1))


@pytest.fixture(scope="session")
def quick(model: Path) -> Asked:
    """The least that can be measured, on the CPU."""
    return Asked(model=str(model), placing={"device": "cpu"}, measuring={"attribution": "none", "probes": False})


@pytest.fixture(scope="session")
def fifty_docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifty texts of two sentences."""
    folder = tmp_path_factory.mktemp("docs")
    for number in range(DOCUMENTS):
        (folder / f"text-{number:02d}.txt").write_text(f"The gull {number} slept{' on' * (number % 7)} at dawn. Nobody waved.\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def by_one(fifty_docs: Path, quick: Asked, tmp_path_factory: pytest.TempPathFactory) -> Files:
    """What one process gives that nobody disturbs."""
    folder = tmp_path_factory.mktemp("one") / "out"
    manifest = run_batch([str(fifty_docs)], folder, quick, How(pages=False))
    assert len(manifest.of("done")) == DOCUMENTS
    return files_in(folder)
