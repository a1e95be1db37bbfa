"""Charts drawn beforehand, to static SVG, by a child process that may die without losing the page.

Run as a program, this file is that child: it reads {name: Vega-Lite specification} as JSON and answers with
one line of JSON for each picture; named `pdf`, it reads {name: SVG} and answers with PDF in base64. It imports nothing of the package, so that it
starts quickly from any folder.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

SECONDS = 120

# The page's stylesheet answers these very colours, so that a picture follows its reader's light or dark theme.
INK, QUIET, RULE = "#1b1b1a", "#5f5e5a", "#d8d6d0"
SERIES = ("#3b6ea8", "#b8621b", "#1f7f5c", "#9a4f86", "#7d6a12", "#7a7a7a")
THEME = {
    "background": None,
    "font": "Liberation Sans",  # carried by the drawing library, so that every machine measures labels alike
    "view": {"stroke": None},
    "axis": {
        "labelColor": QUIET, "titleColor": INK, "gridColor": RULE, "domainColor": QUIET, "tickColor": QUIET,
        "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "titlePadding": 8, "tickSize": 4,
        "gridOpacity": 0.7, "labelSeparation": 6,
    },
    "axisX": {"grid": False},
    "legend": {"labelColor": INK, "titleColor": QUIET, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"},
    "header": {"labelColor": INK, "titleColor": QUIET, "labelFontSize": 13, "titleFontSize": 12, "labelFontWeight": "bold"},
    "title": {"color": INK, "subtitleColor": QUIET, "fontSize": 13, "anchor": "start", "fontWeight": "bold"},
    "mark": {"color": SERIES[0]},
    "text": {"color": INK, "fontSize": 12},
    "rule": {"color": QUIET},
    "range": {"category": list(SERIES), "ramp": {"scheme": "cividis"}, "heatmap": {"scheme": "cividis"}},
}  # fmt: skip

CHILD = (sys.executable, "-I", str(Path(__file__).resolve()))
PDF = "pdf"


@contextmanager
def ready_child(child: Sequence[str] = CHILD) -> Iterator[Callable[[Mapping[str, Mapping[str, Any]]], dict[str, str]]]:
    """What draws as `draw_pictures` does, with a child that has been loading the library of charts since; it ends with the block."""
    process = _start(child)
    try:
        yield partial(draw_pictures, child=child, ready=process)
    finally:
        with process:
            process.kill()


def draw_pictures(specs: Mapping[str, Any], child: Sequence[str] = CHILD, ready: subprocess.Popen[bytes] | None = None) -> dict[str, str]:
    """The SVG of every specification that can be drawn, by name; one that kills the child or is refused is left out. A child that is `ready` is asked first."""
    waiting, drawn = dict(specs), {}
    while waiting:
        answers = _ask(waiting, ready or _start(child))
        ready = None
        drawn |= {name: svg for name, svg in answers.items() if svg}
        for name in answers:
            del waiting[name]
        # A child that stopped early died of the first picture it did not answer; the others get another child.
        waiting.pop(next(iter(waiting), ""), None)
    return drawn


def print_pictures(svgs: Mapping[str, str]) -> dict[str, bytes]:
    """The PDF of every SVG, fonts embedded, by name; one pixel is one point. What cannot be printed is left out, as by `draw_pictures`."""
    return {name: base64.b64decode(pdf) for name, pdf in draw_pictures(svgs, (*CHILD, PDF)).items()}


def _start(child: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(child, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def _ask(specs: Mapping[str, Any], child: subprocess.Popen[bytes]) -> dict[str, str | None]:
    """What one child answered before it ended, well or badly: an SVG, or None for a refused specification."""
    question = json.dumps(dict(specs)).encode()
    with child as process:
        try:
            output, _ = process.communicate(question, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
    whole_lines = output.decode("utf-8", "replace").split("\n")[:-1]
    answers = (json.loads(line) for line in whole_lines if line.startswith("["))
    return {name: svg for name, svg in answers if name in specs}


def _answer(convert: Callable[[Any], str]) -> None:
    """The child's whole life."""
    for name, given in json.load(sys.stdin).items():
        try:
            picture = convert(given)
        except ValueError:
            picture = None
        sys.stdout.write(json.dumps([name, picture]) + "\n")
        sys.stdout.flush()


def _drawing() -> Callable[[Mapping[str, Any]], str]:
    """What draws one chart. A first picture of nothing loads the library of charts before anything is asked."""
    import vl_convert

    draw = partial(vl_convert.vegalite_to_svg, config=THEME, allowed_base_urls=[])
    draw({"data": {"values": []}, "mark": "point"})
    return draw


def _printing() -> Callable[[str], str]:
    import vl_convert

    return lambda svg: base64.b64encode(vl_convert.svg_to_pdf(svg)).decode("ascii")


if __name__ == "__main__":
    _answer(_printing() if sys.argv[1:] == [PDF] else _drawing())
