"""Words that stand on one baseline, or that are raised, lowered or stacked beside it: rows from which lines are made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reportgen.documents.pdf.words import ASCENT, Word, type_size

SAME_LINE = 0.3  # of the size: baselines nearer than this are one
RAISED = 0.6  # of the larger size: how far smaller type on a line may be off its baseline
SMALLER, SMALLEST = 0.86, 0.42  # of the larger size: what stands beside a large initial is not raised
SHIFTED, MOST_SHIFTED = 0.36, 2  # of the size, characters: letters off the baseline in their own size, as in the name of TeX
MOST_RAISED = 3  # levels of raised and lowered words
STACKED, FEW_SIGNS = 0.92, 0.12  # of the size between the levels of a formula; of its characters
INITIAL = 1.8  # of the usual size: a single letter this large starts a paragraph over several lines


def rows_of(words: Iterable[Word]) -> list[list[Word]]:
    """The words by their baselines, from the top."""
    rows: list[list[Word]] = []
    for word in sorted(words, key=lambda word: word.base):
        for row in reversed(rows[-3:]):
            size = min(row[0].style.size, word.style.size)
            if abs(row[-1].base - word.base) <= SAME_LINE * size * 0.5 and abs(row[0].base - word.base) <= SAME_LINE * size:
                row.append(word)
                break
        else:
            rows.append([word])
    return rows


def with_raised(rows: list[list[Word]]) -> list[list[Word]]:
    """The rows, those of smaller type put into the row beside which they stand raised or lowered."""
    hosts = {id(word): host for index, row in enumerate(rows) for word in row if (host := _host(word, rows, index)) is not None}
    home = {id(word): index for index, row in enumerate(rows) for word in row}
    merged: list[list[Word]] = [[] for _ in rows]
    for row in rows:
        for word in row:
            host = word
            for _ in range(MOST_RAISED):
                host = hosts.get(id(host), host)
            merged[home[id(host)]].append(word)
    return [row for row in merged if row]


def with_initials(rows: list[list[Word]], usual: float) -> list[list[Word]]:
    """The rows, a large initial put before the first of the lines that it runs past."""
    rows = [list(row) for row in rows]
    for row in rows:
        for word in list(row):
            if len(word.text) <= 2 and word.text[:1].isalpha() and word.style.size > INITIAL * usual:
                first = _first_beside(word, rows, usual)
                if first is not None and first is not row:
                    row.remove(word)
                    first.append(word)
    return [row for row in rows if row]


def with_stacked(rows: list[list[Word]]) -> list[list[Word]]:
    """The rows in order, what stands above and below each other in a formula put on one line part by part."""
    rows = sorted(rows, key=lambda row: row[0].base)
    stacks: list[list[list[Word]]] = []
    for row in rows:
        if stacks and _is_stacked(stacks[-1][-1], row):
            stacks[-1].append(row)
        else:
            stacks.append([row])
    return [_unstacked(stack) for stack in stacks]


def is_sign(character: str) -> bool:
    """Whether the character is a sign of mathematics, or a letter that hardly anything else uses."""
    return character in "=<>+−±×÷∑∏∫∂∇∈∉⊂⊆∪∩∀∃√∞≈≤≥≠→←↔⇒⇔∝·∗⊗⊕∥|^_" or "\U0001d400" <= character <= "\U0001d7ff" or "α" <= character <= "ω"


def _host(word: Word, rows: list[list[Word]], index: int) -> Word | None:
    """The word in larger type that this word stands next to; None where it stands on its own."""
    best: tuple[float, Word] | None = None
    for other in (*range(max(0, index - 4), index), *range(index + 1, min(len(rows), index + 5))):
        if abs(rows[other][0].base - word.base) > RAISED * max(rows[other][0].style.size, rows[other][-1].style.size):
            continue
        is_longer = len(rows[other]) > len(rows[index])
        for neighbour in rows[other]:
            off = abs(neighbour.base - word.base)
            if (best is None or off < best[0]) and _stands_at(word, neighbour, off, is_longer):
                best = off, neighbour
    return None if best is None else best[1]


def _stands_at(word: Word, neighbour: Word, off: float, is_longer: bool) -> bool:
    """Whether the word is raised or lowered beside this neighbour: in smaller type, or a letter or two of its own size."""
    size = neighbour.style.size
    gap = max(neighbour.left - word.right, word.left - neighbour.right)
    if not -0.5 * size < gap < 0.5 * size:
        return False
    if SMALLEST * size < word.style.size < SMALLER * size:
        return off < RAISED * size
    return is_longer and len(word.text) <= MOST_SHIFTED and off < SHIFTED * size and -0.3 * size < gap < 0.1 * size


def _unstacked(stack: Sequence[list[Word]]) -> list[Word]:
    units = [unit for row in stack for unit in (_units(row) if len(stack) > 1 else [sorted(row, key=lambda word: word.left)])]
    return [word for unit in sorted(units, key=lambda unit: (unit[0].left, unit[0].base)) for word in unit]


def _is_stacked(above: Sequence[Word], row: Sequence[Word]) -> bool:
    """Whether two rows, nearer to each other than lines of text, are parts of one formula."""
    gap = row[0].base - above[0].base
    if gap > STACKED * max(word.style.size for word in (*above, *row)):
        return False
    size = max(type_size(above), type_size(row))
    if gap > STACKED * size or not (_is_mathematical(above) or _is_mathematical(row)):
        return False
    few = min(sum(1 for word in part if len(word.text) >= 4 and word.text.isalpha()) for part in (above, row)) <= 1
    apart = max(min(w.left for w in above) - max(w.right for w in row), min(w.left for w in row) - max(w.right for w in above))
    return few and apart < 2 * size


def _is_mathematical(row: Sequence[Word]) -> bool:
    letters = sum(len(word.text) for word in row)
    signs = sum(len(word.text) if word.style.math else sum(map(is_sign, word.text)) for word in row)
    return signs >= FEW_SIGNS * letters


def _units(row: Sequence[Word]) -> list[list[Word]]:
    """The words of a row from left to right, parted where there is room for a word of another level."""
    units: list[list[Word]] = []
    for word in sorted(row, key=lambda word: word.left):
        last = units[-1][-1] if units else None
        if last is not None and word.left - last.right < max(last.style.size, word.style.size):
            units[-1].append(word)
        else:
            units.append([word])
    return units


def _first_beside(initial: Word, rows: list[list[Word]], usual: float) -> list[Word] | None:
    top = initial.base - ASCENT * initial.style.size
    for row in rows:
        first = min(row, key=lambda word: word.left)
        beside = 0 <= first.left - initial.right + 0.2 * usual < 1.5 * usual
        if beside and top - 0.6 * usual < first.base - ASCENT * first.style.size < initial.base and first.style.size < 1.5 * usual:
            return row
    return None
