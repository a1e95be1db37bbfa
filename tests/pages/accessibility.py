"""What a page is asked for everyone's sake: axe-core's rules, and contrasts that axe leaves undecided."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

# As a reader meets each part of the page: disclosures open, and every section laid out as if it were in sight.
OPEN_ALL = """() => {
  document.querySelectorAll("details").forEach((element) => { element.open = true; });
  document.querySelectorAll("main > section").forEach((section) => { section.style.contentVisibility = "visible"; });
}"""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# axe takes its time for every element: rows after the second of a table are like those before, and words inside a picture are measured below.
TAKE_OUT = "document.querySelectorAll('tbody tr:nth-child(n + 3), .picture > *').forEach((element) => element.remove())"

# Contrast of words with what is behind them: every element with words of its own, its colours laid over those of the elements around it.
# Marks in pictures stand on the page's ground unless `inside` says otherwise.
CONTRASTS = """() => {
  const parse = (text) => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return text.startsWith("color(srgb") ? [255 * r, 255 * g, 255 * b, a] : [r, g, b, a]; };
  const over = (top, under) => [0, 1, 2].map((channel) => top[channel] * top[3] + under[channel] * (1 - top[3]));
  const ground = (element) => {
    const own = parse(getComputedStyle(element).backgroundColor);
    if (own[3] === 1) return own;
    return over(own, element.parentElement ? ground(element.parentElement) : [255, 255, 255, 1]);
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (ink, paper) => {
    const [low, high] = [light(over(ink, paper)), light(paper)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const hasWords = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const found = new Map();
  for (const element of document.body.querySelectorAll("*")) {
    if (!hasWords(element) || !element.checkVisibility({ visibilityProperty: true }) || element.closest("script, style, .unseen")) continue;
    const style = getComputedStyle(element);
    const ink = element instanceof SVGElement ? (style.fill === "none" ? style.stroke : style.fill) : style.color;
    const value = contrast(parse(ink), ground(element instanceof SVGElement ? element.closest("svg") : element).slice(0, 3));
    const section = element.closest("main > section")?.id ?? element.closest("header, nav")?.className ?? "body";
    const name = `${section} ${element.localName}.${[...element.classList].join(".")} ${ink}`;
    if (value < (found.get(name)?.[0] ?? 99)) found.set(name, [value, element.textContent.trim().slice(0, 40)]);
  }
  return [...found];
}"""


def violations(tab: Any, *left_out: str) -> list[str]:
    """What axe-core finds on the page as it stands, by all rules but those left out: the rule, and the element it is about."""
    tab.evaluate(TAKE_OUT)
    tab.evaluate(_axe())
    rules = {"target-size": {"enabled": True}} | {rule: {"enabled": False} for rule in left_out}
    found = tab.evaluate("(options) => axe.run(options)", {"runOnly": RULES, "rules": rules, "resultTypes": ["violations"]})
    return [f"{rule['id']}: {node['html'][:160]}" for rule in found["violations"] for node in rule["nodes"]]


def contrasts(tab: Any) -> dict[str, tuple[float, str]]:
    """The least contrast of words in each kind of element of each section, and the words."""
    return {name: (value, words) for name, (value, words) in tab.evaluate(CONTRASTS)}


@cache
def _axe() -> str:
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
