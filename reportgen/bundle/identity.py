"""What would name the person, the account, the machine and the place that a bundle was made by and in."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from reportgen.bundle.anonymous import second_text
from reportgen.render import template_files, template_folder

SHORTEST, LONG = 4, 8  # characters: what is shorter stands in any text by chance
USERS = ("USER", "LOGNAME", "USERNAME", "SUDO_USER", "GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "DEBFULLNAME")
HOSTS = ("HOSTNAME", "COMPUTERNAME", "HOST")
ADDRESSES = ("EMAIL", "DEBEMAIL", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL")
GENERIC = frozenset(
    "root user users username admin administrator guest nobody home test tester debian ubuntu fedora centos linux windows localhost localdomain local "
    "host desktop laptop documents downloads work workspace workdir project projects repo source sources build data temp private public share shared "
    "Library volumes mnt media opt srv var usr bin etc run app apps main code runner vagrant docker container jovyan anonymous unknown paper papers review article manuscript thesis "
    "draft submission document report bundle output input measurements result results figures final version users gmail yahoo hotmail outlook mail email com org net edu".lower().split()
)
WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, kw_only=True)
class Trace:
    """A text that would tell, and of what it is. One that is `alone` counts as a word of its own only: it is part of longer words of reportgen's own."""

    text: str
    kind: str
    alone: bool = False


@dataclass(frozen=True, kw_only=True)
class Traces:
    """What a bundle is searched for, and what it is not, because it is too short or too ordinary to tell anybody."""

    telling: tuple[Trace, ...]
    ordinary: tuple[Trace, ...]


def traces_of(measured: Path, metadata: Mapping[str, Any], text: str, environment: Mapping[str, str] = os.environ) -> Traces:
    """What the environment, the account, git, the places in use and the measurements' metadata say; each text once, without regard to capitals. `text` is what was read."""
    found: dict[str, Trace] = {}
    for trace in (*_people(environment), *_hosts(environment), *_places(measured, environment), *_documents(metadata, text)):
        if trace.text.strip():
            found.setdefault(trace.text.strip().lower(), Trace(text=trace.text.strip(), kind=trace.kind))
    telling = tuple(replace(trace, alone=trace.text.lower() in own_text()) for trace in found.values() if is_telling(trace.text))
    return Traces(telling=telling, ordinary=tuple(trace for trace in found.values() if not is_telling(trace.text)))


def is_telling(text: str) -> bool:
    """Whether nobody expects the text in a bundle: a word of four characters and more, neither in common use for accounts, machines and folders nor one of reportgen's
    own; or several words, eight characters and more, that do not stand together in its files.
    """
    words = WORD.findall(text.lower())
    if any(len(word) >= SHORTEST and word not in GENERIC and not word.isdigit() and word not in own_words() for word in words):
        return True
    return len(words) > 1 and len(text) >= LONG and text.lower() not in own_text()


@cache
def own_text() -> str:
    """All that the program's own files say, in small letters."""
    package = Path(__file__).resolve().parent.parent
    files = sorted({*template_files(template_folder()), *package.rglob("*.py")})
    return "\n".join(file.read_text(encoding="utf-8", errors="ignore") for file in files).lower()


@cache
def own_words() -> frozenset[str]:
    """Every word of the program's own files: what is one of these can stand on a page whoever made it."""
    return frozenset(WORD.findall(own_text()))


def _named(kind: str, texts: Iterable[str]) -> Iterator[Trace]:
    return (Trace(text=text, kind=kind) for text in texts if text)


def _people(environment: Mapping[str, str]) -> Iterator[Trace]:
    names = [environment.get(name, "") for name in USERS] + _account()
    git = [_git("user.name"), _git("user.email")]
    addresses = [environment.get(name, "") for name in ADDRESSES] + git[1:]
    yield from _named("an e-mail address", addresses)
    yield from _named("the account of an e-mail address", (address.partition("@")[0] for address in addresses))
    for name in [*names, git[0]]:
        yield from _named("a user's name", [name, *(WORD.findall(name) if " " in name else ())])


def _account() -> list[str]:
    """Login and full name of the account, where the system has such."""
    with suppress(ImportError, KeyError):
        import pwd

        entry = pwd.getpwuid(os.getuid())
        return [entry.pw_name, entry.pw_gecos.split(",")[0]]
    return []


def _git(name: str) -> str:
    if shutil.which("git") is None:
        return ""
    with suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(["git", "config", "--get", name], capture_output=True, encoding="utf-8", errors="replace", timeout=10, check=False).stdout.strip()
    return ""


def _hosts(environment: Mapping[str, str]) -> Iterator[Trace]:
    names = [environment.get(name, "") for name in HOSTS] + [socket.gethostname()]
    yield from _named("a machine's name", [part for name in names for part in (name, name.partition(".")[0])])


def _places(measured: Path, environment: Mapping[str, str]) -> Iterator[Trace]:
    """Folders in use, whole and by part, and the measurements file's own name."""
    home = environment.get("HOME") or environment.get("USERPROFILE") or ""
    for place in filter(None, (home, os.getcwd(), str(measured.absolute().parent), str(measured.resolve().parent))):
        yield from _named("a folder", [place])
        yield from _named("a part of a path", Path(place).parts[1:])
    yield from _named("a file's name", [measured.name, measured.stem])


def _documents(metadata: Mapping[str, Any], text: str) -> Iterator[Trace]:
    """Files and titles of the document and of what was read beside it, titles where the text itself does not say them; what comes before the model's name."""
    said = " ".join(text.split()).lower()
    for whose, named in (("the document's", metadata), ("the second text's", second_text(metadata))):
        source, title = named.get("source", ""), named.get("title", "")
        yield from _named(f"{whose} file", [source, Path(source).stem])
        yield from _named(f"{whose} title", [] if " ".join(title.split()).lower() in said else [title])
    yield from _named("a part of the model's place", re.split(r"[\\/]", metadata["model"])[:-1])
