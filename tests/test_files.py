"""Files appear whole or not at all."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path
from typing import Any

import pytest

from reportgen.errors import OutputError
from reportgen.files import check_writable, replacing


class FillingDisk(io.FileIO):
    """A file on a disk with room for `room` more bytes."""

    room = 0

    def write(self, data: Any) -> int:
        if len(data) > type(self).room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        type(self).room -= len(data)
        return super().write(data)


def fill_disk(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """From here on files that reportgen opens for writing hold `room` bytes together."""
    disk = type("Disk", (FillingDisk,), {"room": room})
    monkeypatch.setattr("reportgen.files.open", lambda path, mode: io.BufferedWriter(disk(path, mode.replace("b", ""))), raising=False)


def write(path: Path, parts: list[bytes], then: type[BaseException] | None = None) -> None:
    """Write the parts, and raise an error before the file is closed."""
    with replacing(path) as file:
        for part in parts:
            file.write(part)
        if then is not None:
            raise then


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_holds_what_was_written(tmp_path: Path) -> None:
    with replacing(tmp_path / "page.html") as file:
        file.write(b"whole")
    assert (tmp_path / "page.html").read_bytes() == b"whole"
    assert names_in(tmp_path) == ["page.html"]


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_bytes(b"old")
    with replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "page.html"
    path.write_bytes(b"old")
    with pytest.raises(error):
        write(path, [b"ha"], then=error)
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["page.html"]


@pytest.mark.parametrize("room", [0, 1, 8191, 8192, 20_000, 39_999])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    path = tmp_path / "page.html"
    path.write_bytes(b"old")
    fill_disk(monkeypatch, room)
    with pytest.raises(OutputError, match=r"^Cannot write .*page\.html: No space left on device\.$"):
        write(path, [b"x" * 1000] * 40)
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["page.html"]


def test_a_missing_folder_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "page.html"
    with pytest.raises(OutputError, match="No such file or directory"), replacing(path):
        raise AssertionError("the block must not begin")
    with pytest.raises(OutputError, match="nowhere does not exist"):
        check_writable(path)


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OutputError, match="does not exist"):
        check_writable(tmp_path / "file" / "page.html")
    with pytest.raises(OutputError, match="Not a directory"), replacing(tmp_path / "file" / "page.html"):
        raise AssertionError("the block must not begin")


def test_a_folder_in_the_files_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="it is a folder; name a file"):
        check_writable(tmp_path)
    with pytest.raises(OutputError, match="it is a folder; name a file"), replacing(tmp_path):
        raise AssertionError("the block must not begin")


def test_a_device_is_never_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OutputError, match="device or a pipe"):
        check_writable(pipe)
    with pytest.raises(OutputError, match="device or a pipe"), replacing(pipe):
        raise AssertionError("the block must not begin")
    assert pipe.is_fifo()


def test_no_permission_is_found_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != tmp_path)
    with pytest.raises(OutputError, match="no permission"):
        check_writable(tmp_path / "page.html")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_without_write_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(OutputError, match="no permission"):
            check_writable(tmp_path / "page.html")
        with pytest.raises(OutputError, match="Permission denied"), replacing(tmp_path / "page.html"):
            raise AssertionError("the block must not begin")
    finally:
        tmp_path.chmod(0o755)


def test_a_place_that_can_be_written_passes_and_stays_as_it_was(tmp_path: Path) -> None:
    check_writable(tmp_path / "page.html")
    assert names_in(tmp_path) == []
    (tmp_path / "page.html").write_bytes(b"old")
    check_writable(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_bytes() == b"old"


def test_a_link_is_followed_and_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "shelf").mkdir()
    link = tmp_path / "page.html"
    link.symlink_to(tmp_path / "shelf" / "real.html")
    with replacing(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert (tmp_path / "shelf" / "real.html").read_bytes() == b"new"


def test_a_link_into_a_folder_that_does_not_exist_is_refused_before_the_work(tmp_path: Path) -> None:
    link = tmp_path / "page.html"
    link.symlink_to(Path("nowhere") / "real.html")
    with pytest.raises(OutputError) as caught:
        check_writable(link)
    assert str(caught.value) == f"Cannot write {link}: the folder {tmp_path.resolve() / 'nowhere'} does not exist."


def test_a_link_to_a_file_that_is_not_there_yet_passes(tmp_path: Path) -> None:
    (tmp_path / "page.html").symlink_to("real.html")
    check_writable(tmp_path / "page.html")


def test_a_name_as_long_as_the_file_system_allows_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 250 + ".html")
    with replacing(path) as file:
        file.write(b"long")
    assert path.read_bytes() == b"long"


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    with replacing(path) as first:
        first.write(b"first")
        with replacing(path) as second:
            second.write(b"second")
        assert path.read_bytes() == b"second"
    assert path.read_bytes() == b"first"
    assert names_in(tmp_path) == ["page.html"]


def test_new_files_have_the_permissions_of_ordinary_ones(tmp_path: Path) -> None:
    with replacing(tmp_path / "page.html") as file:
        file.write(b"x")
    (tmp_path / "ordinary").write_bytes(b"x")
    assert (tmp_path / "page.html").stat().st_mode == (tmp_path / "ordinary").stat().st_mode
