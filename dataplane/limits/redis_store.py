"""Limits of many processes, in Redis or Valkey: one script for each decision, by the server's clock.

In reading order below this: `redis_codec` (claims as a command), `redis_script` (commands on the wire),
`limits.lua` (what they do), `redis_link` (the connection), `redis_shard` (whether the state is whole).
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from dataplane.limits import redis_codec as codec
from dataplane.limits.redis_link import CAUSES, Link, LinkFailed
from dataplane.limits.redis_place import Place, unfit
from dataplane.limits.redis_script import Decision
from dataplane.limits.redis_shard import Recount, Shard, Timing
from dataplane.limits.store import Claim, Granted, Lease, Past, Rejected, StoreUnavailable

SHARDS_OF_CLUSTER: Final = 16
"""Parts of the state in a cluster, each in one hash slot, each looked after; a tenant is in one of them."""
MAX_LATER: Final = 50_000
"""Settlements that wait for a store that is down. Those dropped beyond leave estimates that stay too high."""
PAUSE_S: Final = 0.2
START_S: Final = 5.0
CLOSE_S: Final = 3.0
TRUST_S: Final = codec.REMEMBER_MS / 1000 / 2
"""How long what was sent without an answer may be sent again: the script still knows it."""


@dataclass(slots=True, eq=False)
class _Later:
    """What must reach Redis in the end. `sent_at` is when it first may have (monotonic seconds)."""

    shard: Shard
    decision: Decision
    sent_at: float | None = None


class RedisStore:
    """Implements `LimitStore`.

    A decision takes one round trip. Where the server does not answer within the deadline, or its state is
    not whole, `reserve` raises `StoreUnavailable`, at once while that lasts; it recovers by itself.
    Without `place.cluster` all keys are in one shard and a cell may be used by any slot; in a cluster a
    cell belongs to its slot, and the same cell under another slot is another counter.
    """

    def __init__(
        self,
        place: Place,
        *,
        process: str,
        recount: Recount,
        timing: Timing | None = None,
        clock_us: Callable[[], int] | None = None,
    ) -> None:
        self._place = place
        self._process = process
        self._recount = recount
        self._timing = timing or Timing()
        self._clock_us = clock_us
        self._tasks: list[asyncio.Task[None]] = []
        self._open: dict[str, tuple[Shard, tuple[Lease, ...]]] = {}
        self._held: dict[str, int] = {}
        self._later: deque[_Later] = deque()
        self._pending: set[asyncio.Future[object]] = set()
        self._more = asyncio.Event()
        self.dropped = 0
        self._shards = [self._shard(number) for number in range(SHARDS_OF_CLUSTER if place.cluster else 1)]

    # --- a life -----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Connect and look at the state; goes on without after some seconds, and then keeps trying."""
        for shard in self._shards:
            shard.link.start()
            self._tasks.append(asyncio.create_task(shard.keep(), name="limit store epoch"))
        self._tasks.append(asyncio.create_task(self._renew(), name="limit store leases"))
        self._tasks.append(asyncio.create_task(self._deliver(), name="limit store settlements"))
        with suppress(TimeoutError):
            async with asyncio.timeout(START_S):
                for shard in self._shards:
                    await shard.ready()

    async def close(self) -> None:
        """See `LimitStore`."""
        self._flush()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                while self._pending:
                    await asyncio.wait(self._pending)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for shard in self._shards:
            await shard.link.close()
            shard.doubt()
        self._tasks.clear()

    def problems(self) -> list[str]:
        """Always empty: what cannot be counted is refused or counted otherwise; metrics and the log tell."""
        return []

    @property
    def up(self) -> bool:
        """Whether everything can be counted here now."""
        return all(shard.epoch is not None for shard in self._shards)

    @property
    def waiting(self) -> int:
        """Settlements that have not arrived yet."""
        return len(self._later) + len(self._pending)

    def failures(self) -> Mapping[str, int]:
        """Commands without an answer by cause, states lost, settlements dropped."""
        counts = {cause: sum(shard.link.failures[cause] for shard in self._shards) for cause in CAUSES}
        lost = sum(shard.losses for shard in self._shards)
        return {**counts, "lost": lost, "dropped": self.dropped}

    def processes(self) -> int:
        """How many processes shared these limits when that was last known; 0 if never."""
        return max(shard.processes for shard in self._shards)

    # --- decisions --------------------------------------------------------------------------------

    async def reserve(
        self, reservation: str, slot: str, claims: Sequence[Claim], wants: Sequence[int]
    ) -> Granted | Rejected:
        """As the protocol says; a rate keeps the call of a caller that was cancelled meanwhile."""
        shard = self._of(slot)
        epoch = shard.epoch
        if epoch is None:
            raise StoreUnavailable("limit store: not ready")
        decision = codec.reserve(
            shard.number, self._now(), epoch, reservation, claims, wants, self._timing.lease_us
        )
        try:
            answer = await shard.link.send(decision)
        except asyncio.CancelledError:
            self._give_up(shard, reservation, claims, wants)
            raise
        except LinkFailed as failed:
            if failed.unknown:
                self._give_up(shard, reservation, claims, wants)
            raise
        status = answer[0]
        if status in (codec.OTHER_EPOCH, codec.GIVEN_UP):
            if status == codec.OTHER_EPOCH and shard.epoch == epoch:
                shard.doubt()
            raise StoreUnavailable("limit store: its state changed")
        decided = codec.answered(answer, reservation, claims, wants)
        if isinstance(decided, Granted):
            self._hold(reservation, shard, claims)
        return decided

    def settle(
        self, granted: Granted, slot: str, claims: Sequence[Claim], wants: Sequence[int], spent: Sequence[int]
    ) -> None:
        """As the protocol says."""
        for lease in self._open.pop(granted.reservation, (None, ()))[1]:
            self._held[lease.cell] -= 1
            if not self._held[lease.cell]:
                del self._held[lease.cell]
        shard = self._of(slot)
        decision = codec.settle(shard.number, self._now(), granted, claims, wants, spent)
        if decision is not None:
            self._send(_Later(shard, decision))

    def restore(self, past: Sequence[Past]) -> None:
        """Nothing: Redis has it, and where it has not, it is counted anew from the records by itself."""

    def adopt(self, reservation: str, slot: str, claims: Sequence[Claim]) -> None:
        """Hold the leases of a reservation that was made elsewhere while this store could not be asked; they
        are known here as soon as it can. `settle` ends it."""
        shard = self._of(slot)
        self._hold(reservation, shard, claims)
        if shard.epoch is not None:
            shard.doubt()

    def held(self, lease: Lease) -> int:
        """How many open reservations of this process hold a lease."""
        return self._held.get(lease.cell, 0)

    # --- inside -----------------------------------------------------------------------------------

    def _shard(self, number: int) -> Shard:
        def changed() -> None:
            shard.doubt()
            self._more.set()

        link = Link(
            lambda: self._place.connect(number),
            deadline_s=self._timing.deadline_s,
            check=unfit,
            changed=changed,
        )
        shard = Shard(
            number,
            link,
            process=self._process,
            timing=self._timing,
            open_leases=lambda: self._leases_of(shard),
            recount=lambda: self._past_of(number),
            now=self._now,
        )
        return shard

    def _now(self) -> bytes:
        return b"" if self._clock_us is None else b"%d" % self._clock_us()

    def _number(self, slot: str) -> int:
        if len(self._shards) == 1:
            return 0
        return zlib.crc32(slot.encode("utf-8", "surrogatepass")) % len(self._shards)

    def _of(self, slot: str) -> Shard:
        return self._shards[self._number(slot)]

    async def _past_of(self, number: int) -> list[Past]:
        return [one for one in await self._recount() if self._number(one.slot) == number]

    def _leases_of(self, shard: Shard) -> list[tuple[str, Lease]]:
        return [
            (reservation, lease)
            for reservation, (where, leases) in self._open.items()
            if where is shard
            for lease in leases
        ]

    def _hold(self, reservation: str, shard: Shard, claims: Sequence[Claim]) -> None:
        leases = tuple(claim for claim in claims if isinstance(claim, Lease))
        if leases:
            self._open[reservation] = (shard, leases)
            for lease in leases:
                self._held[lease.cell] = self._held.get(lease.cell, 0) + 1

    def _give_up(self, shard: Shard, reservation: str, claims: Sequence[Claim], wants: Sequence[int]) -> None:
        self._send(_Later(shard, codec.give_up(shard.number, self._now(), reservation, claims, wants)))

    def _send(self, later: _Later) -> None:
        """Send with the next batch; what gets no answer is sent again for as long as the script knows it."""
        if not later.shard.link.up:
            self._keep(later)
            return
        try:
            answer = later.shard.link.send(later.decision, linger=True)
        except LinkFailed:
            self._keep(later)
            return
        later.sent_at = later.sent_at or time.monotonic()
        self._pending.add(answer)
        answer.add_done_callback(lambda done: self._sent(later, done))

    def _sent(self, later: _Later, done: asyncio.Future[object]) -> None:
        self._pending.discard(done)
        if done.cancelled():
            return
        match done.exception():
            case None:
                return
            case LinkFailed(unknown=unknown):
                if not unknown:
                    later.sent_at = None
                self._keep(later)
            case error:
                raise error

    def _keep(self, later: _Later) -> None:
        if len(self._later) >= MAX_LATER:
            self._later.popleft()
            self.dropped += 1
        self._later.append(later)
        self._more.set()

    async def _deliver(self) -> None:
        """Send what was kept, once its link is up again."""
        while True:
            await self._more.wait()
            await asyncio.sleep(PAUSE_S)
            self._more.clear()
            self._flush()

    def _flush(self) -> None:
        for _ in range(len(self._later)):
            later = self._later.popleft()
            if later.sent_at is not None and time.monotonic() - later.sent_at > TRUST_S:
                self.dropped += 1
            else:
                self._send(later)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._timing.renew_s)
            for shard in self._shards:
                if shard.epoch is not None:
                    with suppress(LinkFailed):
                        await shard.hold(self._leases_of(shard), only_held=True)
