"""The things measured, each a process of its own in front of one mock provider."""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench import limited
from bench.exchange import request
from bench.plan import BARE, DIRECT, GATEWAY, INSPECTED, LIMITED
from bench.policies import as_shipped, uninspected
from bench.processes import BenchError, Process, children, cpu_s

READY_S: Final = 180.0
"""Until the gateway is ready; OPA may have to be built."""

_PATH: Final = "/v1/chat/completions"
_PYTHON: Final = (sys.executable,)
_DEV: Final = (
    *("dev", "--bind", "127.0.0.1:0", "--admin-bind", "127.0.0.1:0"),
    *("--set", "telemetry.log_format=json"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where to send what, and whose CPU time it costs. `beside` are OPA's processes and Redis'."""

    name: str
    port: int
    request: bytes = field(repr=False)
    pid: int
    beside: tuple[int, ...] = ()

    def cpu(self) -> tuple[float | None, float | None]:
        """CPU seconds so far: of the process and what it starts for itself, of those beside it."""
        others = [cpu_s(pid) for pid in self.beside]
        own = cpu_s(self.pid)
        if own is not None:
            own += sum(cpu_s(pid) or 0.0 for pid in children(self.pid) if pid not in self.beside)
        return own, sum(one or 0.0 for one in others) if others else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Everything that runs. `databases` are the gateways' by target, `load` the process that makes calls."""

    targets: dict[str, Target]
    load: Process
    processes: tuple[Process, ...]
    databases: dict[str, Path]
    policy_revision: str

    def check(self) -> None:
        """Raise `BenchError` if one of the processes ended."""
        for process in self.processes:
            process.check()

    def intents(self, target: str) -> int:
        """Calls of a gateway whose decision is on record."""
        database = f"file:{self.databases[target]}?mode=ro"
        with closing(sqlite3.connect(database, uri=True)) as connection:
            return int(connection.execute("SELECT count(*) FROM records WHERE kind = 'intent'").fetchone()[0])


@contextmanager
def running(directory: Path) -> Iterator[Bench]:
    """Start all of it; stopped, in reverse order, when the block ends. Raises `BenchError`."""
    with ExitStack() as stack:

        def start(name: str, *command: str, talks: bool = True) -> Process:
            process = Process(name, list(command), log=directory / f"{name}.log", talks=talks)
            return stack.enter_context(process)

        mock = start("mock", *_PYTHON, "-m", "bench.mock")
        mock_port = int(mock.hear())
        upstream = f"http://127.0.0.1:{mock_port}/v1"
        bare = start("pass-through", *_PYTHON, "-m", "bench.passthrough", upstream)
        bare_port = int(bare.hear())
        jwt, jwks = limited.token(directory)
        socket = directory / "redis.sock"
        redis = start("redis", *limited.redis_command(directory, socket), talks=False)
        data = {name: directory / name for name in (GATEWAY, LIMITED, INSPECTED)}
        for place in data.values():
            place.mkdir()
        more: dict[str, list[Path | str]] = {
            GATEWAY: [uninspected(data[GATEWAY], limits=False)],
            LIMITED: [uninspected(data[LIMITED], limits=True), *limited.options(jwks, socket)],
            INSPECTED: [as_shipped(data[INSPECTED])],
        }
        gateways = dict[str, Process]()
        for name, options in more.items():
            own = ("--upstream", upstream, "--data-dir", str(data[name]), "--policies", *map(str, options))
            gateways[name] = start(name, *_PYTHON, "-m", "dataplane", *_DEV, *own, talks=False)
        load = start("load", *_PYTHON, "-m", "bench.load")
        targets = [_target(DIRECT, mock_port, mock, None), _target(BARE, bare_port, bare, None)]
        revisions = []
        for name, process in gateways.items():
            ready = _ready(process, data[name] / "ready.json")
            revisions.append(ready["policy_revision"])
            port = int(ready["base_url"].removesuffix("/v1").rpartition(":")[2])
            key, beside = (jwt, [redis.pid]) if name == LIMITED else (ready["api_key"], [])
            beside += children(process.pid)
            targets.append(_target(name, port, process, key, beside=tuple(beside)))
        yield Bench(
            targets={target.name: target for target in targets},
            load=load,
            processes=(mock, bare, redis, *gateways.values(), load),
            databases={name: place / "regogate.db" for name, place in data.items()},
            policy_revision=revisions[0],
        )


def _target(name: str, port: int, process: Process, key: str | None, beside: tuple[int, ...] = ()) -> Target:
    asked = request(f"127.0.0.1:{port}", _PATH, key)
    return Target(name=name, port=port, request=asked, pid=process.pid, beside=beside)


def _ready(gateway: Process, file: Path) -> dict[str, Any]:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        gateway.check()
        if file.exists():
            document: dict[str, Any] = json.loads(file.read_text())
            return document
        time.sleep(0.05)
    raise BenchError(f"the gateway was not ready within {READY_S:.0f} s")
