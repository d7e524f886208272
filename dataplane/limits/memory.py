"""Request rates of one process, in memory.

State is one number a bucket, and a bucket whose theoretical arrival time has passed is as good as
none: a heap of those times forgets buckets a few at a time, so that no call pays for a sweep.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable
from typing import Final

from dataplane.domain import Limit
from dataplane.errors import Refused, limited
from dataplane.limits.gcra import Rate, changed, empty_ns, tat_after, wait_ns

NS_PER_S: Final = 1_000_000_000
PERIODS_NS: Final = {"minute": 60 * NS_PER_S, "hour": 3600 * NS_PER_S, "day": 86_400 * NS_PER_S}

MAX_BUCKETS: Final = 200_000
"""About 80 MB. Keys are chosen by policy; this bounds a policy that keys by something callers choose."""

_Key = tuple[str, str]


class MemoryLimiter:
    """A `Limiter` for unit `requests`, `rolling`, per minute, hour or day; one bucket a limit id and key.

    When a limit's amount changes, what was used stays used. A burst above the amount counts as the
    amount, which keeps the promised bound; amount 0 admits nothing.
    """

    def __init__(
        self, *, clock_ns: Callable[[], int] = time.monotonic_ns, max_buckets: int = MAX_BUCKETS
    ) -> None:
        self._clock_ns = clock_ns
        self._max_buckets = max_buckets
        self._buckets: dict[_Key, tuple[int, Rate]] = {}
        self._ends: list[tuple[int, _Key]] = []

    def __len__(self) -> int:
        """Buckets held."""
        return len(self._buckets)

    async def reserve(self, limits: Iterable[Limit]) -> None:
        """Take one call's worth of every limit, or none. Nothing is awaited, so calls cannot interleave.

        Raises `Refused`: `gateway.unenforceable` for what this limiter cannot hold; 429 `limit.<id>`
        for the limit with the longest wait, so that whoever waits as told passes them all.
        """
        now = self._clock_ns()
        wanted = _rates(limits)
        taken: list[tuple[_Key, int, Rate]] = []
        worst: tuple[int, str] | None = None
        for limit, rate in wanted:
            key = (limit.id, limit.key)
            bucket = self._buckets.get(key)
            tat = 0 if bucket is None else changed(bucket[0], bucket[1], rate)
            wait = wait_ns(rate, tat, now)
            if wait > 0 and (worst is None or wait > worst[0]):
                worst = (wait, limit.id)
            taken.append((key, tat_after(rate, tat, now), rate))
        if worst is not None:
            raise limited(worst[1], worst[0] / NS_PER_S)
        self._make_room(now, [key for key, _, _ in taken if key not in self._buckets])
        for key, tat, rate in taken:
            if key not in self._buckets:
                heapq.heappush(self._ends, (empty_ns(rate, tat), key))
            self._buckets[key] = (tat, rate)

    def _make_room(self, now: int, new: list[_Key]) -> None:
        """Forget ended buckets: a few always, as many as needed when full."""
        looked_at = 0
        while self._ends and self._ends[0][0] <= now:
            full = len(self._buckets) + len(new) > self._max_buckets
            if looked_at > len(new) and not full:
                return
            looked_at += 1
            _, key = heapq.heappop(self._ends)
            tat, rate = self._buckets[key]
            end = empty_ns(rate, tat)
            if end > now:
                heapq.heappush(self._ends, (end, key))
            else:
                del self._buckets[key]
        if len(self._buckets) + len(new) > self._max_buckets:
            raise Refused("gateway.unenforceable", "Too many different callers are being limited; try again.")


def _rates(limits: Iterable[Limit]) -> list[tuple[Limit, Rate]]:
    """Each limit with its rate; everything is checked before anything is refused for being used up."""
    rates: list[tuple[Limit, Rate]] = []
    nothing: Limit | None = None
    seen: set[str] = set()
    for limit in limits:
        period = PERIODS_NS.get(limit.per)
        burst = limit.amount if limit.burst is None else min(limit.burst, limit.amount)
        if (
            limit.unit != "requests"
            or limit.window != "rolling"
            or period is None
            or limit.amount < 0
            or (limit.burst is not None and limit.burst < 1)
            or limit.id in seen
        ):
            raise Refused("gateway.unenforceable")
        seen.add(limit.id)
        if limit.amount == 0:
            nothing = nothing or limit
        else:
            rates.append((limit, Rate(amount=limit.amount, period_ns=period, burst=burst)))
    if nothing is not None:
        raise limited(nothing.id, PERIODS_NS[nothing.per] / NS_PER_S)
    return rates
