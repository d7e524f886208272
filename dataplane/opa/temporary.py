"""An OPA for the length of one command: it has one bundle file and answers on loopback.

Nothing is verified here and nothing it says counts for a call: it serves the author's questions (explain,
diff, replay). What serves calls is `OpaProcess`, with a signed bundle and a private socket.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from dataplane.opa.errors import OpaError, OpaNotListening
from dataplane.opa.options import GOGC

START_TIMEOUT_S: Final = 30.0
"""To the first healthy answer; measured 0.1 s, and 0.2 s with a table of 10,000 clients."""
STOP_GRACE_S: Final = 3.0
"""From SIGTERM to SIGKILL, as in supervise.py."""

_TRIES: Final = 3
"""Another process may take the free port between our look and OPA's bind."""
_POLL_S: Final = 0.01
_SHIM: Final = Path(__file__).with_name("shim.py")
_PASSED: Final = ("PATH", "HOME", "TMPDIR", "TZ", "LANG", "GOMAXPROCS", "GOMEMLIMIT")
_SAID_BYTES: Final = 4000


class _PortTaken(OpaError):
    """Somebody else listens where this OPA was to."""


class TemporaryOpa:
    """A context manager: inside it OPA runs with the bundle file and answers at `url`.

    The file's signature is not looked at, so it may have none. The process ends with the block, and with
    this process whatever ends it; enter it from a thread that lives as long (see shim.py). Entering
    raises `OpaNotListening` with OPA's own words where it does not come up (a bundle that does not
    compile), or `OpaError` where the binary cannot be run.
    """

    def __init__(self, binary: Path, bundle: Path) -> None:
        self._binary = binary.absolute()
        self._bundle = bundle.absolute()
        self._process: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`, without a slash at the end; meaningful inside the block only."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        """The process id of OPA (of its watcher where there is no parent-death signal)."""
        return self._process.pid if self._process is not None else None

    def __enter__(self) -> Self:
        for left in range(_TRIES - 1, -1, -1):
            try:
                self._start()
                return self
            except _PortTaken:
                self._stop()
                if not left:
                    raise OpaNotListening("no free port was left for a temporary OPA") from None
            except BaseException:
                self._stop()
                raise
        raise AssertionError("unreachable")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _start(self) -> None:
        mark = new_mark()
        self._port = _free_port()
        # A file and not a pipe: nobody reads while OPA runs, and a full pipe would stop it.
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by _stop
        watch = [] if sys.platform == "linux" else ["--watch"]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - fixed words and paths, no shell
                [
                    *(sys.executable, "-I", "-S", str(_SHIM), *watch, str(os.getpid())),
                    *(str(self._binary), "run", "--server", f"--addr=127.0.0.1:{self._port}"),
                    *("--skip-version-check", "--skip-verify", "--optimize-store-for-read-speed"),
                    *("--log-level=error", "--log-format=json"),
                    *(
                        f"--set=labels.mark={mark}",
                        "--shutdown-grace-period=1",
                        "--bundle",
                        str(self._bundle),
                    ),
                ],
                stdin=subprocess.PIPE if watch else subprocess.DEVNULL,
                stdout=self._said,
                stderr=self._said,
                env={name: os.environ[name] for name in _PASSED if name in os.environ} | {"GOGC": str(GOGC)},
                start_new_session=True,
            )
        except OSError as error:
            raise OpaError(f"OPA cannot be started: {error.strerror or error}") from error
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._is_up(mark):
            if self._process.poll() is not None or time.monotonic() >= deadline:
                raise self._failure()
            time.sleep(_POLL_S)

    def _is_up(self, mark: str) -> bool:
        """Whether our own OPA answers and has the bundle; the mark tells it from any other on the port."""
        if _get(self._port, "/health?bundles") is None:
            return False
        found = _get(self._port, "/v1/config") or {}
        labels = found.get("result", {}).get("labels", {})
        if labels.get("mark") != mark:
            raise _PortTaken(f"port {self._port} was taken")
        return True

    def _failure(self) -> OpaError:
        said = ""
        if self._said is not None:
            self._said.seek(0)
            said = self._said.read(_SAID_BYTES).decode("utf-8", "replace").strip()
        if "address already in use" in said:
            return _PortTaken(said)
        return OpaNotListening(f"the temporary OPA does not come up: {_message(said) or 'it said nothing'}")

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            for number, grace_s in ((signal.SIGTERM, STOP_GRACE_S), (signal.SIGKILL, None)):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(grace_s)
                    break
            if process.stdin is not None:
                process.stdin.close()
        if self._said is not None:
            self._said.close()
            self._said = None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _get(port: int, target: str) -> dict[str, Any] | None:
    """The JSON object of a 200, else None."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", target)
        answer = connection.getresponse()
        body = answer.read()
        found = json.loads(body) if answer.status == 200 else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return found if isinstance(found, dict) else None


def _message(said: str) -> str:
    """The words of OPA's last line, which is JSON when it comes from its logger."""
    last = said.rsplit("\n", 1)[-1]
    try:
        entry = json.loads(last)
    except ValueError:
        return said
    return ": ".join(str(entry[key]) for key in ("msg", "err") if entry.get(key))


def new_mark() -> str:
    """A label that nobody else's OPA has. A letter first: `--set` reads digits, and 12e34, as a number."""
    return f"m{secrets.token_hex(8)}"
