"""Where compiled patterns are kept between processes: to compile the shipped ones takes three seconds of a
processor, to read them some milliseconds.

A kept database is trusted like a program: its directory and file must be the user's own, and nobody else's to
write. Whatever is wrong with one (another version, another processor, half a file) it is compiled anew.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from dataplane.ownership import is_ours

MOST: Final = 16
"""Databases kept, some megabytes each; the one used longest ago goes first."""

_DIGEST_BYTES: Final = 32
_SUFFIX: Final = ".patterns"

_log = logging.getLogger("regogate.inspection")
_places: Final[list[Path]] = []


def keep_in(directory: Path | None) -> None:
    """From now on this process keeps databases in a directory, which is made when there is one to keep; None:
    it keeps none."""
    _places[:] = [] if directory is None else [directory]


def name_of(*parts: bytes) -> str:
    """The name of what is made of these parts and nothing else."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def read(name: str) -> bytes | None:
    """The database of a name, None where none is kept that may be used."""
    for place in _places:
        with suppress(OSError):
            with (place / (name + _SUFFIX)).open("rb") as file:
                if not is_ours(os.fstat(file.fileno())) or not is_ours(place.stat()):
                    _log.warning("kept patterns may be written by other users", extra={"path": str(place)})
                    return None
                data = file.read()
                os.utime(file.fileno())
            content, digest = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
            if hashlib.sha256(content).digest() == digest:
                return content
    return None


def keep(name: str, content: bytes) -> None:
    """Keep a database, as far as the system lets us: without it the next process takes longer."""
    for place in _places:
        with suppress(OSError):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, draft = tempfile.mkstemp(dir=place)  # mode 0600
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content + hashlib.sha256(content).digest())
                os.replace(draft, place / (name + _SUFFIX))
            except OSError:
                os.unlink(draft)
                raise
            for old in sorted(place.glob(f"*{_SUFFIX}"), key=lambda path: path.stat().st_mtime)[:-MOST]:
                old.unlink(missing_ok=True)
