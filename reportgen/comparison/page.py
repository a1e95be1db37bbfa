"""The comparison as one self-contained HTML page, and as plain data for other programs."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
from jinja2 import Environment
from markupsafe import Markup

from reportgen.characters import clean
from reportgen.comparison.between import Between
from reportgen.comparison.build import Comparison
from reportgen.comparison.formulas import METHODS
from reportgen.comparison.matrices import draw_pictures_of, pack_cells
from reportgen.comparison.shown_text import STEPS, numbered
from reportgen.drawing.pictures import draw_pictures
from reportgen.drawing.svg import inline_picture
from reportgen.measurements import Measurements
from reportgen.notebook import Page
from reportgen.render import Drawer, in_scope, page_environment, page_policy, read_together, template_folder
from reportgen.report_data import plain
from reportgen.unit_names import name_units
from reportgen.wording import significant

SCHEMA = 1
SHARED_STYLES = ("colours", "figures", "page", "print", "tables")  # of the report's page


def render_comparison(comparison: Comparison, draw: Drawer = draw_pictures) -> Page:
    """The page; the same comparison gives the same bytes. `draw` turns {name: Vega-Lite} into {name: SVG}."""
    comparison = clean(comparison)
    style, script = _style(), _script()
    pictures = draw(comparison.charts)
    page = (
        _environment()
        .get_template("comparison/page.html.jinja")
        .render(
            comparison=comparison,
            between=comparison.between if isinstance(comparison.between, Between) else None,
            methods=METHODS,
            steps=STEPS,
            style=Markup(style),
            script=Markup(script),
            policy=page_policy(style, script),
            picture=partial(inline_picture, pictures),
        )
    )
    return Page(name_units(page, comparison.level))


def _environment() -> Environment:
    environment = page_environment().overlay()
    environment.filters = environment.filters | {
        "draw_pictures_of": draw_pictures_of,
        "pack_cells": lambda between: asdict(pack_cells(between)),
        "numbered": numbered,
        "signed": _signed,
    }
    environment.tests = environment.tests | {"reason": lambda value: isinstance(value, str)}
    return environment


def _signed(value: float) -> str:
    """With its sign: doublings of what became more have a plus."""
    return f"+{significant(value)}" if value > 0 else significant(value)


def _style() -> str:
    """The report's sheets that a page without a workspace needs, and the comparison's own."""
    folder = template_folder()
    files = [*(folder / "static" / f"{name}.css" for name in SHARED_STYLES), folder / "comparison" / "comparison.css"]
    return read_together(files)


def _script() -> str:
    return in_scope(read_together([template_folder() / "comparison" / "comparison.js"]))


def comparison_data(comparison: Comparison, a: Measurements, b: Measurements) -> dict[str, Any]:
    """Everything that was compared, with 6 significant digits; null where there is no number, a string with the reason where a part cannot be compared."""
    between, relation = comparison.between, comparison.relation
    return {
        "schema": SCHEMA,
        "a": plain({key: value for key, value in a.metadata.items() if key != "notices"}),
        "b": plain({key: value for key, value in b.metadata.items() if key != "notices"}),
        "relation": plain(relation),
        "findings": [finding.text for finding in comparison.said.findings],
        "identical": comparison.said.identical,
        "notes": plain(comparison.notes),
        "matches": plain(comparison.matches),
        "between": between if isinstance(between, str) else _between_data(between),
        "layers": plain(comparison.layers),
        "roles": plain(comparison.roles),
        "matches_of_heads": plain(comparison.matches_of_heads),
        "attribution": plain(comparison.attribution),
    }


def _between_data(between: Between) -> dict[str, Any]:
    cells = between.cells
    matrices = {"share_a": cells.a.share, "share_b": cells.b.share, "expected_a": cells.a.expected, "expected_b": cells.b.expected}
    return {
        "units": plain(between.ground.matches),
        "matrices": plain(matrices | {"doublings": np.where(cells.common, cells.doublings, np.nan), "beyond_rounding": between.beyond}),
        "precision": plain(between.precision),
        "change": plain(between.change),
        "means": plain(between.means),
        "must_be_zero": plain(between.zero),
        "links": plain(between.links),
        "agreements": plain(between.agreements),
        "left_out": plain(between.left_out),
        "heads": plain(between.heads),
    }
