"""The README's pictures of a page, by day and by night: `python docs/screenshots.py X.npz` draws the page of these measurements and writes both here.

Needs Debian's chromium, playwright and pillow (of the extra called test).
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Any

from reportgen import Measurements, Report, build_report, render_report

CHROMIUM = "/usr/bin/chromium"
SIZE = {"width": 1440, "height": 860}
COLOURS = 256  # of the palette, which takes a third of the bytes
AT_MOST = 250_000  # bytes of one picture


def main(measured: Path, folder: Path) -> None:
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        page = Path(place) / "report.html"
        report = build_report(Measurements.load(measured))
        page.write_text(render_report(report), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            path = folder / f"report-{scheme}.png"
            path.write_bytes(_compressed(_picture(browser, page.as_uri() + _strongest(report), scheme)))
            print(path, path.stat().st_size)
        browser.close()


def _strongest(report: Report) -> str:
    """The address, within the page, of its strongest link."""
    (links,) = [section.result for section in report.sections if section.name == "top_links"]
    query, key = (links.content_pairs[0, 0] + 1).tolist()
    return f"#sentence={query}&pair={query}-{key}"


def _picture(browser: Any, address: str, scheme: str) -> bytes:
    """The document beside its matrix."""
    tab = browser.new_page(viewport=SIZE, color_scheme=scheme, reduced_motion="reduce")
    tab.goto(address)
    tab.wait_for_selector("#matrix .top-link", state="attached")
    tab.wait_for_timeout(1000)  # until what was scrolled to is marked in the bar
    return tab.screenshot()


def _compressed(png: bytes) -> bytes:
    from PIL import Image

    found = io.BytesIO()
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    # Rare colours are kept too: the bright end of a scale is.
    picture.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(found, "png", optimize=True)
    if found.tell() > AT_MOST:
        sys.exit(f"The picture has {found.tell():,} bytes, more than {AT_MOST:,}: make it smaller.")
    return found.getvalue()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Name one measurements file: python docs/screenshots.py X.npz")
    main(Path(sys.argv[1]), Path(__file__).parent)
