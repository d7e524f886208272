"""What each channel publishes: one verified bundle, durable in a directory, and a way to wait for the next.

Layout: `DIRECTORY/<channel>/bundle.tar.gz`, `published/` beside it for what was published (`published`),
and `lock` for those who publish. The file is replaced by rename after fsync, so a reader and a crash see
the old bundle or the new one whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dataplane.bundle.archive import MAX_BUNDLE_BYTES
from dataplane.bundle.errors import BundleRefused, PublishRefused
from dataplane.bundle.keys import PublicKeys
from dataplane.bundle.model import Bundle, is_channel
from dataplane.bundle.published import bundle_path, find, keep, replace
from dataplane.bundle.remote import must_be_above
from dataplane.bundle.verify import verify

POLL_S: Final = 0.1
"""How often waiters look for a bundle that another process published: one stat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A bundle as it is served; `etag` is the SHA-256 of its bytes, in quotes (strong, RFC 9110)."""

    bundle: Bundle
    etag: str


@dataclass(slots=True, kw_only=True)
class _Channel:
    published: Published | None = None
    refused: str | None = None
    stamp: tuple[int, ...] | None = None
    looked: float = float("-inf")
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    looking: asyncio.Lock = field(default_factory=asyncio.Lock)


class ChannelStore:
    """The channels below one directory, for one event loop; several processes may share the directory.

    `keys` are the public keys whose bundles are served. A file that does not verify, or that goes back in
    sequence, is never served: what was there stays (`refused` says why).
    """

    def __init__(self, directory: Path, keys: PublicKeys) -> None:
        self._directory = directory
        self._keys = dict(keys)
        self._channels: dict[str, _Channel] = {}
        self._closing = asyncio.Event()

    async def current(self, channel: str) -> Published | None:
        """What is published now, None where nothing is. Looks at the file at most every `POLL_S`; a new
        one is read and verified in a thread."""
        if not is_channel(channel):
            return None
        state = self._channels.setdefault(channel, _Channel())
        if time.monotonic() - state.looked >= POLL_S:
            await self._look(channel, state)
        return state.published

    def refused(self, channel: str) -> str | None:
        """Why the file that now lies in a channel's folder is not served, None where it is."""
        state = self._channels.get(channel)
        return state.refused if state else None

    async def publish(self, content: bytes, channel: str) -> Bundle:
        """Make a signed bundle the current one; waiters are woken at once.

        Durable when this returns. Raises `BundleRefused` where it does not verify for the channel, and
        `PublishRefused` where its sequence is not above the published one.
        """
        bundle = await asyncio.to_thread(publish, self._directory, content, channel, self._keys)
        state = self._channels.setdefault(channel, _Channel())
        await self._look(channel, state)
        return bundle

    def find(self, revision: str) -> bytes | None:
        """The bundle of a revision that some channel published, while it is kept (`published.find`)."""
        return find(self._directory, revision)

    async def wait(self, channel: str, etag: str | None, timeout_s: float) -> Published | None:
        """The current bundle as soon as its etag is not `etag`; after `timeout_s`, or when closing,
        whatever there is. With None it waits for a first bundle."""
        deadline = time.monotonic() + timeout_s
        while True:
            found = await self.current(channel)
            left = deadline - time.monotonic()
            if left <= 0 or self._closing.is_set() or not is_channel(channel):
                return found
            if found is not None and found.etag != etag:
                return found
            changed = self._channels[channel].changed
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), min(left, POLL_S))

    def close(self) -> None:
        """Let every waiter go now: a server that stops must not wait out their polls."""
        self._closing.set()
        for state in self._channels.values():
            state.changed.set()

    async def _look(self, channel: str, state: _Channel) -> None:
        async with state.looking:
            state.looked = time.monotonic()
            stamp = _stamp(bundle_path(self._directory, channel))
            # None: never published, or taken away, and then what was served stays in force
            if stamp is None or stamp == state.stamp:
                return
            try:
                bundle = await asyncio.to_thread(read, self._directory, channel, self._keys)
            except BundleRefused as error:
                state.stamp, state.refused = stamp, str(error)
                return
            state.stamp = stamp
            if bundle is not None:
                self._take(state, bundle)

    def _take(self, state: _Channel, bundle: Bundle) -> None:
        if state.published is not None and bundle.seq < state.published.bundle.seq:
            state.refused = f"sequence {bundle.seq} is below {state.published.bundle.seq}, which was served"
            return
        state.refused = None
        etag = f'"{hashlib.sha256(bundle.content).hexdigest()}"'
        state.published = Published(bundle=bundle, etag=etag)
        state.changed.set()
        state.changed = asyncio.Event()


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def read(directory: Path, channel: str, keys: PublicKeys) -> Bundle | None:
    """The published bundle, verified; None where there is none. Raises `BundleRefused`."""
    try:
        with bundle_path(directory, channel).open("rb") as file:
            content = file.read(MAX_BUNDLE_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BundleRefused(1, f"it cannot be read: {error.strerror}") from error
    return verify(content, keys=keys, channel=channel)


def publish(directory: Path, content: bytes, channel: str, keys: PublicKeys) -> Bundle:
    """Put a bundle into a channel's folder, for a server in this or another process to find.

    1. Verify it for the channel.
    2. Under the channel's lock, compare its sequence with the published one: it must be above.
    3. Keep it among the published ones: write beside, fsync, rename, fsync the folder.
    4. Make it the current one, in the same way.

    Raises `BundleRefused`, or `PublishRefused` where the sequence does not go up, the published bundle
    does not verify any more (its sequence is unknown), or the disk fails.
    """
    if not is_channel(channel):
        raise PublishRefused(f"{channel[:80]!r} is not a channel: use a-z, 0-9 and inner hyphens")
    bundle = verify(content, keys=keys, channel=channel)
    folder = directory / channel
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            _must_go_up(directory, bundle, keys)
            keep(directory, bundle)
            replace(bundle_path(directory, channel), content)
    except OSError as error:
        raise PublishRefused(f"{folder} cannot be written: {error.strerror}") from error
    return bundle


def _must_go_up(directory: Path, bundle: Bundle, keys: PublicKeys) -> None:
    try:
        before = read(directory, bundle.channel, keys)
    except BundleRefused as error:
        path = bundle_path(directory, bundle.channel)
        raise PublishRefused(
            f"what lies in {path} does not verify ({error}); list the key it was signed with beside the new "
            "one, or remove it first"
        ) from error
    if before is not None:
        must_be_above(bundle, before)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
