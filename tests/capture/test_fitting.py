"""What a run needs of memory: told before it starts."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "syntax"))
from test_coreference import made_up_pairs
from test_syntax import with_words
from tiny import made_up_layout, stack_of, tiny_gpt2

from reportgen.capture.block import CELLS_AT_MOST, ROWS_AT_MOST, plan_blocks
from reportgen.capture.feeding import Feed
from reportgen.capture.fitting import FIXED, Limits, Needs, block_limits, needs_of, refuse_what_does_not_fit
from reportgen.capture.forward import kinds_of
from reportgen.capture.lanes import count_on, slots_of
from reportgen.capture.layout import TextLayout
from reportgen.capture.reducers.key_shares import FirstToken
from reportgen.capture.reducers.offsets import FixedOffsets
from reportgen.capture.reducers.reducer import OfPairs
from reportgen.capture.reducers.repeats import Repeats
from reportgen.capture.reducers.syntax import Syntax
from reportgen.capture.visibility import Visibility
from reportgen.errors import DocumentError

CPU = torch.device("cpu")


def test_blocks_are_smaller_where_the_budget_is_small_and_never_larger_than_usual() -> None:
    assert block_limits(None, CPU, heads=9, tokens=4096) == Limits(rows=ROWS_AT_MOST, cells=CELLS_AT_MOST)
    assert block_limits(1 << 40, CPU, heads=9, tokens=4096) == Limits()
    assert block_limits(512_000_000, CPU, heads=9, tokens=4096).cells == 2_000_000


def test_blocks_on_a_device_follow_its_memory() -> None:
    small, large = (block_limits(budget, torch.device("cuda"), heads=9, tokens=4096) for budget in (1 << 30, 1 << 34))
    assert small.cells * 10 < large.cells
    assert large.rows > ROWS_AT_MOST


def test_longer_texts_need_more() -> None:
    model = tiny_gpt2()
    short, long = (needs_of(model, Feed(source=made_up_layout(tokens, 11)), {"decoder": (3, 7)}, None, Limits()) for tokens in (131, 523))
    assert long.forward > short.forward
    assert long.kept > short.kept


def test_divergences_of_all_heads_with_all_heads_are_counted() -> None:
    given = Feed(source=made_up_layout(131, 11))
    few, many = (needs_of(tiny_gpt2(), given, {"decoder": (layers, 7)}, None, Limits()).forward for layers in (503, 1009))
    assert many - few > 6 * 8 * 7**2 * (1009**2 - 503**2)  # two sums, two results in each of two places at least, in double precision


def test_copies_of_tokens_are_counted() -> None:
    layout = made_up_layout(523, 11)
    different, same = (layout.changed(ids=ids) for ids in (np.arange(523), np.zeros(523, int)))
    few, many = (needs_of(tiny_gpt2(), Feed(source=text), {"decoder": (3, 7)}, None, Limits()).forward for text in (different, same))
    assert many - few > 523 * 522 // 2 * 32  # of each pair two places and the query, twice the key


def test_rows_of_mentions_and_words_of_sentences_are_counted_and_no_others() -> None:
    plain, tokens = made_up_layout(523, 11), np.arange(523)
    later = [layout_with_mentions(plain, rows) for rows in (tokens[300:303], tokens[2:])]
    none, few, all_rows = (needs_of(tiny_gpt2(), Feed(source=text), {"decoder": (3, 7)}, None, Limits()).forward for text in (plain, *later))
    blocks, row = slots_of(count_on(CPU)), 7 * 523 * 4
    assert few - none == blocks * plain.sentence_queries[300:303].sum() * row
    assert few - none < all_rows - none < blocks * ROWS_AT_MOST * row
    words = with_words(523, 11)
    found = needs_of(tiny_gpt2(), Feed(source=words), {"decoder": (3, 7)}, None, Limits()).forward
    assert 12 * Syntax.pairs_of_rows(stack_of(words)).sum() < found - none


def layout_with_mentions(layout: TextLayout, rows: np.ndarray) -> TextLayout:
    """Each of the rows mentions what the token before it does."""
    return layout.changed(mentions=replace(made_up_pairs(layout), queries=rows, keys=rows - 1, begins=rows, pronoun_to_name=rows < 0))


def test_reducers_take_as_many_weights_as_they_say_before() -> None:
    stack = stack_of(with_words(), heads=7)
    causal = Visibility(first=np.zeros(131, int), last=np.arange(131) + 1, keys=131)
    kinds = [kind for kind in kinds_of(stack) if issubclass(kind, OfPairs)]
    assert set(kinds) == {FixedOffsets, FirstToken, Repeats, Syntax}
    for kind in kinds:
        reducer, said = kind(stack), kind.pairs_of_rows(stack)
        plans = list(plan_blocks(stack, causal, rows_at_most=23))
        taken = np.concatenate([np.bincount(reducer.pairs_taken(plan, causal).rows, minlength=plan.shape[0]) for plan in plans])
        assert (taken <= said).all()
        assert taken.sum() > said.sum() * (0.4 if kind is FixedOffsets else 0.8)  # half of the offsets are ahead, and rows that do not count have none


def test_what_does_not_fit_is_refused_with_the_figures_and_what_to_do() -> None:
    needs = Needs(forward=3 * 10**9, backward=5 * 10**9, kept=10**9)
    with pytest.raises(DocumentError, match=r"4,096 tokens at once takes about 9.80 GB .* there are 6.00 GB: measure fewer tokens at once \(--window\)"):
        refuse_what_does_not_fit(needs, 6 * 10**9, CPU, 4096)
    assert refuse_what_does_not_fit(needs, 100 * 10**9, CPU, 4096) < 91 * 10**9
    assert refuse_what_does_not_fit(needs, None, CPU, 4096) is None


@pytest.mark.parametrize(
    ("backward", "budget", "said"),
    [
        (
            5 * 10**9,
            6 * 10**9,
            r"GB: measure fewer tokens at once \(--window\), without the backward pass \(--attribution none\), or give more \(--memory\)\.$",
        ),
        (FIXED, 10**9 * 3 // 2, r"GB: measure fewer tokens at once \(--window\), or give more \(--memory\)\.$"),
        (FIXED, 10**9, r"GB: give more \(--memory\), or a smaller model\.$"),
    ],
)
def test_what_cannot_help_is_not_advised(backward: int, budget: int, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reportgen.capture.fitting.used_memory", lambda: 10**9)
    with pytest.raises(DocumentError, match=said):
        refuse_what_does_not_fit(Needs(forward=3 * 10**9, backward=backward, kept=10**9), budget, CPU, 4096)
