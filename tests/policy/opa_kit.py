"""A real OPA on a unix socket, the server it gets unsigned bundles from, and a proxy that counts."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import io
import json
import subprocess
import tarfile
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson

from dataplane.domain import CallFacts, CallState, Decision, Head, Identity, Operation, Source
from dataplane.errors import Refused
from dataplane.policy.activation import Activations, Switch
from dataplane.policy.client import OpaClient, OpaUnreachable
from dataplane.policy.current_tables import MakesDetector
from dataplane.policy.engine import OpaEngine

LIMIT_S = 10.0
DEADLINE_MS = 5000
"""For tests that are not about lateness: this machine may be busy."""

LATER = """\
package regogate.{}

decision := {{
	"v": 1,
	"decision": "BLOCK",
	"reasons": [concat(".", ["{}", data.regogate.name])],
	"principal": {{"id": "client/demo"}},
	"audit": "metadata",
	"shadow": [],
	"http": {{"status": 403, "code": "policy_blocked"}},
}} if input.request.path != "/undefined"
"""

POLICY = """\
package regogate.request

answer := {
	"v": 1,
	"decision": "ALLOW",
	"reasons": [concat(".", ["grant", data.regogate.name])],
	"principal": {"id": "client/demo"},
	"constraints": {},
	"limits": [],
	"response": {"inspect": [], "ask": "never", "tool_calls": "pass"},
	"audit": "metadata",
	"shadow": [],
}

decision := answer if input.request.path == "/allow"

decision := object.union(answer, {"v": 2}) if input.request.path == "/odd"

decision := object.union(answer, {"visible": object.keys(input.request.candidates)}) if {
	input.request.path == "/models"
}

decision := object.union(answer, {"decision": "CONSTRAIN", "constraints": {"pool": "eu"}}) if {
	input.request.path == "/later"
}

decision := answer if {
	input.request.path == "/builtin"
	to_number("x") > 0
}

decision := answer if input.request.path == "/conflict"

decision := {} if input.request.path == "/conflict"

decision := answer if {
	input.request.path == "/slow"
	some i in numbers.range(1, 5000)
	some j in numbers.range(1, 5000)
	i * j == -1
}
"""

TOGETHER = """
decisions := [found |
	some asked in input.each
	found := [answer | answer := decision with input as asked]
]
"""


def revision(seq: int) -> str:
    return f"{seq}-gabcdef0-{seq:012x}"


def bundle(
    seq: int,
    *,
    schema: Any = 1,
    name: str = "one",
    models: Any = ("m-1", "m-2", "x*"),
    detectors: Any = None,
    together: bool = True,
) -> bytes:
    manifest: dict[str, Any] = {"roots": ["regogate"], "rego_version": 1, "revision": revision(seq)}
    if schema is not None:
        manifest["metadata"] = {"schema": schema, "seq": seq}
    data = {"regogate": {"name": name, "models": {model: {} for model in models}, "detectors": detectors}}
    files = {
        ".manifest": json.dumps(manifest),
        "request.rego": POLICY + TOGETHER * together,
        "data.json": json.dumps(data),
    }
    files |= {f"{stage}.rego": LATER.format(stage, stage) for stage in ("tool_call", "response")}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path, text in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return gzip.compress(packed.getvalue())


class Server:
    """Hands out the current bundle, holding polls open until there is another one."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._content, self._etag, self._ended = b"", 0, False
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                content, etag = owner._next(self.headers.get("If-None-Match"))
                self.send_response(200)
                self.send_header("Content-Type", "application/vnd.openpolicyagent.bundles")
                self.send_header("ETag", etag)
                self._end(content)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self._end(b"")

            def _end(self, content: bytes) -> None:
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def _next(self, etag: str | None) -> tuple[bytes, str]:
        with self._changed:
            self._changed.wait_for(lambda: self._ended or etag != f'"{self._etag}"', 20)
            return self._content, f'"{self._etag}"'

    def publish(self, content: bytes) -> None:
        with self._changed:
            self._content, self._etag = content, self._etag + 1
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class RealOpa:
    """One OPA process on `socket`, which can be killed and started again."""

    def __init__(self, binary: Path, home: Path, server: Server) -> None:
        self._binary = binary
        self.socket = home / "opa.sock"
        self._config = home / "opa.json"
        self._process: subprocess.Popen[bytes] | None = None
        polling = {"min_delay_seconds": 1, "max_delay_seconds": 1, "long_polling_timeout_seconds": 20}
        config = {
            "services": {"cp": {"url": server.url}},
            "bundles": {"main": {"service": "cp", "resource": "bundles/main", "polling": polling}},
            "status": {"service": "cp"},
        }
        self._config.write_text(json.dumps(config))

    def start(self) -> None:
        words = ["run", "--server", "--addr", f"unix://{self.socket}", "--skip-version-check"]
        words += ["--log-level", "error", "-c", str(self._config)]
        self._process = subprocess.Popen(
            [self._binary, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Bench:
    """An OPA, its bundle server, and the next sequence number."""

    def __init__(self, binary: Path, home: Path) -> None:
        self.server = Server()
        self.opa = RealOpa(binary, home, self.server)
        self.opa.start()
        self.home = home
        self.seq = 0

    def close(self) -> None:
        self.opa.kill()
        self.server.close()

    async def switch(self, **content: Any) -> str:
        """Publish a new bundle and wait until OPA answers and reports under it; gives its revision."""
        self.seq += 1
        self.server.publish(bundle(self.seq, **content))
        await self.until_active(revision(self.seq))
        return revision(self.seq)

    async def until_active(self, wanted: str) -> None:
        client = OpaClient(self.opa.socket, connections=1)
        end = time.monotonic() + LIMIT_S
        active = None
        while active != wanted:
            assert time.monotonic() < end, f"{wanted} did not become active"
            with contextlib.suppress(OpaUnreachable, KeyError):
                _, body = await client.get("/v1/status")
                active = orjson.loads(body)["result"]["bundles"]["main"].get("active_revision")
            await asyncio.sleep(0.003)
        client.close()


@contextlib.contextmanager
def running(binary: Path, home: Path) -> Iterator[Bench]:
    bench = Bench(binary, home)
    try:
        yield bench
    finally:
        bench.close()


class Proxy:
    """Between engine and OPA: counts questions by their first line, and may do something before each."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self.asked: Counter[str] = Counter()
        self.before: Callable[[str], Awaitable[None]] | None = None
        self.status: dict[str, int] = {}
        """Lines (as in `asked`) that are answered with a status instead of being passed on."""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            onward = await asyncio.open_unix_connection(str(self._target))
        except OSError:
            writer.close()  # OPA is down: whoever asks sees a closed connection
            await writer.wait_closed()
            return
        back = asyncio.ensure_future(self._pass(onward[0], writer))
        try:
            while data := await reader.read(1 << 16):
                first = data.partition(b"?")[0].partition(b" HTTP/")[0].decode("latin-1")
                self.asked[first] += 1
                if self.before is not None:
                    await self.before(first)
                if (status := self.status.get(first)) is not None:
                    writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\n{}" % status)
                    continue
                onward[1].write(data)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            onward[1].close()
            writer.close()
            await asyncio.gather(back, return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
        writer.close()


DECISION = "POST /v1/data/regogate/request/decision"
DECISIONS = "POST /v1/data/regogate/request/decisions"
STATUS = "GET /v1/status"
MODELS = "GET /v1/data/regogate/models"
METADATA = "GET /v1/data/system/bundles/main/manifest/metadata"


class Table:
    """An engine in front of the bench's OPA, behind a counting proxy."""

    def __init__(
        self,
        bench: Bench,
        proxy: Proxy,
        client: OpaClient,
        deadline_ms: int,
        detectors: MakesDetector | None = None,
    ) -> None:
        self.bench = bench
        self.proxy = proxy
        self.switches: list[Switch] = []
        self.activations = Activations(bundle="main", on_switch=self.switches.append)
        self.used: dict[str, dict[str, float]] = {}
        self.engine = OpaEngine(
            client,
            self.activations,
            bundle="main",
            deadline_ms=deadline_ms,
            usage=self,
            detectors=detectors,
        )

    def facts(self, client_id: str) -> Mapping[str, float]:
        """As `ports.UsageFacts`: what a test put into `used`."""
        return self.used.get(client_id, {})

    async def decide(self, path: str = "/allow", **facts: Any) -> Decision:
        return await self.engine.decide(call(path, **facts))

    async def refusal(self, path: str = "/allow") -> str:
        """The reason why there is no decision."""
        try:
            await self.decide(path)
        except Refused as refused:
            return refused.reasons[0]
        raise AssertionError("it was decided")


@contextlib.asynccontextmanager
async def table(
    bench: Bench, *, deadline_ms: int = DEADLINE_MS, detectors: MakesDetector | None = None
) -> AsyncIterator[Table]:
    proxy = Proxy(bench.opa.socket)
    path = bench.home / f"p{time.monotonic_ns()}.sock"
    server = await asyncio.start_unix_server(proxy, path)
    client = OpaClient(path, connections=16)
    try:
        yield Table(bench, proxy, client, deadline_ms, detectors)
    finally:
        client.close()
        server.close()
        await _others_done()


async def _others_done() -> None:
    """The proxy's connections end by themselves once the client has closed."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others, timeout=LIMIT_S)


def call(path: str = "/allow", **facts: Any) -> CallState:
    head = Head(
        request_id="r-1", method="POST", path=path, query="", headers=(), http_version="1.1", peer_ip="::1"
    )
    return CallState(
        head=head,
        operation=Operation(id="chat.completions.create"),
        identity=Identity(client_id="demo", method="api_key"),
        source=Source(ip="::1"),
        facts=CallFacts(**facts),
    )
