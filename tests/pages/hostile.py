"""Texts that try to be more than text, and reports that say them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from made_up import WORDS
from pages.reports import section_of, small_report, with_result

from reportgen.report import Provenance, Report

REPORT = small_report()
CASES = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "<svg 0>",
    "'--><!--<script>",
    "<!doctype html><base href=//evil.example>",
    "</title></style></textarea></template><iframe srcdoc='<p>'>",
    "]]><![CDATA[<b>",
    "{{ 7 * 7 }}{% raw %}",
    "\u202egnp.exe\u2066\u200f abc \u2028\u2029",
    "a\x00b\x0cc\x1bd\x7fe\x9bf\ufffeg\uffffh\ud800i\udfffj\U0001ffffk",
    "W" * 5000,
    "العربية 中文 🧿 e\u0301",
    "&lt;b&gt; &amp;amp; &#60;",
]

ACTS = [
    "javascript:alert(1)",
    "https://evil.example/x.png",
    "//evil.example/?{{ text }}",
    '" autofocus onfocus=alert(1) x="',
    "' onmouseover=alert(1) '",
    "<a href=javascript:alert(1)>go</a>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<link rel=stylesheet href=//evil.example/a.css>",
    "<style>*{background:url(//evil.example/b.png)}</style>",
    "<form action=//evil.example><input autofocus onfocus=alert(1)></form>",
    "<object data=//evil.example></object><embed src=//evil.example>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "<!--<script>--!><img src=x onerror=alert(1)>",
    "<script>/*</script><script>*/alert(1)</script>",
    "<template><script>alert(1)</script></template>",
    "&#x3C;script&#x3E;alert(1)&#x3C;/script&#x3E;",
    "${alert(1)} `${alert(1)}` <%= 7 * 7 %> #{7 * 7}",
    "{% include '/etc/hostname' %}{{ self.__init__.__globals__ }}",
    "datum.constructor.constructor('alert(1)')()",
    '{"signal": "alert(1)", "expr": "alert(1)", "url": "//evil.example"}',
    "__proto__",
    "constructor",
    "toString",
    'sentence-1" id="text',
    "#sentence=2&measure=<script>alert(1)</script>",
    "C:\\fakepath\\..\\..\\<svg onload=alert(1)>.txt",
    "\u202e<\u202c\u2067txt.exe\u2069 \u200f\u061c",
]
MADE_UP = ("Trees and water", "trees-and-water", "made-up-1", *WORDS, *(word.capitalize() for word in WORDS))


def disguised(report: Report, texts: list[str]) -> Report:
    """The report with `texts` one after the other in the place of every string that says a word of the document, its title, its file or its model.

    Equal strings become equal strings, so that the page keeps its shape.
    """
    chosen: dict[str, str] = {}

    def change(text: str) -> str:
        if not any(word in text for word in MADE_UP):
            return text
        return chosen.setdefault(text, texts[len(chosen) % len(texts)])

    return _changed(report, change)


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: _changed(getattr(value, field.name), change) for field in fields(value) if field.init})
    if isinstance(value, Mapping):
        return {key: _changed(item, change) for key, item in value.items()}
    return type(value)(_changed(item, change) for item in value) if isinstance(value, (tuple, list)) else value


def saying(text: str) -> Report:
    """The report with `text` wherever a document, a model or a file could put it."""
    matrix = section_of(REPORT, "sentence_matrix").result
    heads = section_of(REPORT, "head_roles").result
    report = with_result(REPORT, "sentence_matrix", sentences=(text,) * len(matrix.sentences))
    report = with_result(report, "head_roles", metrics=tuple(replace(metric, label=text, unit=text) for metric in heads.metrics))
    report = with_result(report, "attribution_agreement", target=text)
    sections = tuple(replace(section, finding=text, caveat=text + ".", question=text) for section in report.sections)
    return replace(report, title=text, subtitle=text, language="en", notices=(text,), provenance=Provenance(rows=((text, text),)), sections=sections)
