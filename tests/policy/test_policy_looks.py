"""The engine, a real OPA, and what looks into texts by the tables of the revision that decides."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from opa_kit import LIMIT_S, Bench, Table, call, revision, running, table

from dataplane.domain import CallState, Verdict
from dataplane.errors import Refused
from dataplane.findings import Finding, Inspection, Level, Origin, Span, Text
from dataplane.inspection_ports import Detector, Question, Redactor, TextStream
from dataplane.policy.failed_detector import FailedDetector
from dataplane.policy.input import signals


def found(kind: str, level: Level, score: int, origin: Origin = Origin.USER) -> Finding:
    return Finding(kind=kind, level=level, score=score, origin=origin, spans=(Span(0, 0, 1),))


class TableDetector:
    """Finds what its table says, in whatever text."""

    finds = True

    def __init__(self, revision: str, table: Mapping[str, Any]) -> None:
        self.revision = revision
        self.kinds = dict(table)

    async def look(self, texts: Sequence[Text]) -> Inspection:
        findings = tuple(found(kind, Level.HIGH, score) for kind, score in self.kinds.items())
        return Inspection(findings=findings, risk=40, data_class="confidential", unread_bytes=3)

    def redactor(self) -> Redactor:
        raise AssertionError("nothing is redacted here")

    def stream(self, origin: Origin, kinds: Sequence[str]) -> TextStream:
        raise AssertionError("nothing is streamed here")


class Made:
    """Makes detectors, and waits or fails as a test says."""

    def __init__(self) -> None:
        self.revisions: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.fails = False

    def __call__(self, revision: str, table: Mapping[str, Any]) -> Detector:
        assert self.gate.wait(LIMIT_S)
        self.revisions.append(revision)
        if self.fails:
            raise ValueError("no such pattern")
        return TableDetector(revision, table)


class Looking:
    """As the pipeline's: notes what it was given and what that found."""

    def __init__(self, state: CallState) -> None:
        self.state = state
        self.by: list[str] = []

    async def look(self, detector: Detector) -> None:
        self.by.append(detector.revision)
        self.state.inspection = await detector.look([Text(text="x", origin=Origin.USER)])


Scene = Callable[..., Any]


@pytest.fixture(scope="module")
def bench(opa_binary: Path) -> Iterator[Bench]:
    home = Path(tempfile.mkdtemp(prefix="rg-", dir="/tmp"))
    with running(opa_binary, home) as made:
        yield made
    shutil.rmtree(home, ignore_errors=True)


def play(bench: Bench, story: Callable[[Table, Made], Awaitable[None]], **content: Any) -> None:
    @asynccontextmanager
    async def scene() -> AsyncIterator[tuple[Table, Made]]:
        made = Made()
        await bench.switch(detectors={"pii.email": 60}, **content)
        async with table(bench, detectors=made) as at:
            yield at, made

    async def main() -> None:
        async with asyncio.timeout(3 * LIMIT_S), scene() as (at, made):
            await story(at, made)

    asyncio.run(main())


async def decided(at: Table) -> tuple[dict[str, Any], Looking]:
    state = call(uninspected_bytes=4)
    looking = Looking(state)
    decision = await at.engine.decide(state, looking)
    return orjson.loads(decision.input), looking


def test_what_the_tables_detector_finds_is_in_the_question(bench: Bench) -> None:
    async def story(at: Table, made: Made) -> None:
        assert at.engine.problems() == ["policy: no signed bundle is active yet"]
        await at.engine.look()
        assert at.engine.problems() == ["policy: the detectors of the active bundle are not made yet"]
        await at.engine.prepare()
        assert at.engine.problems() == []
        sent, looking = await decided(at)
        active = revision(at.bench.seq)
        assert looking.by == made.revisions == [active]
        assert sent["tables_revision"] == active
        assert sent["signals"] == {"pii.email": {"user": {"level": "high", "score": 60, "count": 1}}}
        assert sent["request"]["uninspected_bytes"] == 7
        assert (sent["request"]["risk"], sent["request"]["data_class_found"]) == (40, "confidential")
        assert "data_class" not in sent["request"]

    play(bench, story)


def test_after_a_switch_the_texts_are_looked_at_again_by_the_new_tables(bench: Bench) -> None:
    async def story(at: Table, made: Made) -> None:
        await at.engine.prepare()
        await decided(at)
        before = revision(at.bench.seq)
        after = await at.bench.switch(detectors={"secret.key": 90})
        sent, looking = await decided(at)
        assert looking.by == [before, after]
        assert sent["tables_revision"] == after
        assert list(sent["signals"]) == ["secret.key"]

    play(bench, story)


def test_calls_wait_together_for_a_detector_that_is_being_made(bench: Bench) -> None:
    async def story(at: Table, made: Made) -> None:
        made.gate.clear()
        waiting = [asyncio.create_task(decided(at)) for _ in range(4)]
        while not at.proxy.asked["GET /v1/data/regogate/detectors"]:
            await asyncio.sleep(0.002)
        made.gate.set()
        for sent, _ in await asyncio.gather(*waiting):
            assert list(sent["signals"]) == ["pii.email"]
        assert len(made.revisions) == 1

    play(bench, story)


def test_a_detector_whose_table_stayed_serves_the_next_revision_at_once(bench: Bench) -> None:
    async def story(at: Table, made: Made) -> None:
        await at.engine.prepare()
        first = revision(at.bench.seq)
        after = await at.bench.switch(name="two", detectors={"pii.email": 60})
        sent, looking = await decided(at)
        assert (sent["tables_revision"], made.revisions) == (after, [first])
        assert looking.by == [first, first]

    play(bench, story)


def test_a_table_no_detector_can_be_made_of_is_a_failed_inspection(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(at: Table, made: Made) -> None:
        made.fails = True
        await at.engine.look()
        await at.engine.prepare()
        assert at.engine.problems() == []
        sent, _ = await decided(at)
        assert sent["signals"] == {"inspection.failed": {"user": {"level": "high", "score": 100, "count": 1}}}
        assert sent["request"]["risk"] == 100
        assert "no detector can be made of the tables" in caplog.text

    play(bench, story)


def test_a_later_stage_names_the_tables_that_its_findings_were_found_by(bench: Bench) -> None:
    async def story(at: Table, made: Made) -> None:
        state = call()
        state.decision = await at.engine.decide(state, Looking(state))
        before = state.decision.revision
        after = await at.bench.switch(name="two", detectors={"pii.email": 60})
        question = Question(
            stage="tool_call",
            about={"name": "search", "valid": True},
            findings=(found("secret.key", Level.MEDIUM, 55, Origin.TOOL_ARGUMENTS),),
        )
        decision = await at.engine.judge(state, question)
        sent = orjson.loads(decision.input)
        assert (sent["stage"], sent["call"]) == ("tool_call", {"name": "search", "valid": True})
        assert list(sent["signals"]) == ["secret.key"]
        assert sent["tables_revision"] == before
        assert (decision.revision, decision.reasons) == (after, ("tool_call.two",))
        assert decision.verdict is Verdict.BLOCK
        answer = await at.engine.judge(state, Question(stage="response", about={"tokens": 3}))
        assert orjson.loads(answer.input)["answer"] == {"tokens": 3}
        assert "signals" not in orjson.loads(answer.input)
        state.head = call("/undefined").head
        with pytest.raises(Refused) as caught:
            await at.engine.judge(state, question)
        assert caught.value.reasons == ("gateway.policy_unavailable",)

    play(bench, story)


def test_signals_are_the_highest_level_and_score_of_each_kind_and_origin() -> None:
    told = signals(
        [
            found("pii.email", Level.MEDIUM, 60),
            found("pii.email", Level.HIGH, 85),
            found("pii.email", Level.LOW, 90),
            found("pii.email", Level.LOW, 10, Origin.SYSTEM),
        ]
    )
    assert told == {
        "pii.email": {
            "user": {"level": "high", "score": 90, "count": 3},
            "system": {"level": "low", "score": 10, "count": 1},
        }
    }


def test_without_a_detector_every_text_is_a_failed_inspection() -> None:
    async def main() -> None:
        one = FailedDetector("r")
        assert await one.look([]) == Inspection()
        texts = [
            Text(text="é", origin=Origin.USER),
            Text(text="b", origin=Origin.TOOL_RESULT),
            Text(text="c", origin=Origin.USER),
        ]
        seen = await one.look(texts)
        assert [(each.kind, each.origin, each.spans[0].text) for each in seen.findings] == [
            ("inspection.failed", Origin.TOOL_RESULT, 1),
            ("inspection.failed", Origin.USER, 0),
        ]
        assert seen.unread_bytes == 4
        assert one.redactor().redact(texts, seen.findings, ["*"]) == {}
        assert one.redactor().restore("[EMAIL_1]") == "[EMAIL_1]"
        stream = one.stream(Origin.OUTPUT, ["*"])
        assert stream.feed("secret").text == ""
        assert (stream.feed("more").findings, stream.relax().text, stream.end().text) == ((), "", "")

    asyncio.run(main())
