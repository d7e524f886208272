"""Hypercorn's HTTP/2 with what was found wrong with it put right.

1. Heads are judged as on HTTP/1; a refusal goes through the application on a clean stand-in request.
2. DATA for a request already answered raised KeyError and broke every other stream; it is discarded, and
   the stream reset with NO_ERROR once the answer is out (RFC 9113 section 8.1).
3. A body over the limit, or one followed by trailers, becomes a doubt of its exchange.
4. Buffers grew without limit once the peer's window was used up. They hold senders back.
5. Streams reset by the peer left their buffers behind, and senders waiting on a lost connection never woke.
6. An answer broken off is reset with INTERNAL_ERROR instead of staying open.
7. Reset-and-reopen floods (CVE-2023-44487) are bounded: a stream counts until its application has ended.
8. An overlong frame ends the connection at its header, not once 16 MiB of it have been kept.
9. PRIORITY frames are ignored (deprecated by RFC 9113 section 5.3); they could exhaust Hypercorn's tree.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    PriorityUpdated,
    RequestReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.events import (
    Event as H2Event,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.events import EndBody, StreamClosed
from hypercorn.protocol.events import Event as StreamEvent
from hypercorn.protocol.h2 import BUFFER_HIGH_WATER, BufferCompleteError, H2Protocol, StreamBuffer
from hypercorn.typing import ConnectionState
from priority.priority import MissingStreamError

from dataplane.server.doubts import Doubt
from dataplane.server.exchange import Exchange, Exchanges
from dataplane.server.fields import judge_http2, legible
from dataplane.server.frame_lengths import FrameLengths
from dataplane.server.stock import MAX_STREAMS

STAND_IN_HOST: Final = b"refused.invalid"
"""The Host of a stand-in request: a name that cannot exist (RFC 2606 section 2)."""

_MAX_RUNNING: Final = 2 * MAX_STREAMS
"""Applications still running on one connection, those of reset streams included."""


class _Buffer(StreamBuffer):
    """Bytes of one answer not yet sent: `push` waits until there is room, whatever `pop` could take."""

    async def push(self, data: bytes) -> None:
        if self._complete:
            raise BufferCompleteError
        self.buffer.extend(data)
        await self._is_empty.clear()
        while len(self.buffer) >= BUFFER_HIGH_WATER:
            await self._paused.clear()
            await self._paused.wait()

    async def pop(self, max_length: int) -> bytes:
        data = await super().pop(max_length)
        if len(self.buffer) < BUFFER_HIGH_WATER:
            await self._paused.set()
        return data


class Http2(H2Protocol):
    """One HTTP/2 connection. `draining` set to True makes it refuse new requests (REFUSED_STREAM)."""

    def __init__(
        self,
        *,
        config: Config,
        exchanges: Exchanges,
        max_body_bytes: int,
        client: tuple[str, int] | None,
        server: tuple[str, int] | None,
        send: Callable[[Event], Awaitable[None]],
    ) -> None:
        state = ConnectionState({})
        app: Any = None  # the exchanges know it
        group: Any = exchanges
        super().__init__(app, config, WorkerContext(None), group, state, True, client, server, send)
        self.connection.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.MAX_CONCURRENT_STREAMS: config.h2_max_concurrent_streams,
                SettingCodes.MAX_HEADER_LIST_SIZE: config.h2_max_header_list_size,
            },
        )
        # h2 would end the whole connection on a malformed head; `judge_http2` refuses that one request.
        self.connection.config.validate_inbound_headers = False
        self.draining = False
        self._lengths = FrameLengths()
        self._exchanges = exchanges
        self._max_body = max_body_bytes
        self._open: dict[int, Exchange] = {}
        self._arriving: dict[int, int] = {}  # bodies not yet ended -> bytes so far
        self._ended: set[int] = set()  # answers whose last byte is queued

    @property
    def quiet(self) -> bool:
        """Whether nothing is being answered and nothing is left to send."""
        return not self.streams and not self.stream_buffers

    def goodbye(self) -> bytes:
        """A GOAWAY frame, to be written before closing."""
        with contextlib.suppress(ProtocolError):
            self.connection.close_connection()
        return self.connection.data_to_send()

    async def give_up(self, exchange: Exchange) -> None:
        """Reset the stream of an exchange whose peer does not read."""
        if exchange.stream_id is not None:
            await self._reset(exchange.stream_id, ErrorCodes.CANCEL)
            await self._forget(exchange.stream_id)

    async def handle(self, event: Event) -> None:
        """Hypercorn's entry: bytes from the peer, or the end of the connection."""
        if isinstance(event, RawData) and self._lengths.overlong(event.data):
            self.connection.close_connection(ErrorCodes.FRAME_SIZE_ERROR)
            await self._flush()
            await self.send(Closed())
            return
        await super().handle(event)
        if isinstance(event, Closed):
            for buffer in list(self.stream_buffers.values()):
                await buffer.close()

    async def stream_send(self, event: StreamEvent) -> None:
        """Hypercorn's entry: what an exchange answers."""
        stream_id = event.stream_id
        if isinstance(event, EndBody):
            self._ended.add(stream_id)
        elif isinstance(event, StreamClosed):
            self._open.pop(stream_id, None)
            if stream_id not in self._ended and stream_id in self.stream_buffers:
                await self._reset(stream_id, ErrorCodes.INTERNAL_ERROR)
                await self._forget(stream_id)
        await super().stream_send(event)

    async def _handle_events(self, events: list[H2Event]) -> None:
        for event in events:
            match event:
                case RequestReceived():
                    await self._request(event)
                case DataReceived():
                    await self._data(event)
                case TrailersReceived():
                    self._refuse_body(event.stream_id, Doubt.of("trailers"))
                case PriorityUpdated():
                    pass
                case StreamEnded():
                    self._arriving.pop(event.stream_id, None)
                    await super()._handle_events([event])
                case StreamReset():
                    self._arriving.pop(event.stream_id, None)
                    await super()._handle_events([event])
                    await self._forget(event.stream_id)
                case _:
                    await super()._handle_events([event])
        await self._flush()

    async def _request(self, event: RequestReceived) -> None:
        stream_id = event.stream_id
        if self.draining or self._exchanges.running >= _MAX_RUNNING:
            await self._reset(stream_id, ErrorCodes.REFUSED_STREAM)
            return
        headers = [(bytes(name), bytes(value)) for name, value in event.headers]
        try:
            judge_http2(headers, self._max_body)
        except Doubt as doubt:
            pseudo = dict(headers)
            method, path = pseudo.get(b":method", b""), pseudo.get(b":path", b"")
            shown = legible(method, path)
            self._exchanges.refuse_next(doubt, legible=shown)
            headers = [
                (b":method", method if shown else b"GET"),
                (b":scheme", b"https"),
                (b":authority", STAND_IN_HOST),
                (b":path", path if shown else b"/"),
            ]
        if event.stream_ended is None:
            self._arriving[stream_id] = 0
        await super()._handle_events([RequestReceived(stream_id=stream_id, headers=list(headers))])
        self.stream_buffers[stream_id] = _Buffer(self.context.event_class)  # nothing is in the other yet
        if (exchange := self._exchanges.latest) is not None:
            exchange.stream_id = stream_id
            self._open[stream_id] = exchange

    async def _data(self, event: DataReceived) -> None:
        stream_id, size = event.stream_id, len(event.data or b"")
        exchange = self._open.get(stream_id)
        if stream_id in self.streams and exchange is not None and exchange.edge["doubt"] is None:
            self._arriving[stream_id] = self._arriving.get(stream_id, 0) + size
            if self._arriving[stream_id] > self._max_body:
                self._refuse_body(stream_id, Doubt.of("body_too_large"))
            elif size:
                await super()._handle_events([event])
                return
        self.connection.acknowledge_received_data(event.flow_controlled_length or 0, stream_id)

    def _refuse_body(self, stream_id: int, doubt: Doubt) -> None:
        if exchange := self._open.get(stream_id):
            exchange.refuse(doubt)

    async def _send_data(self, stream_id: int) -> None:
        # Hypercorn reads the buffer again in its own handler, where a reset may have taken it away.
        with contextlib.suppress(KeyError):
            await super()._send_data(stream_id)
        if stream_id in self.stream_buffers:
            return
        with contextlib.suppress(MissingStreamError):
            self.priority.remove_stream(stream_id)
        self._ended.discard(stream_id)
        if self._arriving.pop(stream_id, None) is not None:
            await self._reset(stream_id, ErrorCodes.NO_ERROR)
        if self.quiet:
            await self.send(Updated(idle=True))

    async def _reset(self, stream_id: int, code: ErrorCodes) -> None:
        with contextlib.suppress(ProtocolError):
            self.connection.reset_stream(stream_id, error_code=code)
        await self._flush()

    async def _forget(self, stream_id: int) -> None:
        self._arriving.pop(stream_id, None)
        self._ended.discard(stream_id)
        if (buffer := self.stream_buffers.pop(stream_id, None)) is not None:
            await buffer.close()
            with contextlib.suppress(MissingStreamError):
                self.priority.remove_stream(stream_id)
