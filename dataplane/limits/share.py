"""A part of a limit: for a region, or for one process of several that cannot ask each other.

Parts are rounded down, so that the parts of all together are never more than the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final, assert_never

from dataplane.limits.store import Budget, Claim, Granted, Lease, LimitStore, Past, Rate, Rejected

PPM: Final = 1_000_000
_REMEMBERED: Final = 4096


@lru_cache(_REMEMBERED)
def part(claim: Claim, numerator: int, denominator: int) -> Claim | None:
    """The claim with that part of its amount; None for a rate of which nothing is left."""
    amount = claim.amount * numerator // denominator
    match claim:
        case Rate():
            burst = claim.burst * numerator // denominator
            return replace(claim, amount=amount, burst=max(1, burst)) if amount else None
        case Budget() | Lease():
            return replace(claim, amount=amount)
        case _:
            assert_never(claim)


class ShareOf:
    """Implements `LimitStore`: `ppm` millionths of every amount, in `store`.

    Several stores whose shares are together one million at most never admit more than the whole amounts,
    whatever happens to the line between them, and never wait for each other.
    """

    def __init__(self, store: LimitStore, ppm: int) -> None:
        self._store = store
        self._ppm = ppm

    async def start(self) -> None:
        """The store's."""
        await self._store.start()

    async def close(self) -> None:
        """The store's."""
        await self._store.close()

    def problems(self) -> list[str]:
        """The store's."""
        return self._store.problems()

    async def reserve(
        self, reservation: str, slot: str, claims: Sequence[Claim], wants: Sequence[int]
    ) -> Granted | Rejected:
        """As the protocol says, of the shares. A rate of which no whole call is left admits none."""
        parts: list[Claim] = []
        for index, claim in enumerate(claims):
            its = part(claim, self._ppm, PPM)
            if its is None:
                nothing = [0] * len(claims)
                return Rejected(index=index, wait_us=None, remaining=nothing, reset_us=nothing)
            parts.append(its)
        return await self._store.reserve(reservation, slot, parts, wants)

    def settle(
        self, granted: Granted, slot: str, claims: Sequence[Claim], wants: Sequence[int], spent: Sequence[int]
    ) -> None:
        """The store's: what was taken is the same in a part and in the whole."""
        self._store.settle(granted, slot, claims, wants, spent)

    def restore(self, past: Sequence[Past]) -> None:
        """The store's."""
        self._store.restore(past)
