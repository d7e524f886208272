"""A server's side of one ASGI request, scripted by the test."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

Message = dict[str, Any]


class _Prompt:
    """A `receive` that can tell what is at hand."""

    def __init__(self, receive: Callable[[], Awaitable[Message]], inbox: asyncio.Queue[Message]) -> None:
        self._receive = receive
        self._inbox = inbox

    async def __call__(self) -> Message:
        return await self._receive()

    def at_hand(self) -> Message | None:
        return None if self._inbox.empty() else self._inbox.get_nowait()


class Caller:
    """Hands out what was put in, then waits; keeps what was sent, or fails like a broken connection."""

    def __init__(self, *pieces: bytes, more: bool = False) -> None:
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        for position, piece in enumerate(pieces):
            self.put(piece, more=more or position < len(pieces) - 1)
        self.sent: list[Message] = []
        self.gone = False
        self.receiving = 0
        self.prompt = _Prompt(self.receive, self._inbox)

    def put(self, piece: bytes, *, more: bool) -> None:
        self._inbox.put_nowait({"type": "http.request", "body": piece, "more_body": more})

    def leave(self) -> None:
        self._inbox.put_nowait({"type": "http.disconnect"})

    async def receive(self) -> Message:
        self.receiving += 1
        return await self._inbox.get()

    async def send(self, message: Message) -> None:
        if self.gone:
            raise ConnectionResetError("peer 10.0.0.1 reset")
        self.sent.append(message)

    @property
    def status(self) -> int | None:
        return next((message["status"] for message in self.sent if "status" in message), None)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


def scope(path: str = "/v1/chat/completions", method: str = "POST", **edge: Any) -> Message:
    return {
        "type": "http",
        "method": method,
        "raw_path": path.encode(),
        "path": path,
        "query_string": b"",
        "http_version": "1.1",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 5),
        "extensions": {"edge": {"doubt": None, "legible": True} | edge},
    }


def run(story: Callable[[], Awaitable[None]]) -> None:
    """Run a story; it must leave no task behind and cause no error that nobody took."""
    noise: list[Message] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: noise.append(context))
        async with asyncio.timeout(10):
            await story()
            while asyncio.all_tasks() != {asyncio.current_task()}:
                await asyncio.sleep(0.001)

    asyncio.run(main())
    assert noise == []


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.001)
