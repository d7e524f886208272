"""What was used in the last sixty minutes, from two counters.

This clock hour's counter, and the last one's for the part of it that is less than sixty minutes ago: at
20 past, all of this hour and two thirds of the last. It is exact where the last hour was even, never below
what this hour saw, and a burst is forgotten two hours after it began at the latest.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dataplane.usage.baseline import NOTHING, Used


@dataclass(slots=True, kw_only=True)
class Recent:
    """The counters of two adjoining hours; `hour` is the later one. Time that runs backwards stands still."""

    hour: int = 0
    now: Used = field(default=NOTHING)
    before: Used = field(default=NOTHING)

    def roll(self, hour: int) -> None:
        """Let `hour` be the current one, if it is later."""
        if hour == self.hour + 1:
            self.before, self.now, self.hour = self.now, NOTHING, hour
        elif hour > self.hour:
            self.before, self.now, self.hour = NOTHING, NOTHING, hour

    def add(self, hour: int, tokens: int, requests: int = 1) -> None:
        """Count a call in the current hour."""
        self.roll(hour)
        self.now = Used(tokens=self.now.tokens + tokens, requests=self.now.requests + requests)

    def last_hour(self, hour: int, share: float) -> tuple[float, float]:
        """Tokens and requests of the last sixty minutes, at a moment of `hour` at which `share` of the hour
        before it is less than sixty minutes ago."""
        if hour != self.hour:
            self.roll(hour)
            share = share if hour == self.hour else 1.0
        now, before = self.now, self.before
        return now.tokens + before.tokens * share, now.requests + before.requests * share
