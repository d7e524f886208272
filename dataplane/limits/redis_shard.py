"""One part of the state in Redis, and whether it is whole.

A shard has an epoch: which server began it and when. Every reservation names the epoch it believes in and
is not made under another one, so that no process counts on in a state that was lost. Lost is

- an epoch that is gone: flushed, or restarted empty;
- an epoch of another server (`run_id`): restarted, or failed over to a replica, which may lack the last
  writes.

What then happens, in every process, while nobody reserves:

1. Each holds the leases of its own open calls again (they look at the epoch every `beat_s`).
2. After `quiet_s`, in which the calls that had reserved before are recorded or refused, the budgets and rates
   are counted anew from the records, and held where Redis has less.
3. A new epoch begins. Of reservations from before it nothing is given back: the records may have counted
   them as they were spent in the end.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from dataplane.limits import redis_codec as codec
from dataplane.limits.redis_link import Link, LinkFailed
from dataplane.limits.store import LEASE_US, RENEW_S, Budget, Lease, Past, Rate, StoreUnavailable
from dataplane.limits.windows import slot_at

PART: Final = 200
"""Cells of one command: a long one would hold up every other call of the server."""
ALIVE_US: Final = 10_000_000
"""A process that gave no sign for this long shares the limits no more."""

_log = logging.getLogger("regogate.limits")

Recount = Callable[[], Awaitable[Sequence[Past]]]
"""What the records of all processes say was taken and still counts. Raises `StoreUnavailable`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """`deadline_s`: for an answer. `quiet_s`: at least the time in which a call that has reserved is recorded
    or refused. The rest are for tests to be shorter."""

    deadline_s: float = 0.25
    beat_s: float = 0.5
    quiet_s: float = 2.5
    lease_us: int = LEASE_US
    renew_s: float = RENEW_S


class Shard:
    """`open_leases` gives the leases that this process holds here. `now` is empty for the server's clock."""

    def __init__(
        self,
        number: int,
        link: Link,
        *,
        process: str,
        timing: Timing,
        open_leases: Callable[[], Sequence[tuple[str, Lease]]],
        recount: Recount,
        now: Callable[[], bytes],
    ) -> None:
        self.number = number
        self.link = link
        self.epoch: bytes | None = None
        self.processes = 0
        self.losses = 0
        self._process = process
        self._timing = timing
        self._open_leases = open_leases
        self._recount = recount
        self._now = now
        self._look_now = asyncio.Event()
        self._ready = asyncio.Event()

    def doubt(self) -> None:
        """Believe nothing until the epoch was looked at again."""
        self.epoch = None
        self._ready.clear()
        self._look_now.set()

    async def ready(self) -> None:
        """Return once reservations can be made."""
        await self._ready.wait()

    async def keep(self) -> None:
        """Look at the epoch every `beat_s`, for ever."""
        while True:
            self._look_now.clear()
            try:
                await self._look()
            except LinkFailed:
                self.doubt()
                self._look_now.clear()
            except StoreUnavailable:
                _log.warning("limits cannot be counted anew: records cannot be read")
            with suppress(TimeoutError):
                async with asyncio.timeout(self._timing.beat_s):
                    await self._look_now.wait()

    async def hold(self, leases: Sequence[tuple[str, Lease]], *, only_held: bool) -> None:
        """Renew leases, or hold them again. Raises `LinkFailed`."""
        for at in range(0, len(leases), PART):
            part = leases[at : at + PART]
            script = codec.hold(self.number, self._now(), part, self._timing.lease_us, only_held=only_held)
            await self.link.send(script)

    async def _look(self) -> None:
        beat = codec.beat(self.number, self._now(), self._process, ALIVE_US)
        _, _, epoch, self.processes = await self.link.send(beat)
        if epoch == self.epoch:
            return
        self.doubt()
        self._look_now.clear()
        await self.hold(self._open_leases(), only_held=False)
        if epoch.partition(b" ")[0] == self.link.run_id:
            self.epoch = epoch
            self._ready.set()
        else:
            await self._count_anew(epoch)

    async def _count_anew(self, found: bytes) -> None:
        self.losses += 1
        _log.warning("limits are counted anew", extra={"why": "another server" if found else "no state"})
        await asyncio.sleep(self._timing.quiet_s)
        past = together(await self._recount())
        scripts = [
            codec.restore(self.number, self._now(), found, past[at : at + PART])
            for at in range(0, len(past), PART)
        ]
        name = self.link.run_id + b" " + secrets.token_hex(8).encode()
        for script in (*scripts, codec.open_epoch(self.number, self._now(), found, name)):
            status, *_ = await self.link.send(script)
            if status == codec.OTHER_EPOCH:
                break  # another process was quicker
        self._look_now.set()


def together(past: Sequence[Past]) -> list[Past]:
    """One entry for a slot of a cell: the sum of a budget, of a rate the latest time at which it is empty."""
    sums: dict[tuple[Rate | Budget, int], Past] = {}
    for one in past:
        match one.claim:
            case Rate():
                place, at_us = 0, one.at_us
                held = sums.get((one.claim, place))
                empty = max(one.at_us + one.taken, 0 if held is None else held.at_us + held.taken)
                taken = empty - at_us
            case Budget():
                place = slot_at(one.claim, one.at_us)
                held = sums.get((one.claim, place))
                at_us, taken = one.at_us, one.taken + (0 if held is None else held.taken)
        sums[one.claim, place] = Past(claim=one.claim, at_us=at_us, taken=taken, slot=one.slot)
    return list(sums.values())
