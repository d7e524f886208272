"""Candidates beside the active policy: the `PolicyEngine` port with a shadow and a canary, where they run.

What is to run stands in the database (`ports.TrialStore`); every gateway looks there and does the same.

1. A look finds a new trial: its bundle is checked and a second OPA is started for it.
2. That OPA's status reports the candidate: from here on it is in force on this gateway.
3. A canary that was in force stays so, also through a restart: its clients are decided by its candidate or
   refused, never by the active policy, until a look finds the trial ended.
4. A look finds the trial ended: its calls go back first, then its OPA ends.

A database that does not answer changes nothing: what ran goes on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any, Final

from dataplane.config import PolicySettings
from dataplane.domain import CallState, Decision
from dataplane.errors import RegoGateError
from dataplane.inspection_ports import Looks, Question
from dataplane.policy.beside import Beside, Means
from dataplane.policy.canary import Canary
from dataplane.policy.shadow import Shadow
from dataplane.policy.shadow_questions import ListAsker
from dataplane.ports import PolicyEngine, ShadowLog, TrialStore
from dataplane.trial import Trial, TrialKind, TrialReport, TrialState

LOOK_S: Final = 1.0
"""Between looks at the database, as for API keys."""
REPORT_S: Final = 2.0
"""Between reports of counts: a commit of its own each, beside those of calls."""
ALIVE_S: Final = 10.0
"""Between reports where nothing changed: a gateway that is silent for longer is gone."""
RETRY_S: Final = 15.0
"""After a refusal; what was wrong on this machine may have been put right."""
START_S: Final = 5.0
"""How long a start waits for a canary that was in force, so that none of its clients is refused."""
DRAIN_S: Final = 2.0
"""For the calls that a candidate is still being asked about."""

_log = logging.getLogger("regogate.policy")


class _Open:
    """One trial on this gateway. `beside` is None while it is refused, `why` says why."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.beside: Beside | None = None
        self.canary: Canary | None = None
        self.shadow: Shadow | None = None
        self.worker: asyncio.Task[None] | None = None
        self.counts: Counter[str] = Counter()
        self.why: str | None = None
        self.noted = trial.begun
        self.retry_at = 0.0
        self.told: TrialReport | None = None
        self.told_at = float("-inf")

    def state(self) -> tuple[TrialState, str | None]:
        if self.beside is not None:
            return self.beside.state()
        return (TrialState.STARTING, None) if self.why is None else (TrialState.REFUSED, self.why)


class Trials:
    """Decides by the active engine, and by whatever runs beside it. Start it inside a running loop."""

    def __init__(
        self,
        settings: PolicySettings,
        *,
        store: TrialStore,
        log: ShadowLog,
        means: Means,
        look_s: float = LOOK_S,
    ) -> None:
        self._settings = settings
        self._store = store
        self._log = log
        self._means = means
        self._look_s = look_s
        self._active: PolicyEngine | None = None
        self._opened: dict[TrialKind, _Open] = {}
        self._canary: Canary | None = None
        self._shadow: Shadow | None = None
        self._beside = False
        self._looking: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # --- ports.PolicyEngine ---------------------------------------------------------------------

    def decide(self, state: CallState, looks: Looks | None = None) -> Coroutine[Any, Any, Decision]:
        """See `ports.PolicyEngine.decide`; where nothing runs beside the active engine, it is that one's."""
        assert self._active is not None
        return self._decide(state, looks) if self._beside else self._active.decide(state, looks)

    def judge(self, state: CallState, question: Question) -> Coroutine[Any, Any, Decision]:
        """See `ports.PolicyEngine.judge`: whoever decided the call, while its candidate is in force."""
        assert self._active is not None
        canary = self._canary if state.canary else None
        if canary is None and self._shadow is not None:
            return self._judge(state, question)
        return (canary or self._active).judge(state, question)

    def problems(self) -> list[str]:
        """See `ports.PolicyEngine.problems`: the active engine's. A canary that is down refuses its own
        clients only, which is no reason to send everybody elsewhere."""
        assert self._active is not None
        return self._active.problems()

    async def _decide(self, state: CallState, looks: Looks | None) -> Decision:
        assert self._active is not None
        canary = self._canary
        if canary is not None and canary.takes(state):
            return await canary.decide(state, looks)
        decision = await self._active.decide(state, looks)
        shadow = self._shadow
        if shadow is not None:
            shadow.offer(state, decision)
        return decision

    async def _judge(self, state: CallState, question: Question) -> Decision:
        assert self._active is not None
        decision = await self._active.judge(state, question)
        shadow = self._shadow
        if shadow is not None:
            shadow.offer(state, decision, question.stage)
        return decision

    # --- the gateway's life ---------------------------------------------------------------------

    async def start(self, active: PolicyEngine) -> None:
        """Put `active` in force and whatever is to run beside it; returns once a canary that was in force
        before can decide again, or after `START_S`. Raises what the database raises by then."""
        self._active = active
        give_up = time.monotonic() + START_S
        while True:
            try:
                await self._look(starting=True)
                break
            except Exception:
                if time.monotonic() >= give_up:
                    raise
                await asyncio.sleep(self._look_s / 10)
        canary = self._opened.get(TrialKind.CANARY)
        while canary is not None and canary.trial.begun and time.monotonic() < give_up:
            self._settle()
            if canary.state()[0] in (TrialState.RUNNING, TrialState.REFUSED):
                break
            await asyncio.sleep(0.01)
        self._looking = asyncio.get_running_loop().create_task(self._look_on(), name="trials")

    async def close(self) -> None:
        """End every candidate's OPA. The trials go on when the gateway is started again."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        for opened in list(self._opened.values()):
            await self._end(opened, "the gateway stopped")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def bundle(self, trial_id: str) -> bytes | None:
        """The signed bundle that a candidate's OPA asks for."""
        beside = self._found(trial_id)
        return None if beside is None else beside.content

    def observe(self, trial_id: str, status: Any) -> None:
        """A candidate's OPA posted its status."""
        beside = self._found(trial_id)
        if beside is not None:
            beside.observe(status)

    def details(self) -> list[dict[str, Any]]:
        """What runs beside the active policy, for people."""
        told = []
        for opened in self._opened.values():
            state, why = opened.state()
            trial = opened.trial
            share = trial.share_ppm / 1_000_000
            told.append(
                {
                    "kind": trial.kind.value,
                    "revision": trial.revision,
                    "share": share,
                    "state": state.value,
                    "why": why,
                }
            )
        return told

    def counts(self, kind: TrialKind) -> Mapping[str, int]:
        """What was counted for the trial of a kind; empty where there is none."""
        opened = self._opened.get(kind)
        return {} if opened is None else opened.counts

    def _found(self, trial_id: str) -> Beside | None:
        for opened in self._opened.values():
            if opened.trial.id == trial_id:
                return opened.beside
        return None

    # --- looking --------------------------------------------------------------------------------

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(self._look_s)
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001  whatever a driver raises: what runs goes on
                _log.debug("trials unread", extra={"error_type": type(error).__name__})

    async def _look(self, *, starting: bool = False) -> None:
        wanted = {trial.kind: trial for trial in await self._store.running(self._settings.bundle.channel)}
        for kind in TrialKind:
            opened, trial = self._opened.get(kind), wanted.get(kind)
            if opened is not None and (trial is None or trial.id != opened.trial.id):
                await self._end(opened)
                opened = None
            if trial is None:
                continue
            if opened is None:
                opened = self._opened[kind] = _Open(trial)
                if starting and trial.begun and kind is TrialKind.CANARY:
                    opened.canary = Canary(trial, opened.counts)
                    self._canary, self._beside = opened.canary, True
            self._share(opened, trial)
            if opened.beside is None and time.monotonic() >= opened.retry_at:
                await self._open(opened)
            self._settle()
            await self._tell(opened)

    def _share(self, opened: _Open, trial: Trial) -> None:
        opened.trial = trial
        if opened.canary is not None:
            opened.canary.trial = trial
        if opened.shadow is not None:
            opened.shadow.share(trial)

    async def _open(self, opened: _Open) -> None:
        trial = opened.trial
        content = await self._store.content(trial.id)
        if content is None:
            return  # it ended in this moment, as the next look will find
        if not opened.counts:
            opened.counts.update(await self._store.counted(trial.id))
        # Its OPA asks for the bundle, and is answered, before `start` returns.
        beside = opened.beside = Beside(trial, content, self._settings, self._means, self._settle)
        try:
            await beside.start()
        except RegoGateError as error:
            opened.beside, opened.why = None, str(error)
            opened.retry_at = time.monotonic() + RETRY_S
            _log.error("candidate refused", extra={"kind": trial.kind.value, "why": str(error)})
            return
        except BaseException:
            opened.beside = None
            raise
        assert beside.client is not None
        if trial.kind is TrialKind.CANARY:
            opened.canary = opened.canary or Canary(trial, opened.counts)
            opened.canary.engine = beside.engine
        else:
            asker = ListAsker(beside.client, bundle=self._means.bundle, revision=trial.revision)
            opened.shadow = Shadow(trial, asker, self._log, opened.counts)
            opened.worker = asyncio.get_running_loop().create_task(opened.shadow.run(), name="shadow")

    def _settle(self) -> None:
        """Put in force what is up. A shadow that is down is left out; a canary, once in force, is not."""
        for opened in self._opened.values():
            if opened.beside is None:
                continue
            up = opened.beside.up
            if opened.shadow is not None:
                self._shadow = opened.shadow if up else None
            if opened.canary is not None and up and self._canary is not opened.canary:
                self._canary = opened.canary
            if up and not opened.noted:
                opened.noted = True
                self._spawn(self._begun(opened.trial.id))
        self._beside = self._canary is not None or self._shadow is not None

    async def _begun(self, trial_id: str) -> None:
        while True:
            try:
                return await self._store.begun(trial_id)
            except Exception as error:  # noqa: BLE001  as above: the next try may succeed
                _log.debug("trial not noted yet", extra={"error_type": type(error).__name__})
                await asyncio.sleep(self._look_s)

    async def _end(self, opened: _Open, why: str | None = None) -> None:
        if self._canary is opened.canary:
            self._canary = None
        if self._shadow is opened.shadow:
            self._shadow = None
        del self._opened[opened.trial.kind]
        self._settle()
        if opened.canary is not None:
            await opened.canary.drained(DRAIN_S)
        if opened.worker is not None:
            opened.worker.cancel()
            await asyncio.wait([opened.worker])
        if opened.beside is not None:
            await opened.beside.stop()
        with suppress(Exception):  # the commands see that its last report is old
            counts = dict(opened.counts)
            await self._store.report(
                opened.trial.id, TrialReport(state=TrialState.ENDED, why=why, counts=counts)
            )

    async def _tell(self, opened: _Open) -> None:
        state, why = opened.state()
        report = TrialReport(state=state, why=why, counts=dict(opened.counts))
        told, silent_s = opened.told, time.monotonic() - opened.told_at
        same = told is not None and (told.state, told.why) == (state, why)
        if same and silent_s < (REPORT_S if report != told else ALIVE_S):
            return
        await self._store.report(opened.trial.id, report)
        opened.told, opened.told_at = report, time.monotonic()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
