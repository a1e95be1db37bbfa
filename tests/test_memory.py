"""Sizes of memory, and what machines and containers say they have."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from reportgen.memory import machine_memory, parse_size, used_memory, written_size


@pytest.mark.parametrize(
    ("text", "size"), [("512MB", 512_000_000), ("8GB", 8 * 10**9), ("8 gib", 8 << 30), ("7.5GiB", int(7.5 * (1 << 30))), ("2097152", 2097152)]
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "plenty", "8XB", "-8GB", "8GB8", "GB", "1e9", "nan", "0", "12"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="memory"):
        parse_size(text)


def test_sizes_are_written_in_round_figures() -> None:
    assert written_size(1_234_567_890) == "1.23 GB"
    assert written_size(512_000_000) == "512 MB"


@pytest.mark.parametrize(("group", "place", "name"), [("0::/a/b", "a", "memory.max"), ("4:memory:/a/b", "memory/a", "memory.limit_in_bytes")])
def test_a_container_limits_what_the_machine_has_also_from_a_group_above(tmp_path: Path, group: str, place: str, name: str) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(f"{group}\n")
    folder = tmp_path / "sys/fs/cgroup" / place
    (folder / "b").mkdir(parents=True)
    (folder / name).write_text("31457280\n")
    (folder / "b" / name).write_text("max\n")
    assert machine_memory(tmp_path) == 31457280


def test_without_a_limit_it_is_the_whole_machine(tmp_path: Path) -> None:
    whole = machine_memory(tmp_path)
    assert whole is None or whole > 1 << 28
    assert used_memory() < (whole or 1 << 60)


FREED_AMONG_SMALL = """
import numpy as np
from reportgen.memory import pages_given_back, used_memory
with pages_given_back():
    large, small = zip(*((np.ones(1 << 18), np.ones(1 << 7)) for _ in range(50)), strict=True)  # 2 MB and 1 kB
    before = used_memory()
    del large
    print(before - used_memory(), len(small))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told")
def test_what_is_freed_among_small_arrays_that_stay_goes_back() -> None:
    done = subprocess.run([sys.executable, "-c", FREED_AMONG_SMALL], check=True, capture_output=True, text=True)
    given_back, small = map(int, done.stdout.split())
    assert given_back > 90e6
    assert small == 50


KEPT = """
import resource
import numpy as np
from reportgen.memory import pages_kept, used_memory

def new_pages():
    np.ones(6 << 20)  # the first has new pages in any case
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        np.ones(6 << 20)  # 48 MB, more than glibc keeps by itself
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

without, before = new_pages(), used_memory()
with pages_kept():
    kept = new_pages()
print(without, kept, used_memory() - before, new_pages())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told")
def test_what_is_freed_in_a_pass_is_used_again_and_goes_back_after_it() -> None:
    done = subprocess.run([sys.executable, "-c", KEPT], check=True, capture_output=True, text=True)
    without, kept, held, after = map(int, done.stdout.split())
    assert kept < without / 10
    assert held < 10e6
    assert after > without / 2
