"""What one installation keeps in its data directory, and how its private files are made.

DATA_DIR/              0700
  installation.key     0600  32 random bytes in hex: keys the digests of API keys and of content
  state.json           0600  where the database is, for commands that only know the directory
  ready.json           0600  while running: addresses, the demo key, the policy revision
  running.lock         0600  held while a gateway runs here
  regogate.db          0600  records and keys, unless a URL says otherwise
  bundles/ opa/ keys/        published bundles, OPA's own copy, signing keys of `dev`
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from dataplane.config import SecretRef
from dataplane.errors import ConfigError

INSTALLATION_KEY_BYTES: Final = 32
RUNNING_LOCK: Final = "running.lock"


def make_private(path: Path) -> Path:
    """Create a directory only its owner can enter; refuse one that others can write to."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        mode = path.stat().st_mode
    except OSError as error:
        raise ConfigError(f"data directory {path}: {error.strerror}") from None
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ConfigError(f"data directory {path}: others may write here; run 'chmod go-w {path}'")
    return path


@contextlib.contextmanager
def _written_beside(path: Path, data: bytes) -> Iterator[Path]:
    """A 0600 file in the same folder that holds `data`, on disk; what is left of it goes afterwards."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def write_private(path: Path, data: bytes) -> None:
    """Write a 0600 file so that a reader sees the old content or the new, never half."""
    with _written_beside(path, data) as beside:
        beside.replace(path)


def _make_private_once(path: Path, data: bytes) -> None:
    """The same where there is no such file yet; one that another process makes meanwhile stays."""
    with _written_beside(path, data) as beside, contextlib.suppress(FileExistsError):
        path.hardlink_to(beside)


def write_json(path: Path, document: dict[str, Any]) -> None:
    """`write_private` for a JSON document."""
    write_private(path, json.dumps(document, indent=2).encode() + b"\n")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object this program wrote; empty when the file is missing. Raises `ConfigError`."""
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError):
        raise ConfigError(f"{path}: unreadable; remove it and start again") from None
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: not a JSON object; remove it and start again")
    return document


@contextlib.contextmanager
def alone(lock: Path, otherwise: str) -> Iterator[None]:
    """Hold `lock` for this process; the kernel lets go of it whatever happens. The file stays.

    Raises `ConfigError` with `otherwise` where another process holds it.
    """
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"{lock}: {error.strerror}") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(otherwise) from None
        yield
    finally:
        os.close(descriptor)


def installation_key(data_dir: Path, reference: SecretRef | None) -> bytes:
    """The key of this installation: from `audit.hash_key`, else made once in the data directory.

    Losing it makes every API key unusable and every stored digest incomparable. Raises `ConfigError`.
    """
    if reference is not None:
        text, where = reference.read(), "audit.hash_key"
    else:
        path = data_dir / "installation.key"
        where = str(path)
        if not path.exists():
            make_private(data_dir)
            _make_private_once(path, secrets.token_hex(INSTALLATION_KEY_BYTES).encode())
        text = SecretRef(file=path).read()
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) < INSTALLATION_KEY_BYTES:
        raise ConfigError(f"{where}: must hold at least {INSTALLATION_KEY_BYTES} bytes in hexadecimal")
    return key
