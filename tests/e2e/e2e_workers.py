"""`regogate serve` with several workers, and what can be seen of it from outside."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from urllib.error import HTTPError

import yaml
from e2e_gateway import POLICIES, REGOGATE, alive, environment, spare_dir
from e2e_upstream import MockUpstream, until

START_S = 120.0
CHAT: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


class Several:
    """A directory with regogate.yaml, keys and a published bundle, and the processes that serve it.

    `clients` is the table of that name; a client in it may use every model of tier premium.
    """

    def __init__(
        self, opa: Path, upstream: MockUpstream, database: str, limits: dict[str, Any], **tables: Any
    ) -> None:
        self.place = spare_dir()
        self.opa = opa
        self.port, self.admin = free_port(), free_port()
        self.settings: dict[str, Any] = {
            "server": {"bind": f"127.0.0.1:{self.port}", "workers": 2, "graceful_s": 5},
            "admin": {"bind": f"127.0.0.1:{self.admin}"},
            "policy": {
                "opa": {"path": str(opa)},
                "bundle": {"channel": "prod", "keys": {"prod-1": "keys/prod.pub.pem"}},
                "canary_channels": ["*"],
                "deadline_ms": 2000,
            },
            "audit": {"database": database},
            "limits": limits,
            "upstreams": {"main": {"base_url": upstream.url}},
            "data_dir": "data",
        }
        self.write()
        self.must("bundle", "keygen", "--out", "keys", "--name", "prod", "--keyid", "prod-1")
        shutil.copytree(POLICIES, self.place / "policies")
        for name, rows in tables.items():
            (self.place / f"policies/data/{name}.yaml").write_text(yaml.safe_dump(rows))
        self.publish()
        self.log_file = self.place / "serve.log"
        self.process: subprocess.Popen[bytes] | None = None

    def write(self) -> None:
        (self.place / "regogate.yaml").write_text(yaml.safe_dump(self.settings))

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [REGOGATE, *words], cwd=self.place, env=environment(), capture_output=True, text=True, timeout=60
        )

    def must(self, *words: str) -> str:
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def cli(self, *words: str) -> str:
        return self.must(*words, "--config", "regogate.yaml")

    def build(self, name: str = "prod") -> None:
        self.cli(
            "bundle", "build", "--policies", "policies", "--channel", "prod", "-o", f"{name}.tar.gz",
            "--key", "keys/prod.key.pem", "--keyid", "prod-1", "--opa", str(self.opa),
        )  # fmt: skip

    def publish(self) -> None:
        self.build()
        self.cli("bundle", "publish", "prod.tar.gz")

    def start(self, *words: str) -> Several:
        with self.log_file.open("a") as log:
            self.process = subprocess.Popen(
                [REGOGATE, "serve", "--config", "regogate.yaml", *words],
                cwd=self.place,
                env=environment(),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        begun = time.monotonic()
        while not all(one["ready"] for one in self.workers() or [{"ready": False}]):
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.logs}"
            assert time.monotonic() - begun < START_S, f"not ready in time:\n{self.logs}"
            time.sleep(0.05)
        return self

    @property
    def logs(self) -> str:
        return self.log_file.read_text()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def ask_admin(self, path: str) -> bytes:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}{path}", timeout=5) as answer:
                return cast(bytes, answer.read())
        except HTTPError as error:
            with error:
                return error.read()
        except OSError:
            return b""

    def readyz(self) -> dict[str, Any]:
        """What the admin address says of readiness; empty where nobody answers."""
        return cast(dict[str, Any], json.loads(self.ask_admin("/readyz") or b"{}"))

    def workers(self) -> list[dict[str, Any]]:
        return cast(list[dict[str, Any]], self.readyz().get("workers", []))

    def pids(self) -> list[int]:
        return [one["pid"] for one in self.workers()]

    def key(self, client: str) -> dict[str, Any]:
        return cast(dict[str, Any], json.loads(self.cli("keys", "create", "--client", client, "--json")))

    def calls(self) -> Iterator[dict[str, Any]]:
        """The access log's lines of calls, so far."""
        for line in self.logs.splitlines():
            if line.startswith('{"event":"call"'):
                yield json.loads(line)

    def stop(self) -> float:
        """SIGTERM; it ends with 0 and leaves no process. How long that took, in seconds."""
        assert self.process is not None
        pids, begun = self.pids(), time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0, self.logs
        took = time.monotonic() - begun
        assert not any(alive(pid) for pid in pids)
        return took

    def discard(self) -> None:
        """End it whatever its state, and remove its directory."""
        if self.process is not None and self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
        shutil.rmtree(self.place, ignore_errors=True)


__all__ = ["CHAT", "Several", "free_port", "until"]
