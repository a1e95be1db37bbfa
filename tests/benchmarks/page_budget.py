"""What a page weighs, part by part, and how long it takes to be made, to open and to answer, each beside its budget.

    python tests/benchmarks/page_budget.py [MEASUREMENTS.npz ...] [--sentences 200 500 1000] [--no-browser]

Without files, made-up documents of so many sentences, whose pages have no matrices of single heads.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT.parent)]

RENDERED_IN, USABLE_IN, ANSWERED_IN = 3.0, 1.5, 0.05  # seconds
WITH_HEADS = ((4_096, 2.5e6), (8_192, 5e6))  # bytes of pages of so many tokens at most
WITHOUT_HEADS = ((200, 0.7e6), (500, 1e6), (1_000, 2.2e6))  # of so many sentences at most
HEADS = 'id="head-matrices-data"'
DATA = re.compile(r'<script type="application/json" id="([^"]*)"[^>]*>.*?</script>', re.DOTALL)
PARTS = {"styles": r"<style>.*?</style>", "scripts": r"<script>.*?</script>", "pictures": r"<svg\b.*?</svg>", "tables": r"<table\b.*?</table>"}
CLICKS = ("#sentence-2", "#sentence-5", "#matrix", "#top-links td", "#head-grid td[data-head]", "#head-table th button", "#without-sink")


@dataclass(frozen=True, kw_only=True)
class Opened:
    """Seconds until a page was usable, and the longest that a click took to be answered, with what was clicked."""

    usable: float
    answered: float
    slowest: str


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


def render(make: Callable[[], Any]) -> tuple[Any, str, float, float]:
    """The report, its page, and the seconds that took by the clock and of this process: another one draws the pictures."""
    from reportgen.render import render_report

    clock, own = time.perf_counter(), time.process_time()
    report = make()
    page = render_report(report)
    return report, page, time.perf_counter() - clock, time.process_time() - own


def open_in_browser(path: Path) -> Opened:
    """In headless Chromium: from the start of loading until the chosen link is shown, and from a click until the next frame after it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(path.as_uri())
        page.wait_for_selector("#readout .said", state="attached")
        usable = page.evaluate("performance.now() / 1000")
        page.evaluate("document.querySelectorAll('details').forEach((element) => { element.open = true; })")
        times = {selector: _click(page, selector) for selector in CLICKS if page.query_selector(selector)}
        browser.close()
    slowest = max(times, key=lambda selector: times[selector])
    return Opened(usable=usable, answered=times[slowest], slowest=slowest)


def _click(page: Any, selector: str) -> float:
    """Seconds of the script and of layout that one click takes."""
    script = """(selector) => {
      const element = document.querySelector(selector), box = element.getBoundingClientRect();
      const place = { bubbles: true, cancelable: true, clientX: box.left + 0.3 * box.width, clientY: box.top + 0.6 * box.height };
      const start = performance.now();
      element.dispatchEvent(new MouseEvent("click", place));
      document.body.getBoundingClientRect();
      return (performance.now() - start) / 1000;
    }"""
    return max(page.evaluate(script, selector) for _ in range(3))


def show(name: str, make: Callable[[], Any], browser: bool) -> None:
    """The tables of one page."""
    report, page, clock, own = render(make)
    matrix = next(section.result for section in report.sections if section.name == "sentence_matrix")
    tokens, sentences, total = int(matrix.token_counts.sum()), len(matrix.sentences), len(page.encode())
    print(f"\n{name}: {tokens:,} tokens, {sentences:,} sentences\n\n| part | bytes |\n|---|---:|")
    for part, size in weigh(page).items():
        print(f"| {part} | {size:,} |")
    most = budget_of(tokens, sentences, page)
    print(f"\n| | | budget |\n|---|---:|---:|\n| page | {total / 1e6:.2f} MB | {f'{most / 1e6:.1f} MB' if most else 'none'} |")
    print(f"| rendering | {clock:.1f} s, {own:.1f} s of its own process | {RENDERED_IN:.1f} s |", flush=True)
    if browser:
        opened = _open(page)
        print(f"| usable after | {opened.usable:.2f} s | {USABLE_IN:.2f} s |")
        print(f"| slowest click ({opened.slowest}) | {1000 * opened.answered:.0f} ms | {1000 * ANSWERED_IN:.0f} ms |", flush=True)


def _open(page: str) -> Opened:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        path.write_text(page, encoding="utf-8")
        return open_in_browser(path)


def _of_file(path: Path) -> Any:
    from reportgen.measurements import Measurements
    from reportgen.report import build_report

    return build_report(Measurements.load(path))


def main() -> None:
    """Tables for each file, or for each size of made-up document."""
    from pages.reports import long_report

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("files", nargs="*", type=Path, metavar="MEASUREMENTS.npz")
    parser.add_argument("--sentences", nargs="+", type=int, default=[200, 500, 1000])
    parser.add_argument("--no-browser", action="store_true")
    asked = parser.parse_args()
    made = {f"made up, {count}": partial(long_report, sentences=count) for count in asked.sentences if not asked.files}
    for name, make in {**{path.name: partial(_of_file, path) for path in asked.files}, **made}.items():
        show(name, make, not asked.no_browser)


if __name__ == "__main__":
    main()
