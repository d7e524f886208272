"""A gateway's trials without a gateway: an active engine and a store that are told what to do, a real OPA
for each candidate."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
from opa_kit import LIMIT_S, RealOpa, Server, bundle, call, revision

from dataplane.config import PolicySettings
from dataplane.domain import CallState, Decision, Identity, Verdict
from dataplane.errors import Refused, RegoGateError
from dataplane.inspection_ports import Looks, Question
from dataplane.policy.beside import Means
from dataplane.policy.input import build_input
from dataplane.policy.trials import Trials
from dataplane.trial import ShadowDifference, Trial, TrialKind, TrialReport, TrialState

ACTIVE = "9-gabcdef0-00000000000a"
LOOK_S = 0.02


def trial(kind: TrialKind = TrialKind.SHADOW, seq: int = 1, **changes: Any) -> Trial:
    made = Trial(
        id=f"{kind}-{seq}",
        kind=kind,
        channel="prod",
        revision=revision(seq),
        signed_for="canary",
        share_ppm=1_000_000,
        begun=False,
    )
    return replace(made, **changes)


def caller(client_id: str, path: str = "/allow") -> CallState:
    state = call(path)
    state.identity = Identity(client_id=client_id, method="api_key")
    return state


class FakeActive:
    """The active engine: what the kit's policy says under the name `one`, without asking anybody."""

    def __init__(self) -> None:
        self.asked = 0
        self.broken: list[str] = []

    async def judge(self, state: CallState, question: Question) -> Decision:
        return self._decision(state, question)

    async def decide(self, state: CallState, looks: Looks | None = None) -> Decision:
        return self._decision(state, None)

    def _decision(self, state: CallState, question: Question | None) -> Decision:
        self.asked += 1
        answer = {
            "v": 1,
            "decision": "ALLOW",
            "reasons": ["grant.one"],
            "principal": {"id": "client/demo"},
            "constraints": {},
            "limits": [],
            "response": {"inspect": [], "ask": "never", "tool_calls": "pass"},
            "audit": "metadata",
            "shadow": [],
        }
        return Decision(
            verdict=Verdict.ALLOW,
            reasons=("grant.one",),
            revision=ACTIVE,
            opa_version="1.22.0",
            input=build_input(
                state,
                stage="request" if question is None else question.stage,
                tables_revision=ACTIVE,
                about=question,
            ),
            result=orjson.dumps(answer),
            latency_us=1,
        )

    def problems(self) -> list[str]:
        return self.broken


class FakeStore:
    """What is to run, and what the gateway said; every method fails while `down`."""

    def __init__(self) -> None:
        self.wanted: list[Trial] = []
        self.reports: dict[str, list[TrialReport]] = {}
        self.before: dict[str, Mapping[str, int]] = {}
        self.noted: list[str] = []
        self.down = False

    def _up(self) -> None:
        if self.down:
            raise OSError("connection refused to db.example with secret-password")

    async def running(self, channel: str) -> list[Trial]:
        self._up()
        return [one for one in self.wanted if one.channel == channel]

    async def content(self, trial_id: str) -> bytes | None:
        self._up()
        return next((one.revision.encode() for one in self.wanted if one.id == trial_id), None)

    async def counted(self, trial_id: str) -> Mapping[str, int]:
        return self.before.get(trial_id, {})

    async def begun(self, trial_id: str) -> None:
        self._up()
        self.noted.append(trial_id)

    async def report(self, trial_id: str, report: TrialReport) -> None:
        self._up()
        self.reports.setdefault(trial_id, []).append(report)

    def last(self, trial_id: str) -> TrialReport:
        return self.reports[trial_id][-1]


class FakeLog:
    """Takes differences, unless under pressure."""

    def __init__(self) -> None:
        self.found: list[ShadowDifference] = []
        self.pressed = False

    def shadow(self, difference: ShadowDifference) -> bool:
        if not self.pressed:
            self.found.append(difference)
        return not self.pressed


class NoFloors:
    async def highest(self, channel: str) -> int:
        return 0

    async def raise_floor(self, channel: str, seq: int, revision: str) -> None:
        return None


class Process:
    """A candidate's OPA with its bundle server, in a directory of its own."""

    def __init__(self, binary: Path, seq: int, name: str, told: Callable[[str], None]) -> None:
        self.seq = seq
        self._home = Path(tempfile.mkdtemp(prefix="rg-", dir="/tmp"))
        self._server = Server()
        self._server.publish(bundle(seq, name=name))
        self._told = told
        self._waiting: asyncio.Task[None] | None = None
        self.opa = RealOpa(binary, self._home, self._server)
        self.running = self.yields = False

    @property
    def socket_path(self) -> Path:
        return self.opa.socket

    async def start(self) -> None:
        self.opa.start()
        self.running = True
        self._told("starting")
        self._waiting = asyncio.create_task(self._until_listening())

    async def _until_listening(self) -> None:
        while True:
            try:
                _, writer = await asyncio.open_unix_connection(self.opa.socket)
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                break
        while self.running:  # the bundle comes a moment later, and no status is posted here
            self._told("running")
            await asyncio.sleep(0.05)

    def yield_to_others(self) -> None:
        self.yields = True

    def kill(self) -> None:
        """As a crash, told by its supervisor."""
        assert self._waiting is not None
        self._waiting.cancel()
        self.opa.kill()
        self._told("backoff")

    async def stop(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            await asyncio.wait([self._waiting])
        self.running = False
        await asyncio.to_thread(self.opa.kill)
        await asyncio.to_thread(self._server.close)
        shutil.rmtree(self._home, ignore_errors=True)


@dataclass
class Scene:
    """Trials on a fake active engine; `names` are the names that candidates' answers carry, by sequence."""

    opa: Path
    channels: tuple[str, ...] = ("canary",)
    floor: int = 0
    refuse: str | None = None
    names: dict[int, str] = field(default_factory=dict)
    active: FakeActive = field(default_factory=FakeActive)
    store: FakeStore = field(default_factory=FakeStore)
    log: FakeLog = field(default_factory=FakeLog)
    processes: list[Process] = field(default_factory=list)
    notes: list[Mapping[str, str | int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.trials = self.made()

    def made(self) -> Trials:
        means = Means(
            bundle="main",
            check=self._check,
            process=self._process,
            floor=lambda: self.floor,
            floors=NoFloors(),
            note=lambda _, fields: self.notes.append(fields),
        )
        settings = PolicySettings.model_validate({"deadline_ms": 5000, "canary_channels": self.channels})
        return Trials(settings, store=self.store, log=self.log, means=means, look_s=LOOK_S)

    def _check(self, content: bytes, channel: str) -> str:
        if self.refuse is not None:
            raise RegoGateError(self.refuse)
        return content.decode()

    def _process(self, trial: Trial, told: Callable[[str], None]) -> Process:
        seq = int(trial.revision.split("-")[0])
        self.processes.append(Process(self.opa, seq, self.names.get(seq, "two"), told))
        return self.processes[-1]

    def want(self, *trials: Trial) -> None:
        self.store.wanted = list(trials)

    async def state(self, trial_id: str, wanted: TrialState) -> TrialReport:
        """The gateway's report once it says so."""
        await until(lambda: trial_id in self.store.reports and self.store.last(trial_id).state is wanted)
        return self.store.last(trial_id)

    async def counted(self, trial_id: str, name: str, at_least: int) -> None:
        kind = TrialKind(trial_id.split("-")[0])
        await until(lambda: self.trials.counts(kind).get(name, 0) >= at_least)

    async def decide(self, client_id: str = "demo", path: str = "/allow") -> str:
        """The reason of the decision, or of the refusal."""
        try:
            decision = await self.trials.decide(caller(client_id, path))
        except Refused as refused:
            return refused.reasons[0]
        return decision.reasons[0]


async def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        await asyncio.sleep(0.005)


def play(scene: Scene, story: Callable[[Scene], Awaitable[None]]) -> Scene:
    """Run a story; afterwards nothing of the trials is left."""

    async def main() -> None:
        async with asyncio.timeout(3 * LIMIT_S):
            try:
                await scene.trials.start(scene.active)
                await story(scene)
            finally:
                await scene.trials.close()
        assert not any(process.running for process in scene.processes)
        await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})

    asyncio.run(main())
    return scene
