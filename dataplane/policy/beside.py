"""A candidate's own OPA beside the active one, from its start to its end, and whether it can be asked.

Its activations are kept like the active one's, by its own status, on a channel of their own: a canary has
sequence floors, so that no older candidate decides again; a shadow decides nothing and has none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from dataplane.config import PolicySettings
from dataplane.policy.activation import parse_revision
from dataplane.policy.canary import CandidateRefused, may_decide
from dataplane.policy.client import OpaClient
from dataplane.policy.current_tables import MakesDetector
from dataplane.policy.engine import OpaEngine
from dataplane.policy.keeper import ActivationKeeper, Note
from dataplane.ports import SequenceFloors, UsageFacts
from dataplane.trial import Trial, TrialKind, TrialState

SHADOW_CONNECTIONS: Final = 4
"""One list at a time, and OPA's status."""


class CandidateProcess(Protocol):
    """An OPA that is supervised: `dataplane.opa.supervise.OpaProcess`."""

    @property
    def socket_path(self) -> Path:
        """Where it listens."""
        ...

    def yield_to_others(self) -> None:
        """Give the process that runs now a low priority."""
        ...

    async def start(self) -> None:
        """Start it; from now on it is started again whenever it ends."""
        ...

    async def stop(self) -> None:
        """End it; nothing is left of it on return."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What every candidate needs of other rooms. `bundle` is the name OPA's configuration gives to it.

    `check` gives the revision of a bundle's bytes that our keys signed for a channel, or raises
    `RegoGateError` with the reason why it is refused. `process` gives a trial's OPA, not started yet, which
    tells its states to a function. `floor` is the lowest sequence that counts on the gateway's own channel.
    `usage` is what the active policy hears of clients' use, too; `detectors` makes a candidate's own of its
    own tables.
    """

    bundle: str
    check: Callable[[bytes, str], str]
    process: Callable[[Trial, Callable[[str], None]], CandidateProcess]
    floor: Callable[[], int]
    floors: SequenceFloors
    note: Note
    usage: UsageFacts | None = None
    detectors: MakesDetector | None = None


class _NoFloors:
    async def highest(self, channel: str) -> int:
        return 0

    async def raise_floor(self, channel: str, seq: int, revision: str) -> None:
        return None


class Beside:
    """One candidate. `changed` is called whenever `up` may have changed."""

    def __init__(
        self,
        trial: Trial,
        content: bytes,
        settings: PolicySettings,
        means: Means,
        changed: Callable[[], None],
    ) -> None:
        self.trial = trial
        self.content = content
        self._settings = settings
        self._means = means
        self._changed = changed
        shadow = trial.kind is TrialKind.SHADOW
        self._connections = SHADOW_CONNECTIONS if shadow else settings.connections
        self._keeper = ActivationKeeper(
            bundle=means.bundle,
            channel=f"{trial.kind}:{trial.signed_for}",
            floors=_NoFloors() if shadow else means.floors,
            note=self._noted,
        )
        self._process: CandidateProcess | None = None
        self._was_up = False
        self.client: OpaClient | None = None
        self.engine: OpaEngine | None = None

    @property
    def up(self) -> bool:
        """Whether the candidate is active in its OPA, by that OPA's own status."""
        current = self._keeper.activations.current
        up = current is not None and current.revision == self.trial.revision
        self._was_up = self._was_up or up
        return up

    def state(self) -> tuple[TrialState, str | None]:
        """How far it is, and why it is not up."""
        if self.up:
            return TrialState.RUNNING, None
        activations = self._keeper.activations
        why = activations.last_refusal or activations.problem
        if self._was_up:
            return TrialState.DOWN, why
        return TrialState.REFUSED if activations.last_refusal else TrialState.STARTING, why

    async def start(self) -> None:
        """Raises `RegoGateError` where the candidate is refused or its OPA cannot be started, and what the
        database raises; then nothing is left behind."""
        try:
            await self._keeper.learn_floor()
            await self._judge()
            self._process = self._means.process(self.trial, self._opa_changed)
            await self._process.start()
        except BaseException:
            await self.stop()
            raise
        self.client = OpaClient(self._process.socket_path, connections=self._connections)
        self.engine = OpaEngine(
            self.client,
            self._keeper.activations,
            bundle=self._means.bundle,
            deadline_ms=self._settings.deadline_ms,
            usage=self._means.usage,
            detectors=self._means.detectors,
        )
        self._keeper.keep_looking(self.engine)

    async def _judge(self) -> None:
        trial = self.trial
        revision = await asyncio.to_thread(self._means.check, self.content, trial.signed_for)
        activation = parse_revision(revision)
        if activation is None or revision != trial.revision:
            raise CandidateRefused(f"the bundle is {revision}, not {trial.revision}")
        if trial.kind is TrialKind.CANARY:
            channels, floor = self._settings.canary_channels, self._means.floor()
            may_decide(trial, channels=channels, seq=activation.seq, floor=floor)

    async def stop(self) -> None:
        """End its OPA and all that looks at it; may be called again."""
        self._keeper.stop_observing()
        if self._process is not None:
            await self._process.stop()
        await self._keeper.close()
        if self.client is not None:
            self.client.close()

    def observe(self, status: Mapping[str, Any]) -> None:
        """Take in a status that its OPA posted."""
        self._keeper.observe(status)
        self._changed()

    def _opa_changed(self, state: str) -> None:
        self._keeper.opa_changed(state)
        self._changed()

    def _noted(self, kind: str, fields: Mapping[str, str | int]) -> None:
        """By whichever way its OPA's status came here."""
        self._means.note(kind, fields)
        if self.up and self.trial.kind is TrialKind.SHADOW and self._process is not None:
            # It gets what the calls leave over, but not before it has its bundle: to start takes about a
            # second of a processor, for which it would wait for ever beside a busy gateway.
            self._process.yield_to_others()
        self._changed()
