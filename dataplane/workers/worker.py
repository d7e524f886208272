"""One worker process: started, listened to, started again when it ends, ended with us.

Each is the leader of a process group of its own, so that a Ctrl-C in the terminal is the parent's to answer.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal

from dataplane.workers.report import Report, reports

State = Literal["starting", "serving", "backoff", "stopped"]
"""starting: the process exists; serving: it accepts connections; backoff: it ended, waiting."""

FIRST_DELAY_S: Final = 0.2
MAX_DELAY_S: Final = 5.0
STABLE_S: Final = 10.0
"""Restarts wait 0, then 0.2 doubling up to 5 seconds; one that ran this long is started again at once."""
SILENT_S: Final = 10.0
"""A worker that has not reported for so long hangs, or the machine is far too busy."""

_log = logging.getLogger("regogate.workers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How workers are started: the command of worker `number` whose end of the wire is the file descriptor
    `fd`, and the line that tells it what to be (a JSON object)."""

    command: Callable[[int, int], Sequence[str]]
    order: Callable[[int], bytes]


class Worker:
    """Worker `number`, supervised by `run`. `ended` is called each time its process ended by itself."""

    def __init__(self, number: int, launch: Launch, *, ended: Callable[[], None]) -> None:
        self.number = number
        self.state: State = "stopped"
        self.restarts = 0
        self.ever_served = False
        self.report: Report | None = None
        self._launch = launch
        self._ended = ended
        self._process: Process | None = None
        self._heard_at = 0.0
        self._stop = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """Of its process, None while there is none."""
        return None if self._process is None else self._process.pid

    @property
    def metrics(self) -> str | None:
        """What it counted, in Prometheus' text format; None until it has said."""
        return None if self.report is None else self.report.metrics

    def problems(self) -> list[str]:
        """Why a call that reaches it cannot be made; empty also while none can reach it."""
        if self.state != "serving" or self.report is None:
            return []
        silent_s = time.monotonic() - self._heard_at
        told = [f"no report for {silent_s:.0f} s"] if silent_s > SILENT_S else self.report.problems
        return [f"worker {self.number}: {problem}" for problem in told]

    def details(self) -> dict[str, Any]:
        """For people."""
        ready = self.state == "serving" and not self.problems()
        return {
            "worker": self.number,
            "pid": self.pid,
            "state": self.state,
            "ready": ready,
            "restarts": self.restarts,
        }

    async def run(self) -> None:
        """Keep it running; returns once it was asked to stop and ended."""
        delay = 0.0
        while True:
            begun = time.monotonic()
            try:
                code = await self._once()
            except OSError as error:
                code = error.errno or -1
            self._process, self.report = None, None
            self.state = "stopped" if self._stop.is_set() else "backoff"
            if self._stop.is_set():
                return
            self._ended()
            stable = time.monotonic() - begun >= STABLE_S
            wait_s = 0.0 if stable else delay
            delay = FIRST_DELAY_S if stable else min(max(2 * delay, FIRST_DELAY_S), MAX_DELAY_S)
            told = {"worker": self.number, "exit_code": code, "delay_s": wait_s}
            _log.error("worker ended and is started again", extra=told)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), wait_s)
            if self._stop.is_set():
                self.state = "stopped"
                return
            self.restarts += 1

    def ask_to_stop(self) -> None:
        """Have it drain and end."""
        self._stop.set()
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self._stop.set()
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _once(self) -> int:
        """One process from its start to its end; its exit code (-N: ended by signal N)."""
        ours, theirs = socket.socketpair()
        # asyncio may leave a process behind when its creation is cancelled midway: it is finished first.
        creation = asyncio.ensure_future(self._create(theirs))
        try:
            self._process = await asyncio.shield(creation)
        except asyncio.CancelledError:
            await asyncio.wait({creation})
            if creation.exception() is None:
                creation.result().kill()
            ours.close()
            raise
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        self.state = "starting"
        if self._stop.is_set():  # asked while it was being made
            self._signal(signal.SIGTERM)
        listening = asyncio.ensure_future(self._listen(ours))
        try:
            return await self._process.wait()
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _create(self, theirs: socket.socket) -> Process:
        return await asyncio.create_subprocess_exec(
            *self._launch.command(self.number, theirs.fileno()),
            stdin=DEVNULL,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )

    async def _listen(self, wire: socket.socket) -> None:
        async for report in reports(wire, self._launch.order(self.number)):
            self.report, self._heard_at = report, time.monotonic()
            if report.serving:
                self.state, self.ever_served = "serving", True
