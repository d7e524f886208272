"""What the tests of limits share: a clock that is set, a call with limits, a unit of so many tokens."""

from __future__ import annotations

import asyncio
from typing import Any

from dataplane.domain import CallFacts, CallState, Decision, Head, Outcome, Principal, Verdict
from dataplane.errors import Refused
from dataplane.limits.limiter import PolicyLimiter
from dataplane.ports import Reservation
from dataplane.quantities import UNKNOWN_USAGE, Limit, Price, Usage

S = 1_000_000
"""A second, in the store's microseconds."""

RPM = Limit(id="client.rpm", key="client/a", unit="requests", amount=3, per="minute", window="rolling")
TPH = Limit(id="client.tph", key="client/a", unit="tokens", amount=1000, per="hour", window="rolling")
USD = Limit(id="client.usd", key="client/a", unit="usd", amount=1000, per="day", window="rolling")
PARALLEL = Limit(
    id="client.parallel", key="client/a", unit="concurrent", amount=2, per="instant", window="rolling"
)
PRICE = Price(input=1_000_000, output=2_000_000, cached_input=500_000)
"""A micro-USD an input token, two an output token, half a one where it was cached."""


class Clock:
    """Microseconds, set by the test."""

    def __init__(self) -> None:
        self.us = 1_790_000_000 * S

    def __call__(self) -> int:
        return self.us


class OneUnit:
    """The part of `ports.Unit` that a limiter asks."""

    def __init__(self, prompt_tokens: int) -> None:
        self.asked = 0
        self._prompt_tokens = prompt_tokens

    async def prompt_tokens(self) -> int:
        self.asked += 1
        return self._prompt_tokens


def call(*limits: Limit, facts: CallFacts | None = None, **decided: Any) -> CallState:
    """A call that was allowed under limits."""
    head = Head(
        request_id="r",
        method="POST",
        path="/",
        query="",
        headers=(),
        http_version="1.1",
        peer_ip="127.0.0.1",
    )
    state = CallState(head=head)
    state.facts = facts or CallFacts(model="m", prompt_tokens_est=1, max_tokens=100, n=1)
    state.decision = Decision(
        verdict=Verdict.ALLOW,
        reasons=("request.grant.tier",),
        revision="r",
        opa_version="1",
        input=b"{}",
        result=b"{}",
        latency_us=1,
        principal=Principal(id="client/a", tenant="acme"),
        limits=limits,
        **({"price": PRICE} | decided),
    )
    return state


async def reserved(
    limiter: PolicyLimiter, *limits: Limit, tokens: int = 10, **more: Any
) -> tuple[CallState, Reservation]:
    """A call and its reservation; raises `Refused`."""
    state = call(*limits, **more)
    return state, await limiter.reserve(state, OneUnit(tokens))  # type: ignore[arg-type]  # all that is asked


def ended(
    state: CallState, reservation: Reservation, outcome: Outcome | None, usage: Usage = UNKNOWN_USAGE
) -> None:
    """Settle a call that ended so."""
    state.outcome, state.usage = outcome, usage
    state.intent_id = None if outcome is None else "i"
    reservation.settle(state)


def refusal(limiter: PolicyLimiter, *limits: Limit, **more: Any) -> Refused | None:
    """The refusal, or None where the call was admitted (and goes on)."""
    try:
        asyncio.run(reserved(limiter, *limits, **more))
    except Refused as refused:
        return refused
    return None
