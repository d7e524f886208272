"""A shadow never delays or fails a call: what it cannot do it drops, and counts."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from opa_kit import LIMIT_S, Bench, call, revision, running
from trial_kit import FakeActive, FakeLog, trial, until

from dataplane.policy.client import OpaClient, OpaUnreachable
from dataplane.policy.result import Malformed
from dataplane.policy.shadow import (
    LIST_REST,
    QUEUE_LIMIT,
    REST,
    STORED_BURST,
    STORED_PER_S,
    TURN_S,
    Shadow,
)
from dataplane.policy.shadow_questions import BATCH, ListAsker
from dataplane.trial import ShadowDifference, Trial


class FakeAsker:
    """Answers as the active policy does, when its gate is open."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.gate = asyncio.Event()
        self.asked: list[int] = []
        self.fails: Exception | None = None

    async def ask(self, inputs: list[bytes]) -> list[Any]:
        await self.gate.wait()
        self.asked.append(len(inputs))
        if self.fails is not None:
            raise self.fails
        return [self.answer] * len(inputs)


class Scene:
    def __init__(self, one: Trial | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self.log = FakeLog()
        self.asker = FakeAsker({"decision": "BLOCK"})
        self.now = 0.0
        self.processor = 0.0
        self.active = FakeActive()
        self.shadow = Shadow(
            one or trial(),
            self.asker,  # type: ignore[arg-type]
            self.log,
            self.counts,
            clock=lambda: self.now,
            processor=lambda: self.processor,
        )

    async def offer(self, count: int, request_id: str = "r-1") -> None:
        state = call()
        state.head = replace(state.head, request_id=request_id)
        decision = await self.active.decide(state)
        for _ in range(count):
            self.shadow.offer(state, decision)


def play(story: Callable[[Scene], Awaitable[None]], one: Trial | None = None) -> None:
    async def main() -> None:
        scene = Scene(one)
        task = asyncio.create_task(scene.shadow.run())
        async with asyncio.timeout(LIMIT_S):
            await story(scene)
        assert not task.done(), "the worker outlives whatever happens"
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(main())


def test_beyond_the_queue_inputs_are_dropped_and_counted() -> None:
    async def story(at: Scene) -> None:
        await at.offer(QUEUE_LIMIT + 500)
        assert at.counts == {"dropped": 500}
        at.asker.gate.set()
        await until(lambda: at.counts["evaluated"] == QUEUE_LIMIT)
        assert max(at.asker.asked) == BATCH

    play(story)


@pytest.mark.parametrize(
    "error", [OpaUnreachable("OPA's socket: gone"), Malformed("OPA answered with status 404"), TimeoutError()]
)
def test_an_opa_that_gives_no_answer_costs_its_inputs_and_is_told_once(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(at: Scene) -> None:
        at.asker.fails = error
        at.asker.gate.set()
        await at.offer(3)
        await until(lambda: at.counts["failed"] == 3)
        await at.offer(2)
        await until(lambda: at.counts["failed"] == 5)
        at.asker.fails = None
        await at.offer(1)
        await until(lambda: at.counts["stored"] == 1)

    play(story)
    assert [record.message for record in caplog.records] == ["the shadow gives no answer"]


def test_under_pressure_of_the_audit_log_differences_are_only_counted() -> None:
    async def story(at: Scene) -> None:
        at.log.pressed = True
        at.asker.gate.set()
        await at.offer(4)
        await until(lambda: at.counts["not_stored"] == 4)
        assert at.counts == {"evaluated": 4, "ALLOW>BLOCK": 4, "not_stored": 4}

    play(story)


def test_calls_have_the_loop_while_many_differences_are_recorded() -> None:
    async def story(at: Scene) -> None:
        def slowly(found: ShadowDifference) -> bool:
            time.sleep(2 * TURN_S)
            return True

        at.log.shadow = slowly  # type: ignore[method-assign]  # a record that costs two turns
        at.asker.gate.set()
        await at.offer(20)
        turns = 0
        while at.counts["evaluated"] < 20:
            await asyncio.sleep(0)
            turns += 1
        assert turns > 20 * REST, "between any two records the loop is given back for longer than they took"

    play(story)


@pytest.mark.parametrize("busy", [0.0, 0.5, 1.0])
def test_while_calls_keep_the_loop_busy_the_candidate_rests_between_lists(busy: float) -> None:
    took = 0.05
    begun: list[float] = []

    async def story(at: Scene) -> None:
        async def ask(inputs: list[bytes]) -> list[Any]:
            begun.append(time.monotonic())
            at.now += took
            at.processor += took * busy
            return [at.asker.answer] * len(inputs)

        at.asker.ask = ask  # type: ignore[method-assign]
        await at.offer(2 * BATCH)
        await until(lambda: at.counts["evaluated"] == 2 * BATCH)

    play(story)
    first, second = begun
    assert second - first >= took * busy * LIST_REST
    if not busy:
        assert second - first < took * LIST_REST, "nothing to make way for"


def test_differences_are_recorded_up_to_a_rate() -> None:
    async def story(at: Scene) -> None:
        at.asker.gate.set()
        for rounds in (1, 2):
            await at.offer(QUEUE_LIMIT)
            await until(lambda: at.counts["evaluated"] == rounds * QUEUE_LIMIT)  # noqa: B023  awaited here
        assert at.counts["stored"] == STORED_BURST
        at.now += 1
        await at.offer(200)
        await until(lambda: at.counts["evaluated"] == 2 * QUEUE_LIMIT + 200)
        assert at.counts["stored"] == STORED_BURST + STORED_PER_S

    play(story)


def test_a_share_of_the_calls_is_taken_and_may_change() -> None:
    async def story(at: Scene) -> None:
        at.asker.gate.set()
        await at.offer(1000)
        at.shadow.share(trial(share_ppm=1_000_000))
        await at.offer(1, "last")
        await until(lambda: any(found.request_id == "last" for found in at.log.found))
        # Of 1000 at 0.2: 200, give or take five times 12.6.
        assert 137 <= at.counts["evaluated"] - 1 <= 263

    play(story, trial(share_ppm=200_000))


@pytest.mark.parametrize("answer", [None, [], {"decision": 1}, {"decision": "MAYBE"}])
def test_an_answer_that_no_gateway_takes_is_a_difference_without_a_verdict(answer: Any) -> None:
    async def story(at: Scene) -> None:
        at.asker.answer = answer
        at.asker.gate.set()
        await at.offer(1)
        await until(lambda: at.counts["stored"] == 1)
        [found] = at.log.found
        assert found.verdict == "NONE"
        assert found.result == (None if answer is None else orjson.dumps(answer))
        assert at.counts["ALLOW>NONE"] == 1

    play(story)


def test_an_equal_answer_with_its_keys_in_another_order_is_the_same() -> None:
    async def story(at: Scene) -> None:
        answer = orjson.loads((await at.active.decide(call())).result)
        at.asker.answer = dict(reversed(answer.items()))
        at.asker.gate.set()
        await at.offer(1)
        await until(lambda: at.counts["same"] == 1)

    play(story)


# --- questions in lists, to a real OPA ------------------------------------------------------------


def questions(opa: Path, home: Path, story: Callable[[Bench, OpaClient], Awaitable[None]]) -> None:
    async def main(bench: Bench) -> None:
        client = OpaClient(bench.opa.socket, connections=2)
        try:
            async with asyncio.timeout(2 * LIMIT_S):
                await bench.switch(name="x")
                await story(bench, client)
        finally:
            client.close()

    with running(opa, home) as bench:
        asyncio.run(main(bench))


def inputs(*paths: str, stage: str = "request") -> list[bytes]:
    return [orjson.dumps({"stage": stage, "request": {"path": path}}) for path in paths]


def test_each_input_of_a_list_is_answered_as_alone_and_one_that_fails_spoils_no_other(
    opa_binary: Path, short_dir: Path
) -> None:
    async def story(bench: Bench, client: OpaClient) -> None:
        asker = ListAsker(client, bundle="main", revision=revision(bench.seq))
        paths = ("/allow", "/undefined", "/conflict", "/allow", "/builtin", "/odd", "/allow")
        found = await asker.ask(inputs(*paths))
        assert [one and one["v"] for one in found] == [1, None, None, 1, None, 2, 1]
        for path, answer in zip(paths, found, strict=True):
            target = "/v1/data/regogate/request/decision?strict-builtin-errors=true"
            _, body = await client.post(target, b'{"input":%b}' % inputs(path)[0])
            assert orjson.loads(body).get("result") == answer

    questions(opa_binary, short_dir, story)


def test_each_input_of_a_list_is_answered_at_its_own_stage(opa_binary: Path, short_dir: Path) -> None:
    async def story(bench: Bench, client: OpaClient) -> None:
        asker = ListAsker(client, bundle="main", revision=revision(bench.seq))
        asked = [
            one for stage in ("tool_call", "request", "response") for one in inputs("/allow", stage=stage)
        ]
        found = await asker.ask(
            [*asked, *inputs("/undefined", stage="response"), *inputs("/allow", stage="odd")]
        )
        reasons = [one and one["reasons"] for one in found]
        assert reasons == [["tool_call.x"], ["grant.x"], ["response.x"], None, None]

    questions(opa_binary, short_dir, story)


def test_another_revision_is_not_the_candidate_and_a_new_process_is_given_the_rule_again(
    opa_binary: Path, short_dir: Path
) -> None:
    async def story(bench: Bench, client: OpaClient) -> None:
        asker = ListAsker(client, bundle="main", revision=revision(bench.seq))
        assert (await asker.ask(inputs("/allow")))[0]["reasons"] == ["grant.x"]
        bench.opa.kill()
        with pytest.raises(OpaUnreachable):
            await asker.ask(inputs("/allow"))
        bench.opa.start()
        await bench.until_active(revision(bench.seq))
        assert (await asker.ask(inputs("/allow")))[0]["reasons"] == ["grant.x"]
        await bench.switch(name="y")
        with pytest.raises(Malformed, match="does not run the candidate"):
            await asker.ask(inputs("/allow"))

    questions(opa_binary, short_dir, story)
