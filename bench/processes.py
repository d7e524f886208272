"""Processes of a bench: started, asked for their CPU time, stopped by their ids."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

STOP_S: Final = 15.0
"""What a process gets to end by itself; more than the gateway's drain."""

_PROC: Final = Path("/proc")
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    """Something that is measured could not be started, or ended on its own."""


async def until_parent_ends() -> None:
    """Wait for the end of standard input, which the parent holds open."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


class Process:
    """A child, stopped when the block ends whatever happens in it."""

    def __init__(self, name: str, command: list[str], *, log: Path, talks: bool = True) -> None:
        """`log` takes standard error, and standard output too unless it `talks` to us there."""
        self.name = name
        self._command = command
        self._log = log
        self._talks = talks
        self._process: subprocess.Popen[str] | None = None
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        self._file = self._log.open("wb")
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if self._talks else self._file,
            stderr=self._file,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._started()
        assert process.stdin is not None
        process.stdin.close()
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for file in (process.stdout, self._file):
            if file is not None:
                file.close()

    def _started(self) -> subprocess.Popen[str]:
        assert self._process is not None
        return self._process

    @property
    def pid(self) -> int:
        """The id of the running process."""
        return self._started().pid

    def tell(self, line: str) -> None:
        """Write one line to its standard input."""
        stdin = self._started().stdin
        assert stdin is not None
        stdin.write(line + "\n")
        stdin.flush()

    def hear(self) -> str:
        """The next line of its standard output. Raises `BenchError` where it ended instead."""
        stdout = self._started().stdout
        assert stdout is not None
        line = stdout.readline()
        if not line.endswith("\n"):  # also in the middle of a line
            raise BenchError(self.last_words())
        return line.strip()

    def check(self) -> None:
        """Raise `BenchError` if it ended."""
        if self._started().poll() is not None:
            raise BenchError(self.last_words())

    def last_words(self) -> str:
        """How it ended, and the end of what it wrote."""
        try:
            status = f"with status {self._started().wait(STOP_S)}"
        except subprocess.TimeoutExpired:
            status = "its output, but runs"
        lines = self._log.read_text("utf-8", "replace").splitlines()[-15:]
        return "\n".join([f"{self.name} ended {status}:", *lines])


def cpu_s(pid: int) -> float | None:
    """User and system time of a process so far, all threads, in seconds; None where /proc is not Linux'.

    proc(5), /proc/pid/stat fields 14 and 15; the command's name (field 2) may hold spaces.
    """
    try:
        after_name = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(after_name[11]) + int(after_name[12])) / _TICKS_PER_S


def children(pid: int) -> list[int]:
    """Ids of the living children of a process; empty where /proc is not Linux'."""
    found = []
    for stat in _PROC.glob("[0-9]*/stat"):
        try:
            fields: list[Any] = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended while we looked
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found
