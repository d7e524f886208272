"""A provider on loopback that answers each connection with a script, byte for byte."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from dataplane.domain import Forward, UpstreamReply
from dataplane.upstream.openai_compatible import OpenAICompatible
from dataplane.upstream.secret import Secret
from dataplane.upstream.transport import UpstreamSpec

KEY = "sk-test/Aa+9_0123456789-abcdefghijklmnop"


@dataclass
class Seen:
    """One request as the provider read it."""

    line: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        values = [value for key, value in self.headers if key == name]
        assert len(values) <= 1, f"{name} was sent twice"
        return values[0] if values else None


Script = Callable[[Seen, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class MockProvider:
    """`script` answers each request; a script that raises `EOFError` closes the connection."""

    script: Script
    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a caller closed its connection."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        watch: asyncio.Task[None] | None = None
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                line, *rest = head.rstrip("\r\n").split("\r\n")
                pairs = [(name.lower(), value.strip()) for name, _, value in (r.partition(":") for r in rest)]
                length = int(dict(pairs).get("content-length", "0"))
                request = Seen(line, pairs, await reader.readexactly(length))
                self.seen.append(request)
                watch = asyncio.create_task(self._watch(reader))
                await self.script(request, writer)
                await writer.drain()
                watch.cancel()
        finally:
            if reader.at_eof() or reader.exception() is not None:
                self.gone.set()
            if watch is not None:
                watch.cancel()

    async def _watch(self, reader: asyncio.StreamReader) -> None:
        while not reader.at_eof() and reader.exception() is None:
            await asyncio.sleep(0.002)
        self.gone.set()


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server on loopback, its port given; nothing of it is left afterwards."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await handler(reader, writer)
            writer.close()
        except (EOFError, OSError):
            writer.close()
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


@asynccontextmanager
async def mock_provider(script: Script) -> AsyncIterator[MockProvider]:
    mock = MockProvider(script)
    async with listening(mock.serve) as mock.port:
        yield mock


def answering(data: bytes, *, close: bool = False) -> Script:
    """A script that sends `data`, then perhaps closes."""

    async def script(request: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        if close:
            await writer.drain()
            raise EOFError

    return script


def response(
    body: bytes, *, status: str = "200 OK", headers: str = "content-type: application/json\r\n"
) -> bytes:
    return f"HTTP/1.1 {status}\r\n{headers}content-length: {len(body)}\r\n\r\n".encode("latin-1") + body


def chat(
    *, stream: bool = False, model: str = "m", body: bytes = b'{"model":"m"}', **changes: object
) -> Forward:
    values: dict[str, object] = {
        "method": "POST",
        "path": "/chat/completions",
        "headers": (("content-type", "application/json"),),
        "body": body,
        "model": model,
        "stream": stream,
        **changes,
    }
    return Forward(**values)  # type: ignore[arg-type]


@asynccontextmanager
async def provider(url: str, **changes: object) -> AsyncIterator[OpenAICompatible]:
    values: dict[str, object] = {"name": "main", "base_url": url, "key": Secret(KEY), **changes}
    upstream = OpenAICompatible(UpstreamSpec(**values))  # type: ignore[arg-type]
    await upstream.start()
    try:
        yield upstream
    finally:
        await upstream.close()


async def until(what: Callable[[], bool], within_s: float = 5.0) -> float:
    """Wait until `what` holds; the seconds it took."""
    begun = time.monotonic()
    while not what():
        assert time.monotonic() - begun < within_s, "did not happen in time"
        await asyncio.sleep(0.002)
    return time.monotonic() - begun


async def whole(reply: UpstreamReply) -> bytes:
    return b"".join([piece async for piece in reply.body])


def answered(
    data: bytes, *, close: bool = False, **forward: object
) -> tuple[UpstreamReply, bytes, list[Seen]]:
    """One call to a provider that sends `data`."""

    async def run() -> tuple[UpstreamReply, bytes, list[Seen]]:
        async with mock_provider(answering(data, close=close)) as mock, provider(mock.url) as upstream:
            reply = await upstream.send(chat(**forward))  # type: ignore[arg-type]
            return reply, await whole(reply), mock.seen

    return asyncio.run(run())
