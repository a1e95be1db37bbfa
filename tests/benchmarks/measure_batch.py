"""Documents per minute against workers, what a document costs against its tokens, and what follows for many documents on many GPUs.

    python tests/benchmarks/measure_batch.py [--documents 24] [--tokens 100] [--model all-minilm-l6-v2]    # a table of one process, two, and two of Ray's actors
    python tests/benchmarks/measure_batch.py --costs [--model default] [--lengths 100 200 400 800]    # processor time of each part, fitted, and the plan

Every way is run in a process of its own. Rates are counted from the first finished document on, so that starting and loading are told apart.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fitting import GrowthWithTokens, grow_with_tokens, tokens_in_words

SAMPLE = Path(__file__).parents[2] / "samples" / "roosevelt-1941.txt"
CHARACTERS_OF_A_TOKEN = 5
ENGINES = {"one process": {}, "two processes": {"jobs": 2}, "two of Ray's actors": {"jobs": 2, "engine": "ray"}}
DOCUMENTS, WORKERS, LENGTHS = 100_000, 64, (500, 1000, 4000)
FASTER = (1, 5, 20)  # times one core of this machine that a GPU is supposed to measure; not measured


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Processor seconds of one document: without attribution, with the fast one, and of the page of either; and the bytes of its files with the fast one."""

    tokens: int
    plain: float
    fast: float
    page: float
    measurements: int
    page_bytes: int


@dataclass(frozen=True, kw_only=True)
class Planned:
    """Hours that many documents of a length take, and what they fill."""

    tokens: int
    faster: float
    hours: float
    of_pages: float
    terabytes: float
    megabytes_a_second: float


def write_documents(folder: Path, documents: int, tokens: int) -> None:
    """Pieces of a speech, each from another place, cut at blanks."""
    text = " ".join(SAMPLE.read_text(encoding="utf-8").split())
    size = tokens * CHARACTERS_OF_A_TOKEN
    for number in range(documents):
        start = text.index(" ", (number * 397) % (len(text) - size - 100)) + 1
        (folder / f"piece-{number:04d}.txt").write_text(text[start : text.index(" ", start + size)], encoding="utf-8")


def run_one(name: str, docs: str, model: str, pages: bool) -> None:
    """Print when each document was finished, from the start of the run."""
    from reportgen.asked import Asked
    from reportgen.batch import How, run_batch
    from reportgen.progress import quiet_libraries

    quiet_libraries()
    times, began = [], time.perf_counter()
    asked = Asked(model=model, placing={"device": "cpu"}, measuring={"attribution": "none", "probes": False})
    how = How(pages=pages, threads=1, **ENGINES[name])
    with tempfile.TemporaryDirectory() as out:
        run_batch([docs], Path(out), asked, how, lambda told: times.append(time.perf_counter() - began))
    print(json.dumps(times))


def engines(documents: int, tokens: int, model: str) -> None:
    """Print the table of ways, in turns with and without pages."""
    print("| way | pages | first document after | documents a minute | documents a minute, from the start |\n|---|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as docs:
        write_documents(Path(docs), documents, tokens)
        for pages in (False, True):
            for name in ENGINES:
                times = apart("--one", name, "--docs", docs, "--model", model, *(["--pages"] if pages else []))
                rate = 60 * (len(times) - 1) / (times[-1] - times[0])
                print(f"| {name} | {'yes' if pages else 'no'} | {times[0]:.1f} s | {rate:.0f} | {60 * len(times) / times[-1]:.0f} |", flush=True)


def apart(*words: str) -> list[float]:
    """The times of one way, run in a process of its own with one thread."""
    root = str(SAMPLE.parents[1])
    done = subprocess.run(
        [sys.executable, __file__, *words], stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"}
    )
    return json.loads(done.stdout.strip().splitlines()[-1])


def spent() -> float:
    """Processor seconds of this process and of the children that have ended."""
    now = os.times()
    return now.user + now.system + now.children_user + now.children_system


def taking(do: Callable[[], object]) -> tuple[float, object]:
    """The processor seconds that something takes, and what it gives."""
    before = spent()
    given = do()
    return spent() - before, given


def cost_of(path: Path, model: str) -> Cost:
    """What one document costs."""
    from reportgen.asked import Asked
    from reportgen.batch.store import kept_model
    from reportgen.batch.work import Made, Measurer, Work, setup_of

    seconds, made = {}, {}
    for attribution in ("none", "fast"):
        asked = Asked(model=model, placing={"device": "cpu"}, measuring={"attribution": attribution, "probes": False})
        measurer = Measurer(setup_of(asked, 1, pages=False))
        measurer.model = kept_model(asked)
        work = Work(key="", name=path.name, data=path.read_bytes())
        seconds[attribution], made[attribution] = taking(lambda measurer=measurer, work=work: measurer.make(work))
        assert isinstance(made[attribution], Made), made[attribution]
    drawing = Measurer(setup_of(asked, 1, pages=True))
    drawn_of = Work(key="", name=path.name, data=b"", measured=made["fast"].npz)
    page, drawn = taking(lambda: drawing.make(drawn_of))
    facts = made["fast"].facts
    return Cost(tokens=facts.tokens, plain=seconds["none"], fast=seconds["fast"], page=page, measurements=len(made["fast"].npz), page_bytes=len(drawn.page))


def costs(lengths: Sequence[int], model: str) -> None:
    """Print what documents cost, how that grows, and the plan."""
    found = []
    print("| tokens | measuring | with the fast attribution | page | measurements file | page's size |\n|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        for length in (min(lengths), *lengths):  # the first warms up and is not counted
            write_documents(Path(folder), 1, length)
            cost = cost_of(Path(folder) / "piece-0000.txt", model)
            found.append(cost)
            if len(found) > 1:
                sizes = f"{cost.measurements / 1e6:.2f} MB | {cost.page_bytes / 1e6:.2f} MB"
                print(f"| {cost.tokens} | {cost.plain:.2f} s | {cost.fast:.2f} s | {cost.page:.2f} s | {sizes} |", flush=True)
    grown = {part: grown_by(found[1:], part) for part in ("plain", "fast", "page", "measurements", "page_bytes")}
    print()
    for part in ("plain", "fast", "page"):
        print(tokens_in_words(part, grown[part]))
    for part in ("plain", "fast"):
        print(f"\n{DOCUMENTS:,} documents, {WORKERS} workers, {part}:\n\n{table_of(plan(grown, part))}")


def grown_by(found: Sequence[Cost], part: str) -> GrowthWithTokens:
    """How one part of the cost grows."""
    return grow_with_tokens([cost.tokens for cost in found], [getattr(cost, part) for cost in found])


def at(growth: GrowthWithTokens, tokens: float) -> float:
    """What the fit says of a length."""
    return growth.constant + growth.linear * tokens + growth.quadratic * tokens**2


def plan(grown: dict[str, GrowthWithTokens], part: str) -> list[Planned]:
    """Hours and sizes by length and by how much faster than a core of this machine a GPU is supposed to measure; pages are a core's work beside each GPU."""
    planned = []
    for tokens in LENGTHS:
        size = at(grown["measurements"], tokens) + at(grown["page_bytes"], tokens)
        for faster in FASTER:
            page = at(grown["page"], tokens)
            seconds = (at(grown[part], tokens) / faster + page) * DOCUMENTS / WORKERS
            planned.append(
                Planned(
                    tokens=tokens,
                    faster=faster,
                    hours=seconds / 3600,
                    of_pages=page * DOCUMENTS / WORKERS / 3600,
                    terabytes=size * DOCUMENTS / 1e12,
                    megabytes_a_second=size * DOCUMENTS / seconds / 1e6,
                )
            )
    return planned


def table_of(planned: Sequence[Planned]) -> str:
    """The plan as a table."""
    rows = [
        f"| {one.tokens:,} | {one.faster:g} | {one.hours:.1f} | {one.of_pages:.1f} | {one.terabytes:.2f} TB | {one.megabytes_a_second:.1f} MB/s |"
        for one in planned
    ]
    return "\n".join(["| tokens | times a core | hours | of them pages | files | written by one machine |", "|---:|---:|---:|---:|---:|---:|", *rows])


def main() -> None:
    """Print what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=24)
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--model", default=None)
    parser.add_argument("--costs", action="store_true")
    parser.add_argument("--lengths", type=int, nargs="+", default=[100, 200, 400, 800])
    parser.add_argument("--one", choices=ENGINES, help=argparse.SUPPRESS)
    parser.add_argument("--docs", help=argparse.SUPPRESS)
    parser.add_argument("--pages", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        run_one(asked.one, asked.docs, asked.model, asked.pages)
    elif asked.costs:
        costs(asked.lengths, asked.model or "default")
    else:
        engines(asked.documents, asked.tokens, asked.model or "all-minilm-l6-v2")


if __name__ == "__main__":
    main()
