"""The other end of `apart`: a process that reads one file within limits and writes what it made of it as JSON.

Run as `python -m reportgen.documents.child`. Standard input holds a line of JSON (reader, source, limits) and then the file's bytes; standard output takes
one object: `reading`, or `refused` with a sentence, or `missing`, `memory` or `damaged` with what went wrong.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from importlib import import_module
from io import BufferedIOBase
from typing import Any

from reportgen.documents.limits import ReadingLimits, refuse_length
from reportgen.errors import DocumentError


def main() -> None:
    """Read the job from standard input, and write its answer to standard output."""
    job = json.loads(sys.stdin.buffer.readline())
    answers, sys.stdout = sys.stdout.buffer, sys.stderr  # what a library prints is no answer
    answers.write(json.dumps(answer_of(job, sys.stdin.buffer)).encode("ascii"))


def answer_of(job: dict[str, Any], data: BufferedIOBase) -> dict[str, Any]:
    """What to tell the parent: the reading as plain data, or why there is none. From here on this process is limited."""
    module, _, function = job["reader"].partition(":")
    try:
        reader = getattr(import_module(module), function)
    except ImportError as error:
        return {"missing": _in_a_line(error)}
    limits = ReadingLimits(**job["limits"])
    _limit_this_process(limits)
    try:
        reading = reader(data.read(), limits.pages if job["has_pages"] else limits)
        refuse_length(job["source"], sum(len(piece.text) for piece in reading.pieces), limits)
        return {"reading": asdict(reading)}
    except DocumentError as error:
        return {"refused": str(error)}
    except ImportError as error:
        return {"missing": _in_a_line(error)}
    except MemoryError:
        return {"memory": True}
    except Exception as error:  # a library may stumble over a damaged file in any way; which one, the parent says
        return {"damaged": f"{type(error).__name__}: {_in_a_line(error)}".rstrip(": ")}


def _limit_this_process(limits: ReadingLimits) -> None:
    """Memory and processor time by the system's own limits, on systems that have them; the parent watches the clock everywhere."""
    try:
        import resource
    except ImportError:  # Windows
        return
    _lower(resource, resource.RLIMIT_CPU, limits.seconds + 1)
    if sys.platform != "darwin":  # which refuses to limit address space
        _lower(resource, resource.RLIMIT_AS, limits.memory)
    _lower(resource, resource.RLIMIT_CORE, 0)


def _lower(resource: Any, which: int, to: int) -> None:
    """Set a limit, or leave one that is lower already. The hard one stays: at that the system kills without a word."""
    hard = resource.getrlimit(which)[1]
    resource.setrlimit(which, (to if hard == resource.RLIM_INFINITY else min(to, hard), hard))


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


if __name__ == "__main__":
    main()
