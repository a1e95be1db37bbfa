"""Which heads of the default model carry the roles they are known for, and what is left of roles when the sentences are shuffled.

    python tests/benchmarks/head_roles_known.py [MEASUREMENTS.npz] [--sample samples/roosevelt-1941.txt] [--shuffled] [--sentences 150]

Without a file the sample is measured. Prints precision and recall of each role, and with --shuffled how many heads carry each role between sentences: of the
sample, of the same sentences read in shuffled order (in the same paragraphs), and of the sample's own attention held against the shuffled sentences' words.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from reportgen import Document, Measurements, MeasureOptions, document_from_text, load_model, measure, read_document, split_sentences
from reportgen.analyses import head_roles

SAMPLE = Path(__file__).parent.parent.parent / "samples" / "roosevelt-1941.txt"
KNOWN = {
    "induction": "18.6 17.3 17.4 18.7 17.5 23.2 20.6 23.7",
    "previous-token": "16.0 11.1 19.3 2.1 1.2 22.1",
    "duplicate-token": "8.0 14.3 15.6",
}  # on repeated random tokens, found apart from this package
BETWEEN_SENTENCES = ("thematic", "bridge", "receiver")
SEED = 0


def carriers(roles: Mapping[str, Collection[str]], role: str) -> list[str]:
    """The heads that carry a role."""
    return [head for head, names in roles.items() if role in names]


def agreement(found: Collection[str], known: Collection[str]) -> tuple[float, float]:
    """Precision and recall; NaN where nothing was found or is known."""
    shared = len(set(found) & set(known))
    return shared / len(found) if found else float("nan"), shared / len(known) if known else float("nan")


def print_agreement(result: head_roles.Result) -> None:
    """A row for each role of which heads are known, with all keys and without the sink."""
    print("| role | heads | precision | recall | not known | missed |\n|---|---:|---:|---:|---|---|")
    for role, known in KNOWN.items():
        for name, roles in (("", result.roles), (" without the sink", result.roles_without_sink)):
            found, expected = carriers(roles, role), known.split()
            precision, recall = agreement(found, expected)
            others, missed = (" ".join(sorted(set(one) - set(other), key=float)) for one, other in ((found, expected), (expected, found)))
            print(f"| {role}{name} | {len(found)} | {precision:.2f} | {recall:.2f} | {others} | {missed} |")


def shuffled_document(document: Document, order: np.ndarray) -> Document:
    """The same sentences in another order, each in the place of another, between the same breaks."""
    spans = [(one.start, one.end) for one in split_sentences(document)][: len(order)]
    text, at = "", 0
    for place, (start, end) in enumerate(spans):
        text += document.text[at:start] + document.text[slice(*spans[order[place]])]
        at = end
    return document_from_text(text, title=document.title)


def held_against(measurements: Measurements, order: np.ndarray) -> Measurements:
    """The attention of the sentences in order, the words of others: what is found is chance."""
    spans = measurements["sentence_spans"]
    texts = [measurements.text[slice(*spans[place])] for place in order]
    ends = np.cumsum([len(text) + 1 for text in texts]) - 1
    moved = np.stack([ends - [len(text) for text in texts], ends], 1).astype(np.int32)
    tokens = np.where(measurements["token_sentences"][:, None] >= 0, moved[measurements["token_sentences"]], 0).astype(np.int32)
    return replace(measurements, text=" ".join(texts), arrays=dict(measurements.arrays) | {"sentence_spans": moved, "token_spans": tokens})


def cut(document: Document, sentences: int) -> Document:
    """The document up to that many sentences."""
    return document_from_text(document.text[: split_sentences(document)[:sentences][-1].end], title=document.title)


def print_shuffled(document: Document) -> None:
    """How many heads carry each role between sentences, in order, shuffled, and by chance."""
    model, options = load_model("default"), MeasureOptions(attribution="none", probes=False)
    in_order = measure(document, model, options=options)
    order = np.random.default_rng(SEED).permutation(len(in_order.sentences))
    again = measure(shuffled_document(document, order), model, options=options)
    print(f"\n| {len(order)} sentences | borders | {' | '.join(BETWEEN_SENTENCES)} |\n|---|---|{'---:|' * len(BETWEEN_SENTENCES)}")
    rows = {"in order": in_order, "read in shuffled order": again, "in order, the words of shuffled sentences": held_against(in_order, order)}
    for name, measurements in rows.items():
        result = head_roles.analyse(measurements)
        counts = " | ".join(str(len(carriers(result.roles, role))) for role in BETWEEN_SENTENCES)
        print(f"| {name} | {result.borders or 'none'} | {counts} |", flush=True)


def main() -> None:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measurements", nargs="?", type=Path)
    parser.add_argument("--sample", type=Path, default=SAMPLE)
    parser.add_argument("--shuffled", action="store_true")
    parser.add_argument("--sentences", type=int, default=150)
    asked = parser.parse_args()
    if asked.measurements or not asked.shuffled:
        given = Measurements.load(asked.measurements) if asked.measurements else None
        options = MeasureOptions(attribution="none")
        print_agreement(head_roles.analyse(given or measure(read_document(asked.sample), load_model("default"), options=options)))
    if asked.shuffled:
        print_shuffled(cut(read_document(asked.sample), asked.sentences))


if __name__ == "__main__":
    main()
