"""Measurements on disk: exact, whole, and refused in one sentence when they are not what they should be."""

from __future__ import annotations

import io
import json
import random
import re
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from made_up import HEADS, LAYERS, SENTENCES, TOKENS, Sizes, made_up
from test_files import fill_disk, names_in

from reportgen.contract import CONTRACT
from reportgen.contract.checking import BESIDE
from reportgen.errors import MeasurementsError, OutputError
from reportgen.measurements import FORMAT, Measurements

PAIRS = (LAYERS, HEADS, SENTENCES, SENTENCES)
TINY = Sizes(layers=1, heads=1, sentences=2, tokens=5)
TEXT_KEYS = ("sentence_spans", "sentence_blocks", "token_ids", "token_spans", "token_sentences")


def assert_same(one: Measurements, other: Measurements) -> None:
    """Bit by bit: number types, shapes, and which numbers do not exist."""
    assert list(one.arrays) == list(other.arrays)
    for key, values in one.arrays.items():
        assert values.dtype == other.arrays[key].dtype, key
        assert values.shape == other.arrays[key].shape, key
        assert values.tobytes() == other.arrays[key].tobytes(), key
    assert one.metadata == other.metadata
    assert one.text == other.text


def refusal(path: Path) -> str:
    """The one sentence with which a file is refused."""
    with pytest.raises(MeasurementsError) as caught:
        Measurements.load(path)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


def write_parts(path: Path, *, drop: str = "", **parts: Any) -> Path:
    """A file like that of `save`, with some parts replaced or left out, and nothing checked."""
    whole = made_up()
    stored = {"metadata": np.array(json.dumps(whole.metadata)), "text": np.array(whole.text), **whole.arrays, **parts}
    stored.pop(drop, None)
    np.savez_compressed(path, allow_pickle=True, **stored)
    return path


def metadata_with(**entries: Any) -> np.ndarray:
    return np.array(json.dumps({**made_up().metadata, **entries}))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("saved") / "tiny.npz"
    made_up(sizes=TINY).save(path)
    return path.read_bytes()


@settings(max_examples=20, deadline=None)
@given(
    shares=npst.arrays(st.sampled_from([np.float16, np.float32]), PAIRS, elements=st.floats(0, 1, width=16)),
    gradient=npst.arrays(np.float32, (SENTENCES,), elements=st.floats(width=32, allow_infinity=False)),
    ids=npst.arrays(np.int32, (TOKENS,)),
    title=st.text(),
    order=st.sampled_from("CF"),
)
def test_saving_and_loading_changes_nothing(shares: np.ndarray, gradient: np.ndarray, ids: np.ndarray, title: str, order: Any) -> None:
    replaced = {"decoder.sentence_attention": np.asarray(shares, order=order), "attribution.gradient": gradient, "token_ids": ids}
    before = made_up(replaced=replaced, metadata={"title": title, "notices": [title]})
    with tempfile.TemporaryDirectory() as folder:
        before.save(Path(folder) / "x.npz")
        assert_same(before, Measurements.load(Path(folder) / "x.npz"))


@settings(max_examples=20, deadline=None)
@given(tail=st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])))
def test_any_text_comes_back_as_it_was(tail: str) -> None:
    whole = made_up()
    before = Measurements(arrays=whole.arrays, metadata=whole.metadata, text=whole.text + tail)
    with tempfile.TemporaryDirectory() as folder:
        before.save(Path(folder) / "x.npz")
        assert Measurements.load(Path(folder) / "x.npz").text == whole.text + tail


def test_the_same_measurements_give_the_same_bytes_at_any_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_up().save(tmp_path / "now.npz")
    later = time.time() + 40_000_000
    monkeypatch.setattr("time.time", lambda: later)
    monkeypatch.setattr("time.localtime", lambda seconds=later: time.gmtime(later))
    made_up().save(tmp_path / "later.npz")
    assert (tmp_path / "now.npz").read_bytes() == (tmp_path / "later.npz").read_bytes()


def test_saving_what_was_loaded_gives_the_same_bytes(tmp_path: Path) -> None:
    made_up().save(tmp_path / "first.npz")
    Measurements.load(tmp_path / "first.npz").save(tmp_path / "second.npz")
    assert (tmp_path / "first.npz").read_bytes() == (tmp_path / "second.npz").read_bytes()


def test_the_order_of_the_metadata_is_kept(tmp_path: Path) -> None:
    libraries = {"torch": "2.0", "numpy": "2.0", "altair": "6.0"}
    made_up(metadata={"libraries": libraries}).save(tmp_path / "x.npz")
    assert list(Measurements.load(tmp_path / "x.npz").metadata["libraries"]) == list(libraries)


def test_the_file_is_plain_numpy_and_json_without_pickles(tmp_path: Path) -> None:
    whole = made_up()
    whole.save(tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz", allow_pickle=False) as stored:
        assert set(stored.files) == {"metadata", "text", *whole.arrays}
        assert json.loads(str(stored["metadata"])) == whole.metadata
        assert str(stored["text"]) == whole.text


def test_arrays_cannot_be_changed_neither_made_nor_loaded(tmp_path: Path) -> None:
    made_up().save(tmp_path / "x.npz")
    for measurements in (made_up(), Measurements.load(tmp_path / "x.npz")):
        for values in measurements.arrays.values():
            with pytest.raises(ValueError, match="read-only"):
                values[...] = 0


def test_a_star_stands_for_the_stack() -> None:
    measurements = made_up()
    assert measurements.stack == "decoder"
    assert measurements["*.entropy"] is measurements["decoder.entropy"]
    assert "*.entropy" in measurements
    assert "*.next_token" not in measurements
    encoder = {key.replace("decoder.", "encoder."): values for key, values in measurements.arrays.items()}
    assert Measurements(arrays=encoder, metadata=measurements.metadata, text=measurements.text).stack == "encoder"


def test_sentences_are_the_texts_of_their_spans() -> None:
    assert made_up().sentences == (
        "Amber birch cedar.",
        "Delta ember fjord grove heath.",
        "Joker kayak larch maple.",
        "Night ocean plume quill river stone trail.",
        "Umber vigil wharf.",
    )


NOT_MADE_UP = {
    *TEXT_KEYS,
    "*.sentence_attention",
    "*.sentence_attention_by_layer",
    *(key for key in CONTRACT if key.startswith("*.next_token")),
}
NOT_MADE_UP |= {key for key in CONTRACT if key.startswith(("cross.", "target_")) or "attention_x_gradient" in key or "relevance" in key or ".shuffled" in key}
NOT_MADE_UP |= {f"attribution.{name}" for name in ("ablation", "integrated_gradients", "token_integrated_gradients", "pairs", "pair_rows", "surrogate")}
NOT_MADE_UP |= {"*.query_key", "*.query_key_pairs", "token_types", "token_delimiters"}
NEEDED_BESIDE = {fellow for fellows in BESIDE.values() for fellow in fellows}


@pytest.mark.parametrize("key", sorted(set(CONTRACT) - NOT_MADE_UP - NEEDED_BESIDE))
def test_every_key_but_the_text_the_sentence_matrix_and_what_others_are_read_with_may_be_absent(key: str) -> None:
    stored = key.replace("*", "decoder")
    assert stored in made_up()
    whole = made_up()
    kept = {name: values for name, values in whole.arrays.items() if name != stored}
    assert stored not in Measurements(arrays=kept, metadata=whole.metadata, text=whole.text)


# Files that are something else


@pytest.mark.parametrize(
    "data",
    [b"", b"PK", b"PK\x05\x06" + bytes(18), b"Four score and seven years ago.", "Дом".encode(), bytes(range(256)) * 8],
    ids=["empty", "two bytes", "empty archive", "text", "text beyond ASCII", "noise"],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.npz").write_bytes(data)
    assert "x.npz" in refusal(tmp_path / "x.npz")


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    assert refusal(tmp_path / "absent.npz") == f"There is no file {tmp_path / 'absent.npz'}."


def test_a_folder_is_said_to_be_one(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"Cannot read {tmp_path}: Is a directory."


def test_a_single_array_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(5))
    assert "is not a measurements file" in refusal(tmp_path / "x.npy")


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.docx", "w") as archive:
        archive.writestr("word/document.xml", "<w:document/>")
    assert "is not a measurements file" in refusal(tmp_path / "x.docx")
    np.savez(tmp_path / "y.npz", weights=np.arange(3.0))
    assert "no readable metadata" in refusal(tmp_path / "y.npz")


class Trap:
    """An object that tells when it is unpickled."""

    sprung = False

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return setattr, (Trap, "sprung", True)


@pytest.mark.parametrize("key", ["metadata", "text", "token_ids", "decoder.sentence_attention"])
def test_a_pickle_is_refused_and_not_opened(tmp_path: Path, key: str) -> None:
    path = write_parts(tmp_path / "x.npz", **{key: np.array([Trap()], dtype=object)})
    assert "damaged or is not a measurements file" in refusal(path)
    assert not Trap.sprung


# Damage


def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path, saved: bytes) -> None:
    path = tmp_path / "x.npz"
    for length in [*range(0, len(saved), max(len(saved) // 150, 1)), *range(len(saved) - 30, len(saved))]:
        path.write_bytes(saved[:length])
        refusal(path)


def test_a_flipped_bit_never_changes_what_is_read(tmp_path: Path, saved: bytes) -> None:
    path, whole = tmp_path / "x.npz", made_up(sizes=TINY)
    contents = saved.index(b"PK\x01\x02")
    places = random.Random(0)
    flips = [places.randrange(contents) for _ in range(70)] + [places.randrange(contents, len(saved)) for _ in range(110)]
    refused = 0
    for place in flips:
        damaged = bytearray(saved)
        damaged[place] ^= 1 << places.randrange(8)
        path.write_bytes(damaged)
        try:
            assert_same(whole, Measurements.load(path))  # some bytes of an archive say nothing
        except MeasurementsError:
            refused += 1
    assert refused > len(flips) / 3


def test_an_array_that_the_damaged_list_of_contents_skips_is_missed(tmp_path: Path, saved: bytes) -> None:
    damaged = bytearray(saved)
    before_last = saved.rindex(b"PK\x01\x02", 0, saved.rindex(b"PK\x01\x02"))
    damaged[before_last + 33] = 1  # the entry's comment, now 256 bytes long, swallows the entry after it
    (tmp_path / "x.npz").write_bytes(damaged)
    assert "damaged" in refusal(tmp_path / "x.npz")


def test_an_archive_that_claims_to_be_encrypted_is_refused(tmp_path: Path, saved: bytes) -> None:
    damaged = bytearray(saved)
    damaged[saved.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "x.npz").write_bytes(damaged)
    assert "encrypted" in refusal(tmp_path / "x.npz")


def test_an_array_larger_than_the_file_is_refused(tmp_path: Path) -> None:
    path = write_parts(tmp_path / "x.npz", drop="token_ids")
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<i4", "fortran_order": False, "shape": (1 << 60,)})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("token_ids.npy", header.getvalue() + bytes(8))
    assert "damaged" in refusal(path)


def test_a_file_that_unpacks_to_far_more_than_its_size_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_parts(tmp_path / "x.npz")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("decoder.entropy_without_sink_by_sentence.npy", bytes(90_000_000))
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *given: pytest.fail("a member was opened"))
    assert re.search(r"unpacks to \d{3} times its size, as only a zip bomb does", refusal(path))


# Arrays and metadata that are not what the contract says


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"metadata": np.array("not JSON")}, "no readable metadata"),
        ({"metadata": np.array("[" * 100_000)}, "no readable metadata"),
        ({"metadata": np.arange(3)}, "no readable metadata"),
        ({"text": np.arange(3)}, "no readable metadata and text"),
        ({"metadata": np.array("[1]")}, "no readable metadata"),
        ({"metadata": metadata_with(format=FORMAT + 1)}, f"not of format {FORMAT}"),
        ({"metadata": metadata_with(format=None)}, f"not of format {FORMAT}"),
        ({"metadata": np.array(json.dumps({"format": FORMAT}))}, "no proper title, source, sha256"),
        ({"metadata": metadata_with(notices="all is well")}, "no proper notices"),
        ({"metadata": metadata_with(layers=LAYERS + 1)}, "4 layers of 7 heads, the arrays of 3 of 7"),
        ({"metadata": metadata_with(target={"sentence": SENTENCES, "description": "beyond"})}, "names no proper target"),
        ({"metadata": metadata_with(target={"sentence": 1})}, "names no proper target"),
        ({"metadata": metadata_with(target={})}, "names no target"),
        ({"metadata": metadata_with(block_kinds=["paragraph"])}, "blocks that its metadata does not list"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_metadata_that_is_not_what_it_should_be_is_refused(tmp_path: Path, parts: Mapping[str, np.ndarray], said: str) -> None:
    assert said in refusal(write_parts(tmp_path / "x.npz", **parts))


@pytest.mark.parametrize(
    ("key", "values", "said"),
    [
        ("decoder.surprise", np.zeros((LAYERS, HEADS), np.float32), "holds decoder.surprise, which format 1 does not know"),
        ("side.entropy", np.zeros((LAYERS, HEADS), np.float32), "holds side.entropy"),
        ("entropy", np.zeros((LAYERS, HEADS), np.float32), "holds entropy"),
        ("decoder.entropy", np.zeros((LAYERS, HEADS), np.float64), "2-dimensional float64; expected layer x head of float32"),
        ("decoder.entropy", np.zeros(LAYERS, np.float32), "1-dimensional float32"),
        ("decoder.entropy", np.zeros((HEADS, LAYERS), np.float32), "has 7 along layer where other arrays have 3"),
        ("decoder.sentence_attention", np.zeros((*PAIRS[:-1], SENTENCES + 1), np.float32), "has 6 along key_sentence where other arrays have 5"),
        ("decoder.isa", np.zeros((SENTENCES, SENTENCES), np.int32), "expected query_sentence x key_sentence of float32"),
        ("decoder.token_links", np.zeros((TOKENS, 8), [("k", "<i4"), ("w", "<f4")]), "expected query_token x rank of key_weight"),
        ("decoder.decay_edges", np.zeros(4, np.float32), "expected edge of int32"),
        ("decoder.decay", np.zeros((LAYERS, HEADS), np.float32), "expected layer x head x bin"),
        ("token_ids", np.zeros(TOKENS + 1, np.int32), "token_spans has 23 along token where other arrays have 24"),
        ("token_spans", np.zeros((TOKENS, 3), np.int32), "has 3 along span where other arrays have 2"),
        ("token_sentences", np.zeros(TOKENS, np.int32), "do not cover its 5 sentences"),
        ("token_sentences", np.arange(TOKENS, dtype=np.int32), "do not cover its 5 sentences"),
        ("sentence_spans", np.arange(10, dtype=np.int32).reshape(5, 2)[::-1].copy(), "do not follow each other"),
        ("sentence_spans", np.arange(0, 2000, 200, dtype=np.int32).reshape(5, 2), "do not follow each other within its text of 137 characters"),
        ("token_spans", np.full((TOKENS, 2), -1, np.int32), "do not lie within its text"),
        ("sentence_blocks", np.full(SENTENCES, -1, np.int32), "blocks that its metadata does not list"),
    ],
)
def test_an_array_that_breaks_the_contract_is_refused(tmp_path: Path, key: str, values: np.ndarray, said: str) -> None:
    assert said in refusal(write_parts(tmp_path / "x.npz", **{key: values}))


@pytest.mark.parametrize("key", [*TEXT_KEYS, "decoder.sentence_attention"])
def test_a_missing_part_is_named(tmp_path: Path, key: str) -> None:
    said = refusal(write_parts(tmp_path / "x.npz", drop=key))
    assert re.search(rf"\b{key.removeprefix('decoder.')} is missing", said)


@pytest.mark.parametrize("key", ["metadata", "text"])
def test_missing_metadata_or_text_is_refused(tmp_path: Path, key: str) -> None:
    assert "no readable metadata and text" in refusal(write_parts(tmp_path / "x.npz", drop=key))


def test_a_document_without_sentences_is_refused() -> None:
    whole = made_up(leave_out=["attribution.", "decoder.token_"])
    sized = {key: values for key, values in whole.arrays.items() if "sentence" not in key}
    sized = {key: values for key, values in sized.items() if SENTENCES not in values.shape}
    empty = {
        "sentence_spans": np.zeros((0, 2), np.int32),
        "sentence_blocks": np.zeros(0, np.int32),
        "token_sentences": np.full(TOKENS, -1, np.int32),
        "decoder.sentence_attention": np.zeros((LAYERS, HEADS, 0, 0), np.float32),
    }
    with pytest.raises(MeasurementsError, match="sentence spans"):
        Measurements(arrays={**sized, **empty}, metadata={**whole.metadata, "target": {}}, text=whole.text)


def test_expected_attention_may_differ_by_layer(tmp_path: Path) -> None:
    by_layer = np.repeat(made_up()["*.sentence_expected"][None], LAYERS, axis=0)
    measurements = made_up(replaced={"decoder.sentence_expected": by_layer})
    measurements.save(tmp_path / "x.npz")
    assert Measurements.load(tmp_path / "x.npz")["*.sentence_expected"].shape == (LAYERS, SENTENCES, SENTENCES)


# Saving that fails


@pytest.mark.parametrize("room", [0, 100, 5_000, 20_000])
def test_a_full_disk_keeps_the_old_file_and_leaves_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(b"old")
    fill_disk(monkeypatch, room)
    with pytest.raises(OutputError, match=r"Cannot write .*x\.npz: No space left on device\."):
        made_up().save(path)
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["x.npz"]


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="nowhere"):
        made_up().save(tmp_path / "nowhere" / "x.npz")


def test_an_old_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    made_up(seed=1).save(path)
    made_up(seed=2).save(path)
    assert_same(made_up(seed=2), Measurements.load(path))
    assert names_in(tmp_path) == ["x.npz"]


# The made-up measurements themselves


@pytest.mark.parametrize("sizes", [Sizes(), TINY, Sizes(layers=1, heads=1, sentences=1, tokens=2), Sizes(layers=2, heads=3, sentences=11, tokens=43)])
def test_made_up_attention_sums_to_one_and_never_looks_ahead(sizes: Sizes) -> None:
    measurements = made_up(sizes=sizes)
    shares = measurements["*.sentence_attention"]
    assert shares.shape == (sizes.layers, sizes.heads, sizes.sentences, sizes.sentences)
    np.testing.assert_allclose(shares.sum(-1) + measurements["*.outside_attention"], 1, atol=1e-6)
    assert not np.triu(shares, 1).any()
    np.testing.assert_allclose(measurements["*.sentence_expected"].sum(-1)[0], 1, atol=1e-6)


def test_made_up_measurements_depend_on_the_seed_alone() -> None:
    assert_same(made_up(seed=3), made_up(seed=3))
    assert (made_up(seed=3)["*.entropy"] != made_up(seed=4)["*.entropy"]).all()
