"""An advisor that is slow, dead or overrun costs its callers little, and is asked again when it is back."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from dataplane.inspection.advisor import AdvisorFailed, Opinion
from dataplane.inspection.advisor_bounds import FAILURES, REST_S, WAITING, BoundedAdvisor

SECRET = "private words"


class Scripted:
    """An advisor that does what it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None
        self.opinions: Sequence[Opinion] = [{"hate": 3}]
        self.answers = asyncio.Event()
        self.answers.set()
        self.closed = False

    async def assess(self, texts: Sequence[str]) -> Sequence[Opinion]:
        self.asked += 1
        await self.answers.wait()
        if self.error is not None:
            raise self.error
        return self.opinions

    async def close(self) -> None:
        self.closed = True


class Bounded:
    def __init__(self, *, timeout_s: float = 5, concurrency: int = 1) -> None:
        self.inner = Scripted()
        self.outcomes: Counter[str] = Counter()
        self.now = 100.0
        self.advisor = BoundedAdvisor(
            "polite",
            self.inner,
            timeout_s=timeout_s,
            concurrency=concurrency,
            told=lambda outcome: self.outcomes.update([outcome]),
            clock=lambda: self.now,
        )

    async def fails(self) -> str:
        with pytest.raises(AdvisorFailed) as failed:
            await self.advisor.assess([SECRET])
        return str(failed.value)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0)


def test_a_question_fails_at_its_deadline() -> None:
    async def run() -> None:
        bounded = Bounded(timeout_s=0.02)
        bounded.inner.answers.clear()
        assert await bounded.fails() == "it did not answer within 0.02 s"
        assert bounded.outcomes == {"late": 1}

    asyncio.run(run())


def test_an_unexpected_error_is_told_by_its_type_only(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        bounded = Bounded()
        bounded.inner.error = KeyError(SECRET)
        assert await bounded.fails() == "unexpected KeyError"

    with caplog.at_level(logging.DEBUG):
        asyncio.run(run())
    assert SECRET not in caplog.text


def test_another_number_of_opinions_is_none() -> None:
    async def run() -> None:
        bounded = Bounded()
        bounded.inner.opinions = []
        assert "another number" in await bounded.fails()

    asyncio.run(run())


def test_a_dead_advisor_is_left_alone_and_asked_again_by_one_question_at_a_time() -> None:
    async def run() -> None:
        bounded = Bounded()
        inner = bounded.inner
        inner.error = AdvisorFailed("it answered with status 500")
        for _ in range(FAILURES):
            assert await bounded.fails() == "it answered with status 500"
        for _ in range(100):
            assert "left alone" in await bounded.fails()
        assert inner.asked == FAILURES
        bounded.now += REST_S
        await bounded.fails()
        assert inner.asked == FAILURES + 1
        assert "left alone" in await bounded.fails()
        bounded.now += REST_S
        inner.error = None
        inner.answers.clear()
        trying = asyncio.create_task(bounded.advisor.assess([SECRET]))
        await until(lambda: inner.asked == FAILURES + 2)
        assert "left alone" in await bounded.fails()
        inner.answers.set()
        assert await trying == [{"hate": 3}]
        assert await bounded.advisor.assess([SECRET]) == [{"hate": 3}]
        assert bounded.outcomes == {"failed": FAILURES + 1, "resting": 102, "answered": 2}

    asyncio.run(run())


def test_failures_that_are_not_in_a_row_do_not_count_together() -> None:
    async def run() -> None:
        bounded = Bounded()
        for _ in range(FAILURES):
            bounded.inner.error = AdvisorFailed("no")
            await bounded.fails()
            bounded.inner.error = None
            await bounded.advisor.assess([SECRET])

    asyncio.run(run())


def test_more_questions_than_may_wait_fail_at_once() -> None:
    async def run() -> None:
        bounded = Bounded(concurrency=2)
        inner = bounded.inner
        inner.answers.clear()
        most = 2 * (1 + WAITING)
        tasks = [asyncio.create_task(bounded.advisor.assess([SECRET])) for _ in range(most)]
        await until(lambda: inner.asked == 2)
        assert "wait for it" in await bounded.fails()
        inner.answers.set()
        await asyncio.gather(*tasks)
        assert inner.asked == most
        assert bounded.outcomes == {"busy": 1, "answered": most}

    asyncio.run(run())


def test_a_question_that_is_given_up_frees_its_place() -> None:
    async def run() -> None:
        bounded = Bounded()
        bounded.inner.answers.clear()
        task = asyncio.create_task(bounded.advisor.assess([SECRET]))
        await until(lambda: bounded.inner.asked == 1)
        task.cancel()
        await asyncio.wait([task])
        bounded.inner.answers.set()
        assert await bounded.advisor.assess([SECRET]) == [{"hate": 3}]
        await bounded.advisor.close()
        assert bounded.inner.closed

    asyncio.run(run())
