"""What is found while a call goes on: in its account where it is there in time, and never waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from pipeline_fakes import FakeClient, FakeDetector, FakeHouse, decision, new_state

from dataplane.domain import CallState, Decision, Outcome
from dataplane.findings import Finding, Inspection, Level, Origin, Span, Text
from dataplane.inspection_ports import Looks

RUDE = Finding(kind="toxicity", level=Level.HIGH, score=91, origin=Origin.USER, spans=(Span(0, 0, 3),))
Later = asyncio.Future[tuple[Finding, ...]]


class Beside(FakeDetector):
    """Gives each inspection a future of the test's."""

    def __init__(self, house: FakeHouse) -> None:
        super().__init__(house.journal, {})
        self.later: list[Later] = []

    async def look(self, texts: Sequence[Text]) -> Inspection:
        self.later.append(asyncio.get_running_loop().create_future())
        return replace(await super().look(texts), later=self.later[-1])


def house(made: FakeHouse | None = None) -> tuple[FakeHouse, Beside]:
    made = made or FakeHouse()
    made.decision = decision()
    made.surface.said = [Text(text="you", origin=Origin.USER, place=("a",))]
    detector = Beside(made)
    made.detector = detector
    return made, detector


async def begin(made: FakeHouse) -> tuple[CallState, asyncio.Task[None]]:
    state = new_state(path="/chat")
    handling = asyncio.create_task(made.pipeline().handle(state, FakeClient(made.journal), None))
    async with asyncio.timeout(5):
        while "send" not in made.journal:
            await asyncio.sleep(0)
    return state, handling


def test_what_comes_before_the_end_is_in_the_calls_account(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> CallState:
        made, detector = house()
        made.upstream_waits = asyncio.Event()
        state, handling = await begin(made)
        detector.later[0].set_result((RUDE,))
        made.upstream_waits.set()
        await handling
        assert made.outcomes == [Outcome.OK]
        return state

    state = asyncio.run(run())
    assert state.late_findings == (RUDE,)
    [record] = [one for one in caplog.records if one.message == "found while the call went on"]
    assert (record.request_id, record.findings) == (state.head.request_id, ["toxicity:high:user"])  # type: ignore[attr-defined]


def test_what_does_not_come_is_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> CallState:
        made, detector = house()
        state, handling = await begin(made)
        await handling
        assert made.outcomes == [Outcome.OK]
        assert not detector.later[0].done()
        detector.later[0].cancel()
        return state

    assert asyncio.run(run()).late_findings == ()
    assert caplog.records == []


class Asks(FakeHouse):
    """Asks twice, as where the tables changed meanwhile."""

    async def decide(self, state: CallState, looks: Looks | None = None) -> Decision:
        await super().decide(state, looks)
        return await super().decide(state, looks)


def test_what_was_asked_by_tables_that_did_not_decide_is_given_up() -> None:
    async def run() -> None:
        made, detector = house(Asks())
        _, handling = await begin(made)
        await handling
        assert [one.cancelled() for one in detector.later[:2]] == [True, False]

    asyncio.run(run())
