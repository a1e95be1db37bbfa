"""Value norms of the target's rows, added up while a model runs, from each call of attention and the linear layer that its output goes into."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from reportgen.capture.lanes import Lanes, lanes_on
from reportgen.capture.layout import Stack
from reportgen.capture.scores import LayerScores, layer_scores
from reportgen.capture.self_check import COARSE, TOLERANCES
from reportgen.capture.streaming import Attended
from reportgen.capture.value_norms.norms import CELLS_AT_ONCE, CELLS_ON_A_DEVICE, head_products, summed_norms
from reportgen.capture.value_norms.projection import Projection, is_projection
from reportgen.models.softmax_attention import is_softmax_attention

NAME = "value-norm attention of the target"
FLOAT, DOUBLE = 4, 8
ARRAYS = 4  # of a block's size, in float64


class ValueNorms:
    """`attribution.value_norm`: mean over the target's rows and the layers of the l2 norm of sum over heads of p v W_O, by token and summed by sentence.

    W_O is the linear layer whose input is found to be the attention's output, number for number. Of each layer it is proved on the target's rows that
    the sum over keys and heads of p v W_O, plus the layer's bias, is what that layer gives, and that what the attention module gives is nothing else where
    the module holds the layer; `notices` say where this does not hold, and there are no arrays then. Norms and residuals that come after are not taken in.

    *Source:* Kobayashi et al. 2020, section 3. Memory: keys x heads x heads, and a block of rows x keys.
    """

    def __init__(self, stack: Stack, why_not: str = "") -> None:
        self.stack, self.why_not = stack, why_not
        self.rows = torch.from_numpy(stack.queries.target_rows)
        self.total = np.zeros(stack.keys.tokens)
        self.layers = 0
        self.lanes: Lanes | None = None  # when the device is known
        self.open: Attended | None = None  # whose projection has not run yet
        self.last: tuple[Any, Any, torch.Tensor] | None = None  # an attention module, its projection, and what that gave for the rows

    @contextmanager
    def watching(self, model: Any) -> Iterator[None]:
        """Inside the block the model's linear layers and attention modules are listened to."""
        projections, attentions = (list(filter(kind, model.modules())) for kind in (is_projection, is_softmax_attention))
        hooks = [module.register_forward_hook(self._projected) for module in projections]
        hooks += [module.register_forward_hook(self._returned) for module in attentions]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def attended(self, call: Attended) -> None:
        """Take in a call of attention, whose projection is to come."""
        if call.stack == self.stack.name and not self.why_not:
            self._refuse_what_is_open()
            self.open, self.last = call, None

    def arrays(self) -> dict[str, np.ndarray]:
        """By sentence and by token, named as the contract names them; nothing where they could not be measured."""
        self._refuse_what_is_open()
        if self.why_not:
            return {}
        by_token = self.total / (self.layers * len(self.rows))
        return {"attribution.value_norm": self.stack.keys.summed_by_sentence(by_token), "attribution.token_value_norm": by_token.astype(np.float32)}

    @property
    def notices(self) -> tuple[str, ...]:
        """Why there are none, if so."""
        self._refuse_what_is_open()
        return (f"Not measured, because {self.why_not}: {NAME}.",) if self.why_not else ()

    def _refuse_what_is_open(self) -> None:
        if self.open is not None:
            self.open, where = None, f"the output of the attention of layer {self.layers} of the {self.stack.name}"
            self.why_not = f"{where} does not go straight into a plain linear layer, so that what a token adds is not weights times projected values"

    def _projected(self, module: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """A linear layer has run."""
        call = self.open
        if call is None or not inputs or not self._is_output(inputs[0], call.output):
            return
        self.open, given = None, self._of_rows(output)
        self.last = call.module, module, given.float()
        self._add(call, Projection.of(module, call.query.shape[1]), given)

    def _is_output(self, given: Any, output: torch.Tensor) -> bool:
        """Whether a linear layer's input is the attention's output: the same numbers in the target's rows."""
        of_rows = output[0][self.rows.to(output.device)].flatten(1)
        if not isinstance(given, torch.Tensor) or given.numel() != output.numel() or given.shape[-1] != of_rows.shape[1]:
            return False
        return torch.equal(self._of_rows(given), of_rows)

    def _returned(self, module: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """An attention module is done: what it gives comes of what its projection gave, if that is a part of it."""
        if self.last is None or self.last[0] is not module:
            return
        (_, projection, given), self.last = self.last, None
        output = output[0] if isinstance(output, tuple) else output
        if projection in set(module.modules()):
            residual = self._of_rows(inputs[0]).float() if inputs and getattr(inputs[0], "shape", None) == output.shape else None
            self._refuse_difference(self._of_rows(output), *_what_may_come_of(given, residual, module))

    def _of_rows(self, states: torch.Tensor) -> Float[torch.Tensor, "row dim"]:
        return states.reshape(-1, states.shape[-1])[self.rows.to(states.device)]

    def _refuse_difference(self, output: Float[torch.Tensor, "row dim"], *expected: Float[torch.Tensor, "row dim"]) -> None:
        difference, largest = min(float((output.float() - values).abs().max()) for values in expected), float(output.abs().max())
        if not difference <= TOLERANCES.get(output.dtype, COARSE) * largest:
            where = f"layer {self.layers - 1} of the {self.stack.name}"
            self.why_not = f"weights times projected values differ by {difference:.2g} from what the attention of {where} gives, which is {largest:.2g} at most"

    def _add(self, call: Attended, projection: Projection, given: Float[torch.Tensor, "row dim"]) -> None:
        """Add a layer's norms, and compare what all keys add with what the layer gave."""
        lanes, values, scores = self._lanes(call.value.device), call.value[0].float(), layer_scores(call.query, call.key, call.visibility, call.rule)
        products, found = head_products(values, projection.by_head, lanes), []
        for rows in self._blocks(_cells_at_once(values.device.type)):
            weights = _weights(scores, rows)
            self.total += summed_norms(weights, products, lanes)
            context = torch.bmm(weights.view(len(values), -1, weights.shape[2]), values)  # heads of a group share its values
            found.append(projection.output(context.view(*weights.shape[:2], -1)))
        self.layers += 1
        self._refuse_difference(given, torch.cat(found))

    def _lanes(self, device: torch.device) -> Lanes:
        self.lanes = self.lanes or lanes_on(device)
        return self.lanes

    def _blocks(self, cells: int) -> Iterator[slice]:
        """Consecutive rows of the target, a few at a time."""
        rows, step = self.rows.numpy(), max(cells // (self.stack.heads * self.stack.keys.tokens), 1)
        for run in np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1):
            for start in range(int(run[0]), int(run[-1]) + 1, step):
                yield slice(start, min(start + step, int(run[-1]) + 1))


def _what_may_come_of(
    projected: Float[torch.Tensor, "row dim"], residual: Float[torch.Tensor, "row dim"] | None, module: Any
) -> Iterator[Float[torch.Tensor, "row dim"]]:
    """What an attention module gives that holds its projection: what that gave, or where it adds its input and ends in a norm as well (ALBERT), the norm of both."""
    yield projected
    for norm in module.children():
        if isinstance(norm, torch.nn.LayerNorm) and residual is not None and norm.normalized_shape == tuple(projected.shape[-1:]):
            yield norm((projected + residual).to(norm.weight)).detach().float()


def _weights(scores: LayerScores, rows: slice) -> Float[torch.Tensor, "head row key"]:
    """The weights of some rows on all keys."""
    (groups, of_group), keys = scores.queries.shape[:2], scores.keys.shape[1]
    cells = torch.empty(groups * of_group, rows.stop - rows.start, keys, device=scores.keys.device)
    scores.between(rows, slice(0, keys), out=cells)
    return scores.rule.weights(cells, scores.visibility.unseen(rows, slice(0, keys), cells.device))


def _cells_at_once(device: str) -> int:
    return CELLS_AT_ONCE if device == "cpu" else CELLS_ON_A_DEVICE


def bytes_needed(stack: Stack, device: str) -> int:
    """What value norms of a stack take while they are added up."""
    keys, heads, rows = stack.keys.tokens, stack.heads, len(stack.queries.target_rows)
    block = min(CELLS_AT_ONCE, max(rows, 1) * heads * keys) if device == "cpu" else CELLS_ON_A_DEVICE
    return keys * heads**2 * DOUBLE + ARRAYS * block * DOUBLE + stack.queries.tokens * FLOAT
