"""Refused uses of keys as `key` records, at a bounded rate.

Whoever has a key that no longer opens anything can present it as often as the network allows. The same bounds
hold as for refusals of unknown callers, with the key in the place of the source; beyond them, and while the
database is down, uses are counted and the counts written as one record.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from dataplane.audit.canonical import json_text
from dataplane.audit.draft import rfc3339
from dataplane.audit.flood import MAX_REASONS, OTHER_REASON, RefusalGate

TALLY_S: Final = 1.0
"""One counting record a second while uses are counted."""


class Notes(Protocol):
    """What this needs of `audit.log.DurableLog`."""

    def put_note(self, kind: str, fields: Mapping[str, object]) -> None:
        """Queue a record; it is kept until it is written."""
        ...

    def problems(self) -> list[str]:
        """Why nothing can be written now; empty when all is well."""
        ...


class RefusedKeyUses:
    """Records of refused uses. Use it inside a running loop, and close it before the log."""

    def __init__(self, log: Notes, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._gate = RefusalGate()
        self._counts: Counter[str] = Counter()
        self._since_us = 0
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self, key_id: str, client_id: str, why: str, request_id: str) -> None:
        """A use of a key of a client was refused: `why` is such as `revoked` or `network`."""
        if self._gate.admits(key_id, self._clock()) and not self._log.problems():
            fields = {"key_id": key_id, "client_id": client_id, "why": why, "request_id": request_id}
            self._log.put_note("key", {"action": "refused", **fields})
            return
        if not self._counts:
            self._since_us = time.time_ns() // 1000
        name = f"{key_id} {why}"
        known = name in self._counts or len(self._counts) < MAX_REASONS
        self._counts[name if known else OTHER_REASON] += 1
        self._wait()

    def close(self) -> None:
        """Queue what was counted."""
        if self._timer is not None:
            self._timer.cancel()
        self._put()

    def _wait(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TALLY_S, self._due)

    def _due(self) -> None:
        self._timer = None
        if self._log.problems():
            self._wait()  # an outage piles up one record, not one a second
        else:
            self._put()

    def _put(self) -> None:
        counts, self._counts = self._counts, Counter()
        if counts:
            fields = {
                "action": "refused",
                "count": counts.total(),
                "counts": json_text(dict(counts)),
                "window_start": rfc3339(self._since_us),
                "window_end": rfc3339(time.time_ns() // 1000),
            }
            self._log.put_note("key", fields)
