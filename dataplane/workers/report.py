"""What a worker says of itself, and the wire that carries it: one line of JSON each, over a socket pair.

The parent writes one line, what the worker is to be; the worker writes its report again and again. Whoever
finds the other end closed knows that the other process has ended.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import orjson

REPORT_S: Final = 0.5
"""Between reports; one costs some 2 ms, nearly all of it the text of the metrics."""
MAX_LINE_BYTES: Final = 8 << 20
"""Of a report: metrics measured 30 kB."""
ORDER_S: Final = 30.0
"""How long a worker waits for its line; the parent writes it at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`serving`: it accepts connections. `problems`: why no call can be made by it now, one line each.
    `metrics`: its metrics in Prometheus' text format."""

    serving: bool
    problems: tuple[str, ...]
    metrics: str


def read_order(wire: socket.socket) -> dict[str, Any]:
    """The worker's end: what the parent wants it to be. Blocks; raises `OSError` where the parent is gone."""
    wire.settimeout(ORDER_S)
    line = bytearray()
    while not line.endswith(b"\n"):
        piece = wire.recv(65536)
        if not piece or len(line) > MAX_LINE_BYTES:
            raise OSError("the parent is gone")
        line += piece
    order = orjson.loads(line)
    assert isinstance(order, dict)
    return order


async def keep_reporting(wire: socket.socket, report: Callable[[], Report]) -> None:
    """The worker's end: report until the parent is gone, then return."""
    reader, writer = await asyncio.open_unix_connection(sock=wire)
    gone = asyncio.ensure_future(reader.read())
    try:
        with suppress(OSError):
            while not gone.done():
                now = report()
                line = {"serving": now.serving, "problems": now.problems, "metrics": now.metrics}
                writer.write(orjson.dumps(line) + b"\n")
                await writer.drain()
                await asyncio.wait({gone}, timeout=REPORT_S)
    finally:
        gone.cancel()
        writer.close()


async def reports(wire: socket.socket, order: bytes) -> AsyncIterator[Report]:
    """The parent's end: give `order` (a JSON object on one line), then reports until the worker is gone."""
    reader, writer = await asyncio.open_unix_connection(sock=wire, limit=MAX_LINE_BYTES)
    try:
        with suppress(OSError, ValueError):  # ValueError: a line too long, or not JSON; it ends like a worker
            writer.write(order + b"\n")
            await writer.drain()
            while line := await reader.readline():
                said = orjson.loads(line)
                yield Report(
                    serving=said["serving"], problems=tuple(said["problems"]), metrics=said["metrics"]
                )
    finally:
        writer.close()
