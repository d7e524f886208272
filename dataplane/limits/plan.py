"""What policy named -> what a store counts: one claim for each limit, or a refusal.

A limit that cannot be held as it stands is never held in part: unknown units, periods and windows, an id
twice, a burst where nothing bursts, all block the call, since no limit would read as "no limit".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from dataplane.errors import Refused
from dataplane.limits.store import Budget, Claim, Lease, Rate
from dataplane.limits.windows import PERIOD_US
from dataplane.quantities import Limit

UNITS: Final = frozenset(
    (
        "requests",
        "tokens",
        "input_tokens",
        "output_tokens",
        "usd",
        "concurrent",
        "images",
        "audio_seconds",
    )
)
TOKEN_UNITS: Final = frozenset(("tokens", "input_tokens", "output_tokens"))
SPENT_UNITS: Final = TOKEN_UNITS | {"usd"}
"""Units of which the true amount is known only when the answer is there."""

MS_PER_S: Final = 1000
MAX_AMOUNT: Final = 2**53 - 1
"""Integers that every store can count (IEEE 754 doubles), in the unit's own measure."""

_ID: Final = re.compile(r"[a-z0-9_][a-z0-9_.-]{0,127}")
_INSTANT: Final = frozenset(("", "instant"))
_WINDOWS: Final = frozenset(("rolling", "calendar"))
_OVERRUNS: Final = frozenset(("extend", "cut", "finish"))
REMEMBERED: Final = 1024
"""Plans made before: a client's calls mostly get the same limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The limits of one decision and their claims, parallel; `every` is all their places. `counts_tokens` and
    `costs`: whether the prompt must be counted, and priced. `watches`: whether a stream's spending may take
    more of one, or be cut."""

    limits: tuple[Limit, ...]
    claims: tuple[Claim, ...]
    every: tuple[int, ...]
    counts_tokens: bool
    costs: bool
    watches: bool


@lru_cache(REMEMBERED)
def plan(limits: tuple[Limit, ...]) -> Plan:
    """Raises `Refused` (`gateway.unenforceable`) for what cannot be held exactly as it is said."""
    if len({limit.id for limit in limits}) < len(limits):
        raise Refused("gateway.unenforceable", "Two limits of the decision have one id.")
    units = {limit.unit for limit in limits}
    return Plan(
        limits=limits,
        claims=tuple(map(claim_of, limits)),
        every=tuple(range(len(limits))),
        counts_tokens=not units.isdisjoint(SPENT_UNITS),
        costs="usd" in units,
        watches=any(limit.unit in SPENT_UNITS and limit.overrun != "finish" for limit in limits),
    )


def claim_of(limit: Limit) -> Claim:
    """The claim of one limit. Requests in a rolling period are a rate; an amount of 0 is a budget that
    never has room, of a cell of its own. Audio is counted in milliseconds. Raises as `plan` does."""
    if limit.unit not in UNITS or not _ID.fullmatch(limit.id) or not 0 <= limit.amount <= MAX_AMOUNT:
        raise _unenforceable(limit)
    if limit.overrun not in _OVERRUNS:
        raise _unenforceable(limit)
    cell = f"{limit.unit}|{limit.per}|{limit.window}|{limit.id}|{limit.key}"
    if limit.unit == "concurrent":
        if limit.per not in _INSTANT or limit.burst is not None:
            raise _unenforceable(limit)
        return Lease(cell=cell, amount=limit.amount)
    period_us = PERIOD_US.get(limit.per)
    if period_us is None or limit.window not in _WINDOWS:
        raise _unenforceable(limit)
    bursts = limit.unit == "requests" and limit.window == "rolling"
    if limit.burst is not None and (limit.burst < 1 or not bursts):
        raise _unenforceable(limit)
    if bursts and not limit.amount:
        return Budget(cell=f"none|{cell}", amount=0, period_us=period_us, per=limit.per, calendar=False)
    if bursts:
        burst = limit.amount if limit.burst is None else min(limit.burst, limit.amount)
        return Rate(cell=cell, amount=limit.amount, period_us=period_us, burst=burst)
    amount = limit.amount * MS_PER_S if limit.unit == "audio_seconds" else limit.amount
    calendar = limit.window == "calendar"
    return Budget(cell=cell, amount=amount, period_us=period_us, per=limit.per, calendar=calendar)


def _unenforceable(limit: Limit) -> Refused:
    # The id is policy's and may hold anything: it is named only where it has the form of one.
    name = limit.id if _ID.fullmatch(limit.id) else "of the decision"
    return Refused(
        "gateway.unenforceable",
        f"The limit {name} has a unit, amount, period or window that this gateway cannot hold.",
    )
