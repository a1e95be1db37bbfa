"""Time of each part of the fast attribution against the same model's plain forward pass, over one text with the default model.

Prints one Markdown table. Everything runs in this process, in turns: the plain pass before and after each part, so that what slows the machine for a while
slows both; ratios are to the median of the plain passes around it.

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

Part = Callable[[], Any]


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
    print("\n".join(table({name: median(ratios) for name, ratios in found.items()})))
    print(f"\n{layout.tokens} tokens, {layout.sentences} sentences, {os.cpu_count()} cores; medians of {options.runs}.")


def parts_of_fast(loaded: Any, layout: Any) -> dict[str, Part]:
    """What the fast attribution makes, part by part; what a part needs of those before it is made beforehand."""
    from reportgen.capture.attribution import measure_gradients
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
    arrays = gradients.arrays() | {"attribution.attention": forward.target_attention["decoder"]}
    return {
        "backward pass": lambda: measure_gradients(loaded.model, aimed, target, silent),
        "links hidden": lambda: measure_links(loaded, given, forward.arrays, silent, attention_alone=True),
        "curves of faithfulness": lambda: measure_faithfulness(loaded, aimed, target, gradients.value, arrays, silent, full=False),
    }


def timed(part: Part, plain: Part) -> Ratio:
    """A part between two plain passes."""
    before, taken, after = (_times(run) for run in (plain, part, plain))
    wall, processor = ((before[kind] + after[kind]) / 2 for kind in (0, 1))
    return Ratio(seconds=taken[0], ratio=taken[0] / wall, processor_ratio=taken[1] / processor)


def _times(run: Part) -> tuple[float, float]:
    wall, processor = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - processor


def median(ratios: list[Ratio]) -> Ratio:
    """The median of each figure."""
    return Ratio(**{name: statistics.median(getattr(one, name) for one in ratios) for name in ("seconds", "ratio", "processor_ratio")})


def table(found: Mapping[str, Ratio]) -> list[str]:
    """Lines of Markdown: a row for each part and one for all together."""
    whole = Ratio(**{name: sum(getattr(one, name) for one in found.values()) for name in ("seconds", "ratio", "processor_ratio")})
    rows = [f"| {name} | {one.seconds:.1f} s | {one.ratio:.1f} | {one.processor_ratio:.1f} |" for name, one in {**found, "all": whole}.items()]
    return ["| part of the fast attribution | time | plain passes | in processor time |", "|---|---:|---:|---:|", *rows]


def silent(stage: str, share: float) -> None:
    """Progress that nobody watches."""


if __name__ == "__main__":
    main()
