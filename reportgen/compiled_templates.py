"""Templates as Python code, kept where Python keeps its compiled modules: compiling them takes a third of the time that a page takes."""

from __future__ import annotations

import hashlib
import marshal
import sys
from contextlib import suppress
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path

from jinja2 import BytecodeCache, __version__
from jinja2.bccache import Bucket

from reportgen.errors import OutputError
from reportgen.files import replacing

STAMP = 32  # bytes before the code, which tell what it was compiled from and by what


class CompiledTemplates(BytecodeCache):
    """The code of each template beside it, in `__pycache__`, or under PYTHONPYCACHEPREFIX; nothing is kept where Python keeps nothing or the folder cannot be written."""

    def __init__(self, settings: str) -> None:
        """`settings` are whatever the code depends on besides its source: other settings find nothing that was kept."""
        self._stamped = f"{__version__} {settings} ".encode() + MAGIC_NUMBER

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        """The file that holds a template's code."""
        return cache_from_source(filename or name)

    def get_source_checksum(self, source: str) -> str:
        """What tells this source, these settings and these versions from all others."""
        return hashlib.sha256(self._stamped + source.encode()).hexdigest()[:STAMP]

    def load_bytecode(self, bucket: Bucket) -> None:
        """Takes what was kept, if it is of this very source."""
        with suppress(OSError, EOFError, ValueError, TypeError):  # not there, or not whole: it is compiled anew
            kept = Path(bucket.key).read_bytes()
            if kept[:STAMP] == bucket.checksum.encode():
                bucket.code = marshal.loads(kept[STAMP:])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keeps what was compiled, where that is allowed."""
        if sys.dont_write_bytecode:
            return
        with suppress(OSError, OutputError):  # a folder that cannot be written, as of Python's own modules
            Path(bucket.key).parent.mkdir(parents=True, exist_ok=True)
            with replacing(bucket.key) as file:
                file.write(bucket.checksum.encode() + marshal.dumps(bucket.code))
