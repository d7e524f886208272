"""What version a binary says it is, and whether that is new enough to be trusted."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dataplane.opa.errors import OpaError, OpaTooOld

VERSION_TIMEOUT_S: Final = 30.0
"""`opa version` takes about 0.05 s; the margin is for a cold disk and a machine that is compiling."""

_SEMVER: Final = re.compile(r"v?(\d{1,6})\.(\d{1,6})\.(\d{1,6})(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_GO_VERSION: Final = re.compile(r"\bgo(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?(\S*)")


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A semantic version; a pre-release sorts before its release, build metadata is ignored."""

    major: int
    minor: int
    patch: int
    released: bool = True

    @classmethod
    def parse(cls, text: str) -> Version:
        """`1.22.0`, `v1.22.0`, `1.22.0-rc.1`, `1.22.0+dirty`. Raises ValueError on anything else."""
        found = _SEMVER.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"not a version: {text[:40]!r}")
        major, minor, patch = (int(part) for part in found.group(1, 2, 3))
        return cls(major, minor, patch, released=found.group(4) is None)

    @classmethod
    def parse_go(cls, text: str) -> Version:
        """From what `go version` prints: `go1.26.8`, `go1.26`, `go1.27rc1`. Raises ValueError."""
        found = _GO_VERSION.search(text)
        if found is None:
            raise ValueError(f"not a Go version: {text[:40]!r}")
        suffix = found.group(4)
        released = not suffix.startswith(("rc", "beta", "-"))
        return cls(int(found.group(1)), int(found.group(2)), int(found.group(3) or 0), released=released)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}" + ("" if self.released else " (pre-release)")


MIN_OPA: Final = Version(1, 21, 3)
"""The first OPA without the bundle signature bypass that 1.21.3 fixes."""


def run_version(argv: list[str], *, env: dict[str, str] | None = None) -> str:
    """What a `version` command printed, at most 64 KiB of it.

    With `env` None the child gets our environment without `OPA_*`, from which OPA would take flags.
    Raises `OpaError` when the file cannot be run, fails, or takes longer than `VERSION_TIMEOUT_S`.
    """
    if env is None:
        env = {name: value for name, value in os.environ.items() if not name.startswith("OPA_")}
    try:
        done = subprocess.run(  # noqa: S603 - the path is the operator's choice, there is no shell
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=VERSION_TIMEOUT_S,
            check=False,
            env=env,
        )
    except subprocess.TimeoutExpired:
        raise OpaError(f"{argv[0]}: no answer to {argv[-1]!r} within {VERSION_TIMEOUT_S:.0f} s") from None
    except OSError as error:
        raise OpaError(f"{argv[0]} cannot be run: {error.strerror or error}") from error
    if done.returncode != 0:
        raise OpaError(f"{argv[0]}: {argv[-1]!r} ended with exit code {done.returncode}")
    return done.stdout[:65536].decode("utf-8", "replace")


def read_version(binary: Path) -> Version:
    """The version that `opa version` (or `regal version`) states.

    Raises `OpaError` when the file cannot be run or its output has no version in it.
    """
    for line in run_version([str(binary), "version"]).splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "Version":
            try:
                return Version.parse(value)
            except ValueError as error:
                raise OpaError(f"{binary} states a version that cannot be read: {error}") from error
    raise OpaError(f"{binary} does not answer 'version' as OPA does")


def check_opa(binary: Path) -> Version:
    """The version of an OPA that may be used.

    Raises `OpaTooOld` below `MIN_OPA`, `OpaError` when it is no working OPA.
    """
    version = read_version(binary)
    if version < MIN_OPA:
        raise OpaTooOld(
            f"{binary} is OPA {version}; at least {MIN_OPA} is needed, which fixes a bundle signature bypass"
        )
    return version
