"""The private directory of one OPA process: its socket and its configuration file.

A second OPA on a live socket path takes it over in silence and removes it on exit, so a directory
belongs to one process at a time: the owner holds a lock on a file in it, which the kernel releases
even after SIGKILL. Directories that were left behind that way are removed by the next start.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Final

from dataplane.opa.errors import OpaDirectoryInUse, OpaError

PREFIX: Final = "regogate-opa-"
SOCKET_NAME: Final = "opa.sock"
CONFIG_NAME: Final = "opa.json"
_LOCK_NAME: Final = "owner.lock"

MAX_SOCKET_PATH_BYTES: Final = 103
"""`sun_path` less its final NUL: 104 bytes on macOS and the BSDs (sys/un.h), 108 on Linux."""


class RunDirectory:
    """A fresh directory under the temporary directory, or the given one (which is kept at the end).

    The paths are known at once; nothing exists before `acquire`.
    """

    def __init__(self, given: Path | None = None, *, root: Path | None = None) -> None:
        self._given = given is not None
        # The name cannot be guessed and must not exist yet, which is what mkdtemp promises too.
        root = root or Path(tempfile.gettempdir())
        self.path = (given or root / f"{PREFIX}{secrets.token_hex(8)}").absolute()
        self.socket = self.path / SOCKET_NAME
        self._lock: int | None = None

    def acquire(self) -> None:
        """Makes the directory (0700) and takes its lock; a stale socket in it is removed.

        Raises `OpaDirectoryInUse` when a live process has it, `OpaError` when it cannot be used: the
        path is too long for a socket, or it belongs to, or is open to, other users.
        """
        length = len(os.fsencode(self.socket))
        if length > MAX_SOCKET_PATH_BYTES:
            raise OpaError(
                f"{self.socket}: {length} bytes, a socket path has at most {MAX_SOCKET_PATH_BYTES}; "
                "choose a shorter directory or set TMPDIR"
            )
        if not self._given:
            sweep(self.path.parent)
        try:
            lock = self._lock_given() if self._given else self._lock_fresh()
        except OSError as error:
            raise OpaError(f"the socket directory {self.path} cannot be made: {error.strerror}") from error
        if lock is None:
            raise OpaDirectoryInUse(f"another live process runs its OPA in {self.path}")
        self._lock = lock
        self.socket.unlink(missing_ok=True)

    def _lock_fresh(self) -> int | None:
        # Locked under a name that `sweep` does not look at, so that it cannot take it for a dead one's.
        making = self.path.with_name(f".{self.path.name}")
        making.mkdir(mode=0o700)
        lock = _try_lock(making, create=True)
        making.rename(self.path)
        return lock

    def _lock_given(self) -> int | None:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = self.path.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
            raise OpaError(f"the socket directory {self.path} must be ours alone (a directory of mode 0700)")
        return _try_lock(self.path, create=True)

    def write_config(self, text: str) -> Path:
        """Puts the configuration, which may hold tokens, into a file of mode 0600."""
        path = self.path / CONFIG_NAME
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def release(self) -> None:
        """Removes what `acquire` and `write_config` made; does nothing when it is not held."""
        if self._lock is None:
            return
        if self._given:
            # The lock file stays: unlinking a lock that someone just opened would give it to two.
            for name in (SOCKET_NAME, CONFIG_NAME):
                (self.path / name).unlink(missing_ok=True)
        else:
            shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)
        self._lock = None


def sweep(root: Path) -> None:
    """Removes our own directories under `root` whose owner is dead; they may hold a token."""
    for path in root.glob(PREFIX + "*"):
        try:
            status = path.lstat()
            if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
                continue
            # No lock file: it is just being made, or was never more than an empty directory.
            lock = _try_lock(path, create=False)
        except OSError:
            continue
        if lock is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(lock)


def _try_lock(directory: Path, *, create: bool) -> int | None:
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if create else 0)
    lock = os.open(directory / _LOCK_NAME, flags, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock
