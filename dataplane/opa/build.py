"""Runs the long commands (go build, pip install) with a sign of life, and builds a pinned tool."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Final

from dataplane.opa.errors import BuildFailed
from dataplane.opa.pins import Pin

Say = Callable[[str], None]

BUILD_TIMEOUT_S: Final = 1800.0
"""A cold build takes 66 s on two cores; this is for a slow machine behind a slow mirror."""
SAY_EVERY_S: Final = 5.0
_TAIL_LINES: Final = 12
_STOP_GRACE_S: Final = 3.0
_USERINFO: Final = re.compile(r"://[^/\s@]+@")

GO_BUILD: Final = ("build", "-trimpath", "-buildvcs=false", "-v")


def run_long(
    argv: list[str], *, cwd: Path, env: Mapping[str, str], label: str, say: Say, every_s: float = SAY_EVERY_S
) -> None:
    """Runs a command to its end and says something every `every_s` seconds, on a terminal or not.

    Counts what `go build -v` writes: `go: downloading ...` lines and one line a compiled package.
    Raises `BuildFailed` (with the last lines of output, credentials in URLs masked) when it fails or
    takes longer than `BUILD_TIMEOUT_S`; on any exception the command is stopped before this returns.
    """
    begun = time.monotonic()
    try:
        process = subprocess.Popen(  # noqa: S603 - fixed words and paths, no shell
            argv,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise BuildFailed(f"{argv[0]} cannot be run: {error.strerror or error}") from error
    stdout = process.stdout
    assert stdout is not None
    output = _Output(stdout)
    try:
        while True:
            try:
                code = process.wait(timeout=every_s)
                break
            except subprocess.TimeoutExpired:
                elapsed = time.monotonic() - begun
                if elapsed > BUILD_TIMEOUT_S:
                    raise BuildFailed(f"{label}: not finished after {BUILD_TIMEOUT_S:.0f} s") from None
                say(f"{label}: {output.counts()}{elapsed:.0f} s")
    except BaseException:
        # Ctrl-C reaches the command too (same process group); a timeout does not.
        process.terminate()
        try:
            process.wait(timeout=_STOP_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise
    finally:
        output.close()
    if code != 0:
        raise BuildFailed(f"exit code {code}\n{output.tail()}")


def build(pin: Pin, *, go: Path, env: Mapping[str, str], work: Path, label: str, say: Say) -> Path:
    """Builds `pin` with the given Go; gives the path of the stripped static binary inside `work`.

    Only the versions and hashes of go.mod and go.sum are accepted (`-mod=readonly`), and no other
    Go is fetched (`GOTOOLCHAIN=local`). Raises `BuildFailed`.
    """
    source, binary = work / "src", work / "out" / pin.name
    # A copy, because the original may be read-only and Go takes an exclusive lock beside go.mod.
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir()
    for name in ("go.mod", "go.sum"):
        shutil.copyfile(pin.directory / name, source / name)
    flags = "-s -w" if pin.version_variable is None else f"-s -w -X {pin.version_variable}={pin.version}"
    build_env = {name: value for name, value in env.items() if name not in ("GOOS", "GOARCH", "GOROOT")}
    build_env |= {
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        # -modcacherw: what lies in a work directory must be deletable without being root.
        "GOFLAGS": "-mod=readonly -modcacherw",
        "GOWORK": "off",
    }
    say(f"{label}: building (about a minute on two cores; downloads its modules first)")
    begun = time.monotonic()
    argv = [str(go), *GO_BUILD, "-ldflags", flags, "-o", str(binary), pin.package]
    run_long(argv, cwd=source, env=build_env, label=label, say=say)
    say(f"{label}: built in {time.monotonic() - begun:.0f} s")
    return binary


class _Output:
    """Drains a pipe in a thread, keeping counts and the last lines."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._modules = 0
        self._packages = 0
        self._thread = threading.Thread(target=self._drain, name="build-output", daemon=True)
        self._thread.start()

    def _drain(self) -> None:
        for line in self._stream:
            text = line.rstrip()
            if text.startswith("go: downloading "):
                self._modules += 1
            elif "/" in text and " " not in text:
                self._packages += 1
            self._tail.append(_USERINFO.sub("://***@", text)[:500])

    def counts(self) -> str:
        modules = f"{self._modules} modules downloaded, " if self._modules else ""
        return modules + (f"{self._packages} packages compiled, " if self._packages else "")

    def tail(self) -> str:
        return "\n".join(f"      {line}" for line in self._tail if line)

    def close(self) -> None:
        # A grandchild may hold the pipe open for a moment; the thread is a daemon and may outlive us.
        self._thread.join(timeout=_STOP_GRACE_S)
        if not self._thread.is_alive():
            self._stream.close()
