"""What takes long to make and can be made again, kept between processes in the user's cache.

What is kept is trusted like a program, just as the OPA that lies beside it: the directory and the file must
be the user's own or root's, and nobody else's to write. Its name is a digest of everything that it was made
of. Whatever is wrong with a file (another owner, half of it, other bytes), it counts as none.
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

_DIGEST_BYTES: Final = 32

_log = logging.getLogger("regogate.kept")


def name_of(*parts: bytes) -> str:
    """The name of what is made of these parts and nothing else."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


class KeptFiles:
    """The kept files of one directory, which is made when there is one to keep. Of more than `most` of them
    the one used longest ago goes first."""

    def __init__(self, directory: Path, *, suffix: str, most: int) -> None:
        self._directory = directory
        self._suffix = suffix
        self._most = most

    def read(self, name: str) -> bytes | None:
        """What is kept under a name, None where there is none that may be used."""
        with suppress(OSError):
            with (self._directory / (name + self._suffix)).open("rb") as file:
                if not is_ours(os.fstat(file.fileno())) or not is_ours(self._directory.stat()):
                    _log.warning(
                        "kept files may be written by other users", extra={"path": str(self._directory)}
                    )
                    return None
                data = file.read()
                os.utime(file.fileno())
            content, digest = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
            if hashlib.sha256(content).digest() == digest:
                return content
        return None

    def keep(self, name: str, content: bytes) -> None:
        """Keep it, as far as the system lets us: without it the next process takes longer."""
        with suppress(OSError):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, draft = tempfile.mkstemp(dir=self._directory)  # mode 0600
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content + hashlib.sha256(content).digest())
                os.replace(draft, self._directory / (name + self._suffix))
            except OSError:
                os.unlink(draft)
                raise
            kept = sorted(self._directory.glob(f"*{self._suffix}"), key=lambda path: path.stat().st_mtime)
            for old in kept[: -self._most]:
                old.unlink(missing_ok=True)
