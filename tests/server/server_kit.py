"""A real listener on a free port, an application that remembers what reached it, and raw clients."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvloop

from dataplane.server.serve import App, Listen, serve

DEADLINE_S = 8.0
MAX_BODY = 100_000

LOOPS: list[Any] = [
    pytest.param(asyncio.new_event_loop, id="asyncio"),
    pytest.param(uvloop.new_event_loop, id="uvloop"),
]
on_both_loops = pytest.mark.parametrize("loop_factory", LOOPS)
LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def run(
    test: Coroutine[Any, Any, None], loop_factory: LoopFactory = asyncio.new_event_loop
) -> list[dict[str, Any]]:
    """Run a test within the deadline; anything the loop would have logged as an unhandled error fails it."""
    noise: list[dict[str, Any]] = []
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.get_loop().set_exception_handler(lambda _, context: noise.append(context))
        runner.run(asyncio.wait_for(test, DEADLINE_S))
    assert noise == []
    return noise


async def eventually(condition: Callable[[], bool], within_s: float = DEADLINE_S / 2) -> None:
    """Poll until the condition holds."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "the condition never held"
        await asyncio.sleep(0.005)


@dataclass
class Call:
    """One request as the application saw it."""

    scope: dict[str, Any]
    body: bytes = b""
    doubt: tuple[int, str] | None = None
    left: bool = False

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.scope["headers"])


@dataclass
class Recorder:
    """Reads the body, answers 200 with the number of its bytes, or the doubt's status with its reason."""

    calls: list[Call] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        edge = scope["extensions"]["edge"]
        self.calls.append(call := Call(scope))
        more = edge["doubt"] is None
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                call.left = edge["doubt"] is None
                break
            call.body += message["body"]
            more = message["more_body"]
        call.doubt = edge["doubt"]
        if call.left:
            return
        status, text = call.doubt or (200, str(len(call.body)))
        await answer(send, status, text.encode())


async def answer(send: Any, status: int, body: bytes) -> None:
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [length]})
    await send({"type": "http.response.body", "body": body, "more_body": False})


@dataclass
class Server:
    port: int
    stop: asyncio.Event
    task: asyncio.Task[None]


@contextlib.asynccontextmanager
async def serving(app: Any, **settings: Any) -> AsyncIterator[Server]:
    """`app` on 127.0.0.1; stopped, and awaited, at the end."""
    options = {"name": "test", "binds": ("127.0.0.1:0",), "max_body_bytes": MAX_BODY, "graceful_s": 1.0}
    listen = Listen(**{**options, **settings})
    stop, ports = asyncio.Event(), asyncio.get_running_loop().create_future()
    typed: App = app
    task = asyncio.create_task(serve(typed, listen, stop=stop, started=ports.set_result))
    await asyncio.wait({task, ports}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        await task
    try:
        yield Server((await ports)[0][1], stop, task)
    finally:
        stop.set()
        await task


class Raw:
    """A client that sends exactly the bytes it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, port: int, **options: Any) -> Raw:
        return cls(*await asyncio.open_connection("127.0.0.1", port, **options))

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def response(self) -> tuple[int, dict[bytes, bytes], bytes]:
        """The next response that has a Content-Length."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        first, *lines = head[:-4].split(b"\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(b":") for line in lines)}
        body = await self.reader.readexactly(int(headers.get(b"content-length", b"0")))
        return int(first.split()[1]), headers, body

    async def rest(self) -> bytes:
        """Everything until the server closes; a reset counts as closing."""
        data = b""
        with contextlib.suppress(ConnectionError):
            while piece := await self.reader.read(65536):
                data += piece
        return data

    def close(self) -> None:
        self.writer.transport.abort()


Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
