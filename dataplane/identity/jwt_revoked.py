"""Tokens that were taken back before they end: a file that an operator or a job writes.

One entry a line: the token's `jti`, or `sha256:` and the SHA-256 in hexadecimal of the whole token or of
its signed part (header, dot, payload), which is what records name. An ECDSA signature can be rewritten by
whoever has it, so a token by such a key is taken back by its id or its signed part. Empty lines and lines
that begin with `#` say nothing.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Final

from dataplane.errors import ConfigError
from dataplane.identity.jwt_fetch import FetchFailed
from dataplane.identity.jwt_jwks import read_bounded

LOOK_S: Final = 1.0
"""Between looks at the file. A revocation must take effect within 2 s."""

MAX_FILE_BYTES: Final = 64 * 1024 * 1024
"""About a million entries, in 150 MB of memory."""

_DIGEST: Final = re.compile(rb"sha256:([0-9A-Fa-f]{64})")


class RevokedTokens:
    """The entries of a file, read again when it changes; one that goes away leaves the last in force."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._jtis: frozenset[str] = frozenset()
        self._digests: frozenset[bytes] = frozenset()
        self._task: asyncio.Task[None] | None = None
        self.failure: str | None = None

    async def start(self) -> None:
        """Read the file and keep looking. Raises `ConfigError` where it cannot be read at the start."""
        await asyncio.to_thread(self.read)
        if self.failure is not None:
            raise ConfigError(self.failure)
        self._task = asyncio.create_task(self._keep_looking())

    async def close(self) -> None:
        """Stop looking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def has(self, jti: str | None, *digests: bytes) -> bool:
        """Whether a token was taken back, by its id or by a SHA-256."""
        return not self._digests.isdisjoint(digests) or (jti is not None and jti in self._jtis)

    def read(self) -> None:
        """Take what the file says, if it changed. Blocks; never raises, see `failure`."""
        try:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp == self._stamp and self.failure is None:
                return
            jtis, digests = _entries(read_bounded(self._path, MAX_FILE_BYTES))
        except OSError as error:
            self.failure = f"{self._path}: {error.strerror}"
        except FetchFailed as error:
            self.failure = str(error)
        except ValueError as error:
            self.failure = f"{self._path}: {error}"
        else:
            self._jtis, self._digests, self._stamp, self.failure = jtis, digests, stamp, None

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            await asyncio.to_thread(self.read)


def _entries(data: bytes) -> tuple[frozenset[str], frozenset[bytes]]:
    """Ids and digests. Raises `ValueError` that names the line at fault."""
    jtis: set[str] = set()
    digests: set[bytes] = set()
    for number, line in enumerate(data.splitlines(), 1):
        text = line.strip()
        if not text or text.startswith(b"#"):
            continue
        if (digest := _DIGEST.fullmatch(text)) is not None:
            digests.add(bytes.fromhex(digest[1].decode()))
        elif text.startswith(b"sha256:"):
            raise ValueError(f"line {number}: not sha256: and 64 hexadecimal digits")
        else:
            try:
                jtis.add(text.decode("utf-8"))
            except UnicodeDecodeError:
                raise ValueError(f"line {number}: is not UTF-8") from None
    return frozenset(jtis), frozenset(digests)
