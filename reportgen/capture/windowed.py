"""A document longer than the model: its windows one after the other, each stored as it comes, and the document's arrays out of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from reportgen.archive import Spool
from reportgen.capture.attribution import measure_gradients
from reportgen.capture.feeding import Feed, Shapes
from reportgen.capture.fitting import Limits
from reportgen.capture.forward import ForwardNumbers, measure_forward
from reportgen.capture.layout import layout_of
from reportgen.capture.merging import BUDGET, Merging, WindowNumbers, target_of_window, text_weights
from reportgen.capture.passes import MeasureOptions, Passes, Progress, text_arrays
from reportgen.capture.self_check import check_model
from reportgen.capture.targets import Target, default_target
from reportgen.documents import Document
from reportgen.measurements import Measurements
from reportgen.models import LanguageModel
from reportgen.tokens import ModelInput
from reportgen.windows import WindowedText


@dataclass(frozen=True, kw_only=True)
class WindowedPasses(Passes):
    """The passes of a document in windows. The target of attribution is that of the last window, and says nothing of sentences before it."""

    windowed: WindowedText

    @classmethod
    def of(cls, document: Document, windowed: WindowedText, *, language_model: LanguageModel, options: MeasureOptions, report: Progress) -> WindowedPasses:
        """The passes of these windows."""
        settings = {"window": options.window or language_model.positions, "stride": options.stride or "half a window"}
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
        model, whole, last = self.language_model.model, self.windowed.whole, len(self.windowed.windows) - 1
        shapes = check_model(model, self._feed())
        target, aimed = self._target()
        limits, left = self._fitting_of_all(shapes, target)
        merging = {stack: Merging(stack=stack, sentences=len(whole.sentences), tokens=len(whole.ids), budget=left) for stack in shapes}
        for index in range(last):
            forward = measure_forward(model, self._feed_of(index), shapes, self._report_of(index), limits.rows, limits.cells)
            self._take(index, self.carried(forward), spool, merging)
        read = self._feed_of(last) if target is None or target.masked is not None else aimed
        forward = self.carried(measure_forward(model, read, shapes, self._report_of(last), limits.rows, limits.cells))
        self._take(last, forward, spool, merging)
        arrays = text_arrays(whole) | self.probe_arrays(shapes)
        gradients = None
        if target is not None:
            gradients = measure_gradients(model, aimed, target, self.report, limits.cells)
            found = self.gradient_arrays(gradients) | self.attention_of_target(forward, aimed, target, shapes)
            arrays |= target_of_window(found, self.windowed.windows[last], len(whole.sentences))
        return self._finished(spool, merging, arrays, self.metadata(shapes, forward, self._in_document(target), gradients))

    def _fitting_of_all(self, shapes: Shapes, target: Target | None) -> tuple[Limits, int]:
        """The blocks that fit in the largest window, and the bytes that the document's own matrices may take: what is left, by default no more than usual."""
        largest = max(range(len(self.windowed.parts)), key=lambda index: len(self.windowed.parts[index].ids))
        limits, left = self.fitting(self._feed_of(largest), shapes, target)
        usual = BUDGET if self.options.memory is None or left is None else left
        return limits, min(usual, BUDGET if left is None else left)

    def _finished(self, spool: Spool, merging: dict[str, Merging], arrays: dict[str, np.ndarray], metadata: dict[str, Any]) -> Measurements:
        metadata["windows"] = self.windowed.metadata
        for stack, windows in merging.items():
            merged = windows.finish()
            arrays |= {f"{stack}.{name}": values for name, values in merged.arrays.items()}
            metadata["notices"] += merged.notices
        kinds = [str(values.dtype) for name, values in arrays.items() if name.endswith(".sentence_attention")]
        metadata["options"]["sentence_attention_dtype"] = kinds[0] if kinds else None
        return Measurements(arrays=spool.finish(arrays), metadata=metadata, text=self.fed.document.text)

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
                arrays={name.removeprefix(f"{stack}."): values for name, values in forward.arrays.items() if name.startswith(f"{stack}.")},
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
        return Feed(source=layout_of(part, NO_ROWS).changed(counted=self.windowed.counted[index], rare=self._rare[places]))

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
        """The target of the last window, and what the model is fed for it."""
        if not self.options.attribution:
            return None, None
        given = self._feed_of(len(self.windowed.windows) - 1)
        target = default_target(self.language_model, given, self.windowed.windows[-1].first)
        return target, target.feed(given, self.language_model.tokenizer.mask_token_id)

    def _in_document(self, target: Target | None) -> Target | None:
        window = self.windowed.windows[-1]
        where = f"; read in the last window, sentences {window.first + 1} to {window.last}"
        return None if target is None else replace(target, description=target.description + where)


NO_ROWS: Int[np.ndarray, " row"] = np.array([], np.int64)
