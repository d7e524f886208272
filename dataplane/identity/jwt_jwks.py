"""An issuer's keys in memory: where they come from, and how they stay fresh.

They are looked for in the background, so that a call waits for the issuer only when a token names a key
that nobody has seen. What was read stays in force while the source is down, up to its age limit.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, Protocol

from dataplane.identity.jwt_fetch import Fetcher, FetchFailed
from dataplane.identity.jwt_form import strict_object
from dataplane.identity.jwt_keys import MAX_SET_BYTES, BadKeySet, KeySet, read_key_set

_log = logging.getLogger("regogate.identity")

BACKGROUND_S: Final = 300.0
"""Between looks in the background; RFC 8414 and OpenID Connect Core 10.1.1 leave it to the client. Withdrawn
keys stop counting within this time."""

FILE_S: Final = 2.0
"""Between looks at a file, which cost nobody anything."""

MAX_WAITING: Final = 1000
"""Callers that wait for one fetch, and ids remembered as absent. Beyond it unknown keys are refused."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9._~-]+", re.ASCII)
WELL_KNOWN: Final = "/.well-known/openid-configuration"


class KeySource(Protocol):
    """Where a key set is read from. Raises `FetchFailed` where it cannot be."""

    async def read(self) -> bytes:
        """The key set as it is now."""
        ...


class FileKeys:
    """A key set in a file; replace the file to change it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def read(self) -> bytes:
        """The file's bytes, read off the event loop."""
        return await asyncio.to_thread(read_bounded, self._path)


class UrlKeys:
    """A key set at a fixed URL."""

    def __init__(self, fetcher: Fetcher, url: str) -> None:
        self._fetcher = fetcher
        self._url = url

    async def read(self) -> bytes:
        """What the URL answers."""
        return await self._fetcher.get(self._url, max_bytes=MAX_SET_BYTES)


class DiscoveredKeys:
    """A key set that the issuer's own document names (OpenID Connect Discovery 1.0, 4)."""

    def __init__(self, fetcher: Fetcher, issuer: str) -> None:
        self._fetcher = fetcher
        self._issuer = issuer

    async def read(self) -> bytes:
        """Document, then keys. The document must be the issuer's own, by its exact name (4.3)."""
        data = await self._fetcher.get(f"{self._issuer.rstrip('/')}{WELL_KNOWN}", max_bytes=MAX_SET_BYTES)
        try:
            document = strict_object(data)
        except ValueError:
            raise FetchFailed("its discovery document is not strict JSON") from None
        url = document.get("jwks_uri")
        if document.get("issuer") != self._issuer or type(url) is not str:
            raise FetchFailed("its discovery document is another issuer's, or names no jwks_uri")
        return await self._fetcher.get(url, max_bytes=MAX_SET_BYTES)


def read_bounded(path: Path, max_bytes: int = MAX_SET_BYTES) -> bytes:
    """A file's bytes. Raises `FetchFailed` for one that cannot be read or is too large."""
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise FetchFailed(f"{path}: {error.strerror}") from None
    if len(data) > max_bytes:
        raise FetchFailed(f"{path}: is too large")
    return data


class KeyCache:
    """The keys of one issuer. `issuer` names it in the log; `max_age_s` is how long keys count without being
    seen again; `refresh_s` the least time between two looks that unknown keys cause."""

    def __init__(
        self,
        source: KeySource,
        *,
        issuer: str,
        max_age_s: float,
        refresh_s: float,
        background_s: float = BACKGROUND_S,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._issuer = issuer
        self._max_age_s = max_age_s
        self._refresh_s = refresh_s
        self._background_s = min(background_s, max_age_s / 2)
        self._clock_s = clock_s
        self._data = b""
        self._keys: KeySet | None = None
        self._seen_at = float("-inf")
        self._failure: str | None = None
        self._lock = asyncio.Lock()
        self._asked_at = float("-inf")
        self._open = True
        self._in_flight = False
        self._absent: set[str] = set()
        self._asking: asyncio.Task[None] | None = None
        self._waiting = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Look once and keep looking; never raises, see `failure`."""
        await self._look()
        self._spawn(self._keep_looking())

    async def close(self) -> None:
        """Stop looking."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def current(self) -> KeySet | None:
        """The keys in force; None where none were ever seen, or not within their age limit."""
        return self._keys if self._clock_s() - self._seen_at < self._max_age_s else None

    @property
    def failure(self) -> str | None:
        """Why the last look failed, else None."""
        return self._failure

    @property
    def age_s(self) -> float | None:
        """Seconds since the keys were last seen at their source; None before that."""
        return None if self._keys is None else self._clock_s() - self._seen_at

    async def newer(self, than: KeySet | None, kid: str | None) -> KeySet | None:
        """The keys in force after one more look for `kid`, which all who ask meanwhile share.

        1. Keys that changed since the caller looked are given at once.
        2. Otherwise one look begins, or the one under way is shared. There is one in `refresh_s`.
        3. Until the next is due callers wait for it where waiting may help: the last one brought new keys
           (the issuer is changing them), or their id looks like the issuer's and was not looked for yet. For
           the rest, forged ids as a rule, the answer is `than`, at once.
        """
        if self.current is not than:
            return self.current
        wait_s = self._asked_at + self._refresh_s - self._clock_s()
        if wait_s > 0 and not self._in_flight and not self._may_wait(than, kid):
            return than
        if self._waiting >= MAX_WAITING:
            return than
        if self._asking is None:
            self._asking = self._spawn(self._ask(max(0.0, wait_s)))
        self._waiting += 1
        try:
            # wait() leaves the task running when this caller is cancelled: others wait for it too.
            await asyncio.wait({self._asking})
        finally:
            self._waiting -= 1
        found = self.current
        if kid is not None and (found is None or kid not in found.by_kid) and len(self._absent) < MAX_WAITING:
            self._absent.add(kid)
        return found

    def _may_wait(self, keys: KeySet | None, kid: str | None) -> bool:
        if self._open:
            return True
        if kid is None or kid in self._absent or _PLAIN.fullmatch(kid) is None or keys is None:
            return False
        return any(len(known) == len(kid) for known in keys.by_kid)

    async def _ask(self, wait_s: float) -> None:
        try:
            await asyncio.sleep(wait_s)
            self._asked_at, self._in_flight = self._clock_s(), True
            self._absent.clear()
            self._open = await self._look()
        finally:
            self._asking, self._in_flight = None, False

    async def _keep_looking(self) -> None:
        while True:
            wait_s = self._background_s
            await asyncio.sleep(wait_s if self._failure is None else min(wait_s, self._refresh_s))
            await self._look()

    async def _look(self) -> bool:
        """Whether the keys are others now. What cannot be read leaves those in force that are."""
        async with self._lock:
            begun = self._clock_s()
            try:
                data = await self._source.read()
                # The same bytes are the same object, so that what was verified with it stays verified.
                keys = self._keys if self._keys is not None and data == self._data else read_key_set(data)
            except (FetchFailed, BadKeySet) as error:
                self._told(str(error))
                return False
            except Exception as error:  # noqa: BLE001 - whatever a client library raises, the old keys stay
                self._told(type(error).__name__)
                return False
            changed = keys is not self._keys
            self._data, self._keys, self._seen_at = data, keys, begun
            self._told(None)
            return changed

    def _told(self, failure: str | None) -> None:
        """Note how a look ended, and log it where the last one ended otherwise."""
        if failure is not None and failure != self._failure:
            _log.warning("keys of an issuer cannot be had", extra={"issuer": self._issuer, "why": failure})
        elif failure is None and self._failure is not None:
            _log.info("keys of an issuer are had again", extra={"issuer": self._issuer})
        self._failure = failure

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
