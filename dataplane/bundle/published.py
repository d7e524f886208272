"""Bundles that were published, by revision, so that a decision can be explained and replayed later.

Layout: `DIRECTORY/<channel>/published/<revision>.tar.gz`. The store writes here before it makes a bundle
the current one, so whatever was ever served is here until it is among the oldest beyond the bounds.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dataplane.bundle.archive import MAX_BUNDLE_BYTES
from dataplane.bundle.errors import BundleRefused
from dataplane.bundle.model import Bundle, is_channel, is_revision
from dataplane.bundle.verify import inspect

KEEP_REVISIONS: Final = 500
"""Bundles kept a channel: `regogate dev` publishes at every save."""

KEEP_BYTES: Final = 256 * 2**20
"""Bytes kept a channel; the shipped policy takes about 30 kB, 10,000 clients 0.2 MB."""

_FOLDER: Final = "published"
_SUFFIX: Final = ".tar.gz"


def bundle_path(directory: Path, channel: str) -> Path:
    """Where a channel's current bundle lies."""
    return directory / channel / "bundle.tar.gz"


def kept_path(directory: Path, channel: str, revision: str) -> Path:
    """Where a channel keeps the bundle of a revision."""
    return directory / channel / _FOLDER / f"{revision}{_SUFFIX}"


def revisions(directory: Path, channel: str) -> tuple[str, ...]:
    """The revisions that a channel keeps, the highest sequence first."""
    if not is_channel(channel):
        return ()
    return tuple(path.name.removesuffix(_SUFFIX) for path in _kept(directory / channel / _FOLDER))


def find(directory: Path, revision: str) -> bytes | None:
    """The bundle of a revision, whichever channel published it; None where none of them keeps it.

    Its content is what the revision says (steps 1, 7 and 8 of `verify`). Its signature is not checked
    again: it was when it was published, and the key may have been retired since.
    """
    if not is_revision(revision):
        return None
    for folder in sorted(_channels(directory)):
        channel = folder.name
        for path in (kept_path(directory, channel, revision), bundle_path(directory, channel)):
            content = _content(path, revision)
            if content is not None:
                return content
    return None


def keep(directory: Path, bundle: Bundle, *, revisions: int = KEEP_REVISIONS, size: int = KEEP_BYTES) -> None:
    """Put a verified bundle among the kept ones, durably, and let the oldest beyond the bounds go.

    The caller holds the channel's lock. This bundle stays even where it alone is beyond `size` (bytes).
    Raises `OSError`.
    """
    path = kept_path(directory, bundle.channel, bundle.revision)
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(".*"):  # of a publisher that was killed: nobody else holds the lock
        left.unlink(missing_ok=True)
    replace(path, bundle.content)
    count, total = 0, 0
    for one in (path, *(other for other in _kept(path.parent) if other != path)):
        count, total = count + 1, total + one.stat().st_size
        if one != path and (count > revisions or total > size):
            one.unlink(missing_ok=True)


def replace(path: Path, content: bytes) -> None:
    """Write a file so that a reader and a crash see the old one or the new one whole; durable on return."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _channels(directory: Path) -> Iterator[Path]:
    try:
        yield from (entry for entry in directory.iterdir() if is_channel(entry.name) and entry.is_dir())
    except OSError:
        return


def _kept(folder: Path) -> list[Path]:
    """The files of a folder that are named by a revision, the highest sequence first."""
    try:
        found = [path for path in folder.iterdir() if path.name.endswith(_SUFFIX)]
    except OSError:
        return []
    named = [path for path in found if is_revision(path.name.removesuffix(_SUFFIX))]
    return sorted(named, key=lambda path: (int(path.name.split("-", 1)[0]), path.name), reverse=True)


def _content(path: Path, revision: str) -> bytes | None:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BUNDLE_BYTES + 1)
        return content if inspect(content).revision == revision else None
    except (OSError, BundleRefused):
        return None
