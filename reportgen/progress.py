"""Progress of long work on standard error: stage, share done, time left."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from reportgen.interruptions import raise_interruption


@contextmanager
def stages() -> Iterator[Callable[[str, float], None]]:
    """A function of a stage's name and the share of it that is done; each kind of stage has a line of its own.

    What follows a comma in the name (the layer) is shown but does not begin a new line. Without a terminal, each stage is one plain line.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TimeElapsedColumn(), TimeRemainingColumn())
    tasks: dict[str, int] = {}
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:

        def show(stage: str, share: float) -> None:
            raise_interruption()
            kind = stage.partition(",")[0]
            if kind not in tasks:
                tasks[kind] = bars.add_task(stage, total=1.0)
                if not console.is_terminal:
                    console.print(f"{kind} ...", highlight=False)
            bars.update(tasks[kind], description=stage, completed=share)

        yield show


def quiet_libraries() -> None:
    """Keep other libraries' progress bars and advice off the terminal; their errors still come through as exceptions."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TQDM_DISABLE", "1")
    logging.getLogger("transformers").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"(transformers|torch|huggingface_hub)(\..*)?")
