"""What a place for quantities promises: one atomic admission over several claims, settled once.

Arithmetic of the three kinds of claims, in integers below 2^53, so that a script in another language
admits exactly the same calls at the same times. Times are the store's own, in Unix microseconds.

- `Rate`: the generic cell rate algorithm (module `gcra`): in any t seconds at most `burst` + `amount` *
  t / period calls. State: the time at which the bucket is empty again. Each call takes 1.
- `Budget`: a counter for each slot of time (module `windows`): a sixtieth of a rolling period, or one
  whole calendar period. Admitted is what fits beside everything in the live slots, so that no rolling
  (or calendar) period ever holds more than `amount`; a rolling one keeps what was taken for at most a
  sixtieth of its period longer than the period. State: at most 61 integers.
- `Lease`: a set of reservations, each until it is settled or, if its process died, `LEASE_US` after it
  was last renewed. Each call takes 1.

Claims are of one decision and have different cells. A claim is made once for a limit and used for many
calls; what one call wants of each stands beside, in `wants`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from dataplane.errors import RegoGateError
from dataplane.frozen import quick_init

LEASE_US: Final = 45_000_000
"""Parallel calls of a process that died are forgotten after this: below the 60 s that are promised."""

RENEW_S: Final = 10.0
"""Between two renewals of the leases of open reservations: three may fail before one is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """At most `amount` calls (at least 1) per `period_us`, of which `burst` (1 to amount) at once."""

    cell: str
    amount: int
    period_us: int
    burst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """At most `amount` (at least 0) per period: rolling over `period_us`, or the calendar's `per` (minute,
    hour, day or month, UTC) where `calendar` is true."""

    cell: str
    amount: int
    period_us: int
    per: str
    calendar: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """At most `amount` (at least 0) reservations at the same time."""

    cell: str
    amount: int


Claim = Rate | Budget | Lease
"""`cell` names the state: equal cells are the same counter, whatever their amount is now. What was used
stays used when the amount changes. It is plain text that policy chose, of any length and characters."""


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """A reservation was made. The sequences are parallel to the claims.

    `at_us` is when, by the store's clock; `settle` wants it back. `remaining` is what may be taken now,
    `reset_us` how long until all of it may be (0 for a lease). `mode` is "" where the store counts as
    promised, else what it does instead, such as `local`.
    """

    reservation: str
    at_us: int
    remaining: Sequence[int]
    reset_us: Sequence[int]
    mode: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Nothing was taken. `index` is the claim that takes longest to have room.

    `wait_us` is how long until it has, if nobody else takes: exact for a rate, for a budget the end of
    the slots in the way, for a lease a guess; None where no waiting helps (it wants more than `amount`).
    `remaining` and `reset_us` are as in `Granted`, before this call.
    """

    index: int
    wait_us: int | None
    remaining: Sequence[int]
    reset_us: Sequence[int]
    mode: str = ""


class StoreUnavailable(RegoGateError):
    """The store cannot say, so nothing may be admitted of what it alone may count."""


class StoreFull(RegoGateError):
    """More different cells than the store holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What a call before this process' start took of a claim at `at_us`: an amount of a `Budget`, for a
    `Rate` the microseconds until the bucket was empty again (`Granted.reset_us`). `slot` is that of
    `reserve`."""

    claim: Rate | Budget
    at_us: int
    taken: int
    slot: str = ""


class LimitStore(Protocol):
    """Counts. Used from one event loop. `slot` is the tenant of the call, or its principal: everything
    that one decision claims belongs to one slot, and a cell to the slot of its first use."""

    async def start(self) -> None:
        """Make ready. From here to `close` the leases of open reservations are renewed."""
        ...

    async def close(self) -> None:
        """Write what is still to be settled and stop; gives up after a few seconds."""
        ...

    def problems(self) -> list[str]:
        """Why nothing can be counted now, one line each; empty when all is well."""
        ...

    async def reserve(
        self, reservation: str, slot: str, claims: Sequence[Claim], wants: Sequence[int]
    ) -> Granted | Rejected:
        """Take `wants` (each at least 0; 1 of a rate or lease) of every claim, or nothing of any.

        `reservation` is unique to this call of `reserve`, and names its leases. Budgets alone may be
        taken more of later, by another `reserve` under another name. A caller that is cancelled
        meanwhile has taken nothing, or it is given back. Raises `StoreUnavailable`, `StoreFull`.
        """
        ...

    def settle(
        self, granted: Granted, slot: str, claims: Sequence[Claim], wants: Sequence[int], spent: Sequence[int]
    ) -> None:
        """End a reservation, with the claims and wants it was made with; exactly once, before `close`.

        Queued where it takes time; never blocks, never raises. Of each budget `spent` stays taken: what
        was not spent is given back to the slot it was taken from (never to another period), what was
        spent beyond is added to the current slot, above the amount if it must be. Leases are free again;
        rates keep their call. A settlement that may have been done already is not done again: an
        estimate that stays too high passes, a limit that was exceeded does not.
        """
        ...

    def restore(self, past: Sequence[Past]) -> None:
        """Count what was taken before, if its period is not over. Only between `start` and the first call."""
        ...
