"""Charts drawn beforehand, to static SVG, by a child process that may die without losing the page.

Run as a program, this file is that child: it reads lines of JSON, each [name, Vega-Lite specification], and answers each with
a line of JSON, [name, SVG]; named `inline`, with the SVG as it stands in a page; named `pdf`, it reads [name, SVG] and answers with PDF in base64. It imports
nothing of the package but what makes pictures fit for a page, so that it starts quickly from any folder.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from markupsafe import Markup

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
# The same to look at, drawn in less time: no words of Vega's for screen readers, which cleaning drops, and no number measured to see whether it must be cut.
SPARING = {**THEME, "aria": False, "axisQuantitative": {"labelLimit": 0}}

CHILD = (sys.executable, "-I", str(Path(__file__).resolve()))
PDF, INLINE = "pdf", "inline"


class Drawing:
    """A child that draws what it is given while others make more; asked in the end, it has the pictures of what was wanted."""

    def __init__(self, child: Sequence[str] = CHILD, kind: type[str] = str) -> None:
        """Starts the child, which loads the library of charts meanwhile; its answers are strings of this kind."""
        self._child, self._kind = child, kind
        self._process = subprocess.Popen(child, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._begun: dict[str, Mapping[str, Any]] = {}
        self._ended = False
        self._writer, self._reader = ThreadPoolExecutor(1), ThreadPoolExecutor(1)  # pipes hold less than is written or answered
        self._output = self._reader.submit(self._process.stdout.read)

    def begin(self, specs: Mapping[str, Any]) -> None:
        """Gives the child these specifications by name and does not wait."""
        self._begun |= specs
        self._writer.submit(self._write, "".join(json.dumps(one) + "\n" for one in specs.items()).encode())

    def __call__(self, specs: Mapping[str, Any]) -> dict[str, str]:
        """The SVG of every specification that can be drawn, by name, begun or not; this child is asked once, others draw what it left."""
        waiting, drawn = {name: specs[name] for name in (*self._begun, *specs) if name in specs}, {}  # in the order in which the child is given them
        drawing = self if self._is_ready_for(specs) else Drawing(self._child, self._kind)
        while waiting:
            answers = drawing._finish(waiting)
            drawn |= {name: self._kind(svg) for name, svg in answers.items() if svg}
            for name in answers:
                del waiting[name]
            # A child that stopped early died of the first picture it did not answer; the others get another child.
            waiting.pop(next(iter(waiting), ""), None)
            drawing = Drawing(self._child, self._kind) if waiting else drawing
        drawing.end()
        return drawn

    def end(self) -> None:
        """Ends the child, whatever it does."""
        self._ended = True
        self._process.kill()
        self._writer.shutdown()
        self._reader.shutdown()
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def _is_ready_for(self, specs: Mapping[str, Any]) -> bool:
        """Whether all that was begun is wanted as it was begun."""
        return not self._ended and all(specs.get(name) == spec for name, spec in self._begun.items())

    def _finish(self, specs: Mapping[str, Any]) -> dict[str, str | None]:
        """What the child answered of these before it ended, well or badly: an SVG, or None for a refused specification."""
        self.begin({name: spec for name, spec in specs.items() if name not in self._begun})
        self._writer.submit(self._close)
        with suppress(TimeoutError):
            self._output.result(SECONDS)
        self.end()
        whole_lines = self._output.result().decode("utf-8", "replace").split("\n")[:-1]
        answers = (json.loads(line) for line in whole_lines if line.startswith("["))
        return {name: svg for name, svg in answers if name in specs}

    def _write(self, lines: bytes) -> None:
        with suppress(BrokenPipeError):  # a child that died is found out when it is asked
            self._process.stdin.write(lines)
            self._process.stdin.flush()

    def _close(self) -> None:
        with suppress(BrokenPipeError):
            self._process.stdin.close()


@contextmanager
def ready_child(child: Sequence[str] = CHILD, kind: type[str] = str) -> Iterator[Drawing]:
    """What draws as `draw_pictures` does, with a child that has been loading the library of charts since, and draws what is begun; it ends with the block."""
    drawing = Drawing(child, kind)
    try:
        yield drawing
    finally:
        drawing.end()


def ready_for_page() -> AbstractContextManager[Drawing]:
    """The same, with pictures that are fit to stand in a page when they come, as Markup: the child makes them so, which takes a third of the time of drawing them."""
    return ready_child((*CHILD, INLINE), Markup)


def draw_pictures(specs: Mapping[str, Any], child: Sequence[str] = CHILD) -> dict[str, str]:
    """The SVG of every specification that can be drawn, by name; one that kills the child or is refused is left out."""
    if not specs:
        return {}
    with ready_child(child) as draw:
        return draw(specs)


def print_pictures(svgs: Mapping[str, str]) -> dict[str, bytes]:
    """The PDF of every SVG, fonts embedded, by name; one pixel is one point. What cannot be printed is left out, as by `draw_pictures`."""
    return {name: base64.b64decode(pdf) for name, pdf in draw_pictures(svgs, (*CHILD, PDF)).items()}


def _answer(convert: Callable[[str, Any], str]) -> None:
    """The child's whole life."""
    for line in sys.stdin:
        name, given = json.loads(line)
        try:
            picture = convert(name, given)
        except (ValueError, SyntaxError):  # a specification that is refused, a picture that is no XML
            picture = None
        sys.stdout.write(json.dumps([name, picture]) + "\n")
        sys.stdout.flush()


def _drawing(config: Mapping[str, Any] = THEME) -> Callable[[str, Mapping[str, Any]], str]:
    """What draws one chart. A first picture of nothing loads the library of charts before anything is asked."""
    import vl_convert

    draw = partial(vl_convert.vegalite_to_svg, config=config, allowed_base_urls=[])
    draw({"data": {"values": []}, "mark": "point"})
    return lambda name, spec: draw(spec)


def _drawing_for_page() -> Callable[[str, Mapping[str, Any]], str]:
    """What draws one chart and makes it fit for a page, as the package does that this file lies in, which need not be one that is installed."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    clean_svg = import_module("reportgen.drawing.svg").clean_svg
    del sys.path[0]
    draw = _drawing(SPARING)
    return lambda name, spec: clean_svg(draw(name, spec), name)


def _printing() -> Callable[[str, str], str]:
    import vl_convert

    return lambda name, svg: base64.b64encode(vl_convert.svg_to_pdf(svg)).decode("ascii")


if __name__ == "__main__":
    _answer({PDF: _printing, INLINE: _drawing_for_page}.get(sys.argv[-1], _drawing)())
