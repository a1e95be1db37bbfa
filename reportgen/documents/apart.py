"""Reading in a process of its own: a file that takes too long, takes too much memory or brings a library down ends that process and not this one.

What comes back is plain data (JSON), never an object that the other process made.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from reportgen.documents.decoding import clean
from reportgen.documents.document import Piece, Reading
from reportgen.documents.formats import Format
from reportgen.documents.limits import ReadingLimits
from reportgen.errors import DocumentError
from reportgen.memory import written_size

HOME = Path(__file__).resolve().parents[2]
CHILD = "reportgen.documents.child"
OUT_OF_TIME = frozenset(getattr(signal, name) for name in ("SIGXCPU",) if hasattr(signal, name))


def read_apart(data: bytes, form: Format, *, source: str, limits: ReadingLimits) -> Reading:
    """What the format's reader makes of these bytes, in a process of its own.

    Raises `DocumentError` where the file is refused or damaged, a limit is met, or the libraries for the format are not installed.
    """
    job = {"reader": form.reader, "has_pages": form.has_pages, "source": source, "limits": asdict(limits)}
    answer = _answer(json.dumps(job).encode("ascii") + b"\n" + data, form, source, limits)
    if "reading" in answer:
        return _reading(answer["reading"])
    if "refused" in answer:
        said = answer["refused"]
        raise DocumentError(said if said.startswith(source) else f"{source}: {said}")
    if "missing" in answer:
        raise DocumentError(f"{source} is {form.called}, and what reads it is not installed ({answer['missing']}): pip install 'reportgen[{form.name}]'.")
    if "memory" in answer:
        raise DocumentError(_too_much_memory(source, limits))
    raise DocumentError(f"{source} cannot be read as {form.called} ({answer['damaged']}): it is damaged or is something else; save it anew.")


def _answer(job: bytes, form: Format, source: str, limits: ReadingLimits) -> dict[str, Any]:
    """What the other process says. A job that begins with what is asked and goes on with the file's bytes."""
    try:
        done = subprocess.run([sys.executable, "-P", "-m", CHILD], input=job, capture_output=True, timeout=limits.seconds, env=_environment(), check=False)
    except subprocess.TimeoutExpired:
        raise DocumentError(_too_long(source, limits)) from None
    if done.returncode == 0:
        return json.loads(done.stdout)
    if -done.returncode in OUT_OF_TIME:
        raise DocumentError(_too_long(source, limits))
    if done.returncode > 0 and b"MemoryError" not in done.stderr:
        raise RuntimeError(f"{CHILD} ended with exit code {done.returncode}: {done.stderr.decode('utf-8', 'replace')}")
    how = "ran out of memory" if done.returncode > 0 else f"was ended by signal {-done.returncode}"
    raise DocumentError(
        f"{source} cannot be read as {form.called} (its reader {how}): it is damaged, or takes more memory than {written_size(limits.memory)}; "
        "save it anew, or raise the limit with --max-memory."
    )


def _environment() -> dict[str, str]:
    """This process's environment and module path, but for the folder that it is in, where a document's neighbours may lie."""
    here = os.path.realpath(os.curdir)
    path = [str(HOME), *(place for place in sys.path if place and os.path.realpath(place) != here)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path)}


def _reading(given: dict[str, Any]) -> Reading:
    pieces = tuple(Piece(kind=piece["kind"], text=clean(piece["text"]), level=piece["level"]) for piece in given["pieces"])
    return Reading(
        pieces=tuple(piece for piece in pieces if piece.text.strip()), title=given["title"], language=given["language"], notices=tuple(given["notices"])
    )


def _too_long(source: str, limits: ReadingLimits) -> str:
    return f"Reading {source} took longer than {limits.seconds} second{'' if limits.seconds == 1 else 's'}: give a part of it, or raise the limit with --max-seconds."


def _too_much_memory(source: str, limits: ReadingLimits) -> str:
    return f"Reading {source} takes more memory than {written_size(limits.memory)}: give a part of it, or raise the limit with --max-memory."
