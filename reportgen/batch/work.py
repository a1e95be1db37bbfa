"""One document's files made from its bytes: what a worker does, in this process, another or on another machine."""

from __future__ import annotations

import sys
import tempfile
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from reportgen.asked import Asked, load_as_asked, measure_as_asked, read_as_asked
from reportgen.errors import ReportgenError

if TYPE_CHECKING:
    from reportgen.measurements import Measurements

MEASURED = "measured.npz"
BESIDE = ("sentences", "pair")


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What all documents share: what is asked, the files beside the documents by what they are for (name and bytes), threads, whether pages are made.

    Paths in `asked` are of the machine where the run began and are not read by workers; a model's folder is.
    """

    asked: Asked
    beside: Mapping[str, tuple[str, bytes]]
    threads: int = 1
    pages: bool = True


@dataclass(frozen=True, kw_only=True)
class Work:
    """A document's key, file name and bytes; and its measurements file, where there is one and only the page is to be made."""

    key: str
    name: str
    data: bytes
    measured: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a manifest says of measurements."""

    title: str
    model: str
    tokens: int
    sentences: int


@dataclass(frozen=True, kw_only=True)
class Made:
    """A measurements file and a page, None where no pages are made, as bytes."""

    facts: Facts
    npz: bytes
    page: bytes | None


@dataclass(frozen=True, kw_only=True)
class NotMade:
    """Why a document could not be measured, in one sentence."""

    error: str


def setup_of(asked: Asked, threads: int, pages: bool) -> Setup:
    """The setup, with the files beside the documents read."""
    paths = {role: Path(asked.reading[role]) for role in BESIDE if asked.reading.get(role) is not None}
    return Setup(asked=asked, beside={role: (path.name, path.read_bytes()) for role, path in paths.items()}, threads=threads, pages=pages)


def facts_of(measurements: Measurements) -> Facts:
    """Title, model, tokens and sentences."""
    return Facts(
        title=measurements.metadata["title"],
        model=measurements.metadata["model"],
        tokens=len(measurements.arrays["token_ids"]),
        sentences=len(measurements.arrays["sentence_spans"]),
    )


class Measurer:
    """A worker: loads its model once, then makes the files of one document after the other. The `index`-th of several on a machine with GPUs takes the GPU of that number."""

    def __init__(self, setup: Setup, index: int | None = None) -> None:
        self.setup, self.index, self.model = setup, index, None

    def load(self) -> None:
        """Load the model. Raises `ModelError`."""
        import torch

        from reportgen.progress import quiet_libraries

        quiet_libraries()
        torch.set_num_threads(self.setup.threads)
        asked = self.setup.asked
        if self.index is not None and asked.placing.get("device") == "cuda":
            asked = replace(asked, placing={**asked.placing, "device": f"cuda:{self.index % torch.cuda.device_count()}"})
        self.model = load_as_asked(asked)

    def make(self, work: Work) -> Made | NotMade:
        """The document's files, or why there are none; an error that is nobody's fault but reportgen's shows its traceback and does not stop the others."""
        try:
            with threadpool_limits(self.setup.threads, user_api="blas"), tempfile.TemporaryDirectory(prefix="reportgen-") as folder:
                return self._made(work, Path(folder))
        except ReportgenError as error:
            return NotMade(error=" ".join(str(error).split()))
        except Exception as error:
            if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # the latter is torch's, of a GPU
                return NotMade(error="The document did not fit in memory: measure fewer tokens at once (--window), or with fewer workers (--jobs).")
            traceback.print_exc(file=sys.stderr)
            return NotMade(error=f"A bug in reportgen, whose traceback is on standard error: {type(error).__name__}: {' '.join(str(error).split())[:300]}")

    def _made(self, work: Work, folder: Path) -> Made:
        npz = folder / MEASURED
        if work.measured is None:
            measurements = self._measured(work, folder)
            measurements.save(npz)
        else:
            npz.write_bytes(work.measured)
            measurements = _read(npz)
        page = _page(_read(npz), self.setup.threads) if self.setup.pages else None  # of the file, as `reportgen render` gives it
        return Made(facts=facts_of(measurements), npz=npz.read_bytes(), page=page)

    def _measured(self, work: Work, folder: Path) -> Measurements:
        texts = folder / "document", folder / "beside"
        for place in texts:
            place.mkdir()
        (texts[0] / work.name).write_bytes(work.data)
        asked = self._reading_from(texts[1])
        return measure_as_asked(read_as_asked(str(texts[0] / work.name), asked), self.model, asked)

    def _reading_from(self, folder: Path) -> Asked:
        """What is asked, with the files beside the document in a folder of this machine."""
        paths = {}
        for role, (name, data) in self.setup.beside.items():
            paths[role] = folder / role / name
            paths[role].parent.mkdir()
            paths[role].write_bytes(data)
        return replace(self.setup.asked, reading={**self.setup.asked.reading, **paths})


def _read(npz: Path) -> Measurements:
    from reportgen.measurements import Measurements

    return Measurements.load(npz)


def _page(measurements: Measurements, threads: int) -> bytes:
    from reportgen.render import render_measurements

    return render_measurements(measurements, threads)[1].encode("utf-8")
