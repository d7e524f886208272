"""The way back: what the caller is sent, and what every reply says of how it was decided."""

from __future__ import annotations

import hashlib
import time
from typing import Final

from dataplane.domain import CallState, Outcome, Reply, UpstreamReply
from dataplane.ports import Client, Exchange, Reservation

_EVENT_STREAM: Final = "text/event-stream"


def stamp(state: CallState) -> tuple[tuple[bytes, bytes], ...]:
    """The headers that stand on every reply: which request, what was decided, by which revision, why."""
    revision = state.decision.revision if state.decision is not None else ""
    return (
        (b"x-request-id", state.head.request_id.encode()),
        (b"x-regogate-decision", state.verdict.encode()),
        (b"x-regogate-policy-revision", revision.encode()),
        (b"x-regogate-reasons", ",".join(state.reasons).encode()),
        *state.limit_headers,
    )


async def answer(state: CallState, reply: Reply, client: Client) -> None:
    """Send a whole answer, ours or the provider's."""
    state.status, state.first_byte_ns = reply.status, time.perf_counter_ns()
    state.response_sha256 = hashlib.sha256(reply.body).digest()
    await client.reply(Reply(status=reply.status, headers=(*reply.headers, *stamp(state)), body=reply.body))


async def relay(
    state: CallState,
    reply: UpstreamReply,
    exchange: Exchange,
    reservation: Reservation,
    client: Client,
) -> Outcome:
    """The provider's answer, whole or as a stream, as it becomes fit for the caller.

    Raises what the exchange, the reservation and the client raise, and `Refused` where what has passed
    spent more than its limits give: nothing of the piece that did is sent.
    """
    # Of two limits, ours and the provider's of our account, the caller's own is the one it can keep to.
    ours = {name for name, _ in state.limit_headers}
    pairs = ((name.encode(), value.encode("latin-1")) for name, value in reply.headers)
    headers = tuple(pair for pair in pairs if pair[0] not in ours)
    streams = (reply.header("content-type") or "").startswith(_EVENT_STREAM)
    if not streams or reply.status >= 400:
        body = b"".join([piece async for piece in reply.body])
        if reply.status < 400:
            body = exchange.whole(body)
        await answer(state, Reply(status=reply.status, headers=headers, body=body), client)
        return Outcome.OK if reply.status < 400 else Outcome.UPSTREAM_ERROR
    state.streamed = True
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


async def _start(
    state: CallState, status: int, headers: tuple[tuple[bytes, bytes], ...], client: Client
) -> None:
    if not state.status:
        state.status, state.first_byte_ns = status, time.perf_counter_ns()
        await client.start(status, (*headers, *stamp(state)))
