"""Time of each part of the fast attribution against the same model's plain forward pass, over one text with the default model.

Prints one Markdown table. Everything runs in this process, in turns: the plain pass before and after each part, so that what slows the machine for a while
slows both; ratios are to the mean of the plain passes around it. Value norms are part of a forward pass: they are what it takes more with them than without.
Beside the measured passes stands what a run says before it starts.

    python tests/benchmarks/attribution_cost.py [--tokens 1000] [--runs 3]
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ways import load, sdpa

Run = Callable[[], Any]


@dataclass(frozen=True, kw_only=True)
class Part:
    """What is timed, what of it is something else's time and taken off, and how many plain passes are told beforehand, where that is."""

    run: Run
    without: Run | None = None
    told: float | None = None


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """Seconds of a part, and how many plain passes that is; of processor time in the same way."""

    seconds: float
    ratio: float
    processor_ratio: float


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=1000, help="length of the text, cut after a whole sentence")
    parser.add_argument("--runs", type=int, default=3, help="runs of each part, whose median is shown")
    options = parser.parse_args()
    loaded, layout = load(options.tokens)
    parts = parts_of_fast(loaded, layout)
    sdpa(loaded, layout)
    found = {name: [timed(part, lambda: sdpa(loaded, layout)) for _ in range(options.runs)] for name, part in parts.items()}
    print("\n".join(table({name: median(ratios) for name, ratios in found.items()}, {name: part.told for name, part in parts.items()})))
    print(f"\n{layout.tokens} tokens, {layout.sentences} sentences, {os.cpu_count()} cores; medians of {options.runs}.")


def parts_of_fast(loaded: Any, layout: Any) -> dict[str, Part]:
    """What the fast attribution makes, part by part; what a part needs of those before it is made beforehand."""
    from reportgen.capture.attribution import measure_gradients
    from reportgen.capture.attribution.cost import attribution_cost
    from reportgen.capture.attribution.faithfulness import measure_faithfulness
    from reportgen.capture.feeding import Feed
    from reportgen.capture.forward import measure_forward
    from reportgen.capture.knockout import measure_links
    from reportgen.capture.targets import default_target

    config, given = loaded.model.config, Feed(source=layout)
    shapes = {"decoder": (config.num_hidden_layers, config.num_attention_heads)}
    target = default_target(loaded, given)
    aimed = target.feed(given, None)
    forward = measure_forward(loaded.model, given, shapes, silent)
    gradients = measure_gradients(loaded.model, aimed, target, silent)
    arrays = gradients.arrays() | {"attribution.attention": forward.target_attention["decoder"]["attribution.attention"]}
    told = attribution_cost(loaded, given, target, full=False).passes

    def curves() -> None:
        found = measure_faithfulness(loaded, aimed, target, gradients.value, arrays, silent, full=False)
        if found.settings is None:
            raise SystemExit(f"No curves were measured: {' '.join(found.notices)}")

    return {
        "backward pass": Part(run=lambda: measure_gradients(loaded.model, aimed, target, silent), told=told["backward"]),
        "value norms": Part(
            run=lambda: target_rows(loaded.model, aimed, shapes, norms=True), without=lambda: target_rows(loaded.model, aimed, shapes, norms=False)
        ),
        "links hidden": Part(run=lambda: measure_links(loaded, given, forward.arrays, silent, attention_alone=True), told=told["links"]),
        "curves of faithfulness": Part(run=curves, told=told["curves"]),
    }


def target_rows(model: Any, aimed: Any, shapes: Any, *, norms: bool) -> None:
    """A forward pass that adds up the attention of the target's rows alone, with or without their value norms."""
    from reportgen.capture.forward import run_through
    from reportgen.capture.reducers.target_rows import TargetRows
    from reportgen.capture.streaming import StackPass
    from reportgen.capture.value_norms import ValueNorms

    stacks = aimed.stacks(shapes)
    passes = {name: StackPass(stack=stack, reducers=[TargetRows(stack)]) for name, stack in stacks.items()}
    watched = ValueNorms(stacks["decoder"]) if norms else None
    run_through(model, aimed, passes, watched)
    if watched is not None and watched.notices:
        raise SystemExit(f"No value norms were measured: {' '.join(watched.notices)}")


def timed(part: Part, plain: Run) -> Ratio:
    """A part between two plain passes."""
    before, taken, after = (_times(run) for run in (plain, part.run, plain))
    less = _times(part.without) if part.without else (0.0, 0.0)
    wall, processor = ((before[kind] + after[kind]) / 2 for kind in (0, 1))
    return Ratio(seconds=taken[0] - less[0], ratio=(taken[0] - less[0]) / wall, processor_ratio=(taken[1] - less[1]) / processor)


def _times(run: Run) -> tuple[float, float]:
    wall, processor = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - processor


def median(ratios: list[Ratio]) -> Ratio:
    """The median of each figure."""
    return Ratio(**{name: statistics.median(getattr(one, name) for one in ratios) for name in ("seconds", "ratio", "processor_ratio")})


def table(found: Mapping[str, Ratio], told: Mapping[str, float | None]) -> list[str]:
    """Lines of Markdown: a row for each part and one for all together."""
    whole = Ratio(**{name: sum(getattr(one, name) for one in found.values()) for name in ("seconds", "ratio", "processor_ratio")})
    before = {name: f"{passes:.1f}" for name, passes in {**told, "all": sum(passes or 0 for passes in told.values())}.items() if passes is not None}
    rows = [
        f"| {name} | {one.seconds:.1f} s | {one.ratio:.1f} | {one.processor_ratio:.1f} | {before.get(name, '')} |"
        for name, one in {**found, "all": whole}.items()
    ]
    return ["| part of the fast attribution | time | plain passes | in processor time | told before |", "|---|---:|---:|---:|---:|", *rows]


def silent(stage: str, share: float) -> None:
    """Progress that nobody watches."""


if __name__ == "__main__":
    main()
