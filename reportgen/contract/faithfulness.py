"""The contract's rows of curves over sentences that are taken out."""

from __future__ import annotations

from reportgen.contract.rows import INTEGERS, OURS, row

BINS = (1, 5, 10, 20, 50)  # per cent of the sentences
ERASER = "after DeYoung et al. 2020, section 4.2 (ERASER)"
PARTS = "by the tokens that it is of where it is a likelihood; the target is the sum over parts"
HIDING = "their tokens hidden as keys from every query but those of the same sentence, in every layer"

FAITHFULNESS = {
    "faithfulness.counts": row(
        "step", "how many sentences, from 0 to all but the target's own; those of 1, 5, 10, 20, 50 % rounded up among them", "sentences", ERASER, INTEGERS
    ),
    "faithfulness.deletion": row(
        "method step part",
        f"target with the first so many sentences of the method's order taken out ({HIDING}), {PARTS}; NaN where not measured; methods in metadata.faithfulness",
        "unit of the target",
        ERASER,
    ),
    "faithfulness.insertion": row(
        "method step part", "the same with those left in beside the target's own and all others taken out", "unit of the target", ERASER
    ),
    "faithfulness.random_deletion": row("draw step part", "deletion in random orders", "unit of the target"),
    "faithfulness.random_insertion": row("draw step part", "insertion in random orders", "unit of the target"),
    "faithfulness.orders": row(
        "method rank",
        "sentences from the one that supports the target most by the method to the one that does least (lowers a loss in nats, raises a logit; of methods "
        "without a sign by magnitude), ties in reading order",
        "index",
        OURS,
        INTEGERS,
    ),
}


def count_of(percent: int, sentences: int) -> int:
    """How many sentences so many per cent are, rounded up."""
    return -(-sentences * percent // 100)
