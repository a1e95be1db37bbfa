"""What is printed, and cannot be."""

from __future__ import annotations

import os
import sys


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
