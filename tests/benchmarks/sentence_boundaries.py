"""Boundaries between sentences, as ours and other splitters find them, against those marked by hand.

    python tests/benchmarks/sentence_boundaries.py [--mistakes ours]

Prints precision, recall and F1 over the boundaries inside the blocks of the gold set (tests/sentences/gold), by half, by kind and overall. The ends of blocks do not
count, since every splitter is given them. With --mistakes, the places in the open half where a splitter errs; those of the held-out half are for nobody to see.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from reportgen.documents import Block, Document
from reportgen.sentences import split_sentences

GOLD = Path(__file__).parent.parent / "sentences" / "gold"
HALVES = ("open", "held-out")
Splitter = Callable[[str], Iterable[int]]  # a block's text to the ends of its sentences


@dataclass(frozen=True, kw_only=True)
class GoldBlock:
    """A block of the gold set: where it is from, its text and where sentences end in it, the last of them at its end."""

    half: str
    kind: str
    text: str
    ends: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Boundaries that were found and are there, that were found, and that are there."""

    right: int
    found: int
    there: int

    @property
    def precision(self) -> float:
        """The share of the found ones that are there; 1 where none was found."""
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """The share of those there that were found; 1 where there are none."""
        return self.right / self.there if self.there else 1.0

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        both = self.found + self.there
        return 2 * self.right / both if both else 1.0


def gold_blocks(folder: Path = GOLD) -> Iterator[GoldBlock]:
    """The blocks of both halves, sentences put together with one space."""
    for half in HALVES:
        for file in sorted((folder / half).glob("*.txt")):
            for block in file.read_text(encoding="utf-8").strip().split("\n\n"):
                yield marked(half, file.stem, block.split("\n"))


def marked(half: str, kind: str, sentences: list[str]) -> GoldBlock:
    """A block of these sentences."""
    ends = [len(" ".join(sentences[: count + 1])) for count in range(len(sentences))]
    return GoldBlock(half=half, kind=kind, text=" ".join(sentences), ends=tuple(ends))


def counts(blocks: Iterable[GoldBlock], splitter: Splitter) -> Counts:
    """How a splitter's boundaries inside these blocks agree with those marked by hand."""
    right = found = there = 0
    for block in blocks:
        given, gold = inner(splitter(block.text), block), set(block.ends[:-1])
        right, found, there = right + len(given & gold), found + len(given), there + len(gold)
    return Counts(right=right, found=found, there=there)


def inner(ends: Iterable[int], block: GoldBlock) -> set[int]:
    """The boundaries that are not the block's end, white space before them left off."""
    return {len(block.text[:end].rstrip()) for end in ends} - {0, len(block.text)}


def ours(text: str) -> list[int]:
    """As `split_sentences` has it for a paragraph."""
    document = Document(title="", text=text, source="gold", blocks=(Block(start=0, end=len(text), kind="paragraph"),), sha256="")
    return [sentence.end for sentence in split_sentences(document)]


def punkt() -> Splitter:
    """NLTK's Punkt with its English parameters."""
    from reportgen.sentences.punkt_model import load_punkt

    return lambda text: [end for _, end in load_punkt("en").tokenizer.span_tokenize(text)]


def pysbd() -> Splitter:
    """pysbd with its English rules, on the text as it is."""
    import pysbd as package

    segmenter = package.Segmenter(language="en", clean=False)
    return lambda text: placed(segmenter.segment(text), text)


def nupunkt() -> Splitter:
    """nupunkt with its own parameters."""
    from nupunkt import load_default_model

    tokenizer = load_default_model()
    return lambda text: [end for _, end in tokenizer.span_tokenize(text)]


def sentencex() -> Splitter:
    """sentencex with its English rules."""
    from sentencex import segment

    return lambda text: placed(segment("en", text), text)


def placed(parts: Iterable[str], text: str) -> Iterator[int]:
    """The ends of parts that are given as strings, in order."""
    end = 0
    for part in parts:
        if solid := part.strip():
            end = text.index(solid, end) + len(solid)
            yield end


OTHERS: Mapping[str, tuple[str, Callable[[], Splitter]]] = {
    "Punkt": ("nltk", punkt),
    "pysbd": ("pysbd", pysbd),
    "nupunkt": ("nupunkt", nupunkt),
    "sentencex": ("sentencex", sentencex),
}


def splitters() -> dict[str, Splitter]:
    """Ours and those of the others that are installed."""
    return {"ours": ours} | {name: make() for name, (package, make) in OTHERS.items() if find_spec(package)}


def print_table(blocks: list[GoldBlock], given: Mapping[str, Splitter]) -> None:
    """A row for each kind of each half, for each half and overall: precision, recall and F1 of every splitter."""
    print(f"| half | kind | sentences | boundaries | {' | '.join(given)} |\n|---|---|---:|---:|{'---:|' * len(given)}")
    kinds = sorted({block.kind for block in blocks})
    for half in (*HALVES, "both"):
        for kind in (*kinds, "all"):
            chosen = [block for block in blocks if half in (block.half, "both") and kind in (block.kind, "all")]
            found = [counts(chosen, splitter) for splitter in given.values()]
            sizes = f"{sum(len(block.ends) for block in chosen)} | {found[0].there}"
            print(f"| {half} | {kind} | {sizes} | {' | '.join(map(written, found))} |", flush=True)


def written(found: Counts) -> str:
    """Precision, recall and F1."""
    return f"{found.precision:.3f} {found.recall:.3f} **{found.f1:.3f}**"


def print_mistakes(blocks: list[GoldBlock], splitter: Splitter) -> None:
    """The places in the open half where boundaries are missing or too many."""
    for block in (block for block in blocks if block.half == HALVES[0]):
        given, gold = inner(splitter(block.text), block), set(block.ends[:-1])
        for end in sorted(given ^ gold):
            around = f"{block.text[max(0, end - 50) : end]} ¦ {block.text[end : end + 40].strip()}"
            print(f"{block.kind}: {'missed' if end in gold else 'wrong'}: {around}")


def main() -> None:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mistakes", metavar="SPLITTER")
    asked = parser.parse_args()
    blocks, given = list(gold_blocks()), splitters()
    if asked.mistakes:
        print_mistakes(blocks, given[asked.mistakes])
    else:
        print_table(blocks, given)


if __name__ == "__main__":
    main()
