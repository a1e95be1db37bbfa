"""How much of each head's attention goes to keys of a kind: separators, rare tokens, those of the query's own sentence, the first."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from reportgen.capture.block import Block, BlockPlan, Pairs
from reportgen.capture.block_loops import add_rows, masses_on_kinds, strongest_keys
from reportgen.capture.fused import NOTHING_LEFT
from reportgen.capture.layout import Stack
from reportgen.capture.reducers.by_sentence import SentenceSums, halved
from reportgen.capture.visibility import Visibility
from reportgen.contract.rows import LEFT

KINDS = ("delimiter", "rare_token", "within_sentence")


class KeyShares:
    """`delimiter`, `rare_token`, `within_sentence`, all also `_without_sink`, all by sentence; what is expected of `rare_token` by sentence.

    Means over queries of the mass on keys of a kind; without the sink, by sentence, the mass of its queries on those that are no sinks over their mass on all
    that are none, and the mean over sentences weighted by their queries that anything is left of. `rare_token` is over the same for even weights.
    `within_sentence` exists where a text looks at itself. Source of the forms without the sink: none; defined here.
    """

    def __init__(self, stack: Stack) -> None:
        self.stack, self.kinds = stack, KINDS[:2] if stack.crosses else KINDS
        self.keys, self.kept = stack.keys, np.isin(np.arange(stack.keys.tokens), stack.keys.sinks, invert=True)
        self.mass = {name: SentenceSums.of(stack) for kind in self.kinds for name in (kind, kind + LEFT)}
        self.left = SentenceSums.of(stack)
        self.expected = np.zeros((2, stack.layers, stack.queries.sentences), np.float32)  # kind layer sentence: all keys, without sinks
        self.expected_of_mask: dict[Visibility, Float[np.ndarray, "kind sentence"]] = {}
        self.own: dict[BlockPlan, OwnKeys] = {}

    def add(self, block: Block) -> None:
        if block.rows.start == 0:
            if block.visibility not in self.expected_of_mask:
                self.expected_of_mask[block.visibility] = self._expected(block.visibility)
            self.expected[:, block.layer] = self.expected_of_mask[block.visibility]
        groups = block.plan.groups
        every, left = groups.rows_of_sentence, groups.by_sentence(block.any_left)
        self.left.add_sums(block, groups.by_sentence(block.sums.left), left)
        for name, sums in self._mass_on_kinds(block).items():
            self.mass[name].add_sums(block, sums, left if name.endswith(LEFT) else every)

    def _mass_on_kinds(self, block: Block) -> dict[str, Float[np.ndarray, "head sentence"]]:
        sums = block.sums.group_sums
        on_kinds = np.empty((len(self._kinds), len(sums), len(block.plan.groups.scored)), np.float32)  # kind head sentence
        masses_on_kinds(sums, block.plan.groups.scored, np.ascontiguousarray(self._kinds[:, block.keys]), on_kinds)
        found = dict(zip(("delimiter", "rare_token", "delimiter" + LEFT, "rare_token" + LEFT), on_kinds, strict=True))
        return found if self.stack.crosses else found | self._own_keys(block.plan).mass(sums)

    @cached_property
    def _kinds(self) -> Float[np.ndarray, "kind key"]:
        chosen = np.stack([self.keys.delimiter, self.keys.rare_tokens])
        return np.concatenate([chosen, chosen & self.kept]).astype(np.float32)

    def _own_keys(self, plan: BlockPlan) -> OwnKeys:
        if plan not in self.own:
            self.own[plan] = OwnKeys(plan, self.stack, self.kept)
        return self.own[plan]

    def _expected(self, visibility: Visibility) -> Float[np.ndarray, "kind sentence"]:
        """By sentence, the mean share of rare tokens among the keys that its queries see: all of them, and without the sinks."""
        found, members = np.zeros((2, self.stack.queries.sentences)), self.stack.queries.sentence_of_token
        for kind, chosen in enumerate((np.ones(self.keys.tokens, bool), self.kept)):
            seen, rare = (visibility.seen_by_group(np.where(keys, 0, -1), 1)[:, 0] for keys in (chosen, chosen & self.keys.rare_tokens))
            queries = self.stack.queries.sentence_queries & (seen > 0)
            share = np.bincount(members[queries], weights=rare[queries] / seen[queries], minlength=found.shape[1])
            with np.errstate(invalid="ignore"):
                found[kind] = share / np.bincount(members[queries], minlength=found.shape[1])
        return found

    def _parts(self, name: str) -> tuple[Float[np.ndarray, "layer head sentence"], Float[np.ndarray, "layer head sentence"]]:
        """By sentence, the sum over its queries of the score, and what that is divided by."""
        without, sums = name.endswith(LEFT), self.mass[name]
        weights = sums.rows * np.nan_to_num(self.expected[int(without)])[:, None] if name.startswith("rare_token") else sums.rows
        if not without:
            return sums.total, weights
        left = self.left.total
        ratio = np.divide(sums.total, left, out=np.zeros_like(left), where=left > NOTHING_LEFT)
        return ratio * sums.rows, weights

    def weights(self) -> dict[str, np.ndarray]:
        """How many queries each score is over, or what is expected of them."""
        return {name: self._parts(name)[1].sum(2, dtype=np.float64) for name in self.mass}

    def arrays(self) -> dict[str, np.ndarray]:
        expected, expected_left = self.expected.astype(np.float32)
        found = {"rare_token_expected_by_sentence": expected, f"rare_token_expected{LEFT}_by_sentence": expected_left}
        for name in self.mass:
            total, weights = self._parts(name)
            with np.errstate(invalid="ignore", divide="ignore"):
                found[name] = (total.sum(2, dtype=np.float64) / weights.sum(2, dtype=np.float64)).astype(np.float32)
            found[f"{name}_by_sentence"] = halved(total, weights)
        return found


class OwnKeys:
    """Which of a block's sums are of a sentence on keys of its own."""

    def __init__(self, plan: BlockPlan, stack: Stack, kept: Bool[np.ndarray, " key"]) -> None:
        members, groups = stack.keys.sentence_of_token[plan.keys], plan.groups
        places = [np.flatnonzero(members == sentence) for sentence in groups.sentences]
        self.group, self.key = np.repeat(groups.scored, [len(keys) for keys in places]), np.concatenate([*places, np.zeros(0, np.int64)]).astype(np.int64)
        place = np.repeat(np.arange(len(places)), [len(keys) for keys in places])
        self.sentences, self.places = len(places), {"within_sentence": place, "within_sentence" + LEFT: np.where(kept[plan.keys][self.key], place, -1)}

    def mass(self, sums: Float[np.ndarray, "head group key"]) -> dict[str, Float[np.ndarray, "head sentence"]]:
        """The mass of each sentence's queries on its own keys, and on those that are no sinks."""
        chosen = np.ascontiguousarray(sums[:, self.group, self.key], np.float64)
        found = {name: np.zeros((len(sums), self.sentences)) for name in self.places}
        for name, place in self.places.items():
            add_rows(chosen, place, found[name])
        return found


class FirstToken:
    """`first_token`, by sentence as well: mean of p[q, 0] over q >= 1. Source: after Gu et al. 2024."""

    def __init__(self, stack: Stack) -> None:
        self.sums = SentenceSums.of(stack)

    @staticmethod
    def pairs_of_rows(stack: Stack) -> Int[np.ndarray, " row"]:
        """The first token."""
        return np.ones(stack.queries.tokens, np.int64)

    def pairs_taken(self, plan: BlockPlan, visibility: Visibility) -> Pairs:
        """All rows on the first token."""
        rows = np.arange(plan.shape[0])
        return Pairs(rows=rows, keys=np.full(len(rows), -plan.keys.start))

    def add(self, block: Block) -> None:
        later = np.arange(block.rows.start, block.rows.stop) > 0
        self.sums.add(block, block.pairs[self] * later, later)

    def arrays(self) -> dict[str, np.ndarray]:
        return self.sums.arrays("first_token")


class StrongestKey:
    """`strongest_key`: of the keys that are no sinks, the one that takes most of a sentence's attention, the earliest of equals; -1 where none has any weight.

    Source: none; defined here. Memory: a number for each head and key for each sentence that is cut over blocks.
    """

    def __init__(self, stack: Stack) -> None:
        self.stack, members = stack, stack.queries.sentence_of_token
        self.found = np.full((stack.layers, stack.heads, stack.queries.sentences), -1, np.int32)
        queries = np.flatnonzero(stack.queries.sentence_queries)
        self.first, self.last = np.full(stack.queries.sentences, stack.queries.tokens), np.full(stack.queries.sentences, -1)
        np.minimum.at(self.first, members[queries], queries)
        np.maximum.at(self.last, members[queries], queries)
        self.open: dict[int, Float[np.ndarray, "head key"]] = {}

    def add(self, block: Block) -> None:
        groups, heads = block.plan.groups, self.stack.heads
        whole = (self.first[groups.sentences] >= block.rows.start) & (self.last[groups.sentences] < block.rows.stop)
        self._note(block.layer, groups.sentences[whole], block.sums.group_sums, groups.scored[whole], block.plan.of_keys.sinks, block.keys.start)
        for sentence, group in zip(groups.sentences[~whole].tolist(), groups.scored[~whole].tolist(), strict=True):
            total = self.open.setdefault(sentence, np.zeros((heads, self.stack.keys.tokens), np.float32))
            total[:, block.keys] += block.sums.group_sums[:, group]
            if self.last[sentence] < block.rows.stop:
                self._note(block.layer, np.array([sentence]), self.open.pop(sentence)[:, None], np.array([0]), self.stack.keys.sinks, 0)

    def _note(
        self, layer: int, sentences: np.ndarray, sums: Float[np.ndarray, "head group key"], groups: np.ndarray, sinks: Int[np.ndarray, " sink"], start: int
    ) -> None:
        best, greatest = np.empty((len(sums), len(groups)), np.int64), np.empty((len(sums), len(groups)), np.float32)
        strongest_keys(sums, groups, sinks, np.empty(len(sinks), np.float32), best, greatest)
        self.found[layer][:, sentences] = np.where(greatest > 0, best + start, -1)

    def arrays(self) -> dict[str, np.ndarray]:
        return {"strongest_key": self.found}
