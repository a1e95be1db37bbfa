"""An anonymous bundle says nothing of who made it where, and what would is found wherever it stands."""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from bundle.made_up_bundle import small
from made_up import made_up

from reportgen.bundle import identity
from reportgen.bundle.anonymous import anonymised
from reportgen.bundle.identity import Trace, is_telling, traces_of
from reportgen.bundle.searching import refuse_traces, search
from reportgen.bundle.unpacking import unfolded
from reportgen.cli import main
from reportgen.errors import OutputError
from reportgen.measurements import QUESTION
from reportgen.packing.codes import as_text, deflated

USER, HOST, NAME = "zquirke", "wobblebox", "Zelda Quirkeson"
ADDRESS, FILE = "zelda@quirkeson.example", "quirkeson-thesis.pdf"
SECOND = {"role": "text", "title": "What the committee of Grelbury asked", "source": "grelbury-letter.docx", "sha256": "0" * 64}
SECRETS = (USER, HOST, "Quirkeson", ADDRESS, FILE, "vaultfolder", "hiddenaccount", "Grelbury", "0000-0002-1825-0097")


@pytest.fixture
def made_up_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a made-up user on a made-up machine, and measurements there whose metadata say too much."""
    folder = tmp_path / "home" / USER / "vaultfolder"
    folder.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder.parent))
    for name, value in {"USER": USER, "LOGNAME": USER, "HOSTNAME": f"{HOST}.example.org", "GIT_AUTHOR_NAME": NAME, "EMAIL": ADDRESS}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    monkeypatch.setattr("socket.gethostname", lambda: HOST)
    notices = [
        f"Read from /home/{USER}/vaultfolder/{FILE} on request.",
        f"Left out of {FILE}: 2 notes.",
        f"Shortened: {SECOND['source']}.",
        f"Copied from C:\\Users\\{USER}\\x.pdf.",
    ]
    said = {"source": FILE, "model": f"/home/{USER}/hiddenaccount/tiny-model", "notices": notices}
    options = made_up().metadata["options"] | {"pair": SECOND}
    small(title=f"Thesis of {NAME}", options=options, **said).save(folder / "thesis.npz")
    return folder


def run(*arguments: str) -> None:
    sys.argv = ["reportgen", *arguments]
    main()


def test_a_bundle_of_a_made_up_user_on_a_made_up_machine_names_neither(made_up_place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("bundle", "thesis.npz", "-o", "out.zip", "--for", "paper", "--without", "figures", "--anonymous")
    assert "Not looked for" in capsys.readouterr().err
    for place, data in unfolded("out.zip", (made_up_place / "out.zip").read_bytes()):
        for secret in SECRETS:
            for spelling in (secret, secret.lower(), secret.upper()):
                for code in ("utf-8", "utf-16-le", "utf-32-le"):
                    assert spelling.encode(code) not in data, place
    archive = zipfile.ZipFile("out.zip")
    metadata = json.loads(str(np.load(io.BytesIO(archive.read("measurements.npz")))["metadata"]))
    assert (metadata["title"], metadata["source"], metadata["model"]) == ("Anonymous document", "document.pdf", "tiny-model")
    assert metadata["notices"] == [
        "Read from (place left out) on request.",
        "Left out of the document: 2 notes.",
        "Shortened: the second text.",
        "Copied from (place left out)",
    ]
    assert metadata["options"]["pair"] == SECOND | {"title": "Anonymous second text", "source": "second-text.docx"}
    assert b"Anonymous document" in archive.read("report.html")


def test_a_question_names_no_file_and_stays_as_it_is() -> None:
    question = SECOND | {"title": "Question", "source": QUESTION}
    measured = small(options=made_up().metadata["options"] | {"pair": question}, notices=["Question 3 was skipped."])
    found = anonymised(measured).metadata
    assert (found["options"]["pair"], found["notices"]) == (question, ["Question 3 was skipped."])


def test_what_the_document_itself_says_is_refused_with_its_place_and_nothing_is_written(made_up_place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from dataclasses import replace

    from reportgen.measurements import Measurements

    measured = Measurements.load("thesis.npz")
    replace(measured, text=f"{measured.text}\n\nWrite to amber@birch.example.").save("letter.npz")
    arguments = ("bundle", "letter.npz", "-o", "out", "--for", "review", "--without", "tables", "--without", "page", "--anonymous")
    with pytest.raises(SystemExit):
        run(*arguments)
    said = capsys.readouterr().err
    assert "not anonymous, and nothing was written" in said
    assert "measurements.npz, member text.npy, string at byte" in said
    assert "an e-mail address (amber@birch.example)" in said
    assert not Path("out").exists()
    run(*arguments, "--allow", "Amber@birch.example")
    assert Path("out/README.md").is_file()


def _zip(secret: str) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.txt", secret + " " * 100)
    return written.getvalue()


def _zip_comment(secret: str) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.comment = secret.encode()
    return written.getvalue()


def _png(secret: str) -> bytes:
    data = b"Author\0\0" + zlib.compress(secret.encode())
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", len(data)) + b"zTXt" + data + struct.pack(">I", zlib.crc32(b"zTXt" + data))


def _pdf(secret: str) -> bytes:
    packed = zlib.compress(secret.encode())
    return b"%%PDF-1.7\n1 0 obj\n<</Length %d /Filter /FlateDecode>>\nstream\n%b\nendstream\nendobj\n" % (len(packed), packed)


def _npz(secret: str) -> bytes:
    written = io.BytesIO()
    np.savez_compressed(written, names=np.array(["a", secret]), numbers=np.arange(5.0))
    return written.getvalue()


def _numbers(secret: str) -> bytes:
    written = io.BytesIO()
    np.savez_compressed(written, numbers=np.frombuffer(secret.encode("utf-16-le").ljust(200, b"\xff"), np.uint8))
    return written.getvalue()


def _page(secret: str) -> bytes:
    rows = json.dumps({"rows": [secret, *range(50)]}, separators=(",", ":")).encode()
    return f'<script type="application/json" data-packed>{deflated(rows)}</script><p>x'.encode()


PLACES: Mapping[str, Callable[[str], bytes]] = {
    "UTF-8": lambda secret: f"by {secret}.".encode(),
    "glued": lambda secret: f"xx{secret.upper()}yy".encode(),
    "UTF-16": lambda secret: b"\xff\xfe" + f"by {secret}.".encode("utf-16-le"),
    "UTF-16 of the other order": lambda secret: f"by {secret}".encode("utf-16-be"),
    "URL": lambda secret: f"file:///{quote(secret, safe='')}".encode(),
    "every byte of a URL": lambda secret: "".join(f"%{byte:02X}" for byte in secret.encode()).encode(),
    "JSON": lambda secret: json.dumps({"by": secret}).replace("/", "\\/").encode(),
    "every letter of JSON": lambda secret: "".join(f"\\u{ord(letter):04X}" for letter in secret).encode(),
    "HTML": lambda secret: html.escape(f"<{secret}>").encode(),
    "every letter of HTML": lambda secret: "".join(f"&#x{ord(letter):X};" for letter in secret).encode(),
    "hexadecimal": lambda secret: secret.encode("utf-16-be").hex().upper().encode(),
    **{
        f"base64 at offset {offset}": lambda secret, offset=offset: b'{"a": "' + base64.b64encode(b"." * offset + secret.encode() + b"...") + b'"}'
        for offset in range(3)
    },
    "base64 glued to letters": lambda secret: b"url=ab" + base64.b64encode(b"...." + secret.encode() + b"....."),
    "base64 of URLs": lambda secret: base64.urlsafe_b64encode(b"\xfb\xff\xfe" + secret.encode() + b"......"),
    "gzip in base64": lambda secret: b"data:;base64," + base64.b64encode(gzip.compress(secret.encode() * 2, mtime=0)),
    "a page's deflated block": _page,
    "a page's plain block": lambda secret: f'{{"data":"{as_text(secret.encode() + b"........")}"}}'.encode(),
    "gzip": lambda secret: gzip.compress(secret.encode(), mtime=0),
    "gzip's file name": lambda secret: b"\x1f\x8b\x08\x08\0\0\0\0\0\3" + secret.encode() + b"\0" + gzip.compress(b"x", mtime=0)[10:],
    "zip": _zip,
    "zip's comment": _zip_comment,
    "PNG": _png,
    "PDF": _pdf,
    "strings of npz": _npz,
    "bytes of npz": _numbers,
    "zip in zip": lambda secret: _zip_of(_zip(secret)),
}


def _zip_of(data: bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.zip", data)
    return written.getvalue()


@pytest.mark.parametrize("place", PLACES)
def test_what_is_planted_is_found_wherever_it_stands(place: str) -> None:
    for secret in (USER, "Zoë Quirkeson", f"/home/{USER}/a b"):
        planted = PLACES[place](secret)
        found = search({"a/file": planted}, [Trace(text=secret, kind="a user's name")])
        assert [(one.text, one.kind) for one in found[:1]] == [(secret, "a user's name")], secret
        assert found[0].place.startswith("a/file")
        assert search({"a/file": PLACES[place]("nobody at all")}, [Trace(text=secret, kind="a user's name")]) == []


def test_addresses_and_orcids_are_found_by_their_form() -> None:
    text = b'see 0000-0002-1825-0097, not 0000-0002-1825-0098; "amber@birch.example" and @media, a@b, 5@x.1'
    assert [(one.kind, one.text) for one in search({"x": text}, [])] == [
        ("an e-mail address", "amber@birch.example"),
        ("an ORCID", "0000-0002-1825-0097"),
    ]
    with pytest.raises(OutputError, match="x at byte 51: an e-mail address"):
        refuse_traces({"x": text}, [], ["0000-0002-1825-0097"])


def test_short_and_ordinary_words_are_not_looked_for_and_said(made_up_place: Path) -> None:
    assert [is_telling(text) for text in ("root", "user", "abc", "localhost", "matrix", "Clark", "/root", "2024")] == [False] * 8
    assert all(is_telling(text) for text in (USER, f"/home/{USER}", "quirkeson-paper.pdf", "head-of-trees"))
    measured = small()
    traces = traces_of(Path("x.npz"), measured.metadata, measured.text, {"USER": "root", "HOME": f"/home/{USER}"})
    assert "root" in [trace.text for trace in traces.ordinary]
    assert USER in [trace.text for trace in traces.telling]


def test_a_place_that_stands_in_compiled_templates_alone_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "page.html.jinja").write_text("Amber birch", encoding="utf-8")
    (tmp_path / "__pycache__" / "page.html.cpython-311.pyc").write_bytes(b"/home/zquirke/reportgen")
    monkeypatch.setattr(identity, "template_folder", lambda: tmp_path)
    said = identity.own_text.__wrapped__()
    assert "amber birch" in said
    assert USER not in said


def test_a_short_name_is_found_as_a_word_only() -> None:
    trace = [Trace(text="jane", kind="a user's name")]
    assert search({"x": b"hypothesis"}, [Trace(text="thesis", kind="a file's name", alone=True)]) == []
    assert search({"x": b"by Jane.", "y": b"janela"}, trace)[0].place == "x at byte 3"
    assert len(search({"x": b"by Jane.", "y": b"janela"}, trace)) == 1


def test_the_anonymous_measurements_have_the_same_numbers() -> None:
    measured = small()
    hidden = anonymised(measured)
    assert all(np.array_equal(hidden.arrays[name], measured.arrays[name]) for name in ("token_ids", "decoder.sentence_attention"))
    assert {name for name in measured.metadata if hidden.metadata[name] != measured.metadata[name]} == {"title", "source"}
