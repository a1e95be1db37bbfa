"""What is printed, and cannot be."""

from __future__ import annotations

import io
import os
import sys


def print_in_any_letters() -> None:
    """From now on what a stream's encoding has no letters for, as in names of files, is printed as numbers, where Python would end with an error after the work is done."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def why_unwritten() -> str | None:
    """Why nothing can be printed, as on a full disk, which a line break tells; None where it can. What is left is then given up, or Python would fail over it once more at its end."""
    try:
        print(flush=True)
    except OSError as error:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        return error.strerror or str(error)
    return None
