"""The `Limiter` port: what policy named, reserved before a call and settled after it.

1. The limits of the decision become claims, all of them or a refusal.
2. What the call will need at most is estimated and taken, all or nothing, in one step of the store.
3. A stream that spends more than was taken goes on, takes more, or is cut, as its limit says.
4. When the call ended, what it did not use is given back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import uuid_utils

from dataplane.domain import CallState
from dataplane.errors import Refused, limited
from dataplane.limits.amounts import wanted
from dataplane.limits.headers import NO_RETRY, limit_headers
from dataplane.limits.plan import Plan, plan
from dataplane.limits.reservation import NOTHING, Held
from dataplane.limits.store import Granted, Lease, LimitStore, Rate, Rejected, StoreFull, StoreUnavailable
from dataplane.limits.windows import US_PER_S, forgotten_at, slot_at
from dataplane.ports import Reservation, Unit


def _new_id() -> str:
    return str(uuid_utils.uuid7())


class PolicyLimiter:
    """Implements `ports.Limiter` on a store that was started. `slot` of a call is its tenant, else its
    principal."""

    def __init__(self, store: LimitStore, *, new_id: Callable[[], str] = _new_id) -> None:
        self.store = store
        self._new_id = new_id

    def problems(self) -> list[str]:
        """The store's."""
        return self.store.problems()

    async def reserve(self, state: CallState, unit: Unit) -> Reservation:
        """See `ports.Limiter`. A limit of which the call needs nothing is left alone."""
        assert state.decision is not None
        if not state.decision.limits:
            return NOTHING
        whole = plan(state.decision.limits)
        prompt = await unit.prompt_tokens() if whole.counts_tokens else 0
        part, wants = _needed(whole, wanted(whole, state, prompt))
        if not wants:
            return NOTHING
        held = Held(
            self.store,
            self._new_id,
            state=state,
            plan=part,
            wants=wants,
            prompt_tokens=prompt,
            slot=slot_of(state),
        )
        try:
            answer = await held.take()
        except StoreUnavailable:
            state.limits_mode = "closed"
            raise Refused("gateway.limits_unavailable") from None
        except StoreFull:
            raise Refused(
                "gateway.unenforceable", "Too many different callers are being limited; try again."
            ) from None
        state.limits_mode = answer.mode
        state.limit_headers = limit_headers(part.limits, answer.remaining, answer.reset_us)
        if isinstance(answer, Rejected):
            raise refusal(part, wants, answer, state)
        state.reserved = held.told(state, wants)
        state.held_us = _until(part, answer)
        return held


def slot_of(state: CallState) -> str:
    """The part of the store that a call's limits live in."""
    principal = None if state.decision is None else state.decision.principal
    if principal is None:
        return ""
    return principal.tenant or principal.id


def refusal(part: Plan, wants: Sequence[int], rejected: Rejected, state: CallState) -> Refused:
    """The 429 for what a store rejected; where no waiting helps the SDKs are told so."""
    limit = part.limits[rejected.index]
    if rejected.wait_us is not None:
        return limited(limit.id, rejected.wait_us / US_PER_S)
    state.limit_headers = (*state.limit_headers, NO_RETRY)
    claim = part.claims[rejected.index]
    if claim.amount == 0:
        return limited(limit.id, None, why="its amount is 0")
    unit = {"usd": "micro-USD", "audio_seconds": "ms of audio"}.get(limit.unit, limit.unit)
    why = f"it may take {wants[rejected.index]} {unit}, and the limit allows {claim.amount} in all"
    return limited(limit.id, None, why=why)


def _needed(whole: Plan, wants: tuple[int, ...]) -> tuple[Plan, tuple[int, ...]]:
    """The limits of which something is wanted. A call that generates nothing takes no tokens, even where
    there are none."""
    if all(wants):
        return whole, wants
    some = plan(tuple(limit for limit, want in zip(whole.limits, wants, strict=True) if want))
    return some, tuple(want for want in wants if want)


def _until(part: Plan, granted: Granted) -> int | None:
    """The moment (Unix microseconds) until which what was taken counts; None where it ends with the call."""
    ends = [
        granted.at_us + granted.reset_us[index]
        if isinstance(claim, Rate)
        else forgotten_at(claim, slot_at(claim, granted.at_us))
        for index, claim in enumerate(part.claims)
        if not isinstance(claim, Lease)
    ]
    return max(ends, default=None)
