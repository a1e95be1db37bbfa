"""The passes that one document takes through one model, and what the measurements file says of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from typing import Any

import numpy as np

from reportgen.capture.annotations import Annotations, annotate
from reportgen.capture.attribution import Gradients, measure_full, measure_gradients
from reportgen.capture.attribution.cost import attribution_cost
from reportgen.capture.attribution.faithfulness import measure_faithfulness
from reportgen.capture.carrying import attention_alone
from reportgen.capture.explaining import Explained
from reportgen.capture.feeding import Feed, Shapes
from reportgen.capture.fitting import Limits, block_limits, budget_of, needs_of, refuse_what_does_not_fit, settings_of
from reportgen.capture.forward import ForwardNumbers, looking_at_the_source, measure_forward, measure_target_rows
from reportgen.capture.knockout import measure_links
from reportgen.capture.layout import layout_of
from reportgen.capture.measure_options import MeasureOptions
from reportgen.capture.per_layer import global_mask, reads_per_layer
from reportgen.capture.probes import PERIOD, ROWS, SEED, measure_probes
from reportgen.capture.pruning import measure_pruning
from reportgen.capture.self_check import checked_shapes
from reportgen.capture.shuffled import FEWEST_SENTENCES, ShuffledNumbers, measure_shuffled
from reportgen.capture.targets import Target, TargetText, chosen_target
from reportgen.capture.text_arrays import blocks_of, text_arrays
from reportgen.capture.unread import with_unread
from reportgen.measurements import FORMAT, OWN, WRITTEN, Measurements
from reportgen.models import LanguageModel
from reportgen.models.softmax_attention import attention_layers
from reportgen.tokens import DOCUMENT, GENERATED, PAIR, ModelInput
from reportgen.units import LEVELS, level_notices

LIBRARIES = ("torch", "transformers", "numba", "numpy", "scikit-learn", "nltk", "reportgen")
PARTS = {DOCUMENT: OWN, PAIR: "pair", GENERATED: WRITTEN}
Progress = Callable[[str, float], None]
TARGETS_ATTENTION = "attention of the target's own pass"
MANY_PASSES = "integrated gradients, ablation, input x gradient of pairs of sentences, surrogate, pruning of heads, faithfulness of every method"


@dataclass(frozen=True, kw_only=True)
class Passes:
    """One document on one model, and the passes it takes."""

    language_model: LanguageModel
    fed: ModelInput
    options: MeasureOptions
    report: Progress

    def measurements(self) -> Measurements:
        """The passes, one after the other, and what they give."""
        model, given = self.language_model.model, self._feed()
        text = self._target_text_of()
        text.refuse_what_is_not_there(self.language_model, self.options.wanted_target)
        shapes = checked_shapes(self.language_model, given)
        target = chosen_target(self.language_model, given, text, self.options.wanted_target) if self.options.attribution != "none" else None
        aimed = given if target is None else target.feed(given, self.language_model.tokenizer.mask_token_id)
        read = given if target is None or target.reads_otherwise(given) else aimed
        limits, _ = self.fitting(given, shapes, target)
        forward = self.carried(measure_forward(model, read, shapes, self.report, limits.rows, limits.cells))
        arrays = {**text_arrays(self.fed.source), **self._kinds_of_tokens(), **self._target_arrays(), **forward.arrays}
        arrays |= self.probe_arrays(shapes)
        control = self._control(given, shapes, limits)
        arrays |= {} if control is None else control.arrays
        explained = None if target is None else self.explained(given, aimed, target, forward, shapes, limits)
        arrays |= {} if explained is None else explained.by_sentence | explained.numbered
        metadata = self.metadata(shapes, forward, target, explained)
        if control is not None:
            metadata["control"] = control.metadata
            metadata["notices"].append(control.notice)
        return Measurements(arrays=arrays, metadata=metadata, text=self.fed.document.text, target_text=self._target_text)

    def fitting(self, given: Feed, shapes: Shapes, target: Target | None) -> tuple[Limits, int | None]:
        """How large blocks may be, and what is left of the memory. Raises `DocumentError` when the passes over this text do not fit into it."""
        model = self.language_model.model
        budget, tokens = budget_of(self.options.memory, model.device), given.source.tokens
        limits = block_limits(budget, model.device, max(heads for _, heads in shapes.values()), tokens)
        return limits, refuse_what_does_not_fit(needs_of(model, given, shapes, target, limits), budget, model.device, tokens)

    def _feed(self) -> Feed:
        nothing = np.array([], np.int64)
        target = None if self.fed.target is None else layout_of(self.fed.target, nothing)
        if target is not None and self.annotations.target is not None:
            target = target.changed(**self.annotations.target.fields(self.fed.target))
        extra = {**self.fed.extra, **global_mask(self.language_model.model, self.fed.source.ids)}
        source = layout_of(self.fed.source, nothing).changed(**self.annotations.source.fields(self.fed.source))
        return Feed(source=source, target=target, extra=extra)

    @cached_property
    def annotations(self) -> Annotations:
        """What is known of the texts' words."""
        self.report("mentions" if self.options.syntax is None else "mentions and syntax", 0.0)
        return annotate(self.fed, self.options.syntax, split=self.options.level != LEVELS[0])

    @cached_property
    def attention_alone(self) -> bool:
        """Whether attention alone carries anything from one token to another."""
        return attention_alone(self.language_model.model, self._feed())

    def carried(self, forward: ForwardNumbers) -> ForwardNumbers:
        """The same without rollout where other parts carry too: a product of attention weights alone says nothing of what comes that way."""
        if self.attention_alone:
            return forward
        kept = {name: values for name, values in forward.arrays.items() if not name.partition(".")[2].startswith("rollout")}
        return replace(forward, arrays=kept, target_rollout={})

    def gradient_arrays(self, gradients: Gradients) -> dict[str, np.ndarray]:
        """What the gradients give, without propagated relevance for the same reason."""
        found = gradients.arrays()
        return found if self.attention_alone else {name: values for name, values in found.items() if not name.endswith("relevance")}

    def attention_of_target(self, forward: ForwardNumbers, aimed: Feed, shapes: Shapes, *, otherwise: bool) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
        """What attention says of the target, and notices: of the stack that looks at the source, in the pass whose output the target reads.

        `otherwise` says that it reads another input than the one that `forward` is of.
        """
        found = forward
        if otherwise:
            self.report(TARGETS_ATTENTION, 0.0)
            found = self.carried(measure_target_rows(self.language_model.model, aimed, shapes))
            self.report(TARGETS_ATTENTION, 1.0)
        stack = looking_at_the_source(shapes)
        rollout = {"attribution.rollout": found.target_rollout[stack]} if stack in found.target_rollout else {}
        return found.target_attention[stack] | rollout, found.target_notices

    def explained(
        self, given: Feed, aimed: Feed, target: Target, forward: ForwardNumbers, shapes: Shapes, limits: Limits, first_sentence: int = 0
    ) -> Explained:
        """What the target depends on: one backward pass, the strongest links hidden, sentences taken out, and many passes where they are asked for.

        `forward` is of the text in `given`, whose sentences are numbered from `first_sentence`.
        """
        language_model, alone = self.language_model, self.attention_alone
        all_passes, where = self.options.attribution == "full", {"attention_alone": alone, "first_sentence": first_sentence}
        attribution_cost(language_model, given, target, full=all_passes, **where).say(forward.seconds, self.report)
        gradients = measure_gradients(language_model.model, aimed, target, self.report, limits.cells)
        links = measure_links(language_model, given, forward.arrays, self.report, effort=self.options.attribution, **where)
        full, pruned = None, None
        if all_passes:
            full = measure_full(language_model, given, target, gradients.value, self.report, **where)
            pruned = measure_pruning(language_model, aimed, target, gradients.importance(shapes), self.report)
        attention, notices = self.attention_of_target(forward, aimed, shapes, otherwise=target.reads_otherwise(given))
        arrays = self.gradient_arrays(gradients) | attention
        known, intact = arrays | ({} if full is None else full.arrays), target.intact(gradients.value)
        faithful = measure_faithfulness(language_model, aimed, target, intact, known, self.report, full=all_passes, **where)
        return Explained(
            value=gradients.value,
            arrays=with_unread(arrays, given),
            full=None if full is None else replace(full, arrays=with_unread(full.arrays, given)),
            links=links,
            pruned=pruned,
            faithful=faithful,
            notices=(*target.notices, *gradients.notices, *notices),
        )

    def probe_arrays(self, shapes: Shapes) -> dict[str, np.ndarray]:
        """What the probes give, where they are wanted and possible."""
        if not (self.options.probes and self._probes_possible(shapes)):
            return {}
        found = measure_probes(self.language_model.model, self.language_model.tokenizer, shapes, self.report)
        return {f"decoder.{name}": values for name, values in found.items()}

    def _control(self, given: Feed, shapes: Shapes, limits: Limits) -> ShuffledNumbers | None:
        """The same sentences in shuffled order, where that is wanted and possible."""
        if not self.options.control or self._why_no_control:
            return None
        return measure_shuffled(self.language_model.model, given, shapes, self.report, limits.rows, limits.cells)

    @property
    def _why_no_control(self) -> str:
        """Why the sentences cannot be read in shuffled order; empty where they can."""
        if (self.fed.source.part_of_sentence != DOCUMENT).any():
            return "a second text, or text that the model wrote, belongs to the document's own order"
        if len(self.fed.source.sentences) < FEWEST_SENTENCES:
            return f"fewer than {FEWEST_SENTENCES} sentences have no other order in which the first stays"
        return ""

    def _probes_possible(self, shapes: Shapes) -> bool:
        return self.language_model.kind == "causal" and (self.language_model.positions or 2 * PERIOD) >= 2 * PERIOD and "decoder" in shapes

    def _target_arrays(self) -> dict[str, np.ndarray]:
        return {} if self.fed.target is None else {f"target_{name}": values for name, values in text_arrays(self.fed.target).items()}

    def _kinds_of_tokens(self) -> dict[str, np.ndarray]:
        types = {"token_types": self.fed.extra["token_type_ids"]} if "token_type_ids" in self.fed.extra else {}
        return types | {"token_delimiters": self.fed.source.delimiter.astype(np.int32)}

    def _target_text_of(self) -> TargetText:
        """The text that the target can be of: what the decoder reads, where one reads a text beside its source."""
        if self.fed.target is None:
            return TargetText(tokenised=self.fed.source, text=self.fed.document.text)
        return TargetText(tokenised=self.fed.target, text=self._target_text)

    @property
    def _target_text(self) -> str:
        return "" if self.fed.target_document is None else self.fed.target_document.text

    def metadata(self, shapes: Shapes, forward: ForwardNumbers, target: Target | None, explained: Explained | None) -> dict[str, Any]:
        """Everything needed to know what the numbers are of; no clock, no path, no host."""
        document, language_model, probed = self.fed.document, self.language_model, self._probes_possible(shapes)
        model = language_model.model
        layers, heads = next(iter(shapes.values()))
        stack = next(iter(shapes))
        metadata: dict[str, Any] = {
            "format": FORMAT,
            "title": document.title,
            "source": document.source,
            "sha256": document.sha256,
            "language": document.language,
            "level": self.options.level,
            **blocks_of(document),
            "model": language_model.name,
            "revision": language_model.identity,
            "family": language_model.family,
            "kind": language_model.kind,
            "layers": layers,
            "heads": heads,
            "stacks": {name: list(shape) for name, shape in shapes.items()},
            "dtype": str(model.dtype).removeprefix("torch."),
            "device": model.device.type,
            "attention_way": "per-layer" if reads_per_layer(model.config) else "streaming",
            "libraries": {name: version(name) for name in LIBRARIES},
            "options": {
                "attribution": self.options.attribution,
                "probes": {"seed": SEED, "rows": ROWS, "period": PERIOD} if self.options.probes and probed else None,
                "sentences": "Punkt" if self.options.sentences is None else "given by the caller",
                "sentence_attention_dtype": str(forward.arrays[f"{stack}.sentence_attention"].dtype),
                **settings_of(self.options.memory),
                **self.fed.settings,
            },
            "windows": [],
            "notices": [*self._before_measuring(), *self._where_measured(), *self._absences(shapes, probed, target), *self.annotations.notices],
            **self.annotations.metadata(stack),
        }
        some = attention_layers(model)
        if some is not None:
            metadata["attention_layers"] = {stack: list(some.layers)}
        if self.fed.target_document is not None:
            metadata |= {f"target_{name}": values for name, values in blocks_of(self.fed.target_document).items()}
        if forward.global_tokens:
            metadata["global_tokens"] = list(forward.global_tokens)
        if (self.fed.source.part_of_sentence != DOCUMENT).any():
            named = PARTS | ({PAIR: "question"} if language_model.kind == "question answering" else {})
            metadata["sentence_parts"] = [named[part] for part in self.fed.source.part_of_sentence.tolist()]
        if target is not None:
            metadata["target"] = self._said_of(target)
        if explained is not None:
            explained.add_to(metadata)
        return metadata

    def _said_of(self, target: Target) -> dict[str, Any]:
        asked = {} if self.options.target is None else {"asked": self.options.target}
        of_several = {} if len(target.sentences) < 2 else {"last_sentence": target.sentences[-1]}
        said = {"sentence": target.sentence, **of_several, "rows": len(target.rows), "description": target.description, "unit": target.unit}
        return said | asked | ({} if target.reads is None else {"tokens_read": target.reads}) | dict(target.said)

    def _before_measuring(self) -> list[str]:
        """What was said when the document was read, and the second text, when it was cut into units, and when they were made tokens."""
        pair = self.options.pair
        of_pair = () if pair is None else pair.notices
        return [*self.fed.document.notices, *(f"{pair.source}: {notice}" for notice in of_pair), *level_notices(self.options.level), *self.fed.notices]

    def _where_measured(self) -> list[str]:
        """Which of the model's layers have attention, where not all have."""
        some = attention_layers(self.language_model.model)
        if some is None:
            return []
        one, several = f"layer {some.layers[0]}", f"layers {', '.join(map(str, some.layers[:-1]))} and {some.layers[-1]}"
        return [
            f"Measured where there is attention: {one if len(some.layers) == 1 else several} of the model's {some.of}, counted from 0. "
            f"Layers and heads are numbered among these: layer 0 is the model's layer {some.layers[0]}."
        ]

    def _absences(self, shapes: Shapes, probed: bool, target: Target | None) -> list[str]:
        """What was not measured, and why."""
        asked_away = {"attribution": self.options.attribution != "none", "the probes on repeated random tokens": self.options.probes}
        said = [f"Not measured, because it was asked away: {name}." for name, wanted in asked_away.items() if not wanted]
        if self.options.attribution == "fast":
            said.append(f"Not measured, because they take many passes, which --attribution full asks for: {MANY_PASSES}.")
        if self.options.probes and not probed:
            reason = f"the model reads fewer than {2 * PERIOD} tokens" if self.language_model.kind == "causal" else "they are for causal models"
            said.append(f"Not measured, because {reason}: the probes on repeated random tokens.")
        if not self.attention_alone:
            named = "rollout, and relevance of the attribution's target" if target is not None else "rollout"
            said.append(f"Not measured, because other parts of the model than attention carry information between tokens too: {named}.")
        if self.options.control and self._why_no_control:
            said.append(f"Not measured, because {self._why_no_control}: the control run in shuffled order.")
        if target is not None and "cross" in shapes:
            said.append("Not measured, because it is not carried through cross-attention: rollout of the attribution's target.")
        if reads_per_layer(self.language_model.model.config):
            said.append("Not measured, because the model's attention is outside the library's interface: queries and keys behind links, divergence of heads.")
        return said
