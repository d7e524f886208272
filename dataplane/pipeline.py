"""One call from top to bottom. Numbers are the steps of design section 4; no I/O of its own.

A call ends in exactly one of: a refusal that was recorded (`deny`), or an intent that was durable
before anything left, followed by a completion, whatever is cancelled, torn or wrong.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress

from dataplane.correlation import correlation_of
from dataplane.domain import (
    UNKNOWN_OPERATION,
    CallFacts,
    CallState,
    Forward,
    Outcome,
    Verdict,
)
from dataplane.errors import Refused, blocked_by_policy
from dataplane.findings import Text
from dataplane.judge import CallJudge
from dataplane.ports import (
    AuditLog,
    Authenticator,
    CallerRefused,
    Client,
    ClientLeft,
    Exchange,
    Limiter,
    PolicyEngine,
    Reservation,
    SourceResolver,
    Surface,
    Unit,
    Upstream,
    UpstreamFailed,
)
from dataplane.relay import answer, relay

_log = logging.getLogger("regogate.pipeline")


class Pipeline:
    """The governed path. The first surface also answers for paths that no surface knows."""

    def __init__(
        self,
        *,
        surfaces: Sequence[Surface],
        sources: SourceResolver,
        authenticator: Authenticator,
        policy: PolicyEngine,
        limiter: Limiter,
        upstream: Upstream,
        audit: AuditLog,
    ) -> None:
        self._surfaces = surfaces
        self._sources = sources
        self._authenticator = authenticator
        self._policy = policy
        self._limiter = limiter
        self._upstream = upstream
        self._audit = audit

    async def handle(self, state: CallState, client: Client, doubt: Refused | None) -> None:
        """Answer one call. `doubt` is what step 1 (guard) found wrong with it, if anything.

        Raises nothing but `asyncio.CancelledError`, after the call was recorded.
        """
        surface = self._surfaces[0]
        try:
            state.source = self._sources.resolve(state.head)
            if doubt is not None:
                raise doubt
            surface = self._operation(state)
            await self._govern(state, surface, client)
        except Refused as refused:
            if isinstance(refused, CallerRefused):
                state.identity = refused.identity
            await self._refuse(state, refused, surface, client)
        except (asyncio.CancelledError, ClientLeft) as left:
            if state.intent_id is None:
                await self._deny(state, Refused("gateway.client_closed"))
            if isinstance(left, asyncio.CancelledError):
                raise
        except Exception as error:  # noqa: BLE001  the last line of defence of one call
            # Fail closed with a name. The text of an unexpected error may quote the call: type only.
            frames = traceback.format_tb(error.__traceback__)
            _log.error("unexpected error", extra={"error_type": type(error).__name__, "frames": frames})
            await self._refuse(state, Refused("gateway.internal"), surface, client)

    def _operation(self, state: CallState) -> Surface:
        """2. What method and path mean, and which surface says so."""
        for surface in self._surfaces:
            operation = surface.match(state.head.method, state.head.path)
            if operation is not None:
                state.operation = operation
                return surface
        return self._surfaces[0]

    async def _govern(self, state: CallState, surface: Surface, client: Client) -> None:
        # 3. Who.
        assert state.source is not None
        state.identity = await self._authenticator.authenticate(state.head, state.source)
        if state.identity is None:
            raise Refused("gateway.unauthenticated")
        if state.operation is UNKNOWN_OPERATION:
            # No surface can read it, so it is judged by its path alone and, even if allowed, never made.
            state.facts = CallFacts()
            await self._ask(state, self._judge(state, tuple))
            raise Refused("gateway.unknown_operation")
        # 4. Read.
        call = await surface.read(state.head, state.operation, client.body())
        state.request_sha256 = call.body_sha256
        async for unit in call.units():
            await self._unit(state, unit, surface, client)

    async def _ask(self, state: CallState, judge: CallJudge) -> None:
        """5. Look, as often as 6 needs it. 6. May they?"""
        decision = state.decision = await self._policy.decide(state, judge)
        state.verdict, state.reasons = decision.verdict, decision.reasons
        judge.keep_content()
        if decision.verdict is Verdict.BLOCK:
            raise blocked_by_policy(decision.reasons, decision.http_status, decision.http_code)

    async def _unit(self, state: CallState, unit: Unit, surface: Surface, client: Client) -> None:
        state.facts = unit.facts
        state.correlation_id = correlation_of(state)
        judge = self._judge(state, unit.texts)
        await self._ask(state, judge)
        # 7. Reserve.
        reservation = await self._limiter.reserve(state, unit)
        try:
            await self._reserved(state, unit, judge, reservation, surface, client)
        except (asyncio.CancelledError, ClientLeft):
            state.outcome = state.outcome and Outcome.CLIENT_CLOSED
            raise
        finally:
            # 12. Settle and record the completion, on every way out.
            reservation.settle(state)
            if state.outcome is not None:
                self._audit.completion(state, state.outcome)

    async def _reserved(
        self,
        state: CallState,
        unit: Unit,
        judge: CallJudge,
        reservation: Reservation,
        surface: Surface,
        client: Client,
    ) -> None:
        assert state.decision is not None
        # 8. Constrain.
        constraints = state.decision.constraints
        if constraints.redact:
            unit.rewrite(judge.redact_request(constraints.redact))
        unit.constrain(constraints)
        forward = unit.forward()
        if constraints.delay_ms is not None:
            await asyncio.sleep(constraints.delay_ms / 1000)
        # 9. Record, durably. Only then:
        await self._audit.intent(state)
        state.outcome = Outcome.FAILED
        if forward is None:
            await answer(state, unit.answer(state.decision), client)
            state.outcome = Outcome.OK
        else:
            # 10. Forward.
            exchange = unit.exchange()
            try:
                state.outcome = await self._forward(
                    state, exchange, forward, judge, reservation, surface, client
                )
            finally:
                state.usage, state.model_served = exchange.usage, exchange.model
                await judge.keep_answer()

    async def _forward(
        self,
        state: CallState,
        exchange: Exchange,
        forward: Forward,
        judge: CallJudge,
        reservation: Reservation,
        surface: Surface,
        client: Client,
    ) -> Outcome:
        try:
            state.attempts += 1
            reply = await self._upstream.send(forward)
            state.provider, state.upstream_status = reply.provider, reply.status
            state.upstream_request_id = reply.request_id
            try:
                return await relay(state, reply, exchange, judge, reservation, client)
            finally:
                await reply.body.aclose()
        except UpstreamFailed as failed:
            state.provider = failed.provider or state.provider
            state.upstream_status = failed.status or state.upstream_status
            state.reasons = failed.refused.reasons
            if state.status:
                return Outcome.UPSTREAM_CUT
            await answer(state, surface.refuse(failed.refused, state), client)
            return Outcome.UPSTREAM_ERROR
        except Refused as refused:
            # Allowed by policy, but nothing serves it, a limit is used up by what was streamed, or the
            # answer may not pass: the intent stands, so its completion says so.
            state.reasons = refused.reasons
            outcome = _ended_by(refused, state)
            if outcome is Outcome.POLICY_CUT:
                state.verdict = Verdict.BLOCK
            if not state.status:
                await answer(state, surface.refuse(refused, state), client)
            return outcome

    def _judge(self, state: CallState, texts: Callable[[], Sequence[Text]]) -> CallJudge:
        return CallJudge(state, texts, self._policy, self._audit)

    async def _deny(self, state: CallState, refused: Refused) -> None:
        state.verdict, state.reasons, state.status = Verdict.BLOCK, refused.reasons, refused.status
        await self._audit.deny(state, refused)

    async def _refuse(self, state: CallState, refused: Refused, surface: Surface, client: Client) -> None:
        """Record a refusal, then answer it in the surface's own shape."""
        if state.status:
            return  # an answer has begun and its completion is recorded: nothing can be added to it
        if state.intent_id is None:
            await self._deny(state, refused)
        with suppress(ClientLeft):
            await answer(state, surface.refuse(refused, state), client)


def _ended_by(refused: Refused, state: CallState) -> Outcome:
    if state.upstream_status is None:
        return Outcome.NOT_FORWARDED
    return Outcome.LIMIT_CUT if refused.reasons[0].startswith("limit.") else Outcome.POLICY_CUT
