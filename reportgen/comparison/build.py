"""The comparison as data: everything its page says, before any of it is HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from reportgen.comparison import charts
from reportgen.comparison.aligning import SAME, Match
from reportgen.comparison.attribution import AttributionChanges, attribution_changes
from reportgen.comparison.between import Between, find_between, notes_between
from reportgen.comparison.findings import Found, Said, find
from reportgen.comparison.ground import find_ground
from reportgen.comparison.heads import HeadMatches, head_matches
from reportgen.comparison.layers import LayerChanges, layer_changes
from reportgen.comparison.relation import Note, Relation, align, level_of, notes_of, relate
from reportgen.comparison.roles import RoleChanges, role_changes
from reportgen.comparison.shown_text import ShownMatch, show_text
from reportgen.measurements import Measurements


@dataclass(frozen=True, kw_only=True)
class File:
    """One of the two files: its document, its model, and rows of (label, value) about them."""

    title: str
    model: str
    sentences: int
    tokens: int
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """A page's whole content. What could not be compared is its reason, a string, in the place of a result; `matches_of_heads` is None where heads are one to one."""

    a: File
    b: File
    language: str
    level: str
    relation: Relation
    matches: tuple[Match, ...]
    text: tuple[tuple[ShownMatch, ...], ...]
    between: Between | str
    layers: LayerChanges
    roles: RoleChanges | str
    matches_of_heads: HeadMatches | str | None
    attribution: AttributionChanges | str
    notes: tuple[Note, ...]
    said: Said
    charts: Mapping[str, Mapping[str, Any]]

    def notes_on(self, *about: str) -> tuple[str, ...]:
        """What stands beside a part of the page about what cannot be compared."""
        return tuple(note.text for note in self.notes if note.about in about)


def build_comparison(a: Measurements, b: Measurements) -> Comparison:
    """Everything that can be compared, and why the rest cannot. Raises `ComparisonError` where both document and model differ."""
    relation = relate(a, b)
    matches = align(relation, a, b)
    ground = find_ground(matches, a, b)
    between = find_between(relation, matches, ground, a, b)
    heads = between.heads if isinstance(between, Between) else None
    layers, roles, attribution = layer_changes(relation, a, b, heads), role_changes(relation, a, b), attribution_changes(ground, a, b)
    matched = None if relation.same_model else between if isinstance(between, str) else head_matches(ground, between.cells, a, b)
    notes = (*notes_of(relation, a, b), *notes_between(between))
    return Comparison(
        a=_file(a),
        b=_file(b),
        language=b.metadata["language"],
        level=level_of(b) if relation.same_level else "sentence",
        relation=relation,
        matches=matches,
        text=show_text(matches, a, b, between.shown_elsewhere if isinstance(between, Between) else None),
        between=between,
        layers=layers,
        roles=roles,
        matches_of_heads=matched,
        attribution=attribution,
        notes=notes,
        said=find(Found(relation=relation, matches=matches, between=between, layers=layers, roles=roles, matched=matched, attribution=attribution)),
        charts=_charts(between, layers, matched, attribution),
    )


def _charts(
    between: Between | str, layers: LayerChanges, matched: HeadMatches | str | None, attribution: AttributionChanges | str
) -> dict[str, Mapping[str, Any]]:
    found = {"layers": charts.draw_layers(layers)} if layers.curves else {}
    if isinstance(between, Between) and between.beyond.any():
        matches = between.ground.matches
        bars = [match.kind != SAME for match in matches], [match.b[0] for match in matches], len(between.sentences_b)
        found["sentences"] = charts.draw_sentences(np.nan_to_num(between.shown_elsewhere), *bars)
        if between.heads is not None:
            found["heads"] = charts.draw_heads(between.heads.heads_content, "attention elsewhere, share")
    if isinstance(matched, HeadMatches):
        found["best-matches"] = charts.draw_heads(matched.best_a, "correlation with the best match in B")
    if isinstance(attribution, AttributionChanges) and any(method.name in charts.RANKED for method in attribution.methods):
        found["ranks"] = charts.draw_ranks(attribution)
    return found


def _file(measurements: Measurements) -> File:
    metadata = measurements.metadata
    rows = (
        ("Document", f"{metadata['title']} ({metadata['source']})"),
        ("Text", f"{len(measurements.sentences):,} {level_of(measurements)}s, {len(measurements['token_ids']):,} tokens; sha256 {metadata['sha256']}"),
        (
            "Model",
            f"{metadata['model']} ({metadata['family']}), {metadata['layers']} layers of {metadata['heads']} heads, {metadata['dtype']} on {metadata['device']}",
        ),
        ("Weights", metadata["revision"]),
        ("Target of attribution", metadata.get("target", {}).get("description", "none")),
    )
    return File(title=metadata["title"], model=metadata["model"], sentences=len(measurements.sentences), tokens=len(measurements["token_ids"]), rows=rows)
