"""Runs OPA for the checks: no shell, no environment of ours, bounded in time."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dataplane.errors import RegoGateError

TIMEOUT_S: Final = 300.0
"""For one run. The tests of the shipped policy take some 3 s; a large site's on a busy runner far less
than this."""

GOGC: Final = "400"
"""Go's collector runs a quarter as often as by default: the shipped tests take a quarter less, in 140 MB."""


class ProgramFailed(RegoGateError):
    """A program did not start, did not end in time, or answered in no known form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a program ended and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """What to show a person of a failure, bounded."""
        return (self.err or self.out).strip()[-2000:]


def run(program: Path, *arguments: str | Path, cwd: Path | None = None, stdin: bytes | None = None) -> Ran:
    """Run and wait. Raises `ProgramFailed` where it cannot be started or does not end."""
    try:
        done = subprocess.run(  # noqa: S603 - a checked binary, no shell
            [program.absolute(), *arguments],
            cwd=cwd,
            env={"PATH": os.defpath, "TZ": "UTC", "GOGC": GOGC},
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ProgramFailed(f"{program} {arguments[0]} did not end within {TIMEOUT_S:g} s") from None
    except OSError as error:
        raise ProgramFailed(f"{program} does not start: {error.strerror}") from None
    return Ran(
        code=done.returncode,
        out=done.stdout.decode("utf-8", "replace"),
        err=done.stderr.decode("utf-8", "replace"),
    )
