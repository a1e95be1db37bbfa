"""What one backward pass knows while it runs: the texts, the calls of attention in their order, and their sums."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from reportgen.capture.backward.attention import StreamedAttention
from reportgen.capture.backward.calls import Attended, AttentionCall
from reportgen.capture.backward.relevance import Relevance
from reportgen.capture.backward.row_blocks import RowBlock, plan_row_blocks
from reportgen.capture.backward.stack_sums import StackNumbers, StackSums
from reportgen.capture.backward.workspace import Workspace
from reportgen.capture.block import CELLS_AT_MOST, ROWS_ON_A_DEVICE
from reportgen.capture.feeding import StackOf
from reportgen.capture.layout import TextLayout
from reportgen.capture.streaming import refuse_what_is_not_finite
from reportgen.capture.visibility import Visibility
from reportgen.errors import ModelError

ROWS_AT_MOST = 64
TEXTS = {"encoder": ("encoder", "encoder"), "decoder": ("decoder", "decoder"), "cross": ("decoder", "encoder")}  # of queries, of keys


def stack_by_direction(module: Any, visibility: Visibility) -> str:
    """`decoder` where no query sees a later key, else `encoder`: right for models of one stack."""
    return "decoder" if visibility.causal else "encoder"


@dataclass(kw_only=True, eq=False)
class BackwardPass:
    """One forward and one backward pass, for one use: what the texts look like, and which stack each call of attention belongs to.

    `layouts` has the text of the `encoder`, of the `decoder`, or both; relevance is that for their target rows. `stack_of` says `encoder`, `decoder` or
    `cross`. `progress` is called with the share of the backward pass that is done. `rows_at_most` are those of a block on the CPU; a device takes as many as
    there is room for cells.
    """

    layouts: Mapping[str, TextLayout]
    stack_of: StackOf = stack_by_direction
    progress: Callable[[float], None] = lambda share: None
    rows_at_most: int = ROWS_AT_MOST
    cells_at_most: int = CELLS_AT_MOST
    workspace: Workspace = field(init=False, default_factory=Workspace)
    anchor: torch.Tensor = field(init=False, default_factory=lambda: torch.zeros(0, requires_grad=True))
    recomputing: bool = field(init=False, default=False)
    stacks: dict[str, StackSums] = field(init=False, default_factory=dict)
    plans: dict[tuple[str, Visibility], Sequence[RowBlock]] = field(init=False, default_factory=dict)
    kept: dict[Any, list[Attended]] = field(init=False, default_factory=lambda: defaultdict(list))  # by the module that attended
    relevance: Relevance = field(init=False)
    rows_to_do: int = field(init=False, default=0)
    rows_done: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.relevance = Relevance(self.layouts)

    def attend(
        self, module: Any, stack: str, visibility: Visibility, tensors: Sequence[torch.Tensor | None], scaling: float, cap: float | None
    ) -> torch.Tensor:
        """The output of one call of attention by a module, batch x token x head x dim.

        Layers are numbered in the order of the calls in the forward pass. A layer that is recomputed for the backward pass gets no number: autograd uses what
        it keeps, but calls the backward function of the first call. Layers are recomputed in reverse, so that of a module that several of them share the last output comes first.
        """
        sums, layer = self.enter(stack, tensors[0].shape[1])
        if layer is not None:
            refuse_what_is_not_finite(stack, layer, *(tensor.detach() for tensor in tensors[:3]))
        blocks = self._blocks(sums, visibility, tensors)
        call = AttentionCall(
            layer=layer,
            stack=sums,
            blocks=blocks,
            scaling=scaling,
            cap=cap,
            workspace=self.workspace,
            after_block=self.count,
            kept=self.kept[module],
        )
        return StreamedAttention.apply(self.anchor, *tensors, call)

    def enter(self, stack: str, heads: int) -> tuple[StackSums, int | None]:
        """The stack whose attention is called now, and the layer's number there; None where a layer is recomputed."""
        sums = self._sums(stack)
        layer = None if self.recomputing else sums.next_layer(heads)
        self.rows_to_do += sums.queries.tokens * (not self.recomputing)
        return sums, layer

    def numbers(self) -> dict[str, StackNumbers]:
        """The numbers of every stack; relevance is the encoder's where there are two texts."""
        both = "cross" in self.stacks
        rows = any(len(self.layouts[text].target_rows) for text in (("decoder",) if both else self.stacks))
        return {name: sums.numbers(propagated=rows and (name == "encoder" or not both)) for name, sums in self.stacks.items()}

    def _sums(self, stack: str) -> StackSums:
        if stack not in self.stacks:
            if not set(TEXTS[stack]) <= set(self.layouts):
                raise ModelError(f"The model has attention of its {stack}, but there is text for {' and '.join(self.layouts)} only.")
            self.stacks[stack] = StackSums(stack, TEXTS[stack], self.relevance)
        return self.stacks[stack]

    def _blocks(self, sums: StackSums, visibility: Visibility, tensors: Sequence[torch.Tensor | None]) -> Sequence[RowBlock]:
        """The blocks of a layer; layers that share a mask share them."""
        if (sums.name, visibility) not in self.plans:
            found, expected = (tensors[0].shape[2], tensors[1].shape[2]), (sums.queries.tokens, sums.keys.tokens)
            if found != expected or len(visibility.first) != expected[0] or int(visibility.last.max()) > expected[1]:
                raise ModelError(f"The model's {sums.name} looks from {found[0]} tokens at {found[1]}, but the text has {expected[0]} and {expected[1]}.")
            limits = (self.rows_at_most if tensors[0].device.type == "cpu" else ROWS_ON_A_DEVICE, self.cells_at_most)
            self.plans[sums.name, visibility] = tuple(plan_row_blocks(sums.queries, sums.keys, visibility, sums.heads[0], *limits))
        return self.plans[sums.name, visibility]

    def count(self, block: RowBlock) -> None:
        """Count a block's rows as done."""
        self.rows_done += block.shape[0]
        self.progress(self.rows_done / self.rows_to_do)
