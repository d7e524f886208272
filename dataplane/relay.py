"""The way back: what the caller is sent, and what every reply says of how it was decided."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from functools import lru_cache
from typing import Final

from dataplane.domain import CallState, Outcome, Reply, UpstreamReply, Verdict
from dataplane.errors import Refused
from dataplane.inspection_ports import PASSES, TURN, Asked, ResponseVerdict, Steps
from dataplane.judge import CallJudge
from dataplane.ports import Client, ClientLeft, Exchange, Reservation, Transcript, UpstreamFailed

REMEMBERED: Final = 1024
REMEMBERED_MAX_BYTES: Final = 4096
"""Decisions told before, of results of at most so many bytes: a client's calls mostly get the same one.
12 MB at most."""
HOLD_S: Final = 0.5
"""Plain text is held no longer, though it may yet become part of something."""

FIRST_HOLD_S: Final = 0.05
"""Of an answer that has said nothing yet: who waits for its first word sees it as soon as it is there. Only
an answer that begins with an address, and pauses within it, shows the beginning of that."""

_EVENT_STREAM: Final = "text/event-stream"

Headers = tuple[tuple[bytes, bytes], ...]


def stamp(state: CallState) -> Headers:
    """The headers that stand on every reply: which request, of which loop as far as that is known, what was
    decided, by which revision, why."""
    decision = state.decision
    revision = decision.revision if decision is not None else ""
    told = _told if decision is None or len(decision.result) <= REMEMBERED_MAX_BYTES else _tell
    tied = state.correlation_id
    return (
        (b"x-request-id", state.head.request_id.encode()),
        *(() if tied is None else ((b"x-regogate-correlation-id", tied.encode()),)),
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
    passed spent more than its limits give: nothing of the piece that did is sent. A stream that was begun has
    its end by then.
    """
    # Of two limits, ours and the provider's of our account, the caller's own is the one it can keep to.
    headers = tuple([(name.encode(), value.encode("latin-1")) for name, value in reply.headers])
    if state.limit_headers:
        ours = {name for name, _ in state.limit_headers}
        headers = tuple([pair for pair in headers if pair[0] not in ours])
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
    exchange.strike = reply.strike
    sender = _Sender(state, reply.status, headers, client, judge.transcript(exchange))
    try:
        if judge.terms.passes:
            await _pass(reply, exchange, reservation, sender)
        else:
            await _Guarded(exchange, judge, reservation, sender).run(reply.body)
    except (Refused, UpstreamFailed) as failed:
        if state.status:
            refused = failed if isinstance(failed, Refused) else failed.refused
            with suppress(ClientLeft):  # how the answer ended is the same without anybody to hear of it
                await sender.send(exchange.cut(refused, state), more=False)
        raise
    finally:
        state.response_sha256 = sender.seen.digest()
    return Outcome.OK


class _Sender:
    """Sends a streamed answer: its head with the first of it, since to die before that is still a 502.
    Whatever is sent, `transcript` hears of."""

    def __init__(
        self,
        state: CallState,
        status: int,
        headers: Headers,
        client: Client,
        transcript: Transcript | None,
    ) -> None:
        self._transcript = transcript
        self._state = state
        self._status = status
        self._headers = headers
        self._client = client
        self.seen = hashlib.sha256()

    async def send(self, data: bytes, *, more: bool = True) -> None:
        if not data and more:
            return
        state = self._state
        if not state.status:
            state.status, state.first_byte_ns = self._status, time.perf_counter_ns()
            await self._client.start(self._status, (*self._headers, *stamp(state)))
        self.seen.update(data)
        if self._transcript is not None:
            self._transcript.add(data)
        await self._client.write(data, more=more)


async def _pass(reply: UpstreamReply, exchange: Exchange, reservation: Reservation, sender: _Sender) -> None:
    async for piece in reply.body:
        data = exchange.feed(piece)
        await _watch(exchange, reservation)
        await sender.send(data)
    await sender.send(exchange.end(), more=False)


class _Guarded:
    """The way of a stream of which nothing goes on before it was looked at."""

    def __init__(
        self, exchange: Exchange, judge: CallJudge, reservation: Reservation, sender: _Sender
    ) -> None:
        self._stream = exchange.guard(judge.guard())
        self._exchange = exchange
        self._judge = judge
        self._reservation = reservation
        self._sender = sender

    async def run(self, body: AsyncGenerator[bytes, None]) -> None:
        """All of it."""
        stream = self._stream
        reading: asyncio.Future[bytes | None] | None = None
        try:
            while True:
                if not stream.holds:
                    piece = await anext(body, None)
                else:
                    # Not `asyncio.timeout`: an iterator that is cancelled has ended.
                    reading = asyncio.ensure_future(_next(body))
                    patience_s = FIRST_HOLD_S if stream.silent else HOLD_S
                    if not (await asyncio.wait((reading,), timeout=patience_s))[0]:
                        await self._step(stream.relax())
                    piece = await reading
                if piece is None:
                    break
                await self._step(stream.feed(piece))
            await self._step(stream.end(), more=False)
        finally:
            if reading is not None and not reading.done():
                # The body is closed by whoever opened it, and cannot be while it is read.
                reading.cancel()
                await asyncio.wait((reading,))

    async def _step(self, steps: Steps, *, more: bool = True) -> None:
        """Send what goes on, once everything that has to be asked before that was."""
        try:
            asked = next(steps)
            while True:
                # What does not depend on the answer does not wait for it, however the provider's bytes came.
                await self._send(self._stream.take())
                asked = steps.send(await self._verdict(asked))
        except StopIteration as done:
            await self._send(done.value, more=more)

    async def _verdict(self, asked: Asked) -> ResponseVerdict:
        if asked is TURN:
            await asyncio.sleep(0)
            return PASSES
        if asked.call is not None:
            verdict = await self._judge.tool_call(asked.call)
        else:
            verdict = await self._judge.response(
                asked.findings,
                ends=asked.ends,
                finish_reason=asked.finish_reason,
                tokens=self._exchange.usage.output_tokens,
                unread_bytes=asked.unread_bytes,
            )
        if verdict.delay_ms:
            await asyncio.sleep(verdict.delay_ms / 1000)
        return verdict

    async def _send(self, data: bytes, *, more: bool = True) -> None:
        await _watch(self._exchange, self._reservation)
        await self._sender.send(data, more=more)


async def _next(body: AsyncGenerator[bytes, None]) -> bytes | None:
    return await anext(body, None)


async def _watch(exchange: Exchange, reservation: Reservation) -> None:
    """Raises the refusal with which a stream must be cut that has spent more than its limits give."""
    watched = reservation.watches and not exchange.finished
    if watched and (over := await reservation.spent(exchange.usage)) is not None:
        raise over
