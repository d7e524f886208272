"""Keeps one OPA running: starts it, reads its lines, starts it again, ends it with us.

Whether OPA is *ready* (has a signed bundle) is learnt elsewhere, from its status posts; this file
knows only whether it runs and accepts connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from dataplane.opa.errors import OpaError, OpaNotListening
from dataplane.opa.logs import LOGGER, LogRelay
from dataplane.opa.options import OpaOptions, child_environment, command_line, config_text
from dataplane.opa.rundir import RunDirectory
from dataplane.opa.version import check_opa

State = Literal["stopped", "starting", "running", "backoff", "stopping"]
"""starting: the process exists; running: it accepts connections; backoff: it ended, waiting."""

STOP_GRACE_S: Final = 3.0
"""From SIGTERM to SIGKILL; OPA's own grace period is 2 s (options.command_line)."""
FIRST_DELAY_S: Final = 0.2
MAX_DELAY_S: Final = 5.0
STABLE_S: Final = 10.0
"""A process that ran this long was healthy: its end is a new incident, restarted at once."""

NICENESS: Final = 15
"""Of an OPA that yields to others (nice(1)): beside one busy process of ordinary priority it gets 3.4 % of a
processor (weights 36 and 1024, sched_prio_to_weight in Linux' kernel/sched/core.c); what is idle, it gets
whole. At 19, with 1.4 %, a shadow was not heard of for a minute on a machine that is always busy."""

_POLL_S: Final = 0.01
DRAIN_S: Final = 1.0
"""For the rest of a dead process's output; nobody else has the other end of its pipe."""
_READ_BYTES: Final = 65536
_HOPELESS_STARTS: Final = 3
_SHIM: Final = Path(__file__).with_name("shim.py")


class Backoff:
    """Seconds to wait before each restart: 0, then 0.2 doubling up to 5; anew after a stable run."""

    def __init__(self) -> None:
        self._next = 0.0

    def after(self, ran_s: float) -> float:
        """The delay after a run that lasted `ran_s` seconds."""
        delay = 0.0 if ran_s >= STABLE_S else self._next
        self._next = min(max(2 * delay, FIRST_DELAY_S), MAX_DELAY_S)
        return delay


class OpaProcess:
    """A supervised OPA child, reachable at `socket_path` (mode 0600 in a directory of mode 0700).

    `start`, then `wait_listening`; `stop` ends it and removes the directory (a given `socket_dir` is
    kept). Used as an async context manager it does `start` and `stop`. All of it belongs to one event
    loop, whose thread must live as long as the process should: see shim.py.

    `on_state` is called on the loop at every change of state and must neither block nor raise.
    `tie_by_pipe` ends the child by a watched pipe instead of the kernel's parent-death signal; the
    default takes the signal where there is one (Linux).
    """

    def __init__(
        self,
        binary: Path,
        options: OpaOptions,
        *,
        socket_dir: Path | None = None,
        on_state: Callable[[State], None] | None = None,
        environ: Mapping[str, str] | None = None,
        tie_by_pipe: bool = sys.platform != "linux",
        stop_grace_s: float = STOP_GRACE_S,
    ) -> None:
        self._binary = binary.absolute()
        self._options = options
        self._directory = RunDirectory(socket_dir)
        self._on_state = on_state
        self._environ = os.environ if environ is None else environ
        self._tie_by_pipe = tie_by_pipe
        self._stop_grace_s = stop_grace_s
        self._relay = LogRelay(secrets=options.secrets)
        self._state: State = "stopped"
        self._process: Process | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._spawns = 0
        self._ever_listened = False

    @property
    def socket_path(self) -> Path:
        """Known from construction on; there is a socket while the state is `running`."""
        return self._directory.socket

    @property
    def pid(self) -> int | None:
        """The process id of OPA (of its watcher with `tie_by_pipe`), None while there is none."""
        return self._process.pid if self._process is not None else None

    @property
    def restarts(self) -> int:
        """How often the process was started again since `start`."""
        return max(0, self._spawns - 1)

    @property
    def state(self) -> State:
        return self._state

    def yield_to_others(self) -> None:
        """Give the process that runs now a low priority, as far as the system lets us; one that is started
        after it has the ordinary one again."""
        if self.pid is None:
            return
        with contextlib.suppress(OSError):
            # The group: on Linux that is every thread it has by now, and not its first one alone.
            os.setpriority(os.PRIO_PGRP, self.pid, NICENESS)
        with contextlib.suppress(OSError):
            # Where Linux schedules by sessions, a niceness counts within one only (sched(7), autogroup).
            Path(f"/proc/{self.pid}/autogroup").write_text(str(NICENESS))

    async def start(self) -> None:
        """Starts the process and its supervision; returns before OPA listens.

        Raises `OpaTooOld`, `UnsafeOpaConfig`, `OpaDirectoryInUse`, or `OpaError` when the binary
        cannot be run; then nothing is left behind. Once started, every failure leads to a restart.
        """
        if self._state != "stopped":
            raise OpaError(f"OPA is {self._state} already")
        text = config_text(self._options)
        await asyncio.to_thread(check_opa, self._binary)
        self._directory.acquire()
        try:
            config = self._directory.write_config(text)
            if self._options.persistence is not None:
                self._options.persistence.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._spawns, self._ever_listened, self._relay.stopping = 0, False, False
            process = await self._spawn(config)
        except BaseException as error:
            await self._end_process()
            self._directory.release()
            self._enter("stopped")
            if isinstance(error, OSError):
                raise OpaError(f"OPA cannot be started: {error.strerror or error}") from error
            raise
        self._supervisor = asyncio.create_task(self._supervise(process, config), name="opa-supervisor")

    async def wait_listening(self, timeout: float) -> None:
        """Returns when the socket accepts a connection.

        Raises `OpaNotListening` after `timeout` seconds, or sooner when OPA ended several times
        without ever listening (a configuration it refuses), with its last error lines.
        """
        deadline = asyncio.get_running_loop().time() + timeout
        while self._state != "running":
            hopeless = self.restarts >= _HOPELESS_STARTS and not self._ever_listened
            if hopeless or self._supervisor is None or asyncio.get_running_loop().time() >= deadline:
                said = "; ".join(self._relay.last_errors) or "it said nothing"
                raise OpaNotListening(
                    f"OPA does not listen ({self._state}, {self.restarts} restarts): {said}"
                )
            await asyncio.sleep(_POLL_S)

    async def stop(self) -> None:
        """Ends the process (SIGTERM, after `stop_grace_s` SIGKILL) and its supervision; idempotent.

        On return, also by cancellation, the process is gone or has been sent SIGKILL.
        """
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is None:
            return
        self._enter("stopping")
        self._relay.stopping = True
        supervisor.cancel()
        try:
            await asyncio.wait({supervisor})
            await self._end_process()
        finally:
            if self._process is not None:
                self._signal(self._process, signal.SIGKILL)
                self._process = None
            self._directory.release()
            self._enter("stopped")

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _spawn(self, config: Path) -> Process:
        # asyncio leaves pipes open, and perhaps a process, when its creation is cancelled midway: so it
        # is finished first, and whoever cancelled finds the process in its place and ends it.
        creation = asyncio.create_task(self._create(config), name="opa-spawn")
        try:
            return await asyncio.shield(creation)
        except asyncio.CancelledError:
            await asyncio.wait({creation})
            raise

    async def _create(self, config: Path) -> Process:
        opa = command_line(self._binary, socket=self.socket_path, config=config)
        watch = ["--watch"] if self._tie_by_pipe else []
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-S",
            str(_SHIM),
            *watch,
            str(os.getpid()),
            *opa,
            # The watcher's pipe must be ours alone to hold open; the signal needs none.
            stdin=PIPE if self._tie_by_pipe else DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            cwd=str(self._directory.path),
            env=child_environment(self._options, self._environ),
            # Its own session: a Ctrl-C in the terminal is ours to answer, after calls have drained.
            start_new_session=True,
        )
        self._process = process
        self._spawns += 1
        self._enter("starting")
        return process

    async def _supervise(self, process: Process, config: Path) -> None:
        loop = asyncio.get_running_loop()
        backoff = Backoff()
        while True:
            begun = loop.time()
            code = await self._follow(process)
            delay = backoff.after(loop.time() - begun)
            self._process = None
            self._enter("backoff")
            LOGGER.error(
                "OPA ended and is started again", extra={"opa_exit_code": code, "opa_delay_s": delay}
            )
            while True:
                await asyncio.sleep(delay)
                try:
                    process = await self._spawn(config)
                    break
                except OSError as error:
                    delay = backoff.after(0.0)
                    LOGGER.error("OPA cannot be started", extra={"opa_err": error.strerror})

    async def _follow(self, process: Process) -> int:
        """Accompanies one process to its end; gives its exit code (-N: ended by signal N)."""
        pump = asyncio.create_task(self._pump(process), name="opa-output")
        listening = asyncio.create_task(self._notice_listening(), name="opa-listening")
        try:
            code = await self._ended(process)
            await self._drain(pump)
            return code
        finally:
            for task in (listening, pump):
                task.cancel()
            await asyncio.gather(listening, pump, return_exceptions=True)

    async def _ended(self, process: Process) -> int:
        if self._tie_by_pipe:
            # A watcher that was killed leaves OPA behind in its group, and asyncio's wait() ends only
            # when the output pipe is closed, which OPA still holds.
            while process.returncode is None:  # noqa: ASYNC110 - asyncio has no event for this
                await asyncio.sleep(_POLL_S)
            self._signal(process, signal.SIGKILL)
        return await process.wait()

    async def _pump(self, process: Process) -> None:
        assert process.stdout is not None
        while data := await process.stdout.read(_READ_BYTES):
            self._relay.feed(data)
        self._relay.close()

    async def _notice_listening(self) -> None:
        while True:
            try:
                _, writer = await asyncio.open_unix_connection(self.socket_path)
            except OSError:
                # Not there yet, or a socket file that a killed process left (OPA replaces it).
                await asyncio.sleep(_POLL_S)
            else:
                writer.close()
                self._ever_listened = True
                self._enter("running")
                return

    async def _end_process(self) -> None:
        process = self._process
        if process is None:
            return
        pump = asyncio.create_task(self._pump(process), name="opa-output")
        self._signal(process, signal.SIGTERM)
        try:
            # Where a watcher was killed before, this returns at once: only it is waited for.
            async with asyncio.timeout(self._stop_grace_s):
                await process.wait()
            self._signal(process, signal.SIGKILL)
        except TimeoutError:
            self._signal(process, signal.SIGKILL)
            await process.wait()
        finally:
            await self._drain(pump)
        self._process = None

    async def _drain(self, pump: asyncio.Task[None]) -> None:
        """The pipe may hold the last words, and is closed only by being read to its end."""
        try:
            await asyncio.wait({pump}, timeout=DRAIN_S)
        finally:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)

    def _signal(self, process: Process, number: signal.Signals) -> None:
        """To the whole group, which the child leads (its own session).

        Not once the child was collected, since its number may then be another's; except where it was
        a watcher, whose OPA keeps the group and so the number.
        """
        if process.returncode is None or self._tie_by_pipe:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, number)

    def _enter(self, state: State) -> None:
        late = self._state == "stopping" and state != "stopped"  # a start that was under way
        if state != self._state and not late:
            self._state = state
            if self._on_state is not None:
                self._on_state(state)
