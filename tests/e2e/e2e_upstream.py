"""A provider in a thread of its own: remembers every request it got, and misbehaves as the body asks.

The field `mock` of a request's body, which the gateway passes on because it does not know it, says how:
`error:STATUS` (an error that quotes the credential it was sent), `late-error` (the same within a stream),
`break` (the answer ends halfway), `stall` (a stream that goes silent), `flood` (a stream without end),
`hang` (no answer), `garbage` (no JSON), `drop` (no answer, closed), `secret` (an error whose text is not JSON
and quotes the credential and body), `tokens:N` (an answer that is said to have taken N tokens),
`says:NAME` (the message that a test put into `MockUpstream.messages` under that name; its content comes in
pieces of five characters where it is to stream), `script:NAME` (a stream of what stands under that name in
`MockUpstream.scripts`: events as JSON values, bytes as they are, None to break off, and `threading.Event`s
to wait for).
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

FLOOD_PIECE = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,'
    b'"delta":{"content":"' + b"x" * 32_000 + b'"},"finish_reason":null}]}\n\n'
)


@dataclass
class Hit:
    """One request as the provider read it, and what became of it."""

    line: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)
    written: int = 0
    left_at: float | None = None

    @property
    def json(self) -> dict[str, Any]:
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found


class MockUpstream:
    """`hits` in order of arrival; read it from any thread."""

    def __init__(self) -> None:
        self.hits: list[Hit] = []
        self.scripts: dict[str, list[Any]] = {}
        self.messages: dict[str, dict[str, Any]] = {}
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def of(self, request_id: str) -> list[Hit]:
        """The hits of one call, by the request id the gateway sent with it."""
        return [hit for hit in list(self.hits) if hit.headers.get("x-client-request-id") == request_id]

    def with_text(self, text: str) -> list[Hit]:
        """The hits whose body holds `text`."""
        return [hit for hit in list(self.hits) if text.encode() in hit.body]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(EOFError, OSError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                line, *rest = head.rstrip("\r\n").split("\r\n")
                headers = {
                    name.lower(): value.strip() for name, _, value in (each.partition(":") for each in rest)
                }
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                hit = Hit(line, headers, body)
                self.hits.append(hit)
                watch = asyncio.ensure_future(_watch(reader, hit))
                try:
                    await _answer(hit, writer, self)
                    await writer.drain()
                except OSError:
                    hit.left_at = hit.left_at or time.monotonic()
                    raise
                finally:
                    watch.cancel()
        writer.close()


async def _watch(reader: asyncio.StreamReader, hit: Hit) -> None:
    while not reader.at_eof() and reader.exception() is None:
        await asyncio.sleep(0.005)
    hit.left_at = time.monotonic()


async def _answer(hit: Hit, writer: asyncio.StreamWriter, mock: MockUpstream) -> None:
    asked = hit.json if hit.body else {}
    mode, _, argument = str(asked.get("mock", "")).partition(":")
    credential = hit.headers.get("authorization", "")
    match mode:
        case "error":
            _whole(writer, json.dumps(_error(credential)).encode(), status=int(argument))
        case "secret":
            _whole(writer, f"{credential} {hit.body.decode()}".encode(), status=500, kind="text/plain")
        case "garbage":
            _whole(writer, b"\xff not json " + credential.encode())
        case "drop":
            raise EOFError
        case "hang":
            while hit.left_at is None:
                await asyncio.sleep(0.01)
            raise EOFError
        case "break" if not asked.get("stream"):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{")
            await writer.drain()
            raise EOFError
        case "says" if asked.get("stream"):
            _said(asked, mock.messages[argument], writer)
        case "says":
            answer = _completion(asked)
            answer["choices"][0]["message"] = mock.messages[argument]
            _whole(writer, json.dumps(answer).encode())
        case "script":
            await _scripted(mock.scripts[argument], hit, writer)
        case _ if asked.get("stream"):
            await _stream(asked, mode, argument, hit, writer)
        case _:
            answer = _completion(asked)
            if mode == "tokens":
                answer["usage"] = {**USAGE, "completion_tokens": int(argument)}
            _whole(writer, json.dumps(answer).encode())


async def _scripted(script: list[Any], hit: Hit, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    for step in script:
        if step is None:
            raise EOFError
        if isinstance(step, threading.Event):
            while not step.is_set() and hit.left_at is None:
                await asyncio.sleep(0.005)
            if hit.left_at is not None:
                raise EOFError
            continue
        _piece(writer, step if isinstance(step, bytes) else _event(step))
        await writer.drain()
    writer.write(b"0\r\n\r\n")


async def _stream(
    asked: dict[str, Any], mode: str, argument: str, hit: Hit, writer: asyncio.StreamWriter
) -> None:
    writer.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n"
        b"x-request-id: up-1\r\n\r\n"
    )
    if mode == "flood":
        while hit.left_at is None:
            _piece(writer, FLOOD_PIECE)
            hit.written += len(FLOOD_PIECE)
            await writer.drain()
        raise EOFError
    for word in ("Hello", " from", " the", " mock"):
        _piece(writer, _event(_chunk(asked, {"content": word})))
        await writer.drain()
        if mode == "slow":
            await asyncio.sleep(float(argument))
        if mode == "break":
            raise EOFError
        if mode == "late-error":
            _piece(writer, _event(_error(hit.headers["authorization"])))
            writer.write(b"0\r\n\r\n")
            return
        if mode == "stall":
            while hit.left_at is None:
                await asyncio.sleep(0.005)
            raise EOFError
    _piece(writer, _event(_chunk(asked, {}, finish="stop")))
    if (asked.get("stream_options") or {}).get("include_usage"):
        _piece(writer, _event({**_chunk(asked, {}), "choices": [], "usage": USAGE}))
    _piece(writer, b"data: [DONE]\n\n")
    writer.write(b"0\r\n\r\n")


def _said(asked: dict[str, Any], message: dict[str, Any], writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    text = message.get("content") or ""
    for at in range(0, len(text), 5):
        _piece(writer, _event(_chunk(asked, {"content": text[at : at + 5]})))
    for index, call in enumerate(message.get("tool_calls", ())):
        head = {**call, "index": index, "function": {**call["function"], "arguments": ""}}
        _piece(writer, _event(_chunk(asked, {"tool_calls": [head]})))
        arguments = call["function"]["arguments"]
        for at in range(0, len(arguments), 5):
            delta = {"index": index, "function": {"arguments": arguments[at : at + 5]}}
            _piece(writer, _event(_chunk(asked, {"tool_calls": [delta]})))
    finish = "tool_calls" if message.get("tool_calls") else "stop"
    _piece(writer, _event(_chunk(asked, {}, finish=finish)))
    _piece(writer, b"data: [DONE]\n\n")
    writer.write(b"0\r\n\r\n")


def _error(credential: str) -> dict[str, Any]:
    message = f"refused by the mock: you sent {credential}"
    return {"error": {"message": message, "type": "mock", "param": None, "code": "mock"}}


USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


def _completion(asked: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": "Hello from the mock"}
    finish = "stop"
    if asked.get("tools"):
        call = {"name": asked["tools"][0]["function"]["name"], "arguments": '{"city": "Oslo"}'}
        message = {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_1", "type": "function", "function": call}],
        }
        finish = "tool_calls"
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": asked.get("model"),
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": USAGE,
        "echo_number": 0,
    }


def _chunk(asked: dict[str, Any], delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": asked.get("model"),
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def _piece(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(b"%x\r\n%b\r\n" % (len(data), data))


def _whole(
    writer: asyncio.StreamWriter, body: bytes, *, status: int = 200, kind: str = "application/json"
) -> None:
    head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\nx-request-id: up-1\r\n"
    writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)


@contextmanager
def mock_upstream() -> Iterator[MockUpstream]:
    """A provider on loopback, gone afterwards."""
    mock = MockUpstream()
    loop = asyncio.new_event_loop()
    started = threading.Event()
    stop = asyncio.Event()
    tasks: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await mock.serve(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            tasks.discard(task)

    async def run() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        mock.port = server.sockets[0].getsockname()[1]
        started.set()
        await stop.wait()
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    assert started.wait(10)
    yield mock
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    loop.close()


def until(what: Callable[[], object], within_s: float = 60.0, *, every_s: float = 0.02) -> float:
    """Wait until `what()` is true; the seconds it took."""
    begun = time.monotonic()
    while not what():
        assert time.monotonic() - begun < within_s, f"did not happen within {within_s} s"
        time.sleep(every_s)
    return time.monotonic() - begun
