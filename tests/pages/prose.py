"""A long document that nobody wrote: the log of a lighthouse, put together from parts, the same for the same seed."""

from __future__ import annotations

import random

SUBJECTS = [
    "the keeper", "the eldest of the three keepers", "a boat from the mainland", "the new lens", "the fog signal", "the tide", "his assistant",
    "the mason who had built the lower wall", "the supply tender", "the harbour master", "every ship that passed", "the lamp", "an inspector from the board",
]  # fmt: skip
DEEDS = [
    "kept its hours", "was entered in the book before dawn", "came back two days late", "could be heard from the far side of the sound",
    "needed more oil than the tables allowed", "said nothing of the storm", "wrote to the board about the cracked pane", "was seen from eleven miles off",
    "went out once, in the worst hour of the winter", "paid no attention to the bell", "left a mark on the stair that is still there",
    "turned as it had always turned", "asked for the old log and did not return it",
]  # fmt: skip
WHEN = [
    "In the first week of November", "After the equinox", "When the wind backed to the north", "On the morning of the ninth", "Long before that",
    "By the account of those who were there", "Twice that winter", "As the earlier entries show", "For reasons the log does not give",
]  # fmt: skip
TAILS = [
    "and the entry is in another hand", "which the board never explained", "though the barometer had been falling since noon",
    "so the watch was doubled until the spring", "and nobody spoke of it afterwards", "as the keeper had predicted in the second entry",
    "while the sea stood as high as the gallery and the lower windows, shuttered for the first time in nine years, let in water at every seam",
]  # fmt: skip
SHORT = ["Nothing passed.", "The lamp burned clear.", "He was right.", "They were not believed.", "No reply came.", "It held.", "See the entry of the ninth."]
HEADINGS = ["A log of the north light", "The first winter", "What the board was told", "The second keeper", "After the storm"]


def write_document(sentences: int, seed: int = 1) -> tuple[tuple[str, ...], tuple[int, ...], tuple[str, ...]]:
    """Sentences, the block each is in, and that block's kind: a heading at each fifth of the text, paragraphs between."""
    draw = random.Random(seed)
    chapter = -(-sentences // len(HEADINGS))
    rows, block = [], -1
    while len(rows) < sentences:
        block += 1
        if len(rows) % chapter == 0:
            rows.append((HEADINGS[len(rows) // chapter], block, "heading"))
            continue
        count = min(draw.randint(2, 7), chapter - len(rows) % chapter, sentences - len(rows))
        rows += [(_write_sentence(draw), block, "paragraph") for _ in range(count)]
    texts, blocks, kinds = zip(*rows, strict=True)
    return texts, blocks, kinds


def _write_sentence(draw: random.Random) -> str:
    if draw.random() < 0.15:
        return draw.choice(SHORT)
    body = f"{draw.choice(SUBJECTS)} {draw.choice(DEEDS)}"
    if draw.random() < 0.4:
        body = f"{draw.choice(WHEN)}, {body}"
    if draw.random() < 0.4:
        body = f"{body}, {draw.choice(TAILS)}"
    return f"{body[0].upper()}{body[1:]}."
