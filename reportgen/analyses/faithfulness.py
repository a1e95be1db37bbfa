"""Whether the sentences that a method names are those that the prediction needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from reportgen.analyses.agreement.methods import LABELS
from reportgen.analyses.analysis import Analysis, Method
from reportgen.analyses.curves.charts import CURVES, Drawn, draw_curves, is_drawn
from reportgen.analyses.curves.measures import LOSS, Curves, Score, scores_of
from reportgen.analyses.curves.resampling import FEWEST_PARTS, RESAMPLES, Estimate, Resampling
from reportgen.analyses.curves.standing_out import Best, best_of
from reportgen.contract import CONTRACT
from reportgen.measurements import Measurements
from reportgen.wording import significant

FIRST = 5  # sentences of an order that are shown
NUMBERS = ("comprehensiveness", "sufficiency", "deletion_area", "insertion_area")
STORED = ("counts", "deletion", "insertion", "random_deletion", "random_insertion", "orders")
DEYOUNG, SAMEK = "DeYoung et al. 2020, section 4.2 (ERASER)", "after Samek et al. 2017; Petsiuk et al. 2018"


@dataclass(frozen=True, kw_only=True, eq=False)
class MethodScore:
    """One method's four numbers with 95 % intervals, and how much better than random orders each is (positive: better); `first` are its first sentences."""

    method: str
    label: str
    numbers: Mapping[str, Estimate]
    over_random: Mapping[str, Estimate]
    first: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """Curves in the target's unit (a mean over its tokens where it is a likelihood) by method and number of sentences; NaN where not measured.

    `percents` are the shares that comprehensiveness and sufficiency are means over, `bins` how many sentences these are, without repeats; `random` has the
    means over random orders, `best` the leaders.
    """

    target: str
    target_sentence: int | None
    unit: str
    loss: bool
    parts: int
    sentences: int
    draws: int
    counts: Int[np.ndarray, " step"]
    deletion: Float[np.ndarray, "method step"]
    insertion: Float[np.ndarray, "method step"]
    random_deletion: Float[np.ndarray, "draw step"]
    random_insertion: Float[np.ndarray, "draw step"]
    cost_of_all: Estimate
    percents: Mapping[str, tuple[int, ...]]
    bins: Mapping[str, tuple[int, ...]]
    methods: tuple[MethodScore, ...]
    random: Mapping[str, float]
    best: Mapping[str, Best | None]

    @property
    def known(self) -> tuple[str, ...]:
        """The numbers of which an order has any."""
        return tuple(name for name in NUMBERS if any(np.isfinite(row.numbers[name].value) for row in self.methods))

    @property
    def drawn(self) -> tuple[str, ...]:
        """The curves that the chart has."""
        return tuple(curve for curve in CURVES if is_drawn(getattr(self, curve)))


def analyse(measurements: Measurements) -> Result:
    """Score every order, and compare methods with each other and with chance. Methods are sorted by comprehensiveness, or by sufficiency without it."""
    metadata = measurements.metadata
    named, target = metadata["faithfulness"]["methods"], metadata["target"]
    curves = Curves.of(measurements)
    resampling = Resampling.of(len(curves.intact))
    scores = scores_of(curves, resampling)
    first = [tuple(order[:FIRST].tolist()) for order in measurements["faithfulness.orders"]]
    found = [_method_score(place, method, scores, resampling, len(named), first[place]) for place, method in enumerate(named)]
    ranking = scores["sufficiency" if np.isnan(scores["comprehensiveness"].values).any() else "comprehensiveness"]
    ranks = np.argsort(-ranking.better * ranking.values[: len(named)], kind="stable").tolist()
    means = {name: measurements[f"faithfulness.{name}"].mean(2, dtype=np.float64) for name in ("deletion", "insertion", "random_deletion", "random_insertion")}
    loss = target.get("unit", LOSS) == LOSS
    return Result(
        target=target["description"],
        target_sentence=target["sentence"],
        unit="nats per token" if loss else target["unit"],
        loss=loss,
        parts=len(curves.intact),
        sentences=curves.sentences,
        draws=len(means["random_deletion"]),
        counts=curves.counts,
        cost_of_all=resampling.interval(float(curves.all_out.mean()), resampling.means(curves.all_out)),
        percents={"comprehensiveness": curves.percents("deletion"), "sufficiency": curves.percents("insertion")},
        bins={"comprehensiveness": curves.bins("deletion"), "sufficiency": curves.bins("insertion")},
        methods=tuple(found[place] for place in ranks),
        random={name: float(score.values[len(named) :].mean()) for name, score in scores.items()},
        best={name: best_of(scores[name], named, resampling) for name in ("comprehensiveness", "sufficiency")},
        **means | {name: means[name][ranks] for name in ("deletion", "insertion")},
    )


def _method_score(place: int, method: str, scores: Mapping[str, Score], resampling: Resampling, methods: int, first: tuple[int, ...]) -> MethodScore:
    numbers, over = {}, {}
    for name, score in scores.items():
        values, resampled = score.better * score.values, score.better * score.resampled
        numbers[name] = resampling.interval(float(score.values[place]), score.resampled[place])
        against = resampled[place] - resampled[methods:].mean(0)
        over[name] = resampling.over_draws(float(values[place]), against, values[methods:])
    return MethodScore(method=method, label=LABELS[method], numbers=numbers, over_random=over, first=first)


def draw(result: Result) -> Mapping[str, Mapping[str, Any]]:
    """The curves, a panel for each method; no chart where none has a point between none and all of the sentences."""
    import altair as alt

    if not result.drawn:
        return {}

    random = {"deletion": result.random_deletion, "insertion": result.random_insertion}
    drawn = Drawn(
        methods=[row.label for row in result.methods],
        share=result.counts / result.sentences,
        curves={"deletion": result.deletion, "insertion": result.insertion},
        low={name: values.min(0) for name, values in random.items()},
        high={name: values.max(0) for name, values in random.items()},
        unit=result.unit,
    )
    return {"curves": draw_curves(alt, drawn)}


def find(result: Result) -> str:
    """What the leading order costs the target, beside attention's and random ones; how many are better than chance; whether one stands out."""
    name = "comprehensiveness" if result.bins["comprehensiveness"] else "sufficiency"
    return f"{_leaders(result, name)} {_chance(result, name)} {_standing_out(result)}"


def _leaders(result: Result, name: str) -> str:
    bins, leader = result.bins[name], result.methods[0]
    sizes = f"first {bins[0]}" if len(bins) == 1 else f"first {', '.join(map(str, bins[:-1]))} or {bins[-1]} (mean of these)"
    does = "Taking out" if name == "comprehensiveness" else "Leaving in alone"
    costs = "adds to the target's loss" if result.loss else "takes from the target"
    attention = next((row for row in result.methods[1:] if row.method == "attention"), None)
    beside = "" if attention is None else f", in that of attention {_written(attention.numbers[name])}"
    return (
        f"{does} the {sizes} of {result.sentences} sentences in the order of {leader.label} {costs} {_written(leader.numbers[name], result.unit)}{beside}, "
        f"in random order {significant(result.random[name])} (mean of {result.draws})."
    )


def _written(estimate: Estimate, unit: str = "") -> str:
    value = f"{significant(estimate.value)} {unit}".rstrip()
    return value if np.isnan(estimate.low) else f"{value} (95 % interval {significant(estimate.low)} to {significant(estimate.high)})"


def _chance(result: Result, name: str) -> str:
    better = [row.label for row in result.methods if row.over_random[name].above_zero]
    if not better:
        return "By its interval no method's order is better than random ones."
    return f"By their intervals {len(better)} of {len(result.methods)} orders are better than random ones: {', '.join(better)}."


def _standing_out(result: Result) -> str:
    """For both numbers, what may be said of a best method."""
    found = {name: best for name, best in result.best.items() if best is not None}
    if not any(best.sayable for best in found.values()):
        return f"Which method is best cannot be said: the target has {result.parts} {'part' if result.parts == 1 else 'parts'}, and resampling needs {FEWEST_PARTS}."
    if len(result.methods) == 1:
        return "There is no other method to compare with."
    named = {name: best for name, best in found.items() if best.named is not None}
    if named:
        return " ".join(f"By {name} {LABELS[best.named]} is better than every other method and than chance." for name, best in named.items())
    leading = "; ".join(f"by {name} {_lead(best)}" for name, best in found.items())
    all_others = "the other" if len(result.methods) == 2 else "all others"
    return f"No method stands out from {all_others} and from chance: {leading}."


def _lead(best: Best) -> str:
    """How the leader does beside the others; chance is named where it alone keeps the leader from standing out, or there is only one other."""
    if best.others == 1 and not best.better_than:
        return f"{LABELS[best.leader]} leads, but is not surely better than the other{'' if best.over_random else ' or than chance'}"
    others = "the other" if best.others == 1 else f"{best.better_than} of {best.others} others"
    return f"{LABELS[best.leader]} leads, better than {others}{', but not surely than chance' if best.better_than == best.others else ''}"


ANALYSIS = Analysis(
    name="faithfulness",
    question="Does the prediction need the sentences that each method puts first?",
    needs=("attribution.gradient", *(f"faithfulness.{name}" for name in STORED)),
    analyse=analyse,
    draw=draw,
    find=find,
    caveat=(
        "A text with sentences hidden is not a text that the model was trained on: part of what the target loses is due to that, and random orders lose it as well. "
        "Sentences interact, so an order is judged by what its sentences do together, which no sum of effects has to give. One target of one document: intervals "
        "are from its tokens and from random orders, and say nothing of other targets. Methods without a sign (attention, relevance, absolute gradients) cannot tell "
        "a sentence that helps from one that harms. Orders found by hiding sentences (leaving each out, the linear surrogate) are judged here by hiding them again."
    ),
    methods=(
        Method(name="Deletion curve", formula=CONTRACT["faithfulness.deletion"].formula, source=SAMEK),
        Method(name="Insertion curve", formula=CONTRACT["faithfulness.insertion"].formula, source=SAMEK),
        Method(name="Order", formula=CONTRACT["faithfulness.orders"].formula, source=CONTRACT["faithfulness.orders"].source),
        Method(
            name="Comprehensiveness",
            formula="mean over the top 1, 5, 10, 20, 50 % of sentences, as far as measured and different, of how much worse the target is without them, mean over its "
            "tokens; with ln p in place of p",
            source=DEYOUNG,
        ),
        Method(name="Sufficiency", formula="the same with them alone left in beside the target's own sentence", source=DEYOUNG),
        Method(
            name="Deletion area",
            formula="integral over the share x of sentences of (D(x) - D(0)) / (D(1) - D(0)) by trapezoids, D the deletion curve: 0 intact, 1 all hidden; more is better",
            source=SAMEK,
        ),
        Method(
            name="Insertion area",
            formula="integral over x of (D(1) - I(x)) / (D(1) - D(0)), I the insertion curve: the share regained; more is better",
            source=SAMEK,
        ),
        Method(
            name="Intervals",
            formula=f"{RESAMPLES} resamples of the target's tokens in blocks of n^(1/3), the same for all orders; Student's t (blocks - 1) times their deviation; from "
            f"{FEWEST_PARTS} tokens on",
            source="Kuensch 1989; Politis and Romano 1992",
        ),
        Method(
            name="Over random orders",
            formula="difference to the random orders' mean; its variance is that over resamples plus s^2 (1 + 1 / draws), s the deviation between random orders; "
            "Student's t (the lesser of draws and blocks, - 1)",
            source="none; defined here",
        ),
        Method(
            name="Best method",
            formula="named where the leader's paired interval against every other excludes 0 at 1 - 0.05 / pairs of methods, and that over random orders at "
            "1 - 0.05 / methods",
            source="Bonferroni's correction",
        ),
    ),
)
