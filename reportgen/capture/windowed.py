"""A document longer than the model: its windows one after the other, each stored as it comes, and the document's arrays out of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from reportgen.archive import Spool
from reportgen.capture.feeding import Feed, Shapes
from reportgen.capture.fitting import Limits
from reportgen.capture.forward import ForwardNumbers, measure_forward
from reportgen.capture.layout import layout_of
from reportgen.capture.merging import BUDGET, Merging, TokenPlaces, WindowNumbers, target_of_window, text_weights
from reportgen.capture.passes import MeasureOptions, Passes, Progress
from reportgen.capture.per_layer import global_mask, reads_per_layer
from reportgen.capture.self_check import checked_shapes
from reportgen.capture.targets import Target, TargetText, chosen_target
from reportgen.capture.text_arrays import text_arrays
from reportgen.contract import PAIR_KEY
from reportgen.documents import Document
from reportgen.errors import DocumentError
from reportgen.measurements import Measurements
from reportgen.models import LanguageModel
from reportgen.tokens import ModelInput, chat_of
from reportgen.wanted_target import WantedCharacters, WantedSentence
from reportgen.windows import Window, WindowedText


@dataclass(frozen=True, kw_only=True)
class WindowedPasses(Passes):
    """The passes of a document in windows. The target of attribution is read in one of them and says nothing of sentences that it does not read: in the window
    that reads a sentence or characters that are asked for with the most text before them, else in the last one."""

    windowed: WindowedText

    @classmethod
    def of(cls, document: Document, windowed: WindowedText, *, language_model: LanguageModel, options: MeasureOptions, report: Progress) -> WindowedPasses:
        """The passes of these windows."""
        settings: dict[str, Any] = {"window": options.window or language_model.positions, "stride": options.stride or "half a window"}
        settings |= {"chat": chat_of(language_model, None, opened=False).settings} if options.chat else {}
        fed = ModelInput(document=document, source=windowed.whole, extra={}, target_document=None, target=None, settings=settings)
        return cls(language_model=language_model, fed=fed, options=options, report=report, windowed=windowed)

    def measurements(self) -> Measurements:
        """Window after window: what each gives goes to disk and into the document's arrays, and is forgotten."""
        spool = Spool()
        try:
            return self._spooled(spool)
        except BaseException:
            spool.discard()
            raise

    def _spooled(self, spool: Spool) -> Measurements:
        whole = self.windowed.whole
        self._text_of_target.refuse_what_is_not_there(self.language_model, self.options.wanted_target)
        shapes = checked_shapes(self.language_model, self._feed())
        size = {"windows": self.windowed.windows, "sentences": len(whole.sentences), "tokens": len(whole.ids)}
        target, aimed = self._target()
        limits, left = self._fitting_of_all(shapes, target)
        merging = {stack: Merging(stack=stack, **size, budget=left) for stack in shapes}
        for index in range(len(self.windowed.windows)):
            found = self._forward_of(index, target, aimed, shapes, limits)
            self._take(index, found, spool, merging)
            if index == self._place_of_target:
                forward = found
        arrays = text_arrays(whole) | self.probe_arrays(shapes)
        explained = None
        if target is not None:
            explained = self.explained(self._feed_of(self._place_of_target), aimed, target, forward, shapes, limits, self._window_of_target.first)
            arrays |= explained.numbered
        metadata = self.metadata(shapes, forward, self._in_document(target), explained)
        metadata["notices"] += self._of_one_window(arrays)
        arrays |= self._merged(merging, {} if explained is None else explained.by_sentence, metadata)
        return Measurements(arrays=spool.finish(arrays), metadata=metadata, text=self.fed.document.text)

    def _forward_of(self, index: int, target: Target | None, aimed: Feed | None, shapes: Shapes, limits: Limits) -> ForwardNumbers:
        """What the forward pass of a window gives; in the window of the target its rows are marked where it reads the same input."""
        given = self._feed_of(index)
        if target is not None and aimed is not None and index == self._place_of_target and not target.reads_otherwise(given):
            given = aimed
        return self.carried(measure_forward(self.language_model.model, given, shapes, self._report_of(index), limits.rows, limits.cells))

    def _fitting_of_all(self, shapes: Shapes, target: Target | None) -> tuple[Limits, int]:
        """The blocks that fit in the largest window, and the bytes that the document's own matrices may take: what is left, by default no more than usual."""
        largest = max(range(len(self.windowed.parts)), key=lambda index: len(self.windowed.parts[index].ids))
        limits, left = self.fitting(self._feed_of(largest), shapes, target)
        usual = BUDGET if self.options.memory is None or left is None else left
        return limits, min(usual, BUDGET if left is None else left)

    def _merged(self, merging: dict[str, Merging], of_target: dict[str, np.ndarray], metadata: dict[str, Any]) -> dict[str, np.ndarray]:
        """The document's arrays, those that depend on the target among them; what is to be said of them goes into the metadata."""
        arrays: dict[str, np.ndarray] = {}
        seen = None
        metadata["windows"] = self.windowed.metadata
        for stack, windows in merging.items():
            merged = windows.finish()
            arrays |= {f"{stack}.{name}": values for name, values in merged.arrays.items()}
            if merged.by_pair:
                seen = windows.pairs.seen
                arrays[f"{PAIR_KEY}sentences"] = np.stack([merged.pairs.queries, merged.pairs.keys], 1)
                arrays |= {f"{PAIR_KEY}{stack}.{name}": values for name, values in merged.by_pair.items()}
            metadata["notices"] += merged.notices
        metadata["notices"] += [] if reads_per_layer(self.language_model.model.config) else [LINKS_OF_WINDOWS]
        whole, of_tokens = self.windowed.whole, TokenPlaces(places=self.windowed.places[self._place_of_target], tokens=len(self.windowed.whole.ids))
        arrays |= target_of_window(of_target, self._window_of_target, len(whole.sentences), seen, of_tokens)
        kinds = [str(values.dtype) for name, values in arrays.items() if name.endswith(".sentence_attention")]
        metadata["options"]["sentence_attention_dtype"] = kinds[0] if kinds else None
        return arrays

    def _take(self, index: int, forward: ForwardNumbers, spool: Spool, merging: dict[str, Merging]) -> None:
        """Store what a window gives, and add it to the document's arrays."""
        windowed, part, counted = self.windowed, self.windowed.parts[index], self.windowed.counted[index]
        for name, values in windowed.stored(index).items():
            spool.add(name, values)
        for name, values in forward.arrays.items():
            spool.add(f"window{index}/{name}", values)
        for stack, merged in merging.items():
            numbers = WindowNumbers(
                window=windowed.windows[index],
                arrays={name.removeprefix(f"{stack}."): values for name, values in forward.arrays.items() if _merged(name, stack)},
                queries=int((counted & (part.sentence_of_token >= 0)).sum()),
                weights=text_weights(part, counted) | forward.weights[stack],
                places=windowed.places[index],
                counted=counted,
            )
            merged.add(numbers)

    def _feed(self) -> Feed:
        """The first window's: what is found out about the model before it is measured takes no more."""
        return self._feed_of(0)

    def _feed_of(self, index: int) -> Feed:
        """A window's text; its rare tokens are those of the document, its queries count if they count here."""
        part, places = self.windowed.parts[index], self.windowed.places[index]
        counted, known = self.windowed.counted[index], self.annotations.source.fields(part)
        source = layout_of(part, NO_ROWS).changed(counted=counted, rare=self._rare[places], **known)
        return Feed(source=source, extra=global_mask(self.language_model.model, part.ids))

    @property
    def _why_no_control(self) -> str:
        return "the document is read in windows, and shuffled sentences would be in other ones"

    @cached_property
    def _rare(self) -> Bool[np.ndarray, " token"]:
        return layout_of(self.windowed.whole, NO_ROWS).rare_tokens

    def _report_of(self, index: int) -> Callable[[str, float], None]:
        """Progress of one window as a share of all."""
        windows = len(self.windowed.windows)

        def report(stage: str, share: float) -> None:
            kind, _, layer = stage.partition(",")
            self.report(f"{kind}, window {index + 1} of {windows}{layer and ','}{layer}", (index + share) / windows)

        return report

    def _target(self) -> tuple[Target | None, Feed | None]:
        """The target and what the model is fed for it."""
        if self.options.attribution == "none":
            return None, None
        given = self._feed_of(self._place_of_target)
        target = chosen_target(self.language_model, given, self._text_of_target, self.options.wanted_target)
        return target, target.feed(given, self.language_model.tokenizer.mask_token_id)

    @cached_property
    def _place_of_target(self) -> int:
        """The window that the target is read in. Raises `DocumentError` for sentences that no window reads together."""
        wanted, windowed = self.options.wanted_target, self.windowed
        if not isinstance(wanted, (WantedSentence, WantedCharacters)):
            return len(windowed.windows) - 1
        whole = TargetText(tokenised=windowed.whole, text=self.fed.document.text)
        sentences = whole.predicted(wanted).sentences_of(layout_of(windowed.whole, NO_ROWS))
        found = windowed.holding(int(sentences[0]), int(sentences[-1]))
        if found is None:
            raise DocumentError(f"No window reads sentences {sentences[0] + 1} to {sentences[-1] + 1} together: choose fewer characters, or a larger --window.")
        return found

    @property
    def _window_of_target(self) -> Window:
        return self.windowed.windows[self._place_of_target]

    @cached_property
    def _text_of_target(self) -> TargetText:
        part = self.windowed.parts[self._place_of_target]
        return TargetText(tokenised=part, text=self.fed.document.text, first_sentence=self._window_of_target.first)

    def _in_document(self, target: Target | None) -> Target | None:
        window, last = self._window_of_target, self._place_of_target == len(self.windowed.windows) - 1
        where = f"; read in {'the last window' if last else f'window {self._place_of_target + 1}'}, sentences {window.first + 1} to {window.last}"
        return None if target is None else replace(target, description=target.description + where)

    def _of_one_window(self, arrays: dict[str, np.ndarray]) -> list[str]:
        """What the window of the target alone was measured for."""
        window = self._window_of_target
        of_window = f"the target's window alone, sentences {window.first + 1} to {window.last}"
        named = {"attribution.pair_rows": "input x gradient of pairs of sentences", "attribution.link_effect": "the effect of hiding one sentence from another"}
        found = [what for name, what in named.items() if name in arrays]
        return [f"Measured in {of_window}: {', '.join(found)}."] if found else []


def _merged(name: str, stack: str) -> bool:
    """Whether an array of a window is of that stack and goes into the document's."""
    return name.startswith(f"{stack}.") and not name.startswith(f"{stack}.query_key")


NO_ROWS: Int[np.ndarray, " row"] = np.array([], np.int64)
LINKS_OF_WINDOWS = "Stored for each window's strongest links, not for those of the whole document: queries and keys behind links."
