"""Probes on repeated random tokens: induction, previous-token and duplicate-token scores. Source: Olsson et al. 2022."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from reportgen.capture.block import Block, BlockPlan, Pairs
from reportgen.capture.feeding import Feed, Shapes
from reportgen.capture.forward import Report, run_through
from reportgen.capture.layout import Stack, TextLayout
from reportgen.capture.streaming import StackPass
from reportgen.capture.visibility import Visibility

SEED = 0
ROWS = 4
PERIOD = 100
OFFSETS = {"induction": PERIOD - 1, "previous_token": 1, "duplicate_token": PERIOD}


def probe_tokens(tokenizer: Any, vocabulary: int, seed: int = SEED) -> np.ndarray:
    """ROWS x 2 PERIOD token ids: random ordinary tokens, repeated once."""
    ordinary = np.setdiff1d(np.arange(min(vocabulary, len(tokenizer))), np.array(sorted(tokenizer.all_special_ids), int))
    once = np.random.default_rng(seed).choice(ordinary, (ROWS, PERIOD))
    return np.concatenate([once, once], axis=1).astype(np.int32)


def measure_probes(model: Any, tokenizer: Any, shapes: Shapes, report: Report, tokens: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """`probe_*` and `probe_*_without_sink`, layer x head: means over the rows of probe tokens.

    Without the sink means divided by what the first token leaves, over the queries whose looked-at token is not the first one itself.
    """
    tokens = probe_tokens(tokenizer, model.get_input_embeddings().weight.shape[0]) if tokens is None else tokens
    diagonals = ProbeOffsets(*shapes["decoder"])
    for index, row in enumerate(tokens):
        given = Feed(source=_probe_layout(row))
        stack = given.stacks(shapes)["decoder"]
        run_through(model, given, {"decoder": StackPass(stack=stack, reducers=[diagonals])})
        report("probes on repeated random tokens", (index + 1) / len(tokens))
    return diagonals.arrays()


def _probe_layout(row: np.ndarray) -> TextLayout:
    none = np.zeros(len(row), bool)
    return TextLayout(ids=row, sentence_of_token=np.zeros(len(row), np.int32), sinks=np.array([0]), delimiter=none, target_rows=np.array([], int))


class ProbeOffsets:
    """A reducer: mean weight at the probes' fixed offsets, as it is and over what the first token leaves."""

    def __init__(self, layers: int, heads: int) -> None:
        self.total = {name: np.zeros((2, layers, heads)) for name in OFFSETS}
        self.rows = {name: np.zeros((2, layers, heads)) for name in OFFSETS}

    @staticmethod
    def pairs_of_rows(stack: Stack) -> Int[np.ndarray, " row"]:
        """One at each offset."""
        return np.full(stack.queries.tokens, len(OFFSETS))

    def pairs_taken(self, plan: BlockPlan, visibility: Visibility) -> Pairs:
        """All rows on the tokens at each offset, which some rows do not have."""
        rows = np.repeat(np.arange(plan.shape[0]), len(OFFSETS))
        keys = rows - np.tile(list(OFFSETS.values()), plan.shape[0])
        return Pairs(rows=rows, keys=keys + plan.rows.start - plan.keys.start)

    def add(self, block: Block) -> None:
        weights = block.pairs[self].reshape(block.stack.heads, -1, len(OFFSETS))
        for place, (name, offset) in enumerate(OFFSETS.items()):
            earliest = 1 if name == "previous_token" else PERIOD
            queries = np.arange(max(earliest, block.rows.start), block.rows.stop)
            self._add(block, name, queries, queries - offset, weights[:, queries - block.rows.start, place])

    def _add(self, block: Block, name: str, queries: np.ndarray, keys: np.ndarray, plain: Float[np.ndarray, "head query"]) -> None:
        rows = queries - block.rows.start
        left = block.sums.left[:, rows]
        others = ((keys != 0) * block.any_left[:, rows]).astype(float)
        with np.errstate(invalid="ignore", divide="ignore"):
            rest = np.where(others > 0, plain / left, 0.0)
        for kind, values, counted in ((0, plain, np.ones_like(plain)), (1, rest, others)):
            self.total[name][kind, block.layer] += values.sum(1, dtype=np.float64)
            self.rows[name][kind, block.layer] += counted.sum(1, dtype=np.float64)

    def arrays(self) -> dict[str, np.ndarray]:
        with np.errstate(invalid="ignore"):
            means = {name: (self.total[name] / self.rows[name]).astype(np.float32) for name in OFFSETS}
        plain = {f"probe_{name}": values[0] for name, values in means.items()}
        return plain | {f"probe_{name}_without_sink": values[1] for name, values in means.items()}
