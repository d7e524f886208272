"""What one call holds of its limits until it is settled."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from dataplane.domain import CallState
from dataplane.errors import Refused, limited
from dataplane.frozen import quick_init
from dataplane.limits.amounts import final_usage, so_far, used
from dataplane.limits.plan import SPENT_UNITS, Plan
from dataplane.limits.store import (
    Budget,
    Claim,
    Granted,
    LimitStore,
    Rate,
    Rejected,
    StoreFull,
    StoreUnavailable,
)
from dataplane.limits.windows import US_PER_S
from dataplane.quantities import Usage

EXTRA_PARTS: Final = 4
"""A stream that spent what it had takes a quarter of its first reservation more at a time, so that a
store is asked a few times and not at every piece; where that is too much, what it has spent already."""

_log = logging.getLogger("regogate.limits")


class Nothing:
    """The reservation of a call without limits."""

    watches = False

    async def spent(self, usage: Usage) -> Refused | None:
        """Never cuts."""
        return None

    def settle(self, state: CallState) -> None:
        """Nothing to give back."""


NOTHING: Final = Nothing()


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class _Grant:
    """What was taken at once: `which` are positions in the plan's limits."""

    granted: Granted
    which: tuple[int, ...]
    claims: tuple[Claim, ...]
    wants: tuple[int, ...]


class Held:
    """Implements `ports.Reservation` for `wants` of the limits of `plan`, once the store has granted them."""

    def __init__(
        self,
        store: LimitStore,
        new_id: Callable[[], str],
        *,
        state: CallState,
        plan: Plan,
        wants: tuple[int, ...],
        prompt_tokens: int,
        slot: str,
    ) -> None:
        self._store = store
        self._new_id = new_id
        self._state = state
        self._plan = plan
        self._wants = wants
        self._prompt_tokens = prompt_tokens
        self._slot = slot
        self._grants: list[_Grant] = []
        self._have = [0] * len(wants)
        self._settled = False
        self.watches = plan.watches

    async def take(self) -> Granted | Rejected:
        """Take everything, or nothing. Raises what the store raises."""
        return await self._take(self._plan.every, self._wants)

    async def spent(self, usage: Usage) -> Refused | None:
        """See `ports.Reservation`. A store that fails now cuts the stream: what it spends is not counted."""
        now = so_far(self._plan, self._state, usage)
        over = [
            index
            for index, limit in enumerate(self._plan.limits)
            if now[index] > self._have[index] and limit.unit in SPENT_UNITS and limit.overrun != "finish"
        ]
        if not over:
            return None
        for index in over:
            if (limit := self._plan.limits[index]).overrun == "cut":
                return limited(limit.id, None, why="the answer is longer than what was reserved for it")
        least = tuple(now[index] - self._have[index] for index in over)
        ample = tuple(
            max(want, self._wants[index] // EXTRA_PARTS) for index, want in zip(over, least, strict=True)
        )
        try:
            answer = await self._take(tuple(over), ample)
            if isinstance(answer, Rejected) and least != ample:
                answer = await self._take(tuple(over), least)
        except (StoreUnavailable, StoreFull):
            return Refused("gateway.limits_unavailable")
        if isinstance(answer, Granted):
            return None
        wait_s = None if answer.wait_us is None else answer.wait_us / US_PER_S
        return limited(self._plan.limits[over[answer.index]].id, wait_s)

    def settle(self, state: CallState) -> None:
        """See `ports.Reservation`."""
        if self._settled:
            return
        self._settled = True
        try:
            spent = used(self._plan, state, self._wants, self._prompt_tokens)
            self._give_back(spent)
            if (usage := final_usage(state, self._prompt_tokens)) is not None and state.intent_id is not None:
                state.usage = usage
            state.settled = self.told(state, spent)
        except Exception as error:  # noqa: BLE001  a call that ended must not fail: its estimate stays
            _log.error("a limit was not settled", extra={"error_type": type(error).__name__})

    def told(self, state: CallState, amounts: Sequence[int]) -> tuple[int, ...]:
        """What a ledger must know, parallel to the decision's limits: of a budget the amount, of a rate how
        many microseconds from its admission on its bucket was not empty, of what ends with the call 0."""
        assert state.decision is not None
        resets = self._grants[0].granted.reset_us
        kept = [
            amounts[index] if type(claim) is Budget else resets[index] if type(claim) is Rate else 0
            for index, claim in enumerate(self._plan.claims)
        ]
        if self._plan.limits is state.decision.limits:
            return tuple(kept)
        by_id = {limit.id: one for limit, one in zip(self._plan.limits, kept, strict=True)}
        return tuple(by_id.get(limit.id, 0) for limit in state.decision.limits)

    async def _take(self, which: tuple[int, ...], wants: tuple[int, ...]) -> Granted | Rejected:
        every = which is self._plan.every
        claims = self._plan.claims if every else tuple([self._plan.claims[index] for index in which])
        answer = await self._store.reserve(self._new_id(), self._slot, claims, wants)
        if isinstance(answer, Granted):
            self._grants.append(_Grant(granted=answer, which=which, claims=claims, wants=wants))
            for index, want in zip(which, wants, strict=True):
                self._have[index] += want
        return answer

    def _give_back(self, spent: Sequence[int]) -> None:
        """Spread what was spent over what was taken, the first grant first; it bears what is beyond."""
        if len(self._grants) == 1:
            [grant] = self._grants
            self._store.settle(grant.granted, self._slot, grant.claims, grant.wants, spent)
            return
        rest = list(spent)
        shares: list[list[int]] = []
        for grant in self._grants:
            share = [min(rest[index], want) for index, want in zip(grant.which, grant.wants, strict=True)]
            for index, taken in zip(grant.which, share, strict=True):
                rest[index] -= taken
            shares.append(share)
        shares[0] = [taken + beyond for taken, beyond in zip(shares[0], rest, strict=True)]
        for grant, share in zip(self._grants, shares, strict=True):
            self._store.settle(grant.granted, self._slot, grant.claims, grant.wants, share)
