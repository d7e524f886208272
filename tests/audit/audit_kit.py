"""What the audit tests share: a call, a log on a database whose failures are scripted, waiting."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from bench.processes import children
from dataplane.audit import read
from dataplane.audit.chain import verify_chain
from dataplane.audit.log import DurableLog
from dataplane.audit.migrate import migrate
from dataplane.audit.store import Stored
from dataplane.database import Database
from dataplane.domain import (
    AuditLevel,
    CallFacts,
    CallState,
    Constraints,
    Decision,
    Head,
    Identity,
    Operation,
    Principal,
    Source,
    Verdict,
)
from dataplane.quantities import Limit, Usage

T = TypeVar("T")

KEY = bytes(range(32))
REVISION = "7-gabc1234-0123456789ab"
POLICY_INPUT = b'{"v":1,"identity":{"subject":"u-17"},"source":{"ip":"10.1.2.3"}}'
POLICY_RESULT = b'{"v":1,"decision":"ALLOW"}'


def decision(**changes: Any) -> Decision:
    values: dict[str, Any] = {
        "verdict": Verdict.ALLOW,
        "reasons": ("grant.model",),
        "revision": REVISION,
        "opa_version": "1.22.0",
        "input": POLICY_INPUT,
        "result": POLICY_RESULT,
        "latency_us": 150,
        "principal": Principal(id="client/support", tenant="acme", tier="default"),
        "audit": AuditLevel.METADATA,
        "limits": (
            Limit(
                id="client.rpm",
                key="client/support",
                unit="requests",
                amount=60,
                per="minute",
                window="rolling",
            ),
        ),
    }
    return Decision(**(values | changes))


def head(request_id: str = "r-1", **changes: Any) -> Head:
    values: dict[str, Any] = {
        "request_id": request_id,
        "method": "POST",
        "path": "/v1/chat/completions",
        "query": "",
        "headers": (),
        "http_version": "1.1",
        "peer_ip": "10.1.2.3",
    }
    return Head(**(values | changes))


def call(request_id: str = "r-1", **changes: Any) -> CallState:
    """A call that policy allowed."""
    values: dict[str, Any] = {
        "head": head(request_id),
        "operation": Operation(id="chat.completions.create", upstream_path="/chat/completions"),
        "source": Source(ip="10.1.2.3"),
        "identity": Identity(
            client_id="support",
            method="api_key",
            key_id="k3vq7m2xaz",
            subject="u-17",
            roles=("agent",),
            groups=("g1",),
        ),
        "facts": CallFacts(model="gpt-4o-mini", stream=False),
        "decision": decision(),
        "verdict": Verdict.ALLOW,
        "reasons": ("grant.model",),
        "request_sha256": b"\x01" * 32,
    }
    return CallState(**(values | changes))


def stranger(request_id: str = "r-1", ip: str = "192.0.2.1") -> CallState:
    """A call that nobody was found behind."""
    return CallState(head=head(request_id, peer_ip=ip), source=Source(ip=ip))


def ended(state: CallState) -> CallState:
    """The same call, answered."""
    state.status, state.attempts, state.provider = 200, 1, "openai"
    state.model_served, state.upstream_status, state.upstream_request_id = "gpt-4o-mini-1", 200, "up-1"
    state.usage = Usage(input_tokens=11, output_tokens=5)
    state.response_sha256 = b"\x02" * 32
    state.first_byte_ns = state.started_ns + 5_000_000
    return state


def limited_constraints() -> Constraints:
    return Constraints(max_tokens=100, strip_tools=frozenset({"b", "a"}))


class FaultyDatabase(Database):
    """A real database at whose port failures are scripted, one a transaction that writes."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.faults: list[str] = []
        self.transactions = 0
        self.gate: asyncio.Event | None = None
        self.on_commit: Callable[[], object] = lambda: None

    async def run(self, work: Callable[[Connection], T], *, reading: bool = False, alone: bool = False) -> T:
        if reading:
            return await super().run(work, reading=True)
        self.transactions += 1
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "refused":
            raise ConnectionRefusedError("the database is down")
        if self.gate is not None:
            await self.gate.wait()
        if fault == "torn before commit":

            def torn(connection: Connection) -> T:
                work(connection)
                raise lost("connection lost")

            return await super().run(torn)
        result = await super().run(work, alone=alone)
        self.on_commit()
        if fault == "torn after commit":
            raise lost("connection lost")
        return result


def lost(text: str) -> OperationalError:
    return OperationalError("COMMIT", {}, sqlite3.OperationalError(text))


class Scene:
    """A started log on a migrated database. On leaving: closed, and its chains verified."""

    def __init__(self, url: str, **settings: Any) -> None:
        self.url = url
        self.database = FaultyDatabase(url)
        self._settings = settings
        self.unwritten = 0

    async def __aenter__(self) -> Scene:
        await migrate(self.database)
        self.log = DurableLog(self.database, **({"key": KEY, "instance": "gw"} | self._settings))
        await self.log.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.database.gate = None
        self.unwritten = await self.log.close()
        try:
            if kind is None:
                assert list(verify_chain(await self.rows())) == []
        finally:
            await self.database.close()

    async def rows(self) -> list[Stored]:
        """Every record there is, read as a command would."""
        return [row async for row in read.tail(self.database, 0)]

    async def told(self, *kinds: str) -> list[dict[str, Any]]:
        """The records of these kinds (all but hello and bye by default)."""
        rows = [read.told(row) for row in await self.rows()]
        return [
            row for row in rows if (row["kind"] in kinds if kinds else row["kind"] not in ("hello", "bye"))
        ]

    async def until(self, *kinds: str, count: int) -> list[dict[str, Any]]:
        """The same, once there are `count` of them."""
        rows: list[dict[str, Any]] = await eventually(
            lambda: self.told(*kinds), lambda rows: len(rows) >= count
        )
        return rows


def beside(pid: int | None = None) -> list[int]:
    """The processes that insert for this one, or for `pid`."""
    found = []
    for child in children(pid or os.getpid()):
        with suppress(OSError):  # gone meanwhile
            if b"inserter_program" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(child)
    return found


async def eventually(
    look: Callable[[], Any], good: Callable[[Any], bool] = bool, *, within_s: float = 10.0
) -> Any:
    """What `look` gives once it is good. Fails after `within_s`."""
    deadline = time.monotonic() + within_s
    while True:
        seen = look()
        if asyncio.iscoroutine(seen):
            seen = await seen
        if good(seen):
            return seen
        assert time.monotonic() < deadline, f"still {seen!r}"
        await asyncio.sleep(0.005)


def wait_until_stopped(server: Any) -> None:
    """Return once a PostgreSQL server that was told to stop has stopped. Fails after 10 s."""
    deadline = time.monotonic() + 10
    while (server.pgdata / "postmaster.pid").exists():
        assert time.monotonic() < deadline, "PostgreSQL did not stop"
        time.sleep(0.01)
