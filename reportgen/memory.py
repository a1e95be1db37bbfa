"""Sizes in bytes as people write them, how much memory this machine has, and giving it back."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

UNITS = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}
SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)", re.IGNORECASE)
LEAST = 1 << 20
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -3, -4  # of glibc's malloc.h
OWN_PAGES, USUAL = 1 << 20, 1 << 25  # bytes from which on a block has pages of its own; what glibc comes to by itself
NEVER, USUAL_TRIM, USUAL_BLOCKS = (
    (1 << 31) - 1,
    1 << 26,
    1 << 16,
)  # free bytes at the end that go back to the system, usual ones, and how many blocks may have their own pages


def parse_size(text: str) -> int:
    """The bytes of 512MB, 8GB, 7.5GiB or a plain number. Raises `ValueError` for anything else, and for less than 1 MiB."""
    match = SIZE.fullmatch(text.strip())
    if match is None or match[2].lower() not in UNITS:
        raise ValueError(f"{text!r} is no size of memory or of a file; write it as 512MB, 8GB, 8GiB or in bytes.")
    size = int(float(match[1]) * UNITS[match[2].lower()])
    if size < LEAST:
        raise ValueError(f"{text!r} is less than 1 MiB, the least memory or size that can be set; write it as 512MB, 8GB, 8GiB or in bytes.")
    return size


def written_size(size: int) -> str:
    """Bytes in MB or GB, with two figures after the point for GB."""
    return f"{size / 1e9:,.2f} GB" if size >= 1e9 else f"{size / 1e6:,.0f} MB"


def machine_memory(root: Path = Path("/")) -> int | None:
    """What the machine has, or the container where that is less; None where the system does not say."""
    found = list(_limits_of_groups(root))
    with suppress(AttributeError, ValueError, OSError):
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min(found, default=None)


def used_memory() -> int:
    """What this process holds in memory now; 0 where the system does not say."""
    with suppress(OSError, ValueError, AttributeError):
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


@contextmanager
def pages_given_back() -> Iterator[None]:
    """Inside the block arrays of 1 MB and more go back to the system when they are freed, with glibc; elsewhere nothing changes.

    Otherwise glibc keeps what is freed among what is not, and a backward pass, whose arrays come and go in another order, held four times what it used.
    """
    _set_allocator({M_MMAP_THRESHOLD: OWN_PAGES})
    try:
        yield
    finally:
        _set_allocator({M_MMAP_THRESHOLD: USUAL})


@contextmanager
def pages_kept() -> Iterator[None]:
    """Inside the block what is freed is kept for what comes next, and goes back to the system at the end, with glibc; elsewhere nothing changes.

    Otherwise each layer of a forward pass, whose arrays are as large as those of the layer before, asks for new pages, which the system fills with zeros one by one.
    """
    _set_allocator({M_MMAP_MAX: 0, M_TRIM_THRESHOLD: NEVER})
    try:
        yield
    finally:
        _set_allocator({M_MMAP_MAX: USUAL_BLOCKS, M_TRIM_THRESHOLD: USUAL_TRIM, M_MMAP_THRESHOLD: USUAL})
        with suppress(AttributeError, OSError, TypeError):
            ctypes.CDLL(None).malloc_trim(0)


def _set_allocator(parameters: Mapping[int, int]) -> None:
    with suppress(AttributeError, OSError, TypeError):  # not glibc
        for parameter, value in parameters.items():
            ctypes.CDLL(None).mallopt(parameter, value)


def _limits_of_groups(root: Path) -> Iterator[int]:
    """The limits of the process's control groups, of either version, and of those that hold them; a group without one says `max` or a huge number."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers in ("", "memory"):
            mount = root / "sys/fs/cgroup" / controllers
            name = "memory.limit_in_bytes" if controllers else "memory.max"
            yield from _limits_upwards(mount, mount / path.lstrip("/"), name)


def _limits_upwards(mount: Path, group: Path, name: str) -> Iterator[int]:
    for folder in (group, *group.parents):
        with suppress(OSError, ValueError):
            yield int((folder / name).read_text(encoding="ascii"))
        if folder == mount:
            break
