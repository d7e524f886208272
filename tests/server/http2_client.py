"""A client that speaks HTTP/2 and nothing above it, to send what no proper client sends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.settings
from server_certs import Authority, client_context
from server_kit import (
    Raw,
    serving,
)

from dataplane.server.serve import Tls

Headers = list[tuple[str, str]]


class Http2Client:
    """h2 on a socket; whatever comes is kept by stream."""

    def __init__(self, raw: Raw) -> None:
        self.raw = raw
        config = h2.config.H2Configuration(
            header_encoding="utf-8", validate_outbound_headers=False, normalize_outbound_headers=False
        )
        self.h2 = h2.connection.H2Connection(config)
        self.headers: dict[int, dict[str, str]] = {}
        self.bodies: dict[int, bytes] = defaultdict(bytes)
        self.ended: set[int] = set()
        self.resets: dict[int, int] = {}
        self.gone: list[int] = []
        self.acknowledge = True

    @classmethod
    async def connect(cls, port: int, authority: Authority) -> Http2Client:
        client = cls(await Raw.connect(port, ssl=client_context(authority, "h2")))
        client.h2.initiate_connection()
        await client.flush()
        return client

    async def flush(self) -> None:
        await self.raw.send(self.h2.data_to_send())

    async def request(self, headers: Headers, body: bytes | None = None, *, end: bool = True) -> int:
        stream = int(self.h2.get_next_available_stream_id())
        self.h2.send_headers(stream, headers, end_stream=end and body is None)
        if body is not None:
            self.h2.send_data(stream, body, end_stream=end)
        await self.flush()
        return stream

    async def until(self, *streams: int) -> None:
        """Read until these streams are answered or reset."""
        while not all(stream in self.ended or stream in self.resets for stream in streams):
            await self.read()

    async def read(self) -> None:
        data = await self.raw.reader.read(65536)
        assert data, "closed"
        self.take(data)
        await self.flush()

    def take(self, data: bytes) -> None:
        for event in self.h2.receive_data(data):
            match event:
                case h2.events.ResponseReceived():
                    self.headers[event.stream_id] = dict(event.headers)  # type: ignore[arg-type]
                case h2.events.DataReceived():
                    self.bodies[event.stream_id] += event.data or b""
                    if self.acknowledge:
                        size = event.flow_controlled_length or 0
                        self.h2.acknowledge_received_data(size, event.stream_id)
                case h2.events.StreamEnded():
                    self.ended.add(event.stream_id)
                case h2.events.StreamReset():
                    self.resets[event.stream_id] = int(event.error_code or 0)
                case h2.events.ConnectionTerminated():
                    self.gone.append(int(event.error_code or 0))

    def status(self, stream: int) -> tuple[int, bytes]:
        return int(self.headers[stream][":status"]), self.bodies[stream]


@asynccontextmanager
async def talking(
    app: Any, tls: Tls, authority: Authority, **settings: Any
) -> AsyncIterator[tuple[Http2Client, Any]]:
    async with serving(app, tls=tls, **settings) as server:
        client = await Http2Client.connect(server.port, authority)
        try:
            yield client, server
        finally:
            client.raw.close()
