"""One socket of a caller: the framing filter in front, Hypercorn's protocols behind, deadlines around.

How an HTTP/1 request can go wrong, and what happens:
1. Doubt in the head: the application is called with a clean stand-in request that carries the doubt, its
   answer is sent, the connection closed. So every refusal has its shape, its request id and its record.
2. Doubt in the body: the application reads `http.disconnect`, finds the doubt in `edge`, answers; closed.
3. A head that never completes: closed in silence. A body that stalls: the application's own deadline.
4. A next request before the answer to this one is out: this one is answered, then closed.
5. A peer that reads nothing: dropped after `write_timeout_s`; one that left: `send` raises.
Closing lingers where the peer may still be sending: a reset would destroy the answer on its way to it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.typing import ConnectionState
from hypercorn.utils import parse_socket_addr

from dataplane.server.doubts import Doubt
from dataplane.server.exchange import Exchange, Exchanges, where
from dataplane.server.framing import Framing
from dataplane.server.http2 import STAND_IN_HOST, Http2
from dataplane.server.listen import Listen
from dataplane.server.stock import App

logger = logging.getLogger("regogate.server")

READ_BYTES: Final = 64 * 1024
WRITE_HIGH_WATER: Final = 64 * 1024
"""Bytes a peer may leave unread before `send` waits for it."""

LINGER_S: Final = 10.0
LINGER_SILENCE_S: Final = 2.0
"""After the last answer, bytes still coming are discarded this long, or until this much silence."""

CLOSE_IDLE_S: Final = 1.0
"""How long a peer with nothing outstanding may take for its part of the TLS closing."""


class Connection:
    """Serves one accepted socket; `run` returns when it is closed and its applications have ended."""

    def __init__(
        self,
        app: App,
        listen: Listen,
        config: Config,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._listen = listen
        self._config = config
        self._reader = reader
        self._writer = writer
        self._transport = writer.transport
        self._loop = asyncio.get_running_loop()
        self._exchanges = Exchanges(app, self)
        self._framing = Framing(listen.max_body_bytes)
        self._protocol: H11Protocol | Http2
        self._timer: asyncio.TimerHandle | None = None
        self._abort_timer: asyncio.TimerHandle | None = None
        self._corked: list[bytes] | None = None
        self._busy = False
        self._idle = asyncio.Event()
        self._head_timed = True
        self._doubtful = False  # framing lost: nothing more is read as a request
        self._pipelined = False
        self._finished = False  # all answers are out, we are closing
        self._linger_until = 0.0
        self._draining = False
        self.tls: dict[str, Any] | None = None
        tls = writer.get_extra_info("ssl_object")
        if tls is not None:
            self.tls = {"tls_version": tls.version(), "client_cert": tls.getpeercert(binary_form=True)}
        self._alpn = tls and tls.selected_alpn_protocol()

    # --- what an exchange asks (`exchange.Link`) ---

    @property
    def left(self) -> bool:
        """See `Link.left`."""
        return self._transport.is_closing()

    @property
    def closing(self) -> bool:
        """See `Link.closing`."""
        if isinstance(self._protocol, Http2):
            return False
        return self._doubtful or self._pipelined or self._draining or not self._framing.between

    @property
    def send_timeout_s(self) -> float | None:
        """See `Link.send_timeout_s`: an HTTP/2 peer can stop one stream with its window alone."""
        return self._listen.write_timeout_s if isinstance(self._protocol, Http2) else None

    def cork(self) -> None:
        """See `Link.cork`."""
        self._corked = []

    async def uncork(self) -> None:
        """See `Link.uncork`."""
        gathered, self._corked = self._corked, None
        if gathered:
            await self._write(b"".join(gathered))

    def _flush(self) -> None:
        if self._corked and not self._transport.is_closing():
            self._writer.write(b"".join(self._corked))
            self._corked.clear()

    async def give_up(self, exchange: Exchange) -> None:
        """See `Link.give_up`."""
        if isinstance(self._protocol, Http2):
            logger.info("%s: a peer did not read its stream, reset", self._listen.name)
            await self._protocol.give_up(exchange)

    def abort(self) -> None:
        """See `Link.abort`."""
        self._transport.abort()

    # --- life ---

    async def run(self) -> None:
        """Serve until closed. Raises nothing but CancelledError, on which the socket is dropped at once."""
        try:
            if self.outdated:
                return
            self._transport.set_write_buffer_limits(high=WRITE_HIGH_WATER)
            self._arm(self._listen.head_timeout_s)
            async with self._exchanges:
                self._protocol = self._choose()
                await self._protocol.initiate()
                await self._read()
                self._hang_up(self._listen.write_timeout_s)
            await self._writer.wait_closed()
        except* OSError:
            pass  # the peer left, at whatever moment
        except* Exception as group:  # noqa: BLE001 - one connection must not end the others
            logger.error("%s: connection failed: %s", self._listen.name, where(group.exceptions[0]))
        finally:
            for timer in (self._timer, self._abort_timer):
                if timer is not None:
                    timer.cancel()
            self._transport.abort()

    @property
    def outdated(self) -> bool:
        """Whether its client certificate was verified under a trust no longer in force."""
        tls = self._writer.get_extra_info("ssl_object")
        return tls is not None and self._listen.tls is not None and self._listen.tls.outdated(tls)

    def drain(self) -> None:
        """Take no new request; close as soon as nothing is being answered."""
        self._draining = True
        protocol = getattr(self, "_protocol", None)
        if isinstance(protocol, Http2):
            protocol.draining = True
            if not self._busy and protocol.quiet:
                self._bid_goodbye(protocol)
                self._finish(CLOSE_IDLE_S)
        elif not self._busy or self._finished:
            unsent = self._transport.get_write_buffer_size() > 0
            self._hang_up(self._listen.graceful_s if unsent else CLOSE_IDLE_S)

    def _choose(self) -> H11Protocol | Http2:
        sock = self._writer.get_extra_info("socket")
        client = parse_socket_addr(sock.family, sock.getpeername())
        server = parse_socket_addr(sock.family, sock.getsockname())
        if self._alpn == "h2":
            return Http2(
                config=self._config,
                exchanges=self._exchanges,
                max_body_bytes=self._listen.max_body_bytes,
                client=client,
                server=server,
                send=self._protocol_send,
            )
        group: Any = self._exchanges
        app: Any = None  # the exchanges know it
        context, state = WorkerContext(None), ConnectionState({})
        secure = self.tls is not None
        return H11Protocol(
            app, self._config, context, group, state, secure, client, server, self._protocol_send
        )

    # --- from the caller ---

    async def _read(self) -> None:
        try:
            while data := await self._reader.read(READ_BYTES):
                if self._finished:
                    self._linger()
                elif self._doubtful or self._pipelined:
                    continue
                elif isinstance(self._protocol, Http2):
                    await self._protocol.handle(RawData(data))
                else:
                    await self._take(data)
        except OSError:
            pass  # reset by the peer: the same as its leaving
        await self._protocol.handle(Closed())

    async def _take(self, data: bytes) -> None:
        if self._busy and self._framing.between:
            exchange = self._exchanges.latest
            if exchange is None or not exchange.answered:
                self._pipelined = True
                return
            # The caller has its whole answer and rightly goes on; the application is about to end.
            await self._idle.wait()
            if self._finished:
                return
        try:
            for _, piece in self._framing.feed(data):
                if self._finished:
                    return
                await self._protocol.handle(RawData(piece))
        except Doubt as doubt:
            await self._refuse(doubt)
            return
        if not self._framing.pending:
            return
        if self._busy:
            self._pipelined = True
        elif not self._head_timed:
            self._head_timed = True
            self._arm(self._listen.head_timeout_s)

    async def _refuse(self, doubt: Doubt) -> None:
        self._doubtful = True
        if self._finished:
            return
        if self._busy:
            if self._exchanges.latest is not None:
                self._exchanges.latest.refuse(doubt)
            return
        line = self._framing.request_line
        self._exchanges.refuse_next(doubt, legible=line is not None)
        stand_in = b"%b %b HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n"
        await self._protocol.handle(RawData(stand_in % (*(line or (b"GET", b"/")), STAND_IN_HOST)))

    # --- from the protocol ---

    async def _protocol_send(self, event: Event) -> None:
        match event:
            case RawData():
                await self._write(event.data)
            case Closed():
                self._finish(self._listen.write_timeout_s)
            case Updated(idle=False):
                self._busy = True
                self._head_timed = False
                self._idle.clear()
                self._disarm()
            case Updated():
                self._rest()

    async def _write(self, data: bytes) -> None:
        if self._transport.is_closing():
            return
        if self._corked is not None:
            self._corked.append(data)
            return
        self._writer.write(data)
        if self._transport.get_write_buffer_size() <= WRITE_HIGH_WATER:
            return
        try:
            async with asyncio.timeout(self._listen.write_timeout_s):
                await self._writer.drain()
        except TimeoutError:
            logger.info("%s: a peer did not read, connection dropped", self._listen.name)
            self._transport.abort()
        except OSError:
            pass  # the reading side sees the same and tells the applications

    def _rest(self) -> None:
        self._flush()
        self._busy = False
        self._idle.set()
        protocol = self._protocol
        quiet = not isinstance(protocol, Http2) or protocol.quiet
        if self._pipelined or (self._draining and quiet):
            self._bid_goodbye(protocol)
            self._finish(self._listen.write_timeout_s)
        elif not self._finished:
            self._arm(self._listen.keep_alive_s)

    # --- ending ---

    def _finish(self, patience_s: float) -> None:
        """All answers are out: close, or linger where the peer may not have sent all."""
        if self._finished:
            return
        self._flush()
        self._finished = True
        self._idle.set()
        unread = self._doubtful or self._pipelined or not self._framing.between or self._framing.pending
        if unread and not isinstance(self._protocol, Http2):
            if self._transport.can_write_eof() and not self._transport.is_closing():
                self._transport.write_eof()
            self._linger_until = self._loop.time() + LINGER_S
            self._linger()
            return
        self._hang_up(patience_s)

    def _linger(self) -> None:
        if self._linger_until:
            self._arm(min(LINGER_SILENCE_S, max(0.0, self._linger_until - self._loop.time())))

    def _bid_goodbye(self, protocol: H11Protocol | Http2) -> None:
        if isinstance(protocol, Http2) and not (self._finished or self._transport.is_closing()):
            self._writer.write(protocol.goodbye())

    def _hang_up(self, patience_s: float) -> None:
        """Close once everything is written; abort where that, or TLS, takes longer than `patience_s`."""
        self._disarm()
        if (
            not self._transport.is_closing()
        ):  # closed twice, asyncio's TLS transport can be asked nothing more
            self._transport.close()
        if self._abort_timer is not None:
            self._abort_timer.cancel()
        self._abort_timer = self._loop.call_later(patience_s, self._transport.abort)

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._timer = self._loop.call_later(seconds, self._expire)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        self._timer = None
        self._bid_goodbye(self._protocol)
        self._hang_up(CLOSE_IDLE_S)
