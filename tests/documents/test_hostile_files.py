"""Every hostile or damaged file ends in a document or in one sentence, in time and within memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hostile_files import hostile_files

FILES = hostile_files()
SECONDS = 20
READER = """
import json, os, signal, sys
from io import BytesIO
from pathlib import Path
import reportgen.documents.docx, reportgen.documents.html
from reportgen.documents import apart, child, read_document
from reportgen.documents.html import html_reading
from reportgen.documents.limits import ReadingLimits
from reportgen.errors import DocumentError

html_reading(b"<p>One is here. Two is there.", ReadingLimits())  # what its library makes ready when it is first used

def answered_here(job, form, source, limits):
    head, _, data = job.partition(b"\\n")
    answer = child.answer_of(json.loads(head), BytesIO(data))
    return json.loads(json.dumps(answer))

apart._answer = answered_here

def outcome(path):
    try:
        document = read_document(path)
    except DocumentError as error:
        return {"refused": str(error)}
    document.text.encode("utf-8")
    covered = "\\n\\n".join(document.text[block.start : block.end] for block in document.blocks) == document.text
    return {"characters": len(document.text), "covered": covered, "kinds": sorted({block.kind for block in document.blocks}), "notices": document.notices}

for path in sorted(Path(sys.argv[1]).iterdir()):
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(int(sys.argv[2]))
        os.close(ours)
        try:
            told = outcome(path)
        except BaseException as error:
            told = {"broken": repr(error)}
        with open(theirs, "w") as pipe:
            json.dump(told, pipe)
        os._exit(0)
    os.close(theirs)
    with open(ours) as pipe:
        told = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    print(json.dumps({"name": path.name, **(json.loads(told) if told and status == 0 else {"broken": f"exit code {status}"})}))
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """What came of each file. One process loads the libraries, and a copy of it reads each file by the reader's own code, with its limits of memory and time."""
    if not hasattr(os, "fork"):
        pytest.skip("this system cannot copy a process")
    folder = tmp_path_factory.mktemp("hostile")
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, sys.path)])}
    done = subprocess.run([sys.executable, "-c", READER, str(folder), str(SECONDS)], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    return {one.pop("name"): one for one in found}


def test_each_file_ends_in_a_document_or_in_one_sentence(outcomes: dict[str, dict]) -> None:
    assert len(FILES) >= 120
    assert set(outcomes) == set(FILES)
    assert {name: told for name, told in outcomes.items() if "broken" in told} == {}
    for name, told in outcomes.items():
        if "refused" in told:
            said = told["refused"]
            assert said.startswith(name), said
            assert said.endswith("."), said
            assert said.isprintable(), said
            assert len(said) < 500, said
        else:
            assert told["covered"], name
            assert told["characters"] > 0, name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bomb.docx", "zip bomb"), ("bomb-document.docx", "zip bomb"), ("many.docx", "parts, more than any Word file"), ("laughs.docx", ""), ("outside.docx", "XML entities"),
        ("recursive-alone.docx", "an archive"), ("lzma.docx", "packed in a way"), ("lying.docx", "damaged"), ("encrypted.docx", "encrypted"), ("ole.docx", "save it as .docx"),
        ("macros.docx", "with macros"), ("deep-0.html", "250 deep"), ("pdf.html", "a PDF"), ("zip.txt", "a Word file"), ("utf16.txt", "iconv"), ("quotes.md", "nests quotations"),
        ("empty.html", "no text"), ("empty.docx", "cannot be unpacked"), ("hidden.html", "no text"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(outcomes: dict[str, dict], name: str, said: str) -> None:
    assert said in outcomes[name]["refused"]


@pytest.mark.parametrize(
    "name", ["attribute.html", "entities.html", "cells.html", "tables.docx", "wide.docx", "recursive.docx", "names.docx", "include.html", "text.html"]
)
def test_what_only_looks_hostile_is_read(outcomes: dict[str, dict], name: str) -> None:
    assert "characters" in outcomes[name], outcomes[name]


def test_nothing_of_another_file_gets_into_the_text(outcomes: dict[str, dict]) -> None:
    assert outcomes["include.html"]["characters"] < 100
    assert outcomes["entities.html"]["characters"] < 1_000
