"""Closed-loop callers: each sends its next request when it has the answer to the last.

Run as `python -m bench.load`: reads one JSON order a line, writes one JSON outcome a line, ends when
its standard input does. Parsing is as cheap as can be, since it shares the machine with what it measures.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections import Counter
from typing import Any, Final, cast

MAX_REQUESTS: Final = 1_000_000
"""Of one window; beyond it the callers stop."""

DRAIN_S: Final = 5.0
"""What answers still under way get at the end of a window."""


class Window:
    """One window of load over all its connections."""

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.open = True
        self.under_way = 0
        self.quiet = asyncio.Event()
        self.total = 0
        self.refused = 0
        self.lost = 0
        self.latencies_ns: list[int] = []

    def ended(self) -> None:
        """A question has its answer, or will never have one."""
        self.under_way -= 1
        if self.under_way == 0:
            self.quiet.set()

    async def drained(self) -> None:
        """Wait until nothing is under way any more."""
        while self.under_way:
            self.quiet.clear()
            await self.quiet.wait()

    def outcome(self, seconds: float) -> dict[str, Any]:
        """As the parent reads it: how often each latency was seen, in microseconds, which is a short line
        however many there were."""
        return {
            "requests": len(self.latencies_ns),
            "total": self.total,
            "refused": self.refused,
            "lost": self.lost,
            "seconds": seconds,
            "latencies_us": Counter(latency // 1000 for latency in self.latencies_ns),
        }


def answer_size(data: bytes) -> int | None:
    """Bytes of the answer that `data` begins with, or None until its head is whole.

    Raises `ValueError` for an answer without a Content-Length, which nothing measured here sends.
    """
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = data[:end].lower()
    _, found, rest = head.partition(b"\r\ncontent-length: ")
    if not found:
        raise ValueError("an answer without a Content-Length")
    return end + 4 + int(rest.partition(b"\r\n")[0])


class _Caller(asyncio.Protocol):
    def __init__(self, window: Window) -> None:
        self._window = window
        self._data = b""
        self._sent_ns = 0
        self._closing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self) -> None:
        self._window.under_way += 1
        self._sent_ns = time.perf_counter_ns()
        self._transport.write(self._window.request)

    def data_received(self, data: bytes) -> None:
        data = self._data + data if self._data else data
        size = answer_size(data)
        if size is None or len(data) < size:
            self._data = data
            return
        window = self._window
        window.latencies_ns.append(time.perf_counter_ns() - self._sent_ns)
        window.total += 1
        window.ended()
        if data[9:12] != b"200":
            window.refused += 1
        self._data = b""
        if window.open and window.total < MAX_REQUESTS:
            self.ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._closing:
            self._window.lost += 1
            self._window.ended()

    def close(self) -> None:
        self._closing = True
        self._transport.close()


async def carry_out(order: dict[str, Any]) -> dict[str, Any]:
    """One order: `port`, `request`, `connections`, `warm_up_s`, `seconds`."""
    window = Window(order["request"].encode())
    loop = asyncio.get_running_loop()
    callers = []
    for _ in range(order["connections"]):
        _, caller = await loop.create_connection(lambda: _Caller(window), "127.0.0.1", order["port"])
        callers.append(caller)
    for caller in callers:
        caller.ask()
    await asyncio.sleep(order["warm_up_s"])
    window.latencies_ns = []
    began = time.perf_counter()
    await asyncio.sleep(order["seconds"])
    outcome = window.outcome(time.perf_counter() - began)
    window.open = False
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            await window.drained()
    # Whatever comes back late still counts as refused or lost, and as an answer.
    outcome |= {
        "total": window.total,
        "refused": window.refused,
        "lost": window.lost + max(0, window.under_way),
    }
    for caller in callers:
        caller.close()
    return outcome


if __name__ == "__main__":
    import uvloop

    for line in sys.stdin:
        print(json.dumps(uvloop.run(carry_out(json.loads(line)))), flush=True)
