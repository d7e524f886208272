"""Keeps the account of one channel's activations: logged, recorded, and the sequence floor durable."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from dataplane.policy.activation import Activations, Switch
from dataplane.policy.engine import OpaEngine
from dataplane.ports import SequenceFloors

REFRESH_S: Final = 10.0
"""How often OPA's status and other replicas' floors are read beside what is posted; a replica's floor
counts 60 s after it rose, so this delays nothing."""
RETRY_S: Final = 1.0

_log = logging.getLogger("regogate.policy")
Note = Callable[[str, Mapping[str, str | int]], None]


class ActivationKeeper:
    """Owns the `Activations` of one channel. `note` queues a record of a kind with its fields."""

    def __init__(
        self,
        *,
        bundle: str,
        channel: str,
        floors: SequenceFloors,
        note: Note,
        refresh_s: float = REFRESH_S,
        retry_s: float = RETRY_S,
    ) -> None:
        self.activations = Activations(bundle=bundle, on_switch=self._switched)
        self._channel = channel
        self._floors = floors
        self._note = note
        self._refresh_s = refresh_s
        self._retry_s = retry_s
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._engine: OpaEngine | None = None

    async def learn_floor(self) -> int:
        """Take in the durable floor and return it. Raises what the database raises."""
        floor = await self._floors.highest(self._channel)
        self.activations.raise_floor(floor)
        return floor

    def keep_looking(self, engine: OpaEngine) -> None:
        """From now on read OPA's status and the floors at an interval, too."""
        self._engine = engine
        self._spawn(self._look_on(engine))

    def opa_changed(self, state: str) -> None:
        """OPA's process entered `state`: what a process that ended had reported counts no longer."""
        if state in ("backoff", "stopped"):
            self.activations.lost()
        elif state == "running" and self._engine is not None:
            self._spawn(self._engine.look())

    def observe(self, status: Any) -> None:
        """Take in a status that OPA posted; one that is stopping complains of its polls being cut."""
        if self._stopping:
            return
        if self._engine is not None and self.activations.goes_back(status):
            self._spawn(self._engine.look())
        else:
            self.activations.observe(status)

    def stop_observing(self) -> None:
        """OPA is about to be stopped."""
        self._stopping = True

    async def close(self) -> None:
        """End the background work, the engine's shared reading of the status included."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._engine is not None:
            await self._engine.close()

    def _switched(self, switch: Switch) -> None:
        if switch.activation is not None:
            revision, seq = switch.activation.revision, switch.activation.seq
            fields: dict[str, str | int] = {
                "event": "activated",
                "channel": self._channel,
                "policy_revision": revision,
                "seq": seq,
            }
            _log.info("bundle active", extra={"channel": self._channel, "policy_revision": revision})
            self._spawn(self._raise_floor(seq, revision))
            if self._engine is not None:
                self._spawn(self._engine.prepare())
        else:
            why = switch.refused or ""
            fields = {"event": "refused", "channel": self._channel, "why": why}
            _log.error("bundle refused", extra={"channel": self._channel, "why": why})
        self._note("bundle", fields)

    async def _raise_floor(self, seq: int, revision: str) -> None:
        """As often as it takes: while the database is down no call is made anyway."""
        while True:
            try:
                await self._floors.raise_floor(self._channel, seq, revision)
                return
            except Exception as error:  # noqa: BLE001  whatever a driver raises, the next try may succeed
                _log.warning("sequence floor not stored yet", extra={"error_type": type(error).__name__})
                await asyncio.sleep(self._retry_s)

    async def _look_on(self, engine: OpaEngine) -> None:
        while True:
            floor = 0
            try:
                # Before the status: another process of this instance may have raised it for a bundle that
                # only OPA's status of a moment later names, which is no rollback.
                floor = await self._floors.highest(self._channel)
            except Exception as error:  # noqa: BLE001  as above
                _log.debug("sequence floors unread", extra={"error_type": type(error).__name__})
            await engine.look()
            self.activations.raise_floor(floor)
            await asyncio.sleep(self._refresh_s if self.activations.problem is None else self._retry_s)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
