"""Where built binaries are kept: one directory per tool, version and platform, shared by processes."""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dataplane.opa.errors import OpaError
from dataplane.opa.pins import Pin
from dataplane.opa.version import read_version
from dataplane.ownership import is_ours

LOCK_TIMEOUT_S: Final = 2400.0
"""Longer than a build may take (`build.BUILD_TIMEOUT_S`), so that a waiter outlives the builder."""
_POLL_S: Final = 0.1
_SAY_EVERY_S: Final = 5.0
_WORK_PREFIX: Final = "build-"


def default_cache(environ: Mapping[str, str]) -> Path:
    """`$XDG_CACHE_HOME/regogate`, else `~/.cache/regogate` (XDG Base Directory Specification:
    a relative XDG_CACHE_HOME is ignored)."""
    xdg = environ.get("XDG_CACHE_HOME", "")
    if xdg.startswith("/"):
        return Path(xdg) / "regogate"
    home = environ.get("HOME", "")
    return (Path(home) if home.startswith("/") else Path.home()) / ".cache" / "regogate"


class BinaryCache:
    """The built copies of one pinned tool under `root`, which is made on the first build."""

    def __init__(self, root: Path, pin: Pin) -> None:
        self._pin = pin
        self._home = root / pin.name
        target = f"{pin.version}-{platform.system().lower()}-{platform.machine().lower()}"
        self.path = self._home / target / pin.name

    def check(self) -> Path:
        """The built copy, after it stated the pinned version itself.

        Raises `OpaError` when there is none, when others than the owner or root may write it (it is
        going to be executed), or when it is damaged.
        """
        try:
            status = self.path.stat()
        except OSError:
            raise OpaError("none yet") from None
        if not is_ours(status):
            raise OpaError("it may be written by other users")
        version = read_version(self.path)
        if version != self._pin.version:
            raise OpaError(f"it says version {version}, not {self._pin.version}")
        return self.path

    @contextmanager
    def exclusive(self, say: Callable[[str], None]) -> Iterator[Path]:
        """Waits until no other process builds this tool; gives an empty work directory.

        The work directory is on the file system of the cache, so that `store` can rename. It is
        deleted at the end, and what a killed build left behind at the next begin. Raises `OpaError`
        when the cache cannot be written or the lock is not free within `LOCK_TIMEOUT_S`.
        """
        try:
            self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise OpaError(f"the cache {self._home} cannot be written: {error.strerror}") from error
        try:
            self._acquire(lock, say)
            for stale in self._home.glob(_WORK_PREFIX + "*"):
                shutil.rmtree(stale, ignore_errors=True)
            work = Path(tempfile.mkdtemp(prefix=_WORK_PREFIX, dir=self._home))
            try:
                yield work
            finally:
                shutil.rmtree(work, ignore_errors=True)
        finally:
            os.close(lock)  # which also releases the lock

    def store(self, built: Path) -> Path:
        """Takes a binary out of the work directory into its place, by one rename, after checking it."""
        version = read_version(built)
        if version != self._pin.version:
            raise OpaError(f"the build says version {version}, not {self._pin.version}")
        built.chmod(0o755)
        self.path.parent.mkdir(mode=0o700, exist_ok=True)
        built.replace(self.path)
        return self.path

    def _acquire(self, lock: int, say: Callable[[str], None]) -> None:
        begun = told = time.monotonic()
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                now = time.monotonic()
                if now - begun > LOCK_TIMEOUT_S:
                    raise OpaError(f"another process has held {self._home / 'lock'} for too long") from None
                if now - told >= _SAY_EVERY_S:
                    say(f"{self._pin.name}: waiting for another process that builds it, {now - begun:.0f} s")
                    told = now
                time.sleep(_POLL_S)
            else:
                return
