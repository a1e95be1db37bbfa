"""Whether every file of a bundle is what its manifest says."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from reportgen.errors import BundleError
from reportgen.reproduction.bundles import MANIFEST, Bundle, is_inside

LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")
MOST_BYTES = 10_000_000  # of a manifest
AT_ONCE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Checked:
    """How many files are as the manifest says, and the names of those that are not: altered, missing, or not in the manifest."""

    same: int
    altered: tuple[str, ...]
    missing: tuple[str, ...]
    unlisted: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.altered or self.missing or self.unlisted)

    @property
    def sentence(self) -> str:
        """What was found, in words."""
        if self.whole:
            return f"{'The only file is' if self.same == 1 else f'All {self.same} files are'} as the manifest says (sha256)."
        named = [
            f"{what}: {', '.join(names)}" for what, names in (("altered", self.altered), ("missing", self.missing), ("not listed", self.unlisted)) if names
        ]
        return f"The files are not as the manifest says (sha256): {'; '.join(named)}. {self.same} are."


def check_files(bundle: Bundle) -> Checked:
    """Every file against the manifest, each read once. Raises `BundleError` for a manifest that cannot be read."""
    listed = listed_in(bundle)
    found = {name: _digest(bundle, name) for name in sorted(bundle.files) if name in listed}
    return Checked(
        same=sum(found[name] == listed[name] for name in found),
        altered=tuple(name for name in found if found[name] != listed[name]),
        missing=tuple(sorted(set(listed) - set(found))),
        unlisted=tuple(sorted(set(bundle.files) - set(listed) - {MANIFEST})),
    )


def listed_in(bundle: Bundle) -> dict[str, str]:
    """The manifest's checksums by file: a line for each, 64 hexadecimal figures, two blanks and the file's name, as sha256sum and BagIt (RFC 8493) write them."""
    with bundle.reading(MANIFEST) as file:
        written = file.read(MOST_BYTES + 1)
    listed: dict[str, str] = {}
    for number, line in enumerate(_decoded(bundle, written).splitlines(), 1):
        match = LINE.fullmatch(line)
        if match is None or not is_inside(match[2]) or match[2] in listed or match[2] == MANIFEST:
            raise BundleError(f"Line {number} of {MANIFEST} of {bundle.place} is no checksum of a file of the bundle: get the bundle again.")
        listed[match[2]] = match[1]
    if not listed:
        raise BundleError(f"{MANIFEST} of {bundle.place} lists no file: get the bundle again.")
    return listed


def _decoded(bundle: Bundle, written: bytes) -> str:
    try:
        if len(written) > MOST_BYTES:
            raise ValueError("too long")
        return written.decode("utf-8")
    except ValueError as error:
        raise BundleError(f"{MANIFEST} of {bundle.place} cannot be read ({error}): get the bundle again.") from error


def _digest(bundle: Bundle, name: str) -> str:
    whole = hashlib.sha256()
    with bundle.reading(name) as file:
        while piece := file.read(AT_ONCE):
            whole.update(piece)
    return whole.hexdigest()
