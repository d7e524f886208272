"""`regogate dev` as a process of its own, and what can be seen of it from outside."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, cast
from urllib.error import HTTPError

import openai
import orjson
from e2e_upstream import until

from dataplane.audit.chain import verify_chain
from dataplane.audit.read import ALWAYS
from dataplane.audit.store import Stored
from dataplane.opa.cache import default_cache

REGOGATE = str(Path(sys.executable).parent / "regogate")
CACHES = default_cache(os.environ).parent
POLICIES = Path(__file__).resolve().parents[2] / "policies"
START_S = 60.0
EDGE_BODY_BYTES = 20_000
"""What the gateway of the fixture `edge` takes."""
PROVIDER_KEY = "sk-canary-provider-7Qm2Vx9LrT4pWz8KjN3sYd6H"
"""What every gateway here sends upstream; it must be seen nowhere else."""


def environment() -> dict[str, str]:
    """For commands under test. Their home is elsewhere, and what this user's commands compiled is theirs:
    more than half of a start would be compiling else."""
    return {**os.environ, "XDG_CACHE_HOME": str(CACHES), "E2E_PROVIDER_KEY": PROVIDER_KEY}


def spare_dir() -> Path:
    """A directory with a path short enough for sockets."""
    return Path(tempfile.mkdtemp(prefix="rge-", dir="/tmp"))


class Gateway:
    """One `regogate dev`. Stop it with `stop` (which checks that nothing is left) or `kill`."""

    def __init__(self, opa: Path, *options: str, data_dir: Path | None = None) -> None:
        self.data_dir = data_dir or spare_dir()
        self.stdout_file = self.data_dir / "e2e.out"
        self.stderr_file = self.data_dir / "e2e.err"
        self.ready_file = self.data_dir / "ready.json"
        self._clients: list[openai.OpenAI] = []
        command = [
            REGOGATE,
            "dev",
            "--bind=127.0.0.1:0",
            "--admin-bind=127.0.0.1:0",
            f"--data-dir={self.data_dir}",
            *(["--upstream-key-env=E2E_PROVIDER_KEY"] if any("--upstream=" in o for o in options) else []),
            f"--set=policy.opa.path={opa}",
            # The deadline is for a machine that is not shared with a test run.
            "--set=policy.deadline_ms=2000",
            *options,
        ]
        with self.stdout_file.open("a") as out, self.stderr_file.open("a") as err:
            self.process = subprocess.Popen(
                command,
                stdout=out,
                stderr=err,
                stdin=subprocess.DEVNULL,
                env=environment() | {"HOME": str(self.data_dir)},
                start_new_session=True,
            )

    @property
    def out(self) -> str:
        return self.stdout_file.read_text()

    @property
    def err(self) -> str:
        return self.stderr_file.read_text()

    @property
    def logs(self) -> str:
        return self.out + self.err

    def wait_ready(self) -> Gateway:
        begun = time.monotonic()
        # A gateway that was killed left its file behind.
        while not self.ready_file.exists() or self.ready["pid"] != self.process.pid:
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.logs}"
            assert time.monotonic() - begun < START_S, f"not ready in time:\n{self.logs}"
            time.sleep(0.02)
        return self

    @property
    def ready(self) -> dict[str, Any]:
        return cast(dict[str, Any], json.loads(self.ready_file.read_text()))

    @property
    def base_url(self) -> str:
        return str(self.ready["base_url"])

    @property
    def port(self) -> int:
        return int(self.base_url.rsplit(":", 1)[1].split("/", 1)[0])

    @property
    def key(self) -> str:
        return str(self.ready["api_key"])

    @property
    def revision(self) -> str:
        return str(self.ready["policy_revision"])

    def client(self, **changes: Any) -> openai.OpenAI:
        """An official client, closed with the gateway."""
        client = openai.OpenAI(
            **{"base_url": self.base_url, "api_key": self.key, "max_retries": 0, "timeout": 30, **changes}
        )
        self._clients.append(client)
        return client

    @cached_property
    def sdk(self) -> openai.OpenAI:
        """The client of this gateway's demo key."""
        return self.client()

    def cli(self, *words: str) -> str:
        """What another `regogate` command on this data directory prints."""
        command = [REGOGATE, *words, f"--data-dir={self.data_dir}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
        assert done.returncode == 0, done.stderr
        return done.stdout

    def readyz(self) -> dict[str, Any]:
        """What the admin address says of readiness."""
        try:
            with urllib.request.urlopen(f"{self.ready['admin_url']}/readyz", timeout=5) as answer:
                body = answer.read()
        except HTTPError as error:
            body = error.read()
            error.close()
        return cast(dict[str, Any], json.loads(body))

    # --- records --------------------------------------------------------------------------------

    @property
    def database(self) -> Path:
        return self.data_dir / "regogate.db"

    def stored(self) -> list[Stored]:
        """Every row, in order of writing."""
        names = list(Stored.__dataclass_fields__)
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=5)
        try:
            rows = connection.execute(f"SELECT {', '.join(names)} FROM records ORDER BY seq").fetchall()
        finally:
            connection.close()
        return [Stored(**dict(zip(names, row, strict=True))) for row in rows]

    def records(self, **fields: object) -> list[dict[str, Any]]:
        """Every record whose fields are as given; sealed values stand beside the canonical ones."""
        found = []
        for row in self.stored():
            record = dict.fromkeys(ALWAYS) | orjson.loads(row.canonical)
            if row.sealed is not None:
                record |= orjson.loads(row.sealed)
            if all(record.get(name) == value for name, value in fields.items()):
                found.append(record)
        return found

    def wait_record(self, **fields: object) -> dict[str, Any]:
        """The one record with these fields, once it is there."""
        until(lambda: self.records(**fields))
        [record] = self.records(**fields)
        return record

    def check_chain(self) -> None:
        assert list(verify_chain(self.stored())) == []

    # --- processes ------------------------------------------------------------------------------

    def opa_pid(self) -> int:
        """The OPA that runs under this gateway now."""
        until(lambda: opa_children(self.process.pid))
        return opa_children(self.process.pid)[0]

    def stop(self) -> None:
        """Ctrl-C; it ends with 0 in a few seconds and leaves neither OPA nor ready.json."""
        assert self.process.poll() is None, f"ended by itself:\n{self.logs}"
        opas = opa_children(self.process.pid)
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(20) == 0, self.logs
        until(lambda: not any(alive(pid) for pid in opas), 5)
        assert not self.ready_file.exists()

    def kill(self) -> None:
        """SIGKILL to the data plane alone; its OPA goes within 2 s."""
        opas = opa_children(self.process.pid)
        self.process.kill()
        self.process.wait(10)
        until(lambda: not any(alive(pid) for pid in opas), 2)

    def discard(self) -> None:
        """End it whatever its state, and remove its directory."""
        for client in self._clients:
            client.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        shutil.rmtree(self.data_dir, ignore_errors=True)


Start = Callable[..., Gateway]
"""The fixture `start`."""


def _stat(pid: int) -> tuple[str, str, int] | None:
    """Name, state and parent of a process, or None."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    name = text[text.index("(") + 1 : text.rindex(")")]
    state, parent = text[text.rindex(")") + 2 :].split()[:2]
    return name, state, int(parent)


def alive(pid: int) -> bool:
    found = _stat(pid)
    return found is not None and found[1] not in "ZX"


def descendants(pid: int) -> list[int]:
    """Every process under `pid`."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (found := _stat(int(entry.name))) is not None:
            parents[int(entry.name)] = found[2]
    under = [pid]
    for each in under:
        under.extend(child for child, parent in parents.items() if parent == each)
    return under[1:]


def opa_children(pid: int) -> list[int]:
    """The OPA servers under `pid` (short-lived checks of policies are not servers)."""
    commands = _commands(pid).items()
    return [
        child
        for child, words in commands
        if len(words) > 1 and words[0].endswith(b"opa") and words[1] == b"run"
    ]


def inserters(pid: int) -> list[int]:
    """The processes that insert records under `pid`."""
    return [
        child
        for child, words in _commands(pid).items()
        if any(word.endswith(b"inserter_program.py") for word in words)
    ]


def _commands(pid: int) -> dict[int, list[bytes]]:
    """The words that each process under `pid` was started with."""
    found = {}
    for child in descendants(pid):
        with suppress(FileNotFoundError, ProcessLookupError):
            found[child] = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
    return found


def rss_kb(pid: int) -> int:
    """Resident memory of a process in kB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")
