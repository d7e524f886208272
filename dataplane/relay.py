"""The way back: what the caller is sent, and what every reply says of how it was decided."""

from __future__ import annotations

import hashlib
import time
from functools import lru_cache
from typing import Final

from dataplane.domain import CallState, Outcome, Reply, UpstreamReply, Verdict
from dataplane.errors import Refused
from dataplane.judge import CallJudge
from dataplane.ports import Client, Exchange, Reservation

REMEMBERED: Final = 1024
REMEMBERED_MAX_BYTES: Final = 4096
"""Decisions told before, of results of at most so many bytes: a client's calls mostly get the same one.
12 MB at most."""
_EVENT_STREAM: Final = "text/event-stream"

Headers = tuple[tuple[bytes, bytes], ...]


def stamp(state: CallState) -> Headers:
    """The headers that stand on every reply: which request, what was decided, by which revision, why."""
    decision = state.decision
    revision = decision.revision if decision is not None else ""
    told = _told if decision is None or len(decision.result) <= REMEMBERED_MAX_BYTES else _tell
    return (
        (b"x-request-id", state.head.request_id.encode()),
        *told(state.verdict, revision, state.reasons),
        *state.limit_headers,
    )


def _tell(verdict: Verdict, revision: str, reasons: tuple[str, ...]) -> Headers:
    return (
        (b"x-regogate-decision", verdict.encode()),
        (b"x-regogate-policy-revision", revision.encode()),
        (b"x-regogate-reasons", ",".join(reasons).encode()),
    )


_told = lru_cache(REMEMBERED)(_tell)


async def answer(state: CallState, reply: Reply, client: Client) -> None:
    """Send a whole answer, ours or the provider's."""
    await _whole(state, reply.status, reply.headers, reply.body, client)


async def _whole(state: CallState, status: int, headers: Headers, body: bytes, client: Client) -> None:
    state.status, state.first_byte_ns = status, time.perf_counter_ns()
    state.response_sha256 = hashlib.sha256(body).digest()
    await client.reply(Reply(status=status, headers=(*headers, *stamp(state)), body=body))


async def relay(
    state: CallState,
    reply: UpstreamReply,
    exchange: Exchange,
    judge: CallJudge,
    reservation: Reservation,
    client: Client,
) -> Outcome:
    """The provider's answer, whole or as a stream, as it becomes fit for the caller.

    Raises what the exchange, the judge, the reservation and the client raise, and `Refused` where what has
    passed spent more than its limits give: nothing of the piece that did is sent.
    """
    # Of two limits, ours and the provider's of our account, the caller's own is the one it can keep to.
    ours = {name for name, _ in state.limit_headers}
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in reply.headers]
    headers = tuple([pair for pair in pairs if pair[0] not in ours] if ours else pairs)
    streams = (reply.header("content-type") or "").startswith(_EVENT_STREAM)
    if not streams or reply.status >= 400:
        body = b"".join([piece async for piece in reply.body])
        if reply.status < 400:
            body = await judge.whole(exchange, exchange.whole(body))
        else:
            body = await judge.error(body)
        await _whole(state, reply.status, headers, body, client)
        return Outcome.OK if reply.status < 400 else Outcome.UPSTREAM_ERROR
    state.streamed = True
    if not judge.terms.passes:
        raise Refused("gateway.unenforceable")
    exchange.strike = reply.strike
    seen = hashlib.sha256()
    try:
        async for piece in reply.body:
            # Nothing is sent before there is something to send: to die before that is still a 502.
            data = exchange.feed(piece)
            watched = reservation.watches and not exchange.finished
            if watched and (over := await reservation.spent(exchange.usage)) is not None:
                raise over
            if data:
                await _start(state, reply.status, headers, client)
                seen.update(data)
                await client.write(data)
        rest = exchange.end()
        await _start(state, reply.status, headers, client)
        seen.update(rest)
        await client.write(rest, more=False)
    finally:
        state.response_sha256 = seen.digest()
    return Outcome.OK


async def _start(state: CallState, status: int, headers: Headers, client: Client) -> None:
    if not state.status:
        state.status, state.first_byte_ns = status, time.perf_counter_ns()
        await client.start(status, (*headers, *stamp(state)))
