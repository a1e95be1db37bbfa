"""What differs, in five sentences with numbers; in one where nothing does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from reportgen.comparison.aligning import GONE, MERGED, NEW, SAME, SPLIT, Match
from reportgen.comparison.attribution import AttributionChanges, MethodInBoth
from reportgen.comparison.between import Between
from reportgen.comparison.change import kinds_of
from reportgen.comparison.heads import HeadMatches
from reportgen.comparison.layers import LayerChanges
from reportgen.comparison.links import ChangedLink
from reportgen.comparison.relation import Relation
from reportgen.comparison.roles import RoleChanges
from reportgen.comparison.shown_text import numbered
from reportgen.wording import percent, significant, two_decimals

NOTHING = "Nothing differs: every number that is compared is the same in both files, so that all differences on this page are 0."


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """Everything that was compared, or the reasons why it was not."""

    relation: Relation
    matches: tuple[Match, ...]
    between: Between | str
    layers: LayerChanges
    roles: RoleChanges | str
    matched: HeadMatches | str | None
    attribution: AttributionChanges | str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One sentence, and the part of the page that shows it."""

    about: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Said:
    """The findings, and whether nothing at all differs."""

    identical: bool
    findings: tuple[Finding, ...]


def find(found: Found) -> Said:
    """Text, matrices, links, heads and layers, attribution."""
    if identical(found):
        return Said(identical=True, findings=(Finding(about="text", text=NOTHING),))
    said = (("text", _text(found)), ("matrices", _matrices(found)), ("links", _links(found)), ("heads", _heads(found)), ("attribution", _attribution(found)))
    return Said(identical=False, findings=tuple(Finding(about=about, text=text) for about, text in said))


def identical(found: Found) -> bool:
    """Whether all units are the same and every number compared is, and nothing was left out that only one file has."""
    roles, attribution = found.roles, found.attribution
    if not (found.relation.same_model and found.relation.same_arrays and found.relation.same_decoder) or any(match.kind != SAME for match in found.matches):
        return False
    if not isinstance(roles, str) and roles.changed:
        return False
    if not isinstance(attribution, str) and not all(np.array_equal(method.a, method.b) for method in attribution.methods):
        return False
    return _same_between(found.between) and all(np.array_equal(curve.a, curve.b, equal_nan=True) for curve in found.layers.curves)


def _same_between(between: Between | str) -> bool:
    """Also of a single sentence, which has nothing between."""
    return isinstance(between, str) or (between.exact and not between.left_out and all(row.apart == 0 or np.isnan(row.apart) for row in between.agreements))


def _text(found: Found) -> str:
    return " ".join(filter(None, (_sentences(found), found.relation.decoders)))


def _sentences(found: Found) -> str:
    counts, relation = dict(kinds_of(found.matches)), found.relation
    if not relation.same_text:
        said = ", ".join(f"{count:,} {'are the same' if kind == SAME else kind}" for kind, count in counts.items())
        if relation.same_document and relation.beside:
            return f"Both files hold one document; {relation.beside}. Sentences are matched by their words: {said}."
        return f"Sentences of the two versions are matched by their words: {said}."
    if set(counts) == {SAME}:
        many = f"same {counts[SAME]:,} sentences" if counts[SAME] > 1 else "one sentence"
        return f"Both files have the {many} of one text, in the same places."
    alone = {GONE: "only in A", NEW: "only in B", SAME: "the same", SPLIT: "of A in several parts in B", MERGED: "of B in several parts in A"}
    return f"Both files hold one text, with other borders of sentences or another end: {', '.join(f'{count:,} {alone.get(kind, kind)}' for kind, count in counts.items())}."


def _matrices(found: Found) -> str:
    between = found.between
    if isinstance(between, str):
        return between
    if between.exact:
        return "Every share of attention between sentences is the same in both files, bit by bit."
    changed = int(between.beyond.sum())
    if not changed and found.relation.same_model:
        return f"No share of attention between sentences differs by more than storing it rounds ({between.precision[0].name}, {between.precision[1].name})."
    every = between.means[0]
    at_most = _most_changed(between)
    interval = "" if np.isnan(every.low) else f" [{percent(every.low)}, {percent(every.high)}]"
    agreement = between.agreements[0].found
    equal = (
        ""
        if np.isnan(agreement.within)
        else f"; the ranks of pairs at equal distances correlate with ρ = {two_decimals(agreement.within)} (p = {significant(agreement.within_p, 2)})"
    )
    return f"The first sentence left out, {percent(every.mean)}{interval} of a sentence’s attention lands elsewhere in B than in A{at_most}{equal}."


def _most_changed(between: Between) -> str:
    values = between.change.elsewhere_content
    if np.isnan(values).all():
        return ""
    unit = int(np.nanargmax(values))
    return f", most in sentence {numbered(between.ground.matches[unit].b)} of B ({percent(values[unit])})"


def _links(found: Found) -> str:
    if isinstance(found.between, str):
        return "Links cannot be compared, because no two sentences are in both files."
    links, matches = found.between.links, found.between.ground.matches
    if not links.count:
        return f"Links cannot be compared: only {links.pairs} pairs of sentences are in both files beside the first."
    start = f"Of the {links.count} strongest links of each file {links.shared} are the same (chance: {significant(links.chance, 2)})"
    if not links.moved:
        return f"{start}, and no link differs by more than storing rounds."
    if not links.gained and not links.lost:
        return f"{start}; most attention moves with sentence {_link(links.moved[0], matches).removeprefix('sentence ')}."
    parts = [f"{kind} {_link(rows[0], matches)}" for kind, rows in (("newly among them is", links.gained), ("no longer among them is", links.lost)) if rows]
    return f"{start}; {'; '.join(parts)}."


def _link(row: ChangedLink, matches: tuple[Match, ...]) -> str:
    query, key = (numbered(matches[unit].b) for unit in (row.query, row.key))
    return f"sentence {query} looking at {key} (numbers of B; lift {significant(row.lift_a)} to {significant(row.lift_b)})"


def _heads(found: Found) -> str:
    return " ".join(filter(None, [*_layers(found), *_roles(found)])) or "Layers and heads cannot be compared."


def _layers(found: Found) -> Iterator[str]:
    between = found.between
    heads = None if isinstance(between, str) else between.heads
    if heads is not None and between.beyond.any():
        values = heads.heads_content
        layer, head = np.unravel_index(np.nanargmax(values), values.shape)
        deepest, least = int(np.nanargmax(heads.layers_content)), int(np.nanargmin(heads.layers_content))
        yield (
            f"Layer {deepest} changes most ({percent(heads.layers_content[deepest])} elsewhere) and layer {least} least ({percent(heads.layers_content[least])}); "
            f"of single heads {layer}.{head} changes most ({percent(values[layer, head])})."
        )
    curve = next((curve for curve in found.layers.curves if curve.key == "first_token"), None)
    if heads is None and curve is not None:
        means = [np.nanmean(values) for values in (curve.a, curve.b)]
        one, other = (f"{significant(mean, 2)} times what even attention gives" if curve.relative else percent(mean) for mean in means)
        yield f"Attention on the first token is {one} in A and {other} in B, mean over layers."


def _roles(found: Found) -> Iterator[str]:
    roles, matched = found.roles, found.matched
    if isinstance(roles, str):
        yield roles
        return
    if roles.one_to_one:
        gained, lost = (sum(row.gained == which for row in roles.changed) for which in (True, False))
        sure = sum(row.apart for row in roles.changed)
        if not roles.changed:
            yield "No head gains or loses a role."
            return
        yield f"Heads gain {gained} role{'s' * (gained != 1)} and lose {lost}; of these changes {sure} {'is' if sure == 1 else 'are'} larger than resampled sentences explain."
    else:
        named = max(roles.roles, key=lambda role: abs(role.heads_a / roles.heads_a - role.heads_b / roles.heads_b), default=None)
        if named is not None:
            yield f"The role that most differs is {named.name}: {named.heads_a} of {roles.heads_a} heads in A, {named.heads_b} of {roles.heads_b} in B."
    if isinstance(matched, HeadMatches):
        yield (
            f"A head of A has a best match in B of ρ = {two_decimals(np.median(matched.best_a))} (median; {two_decimals(matched.chance_a)} is what 1 in 20 reaches "
            "with the text moved)."
        )


def _attribution(found: Found) -> str:
    attribution = found.attribution
    if isinstance(attribution, str):
        return attribution
    by_name = {method.name: method for method in attribution.methods}
    said = " and ".join(_alike(by_name[name]) for name in ("gradient", "attention") if name in by_name)
    value = ""
    if attribution.value_a is not None:
        unit = attribution.value_unit
        value = f" The target’s value is {significant(attribution.value_a)} {unit} in A and {significant(attribution.value_b)} {unit} in B."
    return f"The ranks of the {len(attribution.units)} sentences that the target can depend on correlate with {said}.{value}"


def _alike(method: MethodInBoth) -> str:
    agreement = method.found
    if np.isnan(agreement.rho):
        return f"no ρ by {method.label} (too few, or all of one value)"
    interval = "" if np.isnan(agreement.low) else f" [{two_decimals(agreement.low)}, {two_decimals(agreement.high)}]"
    return f"ρ = {two_decimals(agreement.rho)}{interval} by {method.label}"
