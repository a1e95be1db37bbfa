"""Time and peak memory of measuring against the same model's plain SDPA forward pass, eager attention with the same formulas, savis and bertviz.

Prints one Markdown table and how time grows with tokens and sentences. Each figure is measured in a process of its own; ratios are between medians of the
runs of this call, which are taken in turns.

    python tests/benchmarks/measure_speed.py [--tokens 512 1024 2048 4096 8192] [--runs 3] [--gradients] [--memory-for-eager 16] [--memory-for-peers 16]
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from importlib.metadata import version

from fitting import grow_with_sentences, grow_with_tokens, sentences_in_words, tokens_in_words
from peers import BYTES_PER_PAIR, is_missing, needed
from table import columns, header, row, ways_of
from timing import Figures, Outcome, Timed, in_turns, run_apart

FITTED = {"sdpa": "SDPA", "ours": "Ours", "plain backward": "Plain backward", "backward": "Ours backward"}
LONGEST_FOR_SENTENCES = 4096
MERGED = (1, 2, 4, 8, 16, 32)


def main() -> None:
    """Print the table, then the fits."""
    options = read_options()
    shown = columns(options.gradients)
    print(header(shown), flush=True)
    found = {}
    for tokens in options.tokens:
        found[tokens] = at_length(ways_of(shown), tokens, options)
        print(row(shown, found[tokens]), flush=True)
    print()
    print_growth_with_tokens(found)
    print_growth_with_sentences(found, options.runs)
    print(conditions(options.runs))


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, nargs="+", default=[512, 1024, 2048, 4096, 8192], help="lengths; each is cut after a whole sentence")
    parser.add_argument("--runs", type=int, default=3, help="runs of each way, whose median is shown; eager attention and the other tools run once")
    parser.add_argument("--gradients", action="store_true", help="time the backward pass as well")
    parser.add_argument("--memory-for-eager", type=float, default=16.0, help="GB that eager attention may take")
    parser.add_argument("--memory-for-peers", type=float, default=16.0, help="GB that savis and bertviz may take")
    parser.add_argument("--seconds-for-peers", type=float, default=900.0, help="seconds after which a run of eager attention, savis or bertviz is ended")
    return parser.parse_args()


def at_length(ways: list[str], tokens: int, options: argparse.Namespace) -> dict[str, Outcome]:
    """What each way gives, or why it gives nothing."""
    found: dict[str, Outcome] = {}
    timed = []
    for way in ways:
        limit = options.memory_for_eager if way == "eager" else options.memory_for_peers
        if is_missing(way):
            found[way] = "not installed"
        elif needed(way, tokens) > limit:
            found[way] = "does not fit"
        elif way in BYTES_PER_PAIR:
            timed.append(Timed(way=way, tokens=tokens, gigabytes=limit, seconds=options.seconds_for_peers, once=True))
        else:
            timed.append(Timed(way=way, tokens=tokens))
    return found | {one.way: outcome for one, outcome in in_turns(timed, options.runs, run_apart).items()}


def print_growth_with_tokens(found: Mapping[int, Mapping[str, Outcome]]) -> None:
    """A line for each way that is fitted."""
    for way, name in FITTED.items():
        measured = [outcomes[way] for outcomes in found.values() if isinstance(outcomes.get(way), Figures)]
        if len({one.tokens for one in measured}) >= 3:
            print(tokens_in_words(name, grow_with_tokens([one.tokens for one in measured], [one.seconds for one in measured])))
        elif measured:
            print(f"{name}: growth with tokens is fitted from three lengths on; {len(measured)} were measured.")


def print_growth_with_sentences(found: Mapping[int, Mapping[str, Outcome]], runs: int) -> None:
    """The times of the longest length up to 4,096 with neighbouring sentences merged, and the fit. All read the same tokens and the same target rows."""
    lengths = {tokens: outcomes["ours"].sentences for tokens, outcomes in found.items() if isinstance(outcomes["ours"], Figures)}
    tokens = max((tokens for tokens in lengths if tokens <= LONGEST_FOR_SENTENCES), default=min(lengths, default=None))
    if tokens is None:
        return
    timed = [Timed(way="ours", tokens=tokens, merged=by) for by in MERGED if lengths[tokens] > by]
    measured = [one for one in in_turns(timed, runs, run_apart).values() if isinstance(one, Figures)]
    sentences, seconds = [one.sentences for one in measured], [one.seconds for one in measured]
    print(f"Ours with neighbouring sentences merged: {', '.join(f'{one.seconds:.1f} s with {one.sentences}' for one in measured)}.")
    if len(set(sentences)) >= 2:
        print(sentences_in_words("Ours", measured[0].tokens, sentences, grow_with_sentences(sentences, seconds)))


def conditions(runs: int) -> str:
    """What the figures were measured with."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "numba"))
    return f"{os.cpu_count()} cores, {libraries}; medians of {runs}, eager attention, savis and bertviz of 1 run."


if __name__ == "__main__":
    main()
