"""Documents measured again from their files: by models of every kind, with every option that changes a number; and what is said where it cannot be."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from syntax.hand_parsed import HandPipeline, to_the_verb
from tiny_folders import byte_level, save_folder, tiny_gpt2, unigram
from tokens.fed import LONG, bart, bert_for_questions, big_bird_for_questions, gpt2, longformer_for_classes, t5
from tokens.test_chat import model as chatty
from word_files import item, p, table, word_file

from reportgen.capture import MeasureOptions, measure
from reportgen.cli import main
from reportgen.documents import Document, document_from_text, read_document
from reportgen.errors import MeasurementsError, ModelError
from reportgen.measurements import Measurements
from reportgen.models import LanguageModel, given_model
from reportgen.remeasuring import measure_again
from reportgen.reproduction import Reproduction, compare

PAGE = """<html lang="en"><h1>Harbour</h1><p>The ship left the harbour. Nobody &amp; nothing waved.<ul><li>One gull.<li>Two gulls. Three.</ul>
<table><tr><td>quay<td>empty<tr><td>gulls<td>loud</table><h2>Noon</h2><p>By noon the harbour slept.<pre>x = 1\ny = 2\n</pre></html>"""
WORD = word_file(p("Harbour", "Heading1") + p("The ship left. Nobody waved.") + item("One gull.", 1) + table(("quay", "empty"), ("gulls", "loud")))
GERMAN = '<html lang="de"><p>Am 3. Mai verließ das Schiff den Hafen. Herr Dr. Meyer winkte.<p>Am 12. Januar schlief der Hafen.</html>'
QUESTION = "Who left the harbour? And when?"
FORWARD = {"attribution": "none", "probes": False}
Made = Callable[[], LanguageModel]

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Document]:
    """The documents by name, as they are read from files."""
    folder = tmp_path_factory.mktemp("texts")
    files = {"page.html": PAGE.encode(), "german.html": GERMAN.encode(), "word.docx": WORD, "long.txt": LONG.encode()}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return {name: read_document(folder / name) for name in files}


def in_type(make: Made, dtype: torch.dtype) -> Made:
    def made() -> LanguageModel:
        found = make()
        found.model.to(dtype)
        return found

    return made


def writing(character: str) -> Made:
    """A model that writes one character again and again."""

    def made() -> LanguageModel:
        model, (number,) = tiny_gpt2(), byte_level().encode(character)
        with torch.no_grad():
            model.transformer.wte.weight[number] *= 5
            model.transformer.ln_f.weight.zero_()
            model.transformer.ln_f.bias.copy_(model.transformer.wte.weight[number])
        return given_model(model, byte_level())

    return made


# Model, document, options; a second text by its name.
CASES: dict[str, tuple[Made, str, dict[str, Any]]] = {
    "encoder-decoder, second text": (bart, "word.docx", {"pair": "german.html"}),
    "encoder-decoder, cut, second text": (bart, "long.txt", {"pair": "page.html", **FORWARD}),
    "encoder-decoder, second text cut": (lambda: bart(max_position_embeddings=100), "word.docx", {"pair": "long.txt", **FORWARD}),
    "encoder-decoder, writing": (t5, "word.docx", {"generate": 9, **FORWARD}),
    "encoder-decoder, float16": (in_type(t5, torch.float16), "page.html", FORWARD),
    "causal, writing": (gpt2, "page.html", {"generate": 9, "level": "paragraph", **FORWARD}),
    "causal, second text, writing": (gpt2, "german.html", {"pair": "page.html", "generate": 9, **FORWARD}),
    "causal, cut, second text": (lambda: gpt2(n_positions=300), "long.txt", {"pair": "german.html", **FORWARD}),
    "causal, writing blanks": (writing(" "), "page.html", {"generate": 5, **FORWARD}),
    "causal, writing null characters": (writing("\0"), "page.html", {"generate": 5, **FORWARD}),
    "causal, full": (gpt2, "word.docx", {"attribution": "full"}),
    "causal, bfloat16": (in_type(gpt2, torch.bfloat16), "page.html", FORWARD),
    "causal, windows": (lambda: gpt2(n_positions=500), "long.txt", {"stride": 350, **FORWARD}),
    "question": (bert_for_questions, "page.html", {"question": QUESTION}),
    "question as second text, cut": (lambda: bert_for_questions(max_position_embeddings=120), "long.txt", {"pair": "german.html"}),
    "question, no heading read": (lambda: bert_for_questions(max_position_embeddings=40), "late.md", {"question": QUESTION, "level": "section", **FORWARD}),
    "question, token types of the model's class": (big_bird_for_questions, "page.html", {"question": QUESTION}),
    "classifier, global tokens of the model's class, windows": (longformer_for_classes, "long.txt", {"window": 350}),
    "chat": (chatty, "page.html", {"chat": True, **FORWARD}),
    "chat, answered": (chatty, "page.html", {"chat": True, "generate": 9, "level": "section", **FORWARD}),
    "chat, windows": (lambda: chatty(n_positions=500), "long.txt", {"chat": True, **FORWARD}),
}


def kept_and_again(kept: Measurements, model: LanguageModel, path: Path, **asked: Any) -> Reproduction:
    """Measurements held against what their file gives."""
    kept.save(path)
    kept = Measurements.load(path)
    again = measure_again(kept, model, **asked)
    unsaid = {"sentences": None}  # the sentences are then given
    assert {**again.metadata["options"], **unsaid} == {**kept.metadata["options"], **unsaid}
    return compare(kept, again)


@pytest.mark.parametrize(("make", "text", "asked"), CASES.values(), ids=CASES)
def test_the_numbers_come_out_again(make: Made, text: str, asked: dict[str, Any], texts: dict[str, Document], tmp_path: Path) -> None:
    (tmp_path / "late.md").write_text("The ship left the harbour.\n\n# Noon\n\nBy noon the harbour slept, and the gulls were loud.", encoding="utf-8")
    document = texts.get(text) or read_document(tmp_path / text)
    options = MeasureOptions(**{**asked, "pair": texts.get(asked.get("pair", ""))})
    model = make()
    found = kept_and_again(measure(document, model, options=options), model, tmp_path / "x.npz")
    assert found.reproduced, found.sentence
    assert (found.further, found.circumstances) == ((), ())


def test_where_a_file_does_not_say_the_second_texts_language_that_is_said(texts: dict[str, Document]) -> None:
    kept = measure(texts["page.html"], model := gpt2(), options=MeasureOptions(pair=texts["german.html"], **FORWARD))
    older = {name: value for name, value in kept.metadata["options"]["pair"].items() if name != "language"}
    kept = replace(kept, metadata={**kept.metadata, "options": {**kept.metadata["options"], "pair": older}})
    found = compare(kept, measure_again(kept, model))
    assert not found.reproduced
    assert "The file does not say in which language german.html was cut into sentences; the document’s (en) was taken." in found.sentence
    assert {one.name for one in found.furthest} == {"sentence_blocks", "sentence_spans", "token_sentences"}


def test_a_template_that_changed_and_a_text_that_was_written_otherwise_are_told_apart(texts: dict[str, Document]) -> None:
    kept = measure(texts["word.docx"], chatty(), options=MeasureOptions(chat=True, generate=9, **FORWARD))
    day = chatty("Thursday. {% for m in messages %}<|turn|>{{ m.content }}<|end|>{% endfor %}")
    assert "The chat template writes other text" in compare(kept, measure_again(kept, day)).sentence
    ids = kept["token_ids"].copy()
    ids[-3] += 1
    found = compare(replace(kept, arrays={**kept.arrays, "token_ids": ids}), kept)
    assert "The model wrote something else now, from token 7 of its own on" in found.sentence
    ids = ids.copy()
    ids[3] += 1
    assert "wrote something else" not in compare(replace(kept, arrays={**kept.arrays, "token_ids": ids}), kept).sentence


def test_a_pipeline_that_was_a_folder_is_asked_for_and_told_from_another(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def load(name: Any, exclude: list[str]) -> HandPipeline:
        if not Path(name).is_dir():
            raise OSError
        return HandPipeline(rule=to_the_verb)

    monkeypatch.setitem(sys.modules, "spacy", SimpleNamespace(load=load, __version__="3.8"))
    folders = [tmp_path / name for name in ("parser", "other")]
    for folder in folders:
        folder.mkdir()
        (folder / "config.cfg").write_text(folder.name, encoding="utf-8")
    document = document_from_text(" ".join(f"The ship number {index} left the harbour." for index in range(1, 14)))
    kept = measure(document, model := gpt2(), options=MeasureOptions(syntax=str(folders[0]), **FORWARD))
    said = kept.metadata["syntax"]
    assert (said["pipeline"], len(said["sha256"]), said["version"]) == ("parser", 64, "1.0")
    assert kept_and_again(kept, model, tmp_path / "x.npz", syntax=str(folders[0])).reproduced
    for place, sentence in {None: "name it with --syntax", str(folders[1]): "its files have another sha256"}.items():
        with pytest.raises(MeasurementsError, match=sentence):
            measure_again(kept, model, syntax=place)
    named = {name: value for name, value in said.items() if name != "sha256"}
    kept = replace(kept, metadata={**kept.metadata, "syntax": {**named, "spacy": "3.7"}})
    assert compare(kept, measure_again(kept, model, syntax=str(folders[0]))).circumstances == (("parser’s spacy", "3.7", "3.8"),)
    with pytest.raises(ModelError, match="There is no spaCy pipeline 'parser' here"):
        measure_again(kept, model)


def test_a_bundle_of_the_command_line_is_verified_and_what_is_tampered_with_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def run(*words: Any) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["reportgen", *map(str, words)])
        capsys.readouterr()
        try:
            main()
        except SystemExit as ended:
            return int(ended.code or 0), capsys.readouterr().out
        return 0, capsys.readouterr().out

    model = save_folder(tmp_path / "model", bart().model, unigram())
    for name, data in {"page.html": PAGE.encode(), "german.html": GERMAN.encode()}.items():
        (tmp_path / name).write_bytes(data)
    measured, bundle, named = tmp_path / "x.npz", tmp_path / "bundle", ["--model", model, "--device", "cpu"]
    asked = [*named, "--dtype", "float16", "--attribution", "none", "--pair", tmp_path / "german.html"]
    assert run("measure", tmp_path / "page.html", "-o", measured, *asked)[0] == 0
    assert run("bundle", measured, "-o", bundle, "--for", "review", "--anonymous", "--without", "page", "--without", "tables")[0] == 0
    code, said = run("verify", bundle, *named)
    assert (code, "Reproduced: " in said) == (0, True)
    with open(bundle / "measurements.npz", "ab") as file:
        file.write(b"\0")
    code, said = run("verify", bundle, *named)
    assert (code, "altered: measurements.npz" in said) == (3, True)

    kept = Measurements.load(measured)
    entropy, coverage = kept["cross.entropy"].copy(), kept["encoder.coverage"].copy()
    entropy[1, 0] *= 1.2
    coverage[2, 3] += 1
    replace(kept, arrays={**kept.arrays, "cross.entropy": entropy, "encoder.coverage": coverage}).save(measured)
    code, said = run("verify", measured, *named)
    assert (code, "Not reproduced: 2 of " in said) == (4, True)
    assert "cross.entropy: beyond tolerance" in said
    assert " at layer 1, head 0; 1 of 4 beyond it" in said
    assert f"encoder.coverage: another shape, input or count; 1 of {coverage.size} differ, the first at query sentence 2, key sentence 3" in said
