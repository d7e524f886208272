"""How many refusals of unknown callers are written one by one, so that nobody can fill the disk."""

from __future__ import annotations

import ipaddress
from collections import Counter, OrderedDict, deque
from typing import Final

PER_SOURCE: Final = 10
OVERALL: Final = 50
WINDOW_S: Final = 1.0
"""In no second are more refusals than this written one by one, of one source and of all together."""

MAX_SOURCES: Final = 4096
"""Sources remembered; the one longest silent is forgotten. Beyond it the overall rate still holds."""

IPV6_SITE_BITS: Final = 64
"""One subscriber's network (RFC 6177, section 2): its addresses are as good as one."""

MAX_REASONS: Final = 200
OTHER_REASON: Final = "other"
"""Reasons counted by name in one record, and what further ones are counted as."""


class RefusalGate:
    """Admits refusals at bounded rates over any second. Times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._overall: deque[float] = deque(maxlen=OVERALL)
        self._sources: OrderedDict[str, deque[float]] = OrderedDict()

    def admits(self, ip: str, now: float) -> bool:
        """Whether a refusal of a caller at `ip` is written by itself. Counts it if so."""
        if not _has_room(self._overall, now):
            return False
        source = source_of(ip)
        times = self._sources.get(source)
        if times is None:
            times = self._sources[source] = deque(maxlen=PER_SOURCE)
            if len(self._sources) > MAX_SOURCES:
                self._sources.popitem(last=False)
        else:
            self._sources.move_to_end(source)
        if not _has_room(times, now):
            return False
        times.append(now)
        self._overall.append(now)
        return True


def _has_room(times: deque[float], now: float) -> bool:
    # The deque holds the last N; if the oldest of them left the window, fewer than N are in it.
    return len(times) < (times.maxlen or 0) or now - times[0] >= WINDOW_S


def source_of(ip: str) -> str:
    """What counts as one source: an IPv4 address, or the /64 of an IPv6 address."""
    if ":" not in ip:
        return ip
    try:
        address = ipaddress.IPv6Address(ip)
    except ValueError:
        return ip
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{int(address) >> (128 - IPV6_SITE_BITS):x}/64"


class Tally:
    """Refusals that were counted instead of written, until they are written as one record."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.causes: set[str] = set()
        self.since_us = 0

    def add(self, reason: str, cause: str, now_us: int) -> None:
        """Count one refusal at `now_us` (Unix microseconds)."""
        if not self.counts:
            self.since_us = now_us
        known = reason in self.counts or len(self.counts) < MAX_REASONS
        self.counts[reason if known else OTHER_REASON] += 1
        self.causes.add(cause)
