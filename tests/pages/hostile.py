"""Texts that try to be more than text, and reports that say them."""

from __future__ import annotations

from dataclasses import replace

from pages.reports import section_of, small_report, with_result

from reportgen.report import Provenance, Report

REPORT = small_report()
CASES = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
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


def saying(text: str) -> Report:
    """The report with `text` wherever a document, a model or a file could put it."""
    matrix = section_of(REPORT, "sentence_matrix").result
    heads = section_of(REPORT, "head_roles").result
    report = with_result(REPORT, "sentence_matrix", sentences=(text,) * len(matrix.sentences))
    report = with_result(report, "head_roles", metrics=tuple(replace(metric, label=text, unit=text) for metric in heads.metrics))
    report = with_result(report, "attribution_agreement", target=text)
    sections = tuple(replace(section, finding=text, caveat=text + ".", question=text) for section in report.sections)
    return replace(report, title=text, subtitle=text, language="en", notices=(text,), provenance=Provenance(rows=((text, text),)), sections=sections)
