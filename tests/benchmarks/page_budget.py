"""What a page weighs, part by part, and how long it takes to be made, to open and to answer, each beside its budget.

    python tests/benchmarks/page_budget.py [MEASUREMENTS.npz ...] [--sentences 200 500 1000] [--no-browser]

Without files, made-up documents of so many sentences, whose pages have no matrices of single heads.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT.parent)]

RENDERED_IN, USABLE_IN, ANSWERED_IN = 3.0, 1.5, 0.05  # seconds
WITH_HEADS = ((4_096, 2.5e6), (8_192, 5e6))  # bytes of pages of so many tokens at most
WITHOUT_HEADS = ((200, 0.7e6), (500, 1e6), (1_000, 2.2e6))  # of so many sentences at most
HEADS = 'id="head-matrices-data"'
DATA = re.compile(r'<script type="application/json" id="([^"]*)"[^>]*>.*?</script>', re.DOTALL)
PARTS = {
    "styles": r"<style>.*?</style>",
    "scripts": r"<script(?: type=\"text/plain\"[^>]*)?>.*?</script>",
    "pictures": r"<svg\b.*?</svg>",
    "tables": r"<table\b.*?</table>",
}
SLOWEST = 10
# What is clicked, and what is set to which value; each is done several times, to and fro.
CLICKS = (
    *(
        "#sentence-2",
        "#sentence-5",
        "#matrix",
        "#top-links tbody tr",
        "#chosen-links tr[data-pair] td",
        "#head-grid td[data-head]",
        "#head-grid tr:nth-child(4) td[data-head]",
    ),
    *("#model-view [data-head]", "#model-view [data-layer='4'][data-head='3']", "#head-table th button", "#head-table th:nth-child(4) button", ".open-head"),
    *(
        "#without-sink",
        "#content",
        "#chance",
        "[data-opens=exports]",
        "#exports .close",
        "[data-opens=help]",
        "#help .close",
        "#search-next",
        "details summary",
    ),
)
SETTINGS = {
    "#measure": ("lift", "isa", "rollout", "share"),
    "#layer": ("7", "8", "0"),
    "#layer-number": ("3", "4", ""),
    "#head": ("max", "mean"),
    "#threshold": ("20", "0"),
    "#each": ("12", "6"),
    "#count": ("30", "12"),
    "#metric": ("1", "0"),
    "#role-filter": ("none", ""),
    "#head-filter": ("4.", ""),
    "#search": ("the", "and", ""),
}
DRAWN = """return new Promise((done) => requestAnimationFrame(() => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = done;
  port2.postMessage(null);
}));"""  # a message comes after the frame and before what the page does while nobody waits
SHOW = """(element) => {
  for (let part; (part = element.closest("details:not([open]) > :not(summary)"));) part.parentElement.open = true;
  element.scrollIntoView({ block: "center" });
}"""  # nobody presses what a closed part holds; asking where it is would have the closed part laid out
LINK_DRAWN = """window.linkDrawn = new Promise((done) => new MutationObserver((changes, observer) => {
  if (!document.querySelector("#readout .said")) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => done(performance.now())));
}).observe(document, { childList: true, subtree: true }));"""  # by the page's own clock: asking from outside whether it is there takes some hundred milliseconds more
TIMES = ("TaskDuration", "ScriptDuration", "RecalcStyleDuration", "LayoutDuration")

Begin = Callable[[Mapping[str, Mapping[str, Any]]], None]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The longest and the shortest that one control took to be answered, in seconds of the page's own thread: all, script, style, layout."""

    control: str
    times: tuple[float, ...]
    least: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Opened:
    """Seconds from the start of loading until the page is seen and until its link is drawn, by the clock; the same of the page's own thread; and what controls take."""

    seen: float
    usable: float
    worked: tuple[float, ...]
    answers: tuple[Answer, ...]


def weigh(page: str) -> dict[str, int]:
    """Bytes of the page by part; what is left is the text and its markup."""
    found = {f"data: {match[1]}": len(match[0].encode()) for match in DATA.finditer(page)}
    rest = DATA.sub("", page)
    for name, pattern in PARTS.items():
        part = re.compile(pattern, re.DOTALL)
        found[name] = sum(len(one.encode()) for one in part.findall(rest))
        rest = part.sub("", rest)
    return {**dict(sorted(found.items(), key=lambda item: -item[1])), "text and the rest": len(rest.encode())}


def budget_of(tokens: int, sentences: int, page: str) -> float | None:
    """The bytes that such a page may have; None beyond the sizes for which there is a budget."""
    size, budgets = (tokens, WITH_HEADS) if HEADS in page else (sentences, WITHOUT_HEADS)
    return next((most for limit, most in budgets if size <= limit), None)


def render(make: Callable[[Begin], Any]) -> tuple[Any, str, tuple[float, float, float]]:
    """The report, its page, and the seconds that took by the clock, of this process, and of the one that draws the pictures beside it; imports are done before."""
    from reportgen.drawing.pictures import ready_for_page
    from reportgen.render import render_report

    import_module("altair")
    clock, own, other = time.perf_counter(), time.process_time(), _of_children()
    with ready_for_page() as draw:
        report = make(draw.begin)
        page = render_report(report, draw)
    return report, page, (time.perf_counter() - clock, time.process_time() - own, _of_children() - other)


def _of_children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def open_in_browser(path: Path) -> Opened:
    """In headless Chromium: opening, and every control after it. Where others use the machine, times of the page's thread say more than the clock."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.add_init_script(LINK_DRAWN)
        page.goto(path.as_uri())
        usable, seen = page.evaluate(
            "linkDrawn.then((time) => [time / 1000, performance.getEntriesByName('first-contentful-paint')[0]?.startTime / 1000 || 0])"
        )
        worked = tuple(_worked(session))
        page.wait_for_timeout(3000)  # what the page does while nobody waits
        answers = [*(_press(page, session, selector) for selector in CLICKS), *(_set(page, session, *setting) for setting in SETTINGS.items())]
        browser.close()
    return Opened(seen=seen, usable=usable, worked=worked, answers=tuple(sorted(filter(None, answers), key=lambda answer: -answer.times[0])))


def _worked(session: Any) -> list[float]:
    found = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
    return [found[name] for name in TIMES]


def _press(page: Any, session: Any, selector: str) -> Answer | None:
    script = """(element) => {
      const box = element.getBoundingClientRect();
      const place = { bubbles: true, cancelable: true, clientX: box.left + 0.3 * box.width, clientY: box.top + 0.6 * box.height };
      if (element.matches("input")) element.click();
      else element.dispatchEvent(new MouseEvent("click", place));
    }"""
    return _timed(page, session, selector, [(script, None)] * 4)


def _set(page: Any, session: Any, selector: str, values: tuple[str, ...]) -> Answer | None:
    script = """(element, value) => {
      element.value = value;
      for (const name of ["input", "change"]) element.dispatchEvent(new Event(name, { bubbles: true }));
    }"""
    return _timed(page, session, selector, [(script, value) for value in values] * 2)


def _timed(page: Any, session: Any, selector: str, steps: list[tuple[str, str | None]]) -> Answer | None:
    """The longest of the steps, each until the frame after it is drawn; None where the page has no such control."""
    element = page.query_selector(selector)
    if element is None:
        return None
    element.evaluate(SHOW)
    page.wait_for_timeout(600)  # what comes into view is drawn
    times = []
    for script, value in steps:
        page.evaluate("() => new Promise((done) => setTimeout(done, 60))")
        before = _worked(session)
        element.evaluate(f"(element, value) => {{ ({script})(element, value); {DRAWN} }}", value)
        times.append(tuple(after - start for after, start in zip(_worked(session), before, strict=True)))
    return Answer(control=selector, times=max(times), least=min(times))


def show(name: str, make: Callable[[Begin], Any], browser: bool) -> None:
    """The tables of one page."""
    report, page, (clock, own, other) = render(make)
    matrix = next(section.result for section in report.sections if section.name == "sentence_matrix")
    tokens, sentences, total = int(matrix.token_counts.sum()), len(matrix.sentences), len(page.encode())
    print(f"\n{name}: {tokens:,} tokens, {sentences:,} sentences\n\n| part | bytes |\n|---|---:|")
    for part, size in weigh(page).items():
        print(f"| {part} | {size:,} |")
    most = budget_of(tokens, sentences, page)
    print(f"\n| | | budget |\n|---|---:|---:|\n| page | {total / 1e6:.2f} MB | {f'{most / 1e6:.1f} MB' if most else 'none'} |")
    print(f"| rendering | {clock:.1f} s by the clock, {own:.1f} s of one core, {other:.1f} s of another for the pictures | {RENDERED_IN:.1f} s |", flush=True)
    if browser:
        _show_opened(_open(page))


def _show_opened(opened: Opened) -> None:
    ms = [f"{1000 * time:.0f}" for time in opened.worked]
    print(f"| seen after | {opened.seen:.2f} s | |\n| usable after | {opened.usable:.2f} s | {USABLE_IN:.2f} s |")
    print(f"| work of the page's thread until then | {ms[0]} ms (script {ms[1]}, style {ms[2]}, layout {ms[3]}) | |")
    print(
        f"\n| control, budget {1000 * ANSWERED_IN:.0f} ms of the page's thread | all | script | style | layout | all, at best |\n|---|---:|---:|---:|---:|---:|"
    )
    for answer in opened.answers[:SLOWEST]:
        print(f"| `{answer.control}` | {' | '.join(f'{1000 * time:.0f} ms' for time in (*answer.times, answer.least[0]))} |", flush=True)


def _open(page: str) -> Opened:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        path.write_text(page, encoding="utf-8")
        return open_in_browser(path)


def _of_file(begin: Begin, path: Path) -> Any:
    from reportgen.measurements import Measurements
    from reportgen.report import build_report

    return build_report(Measurements.load(path), begin)


def _made_up(sentences: int) -> Callable[[Begin], Any]:
    """What gives a made-up report without the section of single heads; it is made beforehand, so that rendering is that of the page alone."""
    from pages.reports import long_report, without_heads

    report = without_heads(long_report(sentences=sentences))
    return lambda begin: report


def main() -> None:
    """Tables for each file, or for each size of made-up document."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("files", nargs="*", type=Path, metavar="MEASUREMENTS.npz")
    parser.add_argument("--sentences", nargs="+", type=int, default=[200, 500, 1000])
    parser.add_argument("--no-browser", action="store_true")
    asked = parser.parse_args()
    for path in asked.files:
        show(path.name, partial(_of_file, path=path), not asked.no_browser)
    for count in () if asked.files else asked.sentences:
        show(f"made up, {count} (rendering without analyses)", _made_up(count), not asked.no_browser)


if __name__ == "__main__":
    main()
