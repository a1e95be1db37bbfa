"""What each method says of the sentences that a target can depend on, read from the measurements."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from reportgen.analyses.agreement.controls import controls
from reportgen.analyses.agreement.methods import LABELS, METHODS, REFERENCES
from reportgen.analyses.agreement.target import first_read_with_target, sentences_of_target
from reportgen.analyses.flows.maximum_flow import attention_flow, capacities, edges_looked_at
from reportgen.analyses.sentence_matrix import attention_views
from reportgen.measurements import Measurements

NEEDED = ("attention", "gradient", "input_x_gradient")
FLOW_AT_MOST = 28_000_000  # edges looked at, which takes about 3 s
SEED = 0
SIGNED = {method.name for method in METHODS if method.signed}


@dataclass(frozen=True, kw_only=True, eq=False)
class Compared:
    """The sentences compared, those before the target (or all others, where it is seen from both sides or is no sentence), and each method's numbers of them.

    `distance` is in sentences to the nearest one of the target, None where it is no sentence. `sink` marks the first sentence that was read with the target.
    `values` are as measured, by the methods' names; `notes` say which method is not there and why, where it could have been.
    """

    target: str
    target_sentence: int | None
    sentences: Int[np.ndarray, " compared"]
    distance: Float[np.ndarray, " compared"] | None
    lengths: Float[np.ndarray, " compared"]
    sink: Bool[np.ndarray, " compared"]
    values: dict[str, Float[np.ndarray, " compared"]]
    notes: tuple[str, ...]

    @property
    def reference(self) -> str:
        """The method that the others are held against."""
        return next(name for name in REFERENCES if name in self.values)

    @property
    def accounted(self) -> Float[np.ndarray, "control compared"]:
        """Distance to the target (the place in the document where it is no sentence), length and the sink, as controls."""
        place = self.sentences.astype(float) if self.distance is None else np.log(self.distance)
        return controls([place, np.log(self.lengths)], self.sink) if len(place) else np.zeros((0, 0))

    def sizes(self, name: str) -> Float[np.ndarray, " compared"]:
        """What ranks sentences by a method: its numbers, without their signs where they have any."""
        return np.abs(self.values[name]) if name in SIGNED else self.values[name]


def compared(measurements: Measurements, *, flow: bool = True) -> Compared:
    """Of every method that was measured; flow, unless it is not asked for, where it is affordable."""
    target = measurements.metadata["target"]
    own = sentences_of_target(target)
    known = ~np.isnan([measurements[f"attribution.{name}"] for name in NEEDED]).any(0)
    chosen = _chosen(measurements, known, own)
    members = measurements["token_sentences"]
    lengths = np.bincount(members[members >= 0])[chosen].astype(float)
    found, notes = _measured(measurements, chosen)
    flows, why = _flow(measurements, target["sentence"], chosen) if flow else (None, ())
    distance = _distance(chosen, own)
    found |= ({} if flows is None else {"flow": flows}) | _baselines(distance, lengths)
    return Compared(
        target=target["description"],
        target_sentence=target["sentence"],
        sentences=chosen,
        distance=distance,
        lengths=lengths,
        sink=chosen == first_read_with_target(measurements),
        values={method.name: found[method.name] for method in METHODS if method.name in found},
        notes=(*notes, *why),
    )


def _chosen(measurements: Measurements, known: Bool[np.ndarray, " sentence"], own: range) -> Int[np.ndarray, " compared"]:
    """The sentences that have numbers and that the target can see; not its own."""
    sentences = np.arange(len(known))
    there = known & ~np.isin(sentences, own)
    if own and measurements.stack == "decoder":
        there &= sentences < own[0]
    return sentences[there]


def _distance(chosen: Int[np.ndarray, " compared"], own: range) -> Float[np.ndarray, " compared"] | None:
    return np.minimum(np.abs(chosen - own[0]), np.abs(chosen - own[-1])).astype(float) if own else None


def _measured(measurements: Measurements, chosen: Int[np.ndarray, " compared"]) -> tuple[dict[str, Float[np.ndarray, " compared"]], list[str]]:
    found, notes = {}, []
    for method in METHODS:
        key = f"attribution.{method.name}"
        if key not in measurements:
            continue
        values = measurements[key][chosen].astype(float)
        if np.isnan(values).any() and method.name not in NEEDED:
            notes.append(f"{LABELS[method.name].capitalize()} is left out: it has no value for {int(np.isnan(values).sum())} of the sentences compared.")
        else:
            found[method.name] = values
    return found, notes


def _flow(
    measurements: Measurements, target: int | None, chosen: Int[np.ndarray, " compared"]
) -> tuple[Float[np.ndarray, " compared"] | None, tuple[str, ...]]:
    """Maximum flow from the target's sentence, through the sentences compared and itself."""
    if target is None or not len(chosen) or not any(f"*.{name}" in measurements for name in ("sentence_attention", "sentence_attention_by_layer")):
        return None, ()
    layers, nodes = measurements.metadata["layers"], len(chosen) + 1
    if edges_looked_at(layers, nodes, looks_ahead=measurements.stack != "decoder") > FLOW_AT_MOST:
        return None, (f"Flow is left out: from {len(chosen)} sentences through {layers} layers it would take too long; the section on flow has it for some.",)
    seen = np.append(chosen, target)
    by_layer = measurements.by_pair.pairs.matrix(attention_views(measurements)[1:])[:, seen[:, None], seen]
    return attention_flow(capacities(np.nan_to_num(by_layer)), nodes - 1, np.arange(nodes - 1)), ()


def _baselines(distance: Float[np.ndarray, " compared"] | None, lengths: Float[np.ndarray, " compared"]) -> dict[str, Float[np.ndarray, " compared"]]:
    near = {} if distance is None else {"nearness": -distance}
    return near | {"length": lengths, "random": np.random.default_rng(SEED).random(len(lengths))}
