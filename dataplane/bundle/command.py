"""Run a program (OPA, Regal, git) and read what it says: bounded in time, stopped with its caller."""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dataplane.bundle.errors import ToolFailed

TIMEOUT_S: Final = 60.0
"""The slowest use, Regal over the shipped policy, takes half a second on a quiet machine."""

GOGC: Final = "400"
"""Go's collector runs a quarter as often as by default: a check of the shipped policy in 0.4 s, not 0.55."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A program that ended: its exit code and what it wrote."""

    code: int
    out: bytes
    err: str


def _located(word: Path | str) -> str:
    """A path from here, not from the folder the program will run in; other words stay as they are."""
    return os.path.abspath(word) if isinstance(word, Path) else word


async def run(
    program: Path | str,
    *arguments: str | Path,
    cwd: Path | None = None,
    inherit: bool = False,
    stdin: bytes | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Finished:
    """Run without a shell and wait. Raises `ToolFailed` if it cannot start or takes too long.

    A `Path` among the arguments is made absolute. Cancelling kills the program. Unless it is to
    `inherit` our environment it gets none: provider keys that may be set there are not its business.
    It reads `stdin`, or nothing.
    """
    environment = None if inherit else {"PATH": os.defpath, "GOGC": GOGC}
    try:
        process = await asyncio.create_subprocess_exec(
            _located(program),
            *(_located(argument) for argument in arguments),
            cwd=cwd,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        raise ToolFailed(f"{program} does not start: {error.strerror}") from error
    try:
        out, err = await asyncio.wait_for(process.communicate(stdin), timeout_s)
    except TimeoutError as error:
        raise ToolFailed(f"{program} did not end within {timeout_s:g} s") from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    assert process.returncode is not None
    return Finished(code=process.returncode, out=out, err=err.decode("utf-8", "replace"))
