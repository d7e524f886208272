"""The three things measured, each a process of its own in front of one mock provider."""

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

from bench.exchange import request
from bench.plan import BARE, DIRECT, GATEWAY
from bench.processes import BenchError, Process, children, cpu_s

READY_S: Final = 180.0
"""Until the gateway is ready; OPA may have to be built."""

_PATH: Final = "/v1/chat/completions"
_GATEWAY: Final = "import sys; from dataplane.cli import main; sys.exit(main())"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where to send what, and whose CPU time it costs. `beside` are OPA's processes."""

    name: str
    port: int
    request: bytes = field(repr=False)
    pid: int
    beside: tuple[int, ...] = ()

    def cpu(self) -> tuple[float | None, float | None]:
        """CPU seconds so far: of the process itself, of those beside it."""
        others = [cpu_s(pid) for pid in self.beside]
        return cpu_s(self.pid), sum(one or 0.0 for one in others) if others else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Everything that runs. `database` is the gateway's, `load` the process that makes calls."""

    targets: dict[str, Target]
    load: Process
    processes: tuple[Process, ...]
    database: Path
    policy_revision: str

    def check(self) -> None:
        """Raise `BenchError` if one of the processes ended."""
        for process in self.processes:
            process.check()

    def intents(self) -> int:
        """Calls whose decision is on record."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            return int(connection.execute("SELECT count(*) FROM records WHERE kind = 'intent'").fetchone()[0])


@contextmanager
def running(directory: Path) -> Iterator[Bench]:
    """Start all of it; stopped, in reverse order, when the block ends. Raises `BenchError`."""
    with ExitStack() as stack:

        def start(name: str, *command: str, talks: bool = True) -> Process:
            process = Process(name, [sys.executable, *command], log=directory / f"{name}.log", talks=talks)
            return stack.enter_context(process)

        mock = start("mock", "-m", "bench.mock")
        mock_port = int(mock.hear())
        upstream = f"http://127.0.0.1:{mock_port}/v1"
        bare = start("pass-through", "-m", "bench.passthrough", upstream)
        bare_port = int(bare.hear())
        data_dir = directory / "gateway"
        command = ("dev", "--bind", "127.0.0.1:0", "--admin-bind", "127.0.0.1:0", "--upstream", upstream)
        options = ("--data-dir", str(data_dir), "--set", "telemetry.log_format=json")
        gateway = start("gateway", "-c", _GATEWAY, *command, *options, talks=False)
        load = start("load", "-m", "bench.load")
        ready = _ready(gateway, data_dir / "ready.json")
        gateway_port = int(ready["base_url"].removesuffix("/v1").rpartition(":")[2])
        key = ready["api_key"]
        targets = (
            _target(DIRECT, mock_port, mock, None),
            _target(BARE, bare_port, bare, None),
            _target(GATEWAY, gateway_port, gateway, key, beside=tuple(children(gateway.pid))),
        )
        yield Bench(
            targets={target.name: target for target in targets},
            load=load,
            processes=(mock, bare, gateway, load),
            database=data_dir / "regogate.db",
            policy_revision=ready["policy_revision"],
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
