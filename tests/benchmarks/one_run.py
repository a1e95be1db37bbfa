"""Seconds, peak memory and size of what is written of one way on one length, in this process, as a line of JSON.

    python tests/benchmarks/one_run.py WAY TOKENS MERGED [GB]

MERGED sentences each are taken as one. With GB the process may take so much memory once the model is loaded, and ends with status 3 when that is not enough.
"""

from __future__ import annotations

import json
import resource
import sys
import time

from timing import DOES_NOT_FIT
from ways import WAYS, load, merged

WARM_UP = 128
RSS_UNIT = 1 if sys.platform == "darwin" else 1024


def run(way: str, tokens: int, by: int, gigabytes: float | None) -> dict[str, float | None]:
    """The figures, after one pass over the first tokens that is not timed."""
    loaded, layout = load(tokens)
    if gigabytes is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (int(gigabytes * 1e9),) * 2)
    layout = layout.changed(sentence_of_token=merged(layout.sentence_of_token, by))
    WAYS[way](loaded, layout.head(WARM_UP))
    start = time.perf_counter()
    megabytes = WAYS[way](loaded, layout)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT / 1e9
    return {"seconds": seconds, "gigabytes": peak, "tokens": layout.tokens, "sentences": layout.sentences, "megabytes": megabytes}


def main() -> None:
    """Print the figures, or end with the status that says that they do not fit."""
    way, tokens, by, *limit = sys.argv[1:]
    try:
        print(json.dumps(run(way, int(tokens), int(by), float(limit[0]) if limit else None)))
    except MemoryError:
        sys.exit(DOES_NOT_FIT)
    except RuntimeError as error:
        if "can't allocate memory" not in str(error):
            raise
        sys.exit(DOES_NOT_FIT)


if __name__ == "__main__":
    main()
