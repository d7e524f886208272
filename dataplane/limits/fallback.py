"""What is done while the shared store cannot be asked.

| what a decision claims | what happens | mode |
| --- | --- | --- |
| tokens, money or another budget, alone or beside others | refused: nobody may spend uncounted | `closed` |
| request rates, parallel calls | counted here, each at its amount divided by the processes | `local` |

Parts are rounded down; where nothing is left of one the call is refused as well (`closed`). A rate goes on
from what the store said of it last, so that a process admits its part of what was left then; what others have
taken since comes on top. Parallel calls are exact: each process counts its own, wherever they were admitted,
and tells the store of them when it is back.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from dataplane.limits.memory import LEASE_WAIT_US
from dataplane.limits.redis_store import RedisStore
from dataplane.limits.share import part
from dataplane.limits.store import (
    Budget,
    Claim,
    Granted,
    Lease,
    LimitStore,
    Past,
    Rate,
    Rejected,
    StoreUnavailable,
)

LOCAL: Final = "local"
CLOSED: Final = "closed"
SHARED: Final = "shared"
"""Modes. `shared` is the store's own, and no mode in a record."""

MAX_REMEMBERED: Final = 100_000
"""Rates of which it is known how full they were: about 15 MB."""


class LocalWhenAway:
    """Implements `LimitStore`: `store` where it answers, else as the table above says.

    `local` counts the rates meanwhile. `processes` is how many gateways share the limits at least; the
    store knows better once it has been asked.
    """

    def __init__(self, store: RedisStore, local: LimitStore, *, processes: int) -> None:
        self._store = store
        self._local = local
        self._processes = processes
        self._counts = dict.fromkeys((SHARED, LOCAL, CLOSED), 0)
        self._empty_at: dict[str, int] = {}

    async def start(self) -> None:
        """Both stores'."""
        await self._local.start()
        await self._store.start()

    async def close(self) -> None:
        """Both stores'."""
        await self._store.close()
        await self._local.close()

    def problems(self) -> list[str]:
        """The store's."""
        return self._store.problems()

    def counts(self) -> Mapping[str, int]:
        """Decisions by mode."""
        return self._counts

    async def reserve(
        self, reservation: str, slot: str, claims: Sequence[Claim], wants: Sequence[int]
    ) -> Granted | Rejected:
        """As the protocol says; `mode` is `local` where it was counted here."""
        try:
            answer = await self._store.reserve(reservation, slot, claims, wants)
        except StoreUnavailable:
            try:
                answer = await self._here(reservation, slot, claims)
            except StoreUnavailable:
                self._counts[CLOSED] += 1
                raise
            self._counts[LOCAL] += 1
            return replace(answer, mode=LOCAL)
        self._counts[SHARED] += 1
        for claim, reset_us in zip(claims, answer.reset_us, strict=True):
            if isinstance(claim, Rate):
                self._remember(claim.cell, reset_us)
        return answer

    def settle(
        self, granted: Granted, slot: str, claims: Sequence[Claim], wants: Sequence[int], spent: Sequence[int]
    ) -> None:
        """As the protocol says; rates that were counted here keep their call, too."""
        self._store.settle(granted, slot, claims, wants, spent)

    def restore(self, past: Sequence[Past]) -> None:
        """The store's."""
        self._store.restore(past)

    def _remember(self, cell: str, reset_us: int) -> None:
        """When a bucket of the store is empty again, in microseconds of the monotonic clock."""
        if len(self._empty_at) >= MAX_REMEMBERED and cell not in self._empty_at:
            del self._empty_at[next(iter(self._empty_at))]
        self._empty_at[cell] = time.monotonic_ns() // 1000 + reset_us

    def _go_on(self, claim: Rate, its: Rate) -> None:
        """Let a rate begin here as full as it was in the store: the same share of the part is used."""
        empty_at = self._empty_at.pop(claim.cell, 0)
        left_us = empty_at - time.monotonic_ns() // 1000
        if left_us > 0:
            self._local.restore([Past(claim=its, at_us=time.time_ns() // 1000, taken=left_us)])

    async def _here(self, reservation: str, slot: str, claims: Sequence[Claim]) -> Granted | Rejected:
        processes = max(1, self._processes, self._store.processes())
        rates: list[Claim] = []
        lines: list[int | None] = []  # for each claim its rate's place, or None for a lease
        for claim in claims:
            its = None if isinstance(claim, Budget) else part(claim, 1, processes)
            if its is None or its.amount == 0:
                raise StoreUnavailable("limit store: away")
            lines.append(len(rates) if isinstance(its, Rate) else None)
            if isinstance(its, Rate):
                assert isinstance(claim, Rate)
                self._go_on(claim, its)
                rates.append(its)
        free = [
            claim.amount // processes - self._store.held(claim) if isinstance(claim, Lease) else 0
            for claim in claims
        ]
        for index, claim in enumerate(claims):
            if isinstance(claim, Lease) and free[index] <= 0:
                nothing = [0] * len(claims)
                return Rejected(index=index, wait_us=LEASE_WAIT_US, remaining=nothing, reset_us=nothing)
        answer = await self._local.reserve(reservation, slot, rates, [1] * len(rates))
        taken = isinstance(answer, Granted)
        remaining = [
            free[index] - taken if line is None else answer.remaining[line]
            for index, line in enumerate(lines)
        ]
        resets = [0 if line is None else answer.reset_us[line] for line in lines]
        if isinstance(answer, Rejected):
            answer = replace(answer, index=lines.index(answer.index))
        else:
            self._store.adopt(reservation, slot, claims)
        return replace(answer, remaining=remaining, reset_us=resets)
