"""The benchmark's table: a row for each length, a cell for each way, ratios beside them."""

from __future__ import annotations

from collections.abc import Mapping

from timing import Figures, Outcome

Ratio = tuple[str, str, str]  # one way, another, and the figure that is compared
FORWARD: dict[str, str | Ratio] = {
    "SDPA": "sdpa",
    "SDPA without logits": "body",
    "ours": "ours",
    "ours / SDPA": ("ours", "sdpa", "seconds"),
    "ours / SDPA without logits": ("ours", "body", "seconds"),
    "memory, ours / SDPA": ("ours", "sdpa", "gigabytes"),
    "eager and formulas": "eager",
    "eager / ours": ("eager", "ours", "seconds"),
    "savis": "savis",
    "savis / ours": ("savis", "ours", "seconds"),
    "bertviz": "bertviz",
    "bertviz / ours": ("bertviz", "ours", "seconds"),
}
BACKWARD: dict[str, str | Ratio] = {
    "plain backward": "plain backward",
    "ours backward": "backward",
    "backward, ours / plain": ("backward", "plain backward", "seconds"),
    "backward memory, ours / plain": ("backward", "plain backward", "gigabytes"),
}


def columns(gradients: bool) -> dict[str, str | Ratio]:
    """What stands under each heading, after tokens and sentences."""
    return FORWARD | (BACKWARD if gradients else {})


def ways_of(shown: Mapping[str, str | Ratio]) -> list[str]:
    """The ways that the table shows."""
    return [what for what in shown.values() if isinstance(what, str)]


def header(shown: Mapping[str, str | Ratio]) -> str:
    """The headings and the line below them."""
    names = ["tokens", "sentences", *shown]
    return f"| {' | '.join(names)} |\n|{'---:|' * len(names)}"


def row(shown: Mapping[str, str | Ratio], outcomes: Mapping[str, Outcome]) -> str:
    """One length's line."""
    size = next((one for one in outcomes.values() if isinstance(one, Figures)), None)
    cells = [f"{size.tokens}", f"{size.sentences}"] if size else ["", ""]
    cells += [written(outcomes[what]) if isinstance(what, str) else ratio(outcomes, what) for what in shown.values()]
    return f"| {' | '.join(cells)} |"


def written(outcome: Outcome) -> str:
    """Seconds, peak memory and the size of what was written; the reason where there are none."""
    if isinstance(outcome, str):
        return outcome
    size = "" if outcome.megabytes is None else f", writes {outcome.megabytes:,.0f} MB"
    return f"{outcome.seconds:.{1 if outcome.seconds >= 1 else 2}f} s, {outcome.gigabytes:.2f} GB{size}"


def ratio(outcomes: Mapping[str, Outcome], what: Ratio) -> str:
    """Two ways' ratio, empty where one was not measured."""
    one, other, figure = what
    if isinstance(outcomes[one], str) or isinstance(outcomes[other], str):
        return ""
    return f"{getattr(outcomes[one], figure) / getattr(outcomes[other], figure):.2f}"
