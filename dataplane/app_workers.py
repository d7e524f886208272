"""A gateway of several processes: what each does otherwise than one that does it all.

The parent (`Instance`) has what there is once: the admin address with the channel server, OPA, the OPAs of
candidates, the instance's mark of what is active. Workers (`WorkerGateway`) take calls: each has its own
connections, its own chain of records, and learns what is active from OPA's own status.

1. The parent starts as any gateway, takes the public address without listening on it, and starts the workers.
2. Each gets the parent's settings, with the socket of the parent's OPA, and listens on that address once it
   can make calls.
3. To stop, the workers drain first; then the rest goes as in any gateway.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import orjson

from dataplane.app import Gateway
from dataplane.app_listen import Ready, public_listen
from dataplane.audit.log import CLOSE_S
from dataplane.config import OpaSettings, Settings
from dataplane.domain import CallState
from dataplane.opa import shim
from dataplane.opa.deployment import candidate_socket
from dataplane.policy.beside import CandidateProcess
from dataplane.ports import SequenceFloors
from dataplane.server.background import listening
from dataplane.server.listen import Reserved
from dataplane.trial import Trial
from dataplane.workers.group import Workers
from dataplane.workers.worker import Launch

STOP_S: Final = CLOSE_S + 5.0
"""What a worker gets beside `server.graceful_s`: for cancelled calls, its last records, its connections."""

READY_S: Final = 5.0
"""A worker that cannot make calls yet, because it knows no bundle so far, does not listen for so long: what
it would refuse, another one can serve. After it, there may be none that can, and callers are told why."""

LOOK_S: Final = 0.01


class Instance(Gateway):
    """The parent of `settings.server.workers` workers; `program` are the words that start one, before its
    number and the file descriptor of its wire. `run` raises `WorkersFailed` where none can be brought to
    serve."""

    def __init__(self, settings: Settings, *, opa_binary: Path | None, program: tuple[str, ...]) -> None:
        super().__init__(settings, opa_binary=opa_binary, done=lambda _: None)
        self._program = program
        self._bind = settings.server.bind
        launch = Launch(command=self._command, order=self._order)
        self._workers = Workers(settings.server.workers, launch, failed=self._fail)

    def problems(self) -> list[str]:
        """As of any gateway, and why its workers cannot make calls."""
        return [*super().problems(), *self._workers.problems()]

    def details(self) -> dict[str, Any]:
        """As of any gateway, and each worker."""
        return {**super().details(), "workers": self._workers.details()}

    def ready(self) -> Ready | None:
        """As of any gateway, once every worker serves."""
        return super().ready() if self._workers.whole else None

    def _about(self) -> dict[str, str]:
        return {"workers": str(self.settings.server.workers)}

    def _metrics_text(self) -> bytes:
        return self._workers.metrics_text()

    async def _serve_public(self, stack: AsyncExitStack) -> None:
        address = Reserved("public", self.settings.server.bind)
        stack.callback(address.close)
        self._bind = address.bind
        scheme = "http" if self.settings.server.tls is None else "https"
        self._base_url = f"{scheme}://{self._bind}"
        stack.push_async_callback(self._workers.stop, self.settings.server.graceful_s + STOP_S)
        self._workers.start()

    def _command(self, number: int, fd: int) -> list[str]:
        own = [*self._program, str(number), str(fd)]
        if sys.platform != "linux":  # it ends when it finds its wire closed
            return own
        return [sys.executable, "-I", "-S", shim.__file__, str(os.getpid()), *own]

    def _order(self, number: int) -> bytes:
        settings, update = self.settings, dict[str, Any]()
        update["server"] = settings.server.model_copy(update={"bind": self._bind})
        # What each may admit alone while the limit store is away: together no more than the limit.
        together = max(settings.limits.processes, settings.server.workers)
        update["limits"] = settings.limits.model_copy(update={"processes": together})
        if self._opa is not None:
            opa = OpaSettings(socket=self._opa.socket_path)
            update["policy"] = settings.policy.model_copy(update={"opa": opa})
        told = settings.model_copy(update=update).model_dump(mode="json")
        return orjson.dumps({"settings": told, "candidates": self._opa is not None})


class WorkerGateway(Gateway):
    """Worker `number`. `candidates`: the parent runs OPAs for them beside the active one."""

    def __init__(
        self, settings: Settings, *, number: int, candidates: bool, done: Callable[[CallState], None]
    ) -> None:
        self._number = number
        self._attached = candidates
        super().__init__(settings, opa_binary=None, done=done)

    @property
    def serving(self) -> bool:
        """Whether it accepts connections."""
        return bool(self._base_url) and not self._stop.is_set()

    def _about(self) -> dict[str, str]:
        return {"worker": str(self._number)}

    def _reporter(self) -> str:
        return f"{self.settings.instance}/{self._number}"

    def _floors(self) -> SequenceFloors:
        return _Unmarked(super()._floors())

    def _note(self, kind: str, fields: Mapping[str, object]) -> None:
        # What is active is the instance's to say, and the parent does; what is refused is refused by each.
        if fields.get("event") != "activated":
            super()._note(kind, fields)

    def _candidate(self, trial: Trial, told: Callable[[str], None]) -> CandidateProcess:
        active = self.settings.policy.opa.socket
        if not self._attached or active is None:
            return super()._candidate(trial, told)
        return _Attached(candidate_socket(active, trial))

    async def _serve_admin(self, stack: AsyncExitStack) -> None:
        """The parent has it."""

    async def _serve_public(self, stack: AsyncExitStack) -> None:
        await first_ready(self.problems, self._stop)
        listen = public_listen(self.settings.server, self.metrics.registry, shared=True)
        public = listening(self._front(), listen, failed=self._fail)
        self._base_url = await stack.enter_async_context(public)


async def first_ready(
    problems: Callable[[], Sequence[str]], stop: asyncio.Event, *, most_s: float = READY_S
) -> None:
    """Return when there are no problems, when it is time to stop, or after `most_s`."""
    for _ in range(round(most_s / LOOK_S)):
        if stop.is_set() or not problems():
            return
        await asyncio.sleep(LOOK_S)


class _Unmarked:
    """The floors of an instance as a worker sees them: the mark is the parent's to make."""

    def __init__(self, floors: SequenceFloors) -> None:
        self._floors = floors

    async def highest(self, channel: str) -> int:
        return await self._floors.highest(channel)

    async def raise_floor(self, channel: str, seq: int, revision: str) -> None:
        return None


class _Attached:
    """The OPA of a candidate that the parent runs; whether it is up is learnt from its own status."""

    def __init__(self, socket_path: Path) -> None:
        self.socket_path = socket_path

    def yield_to_others(self) -> None:
        return None  # the parent sees to it

    async def start(self) -> None:
        return None

    async def stop(self) -> None:
        return None
