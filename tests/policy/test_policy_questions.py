"""Questions that come at once are asked together, and each gets the answer it would have got alone."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opa_kit import DECISION, DECISIONS, LIMIT_S, Bench, Table, running, table

from dataplane.errors import Refused
from dataplane.policy.client import OpaUnreachable
from dataplane.policy.questions import (
    IN_FLIGHT,
    SMALL_BYTES,
    SPARE_CONNECTIONS,
    TOGETHER,
    Answer,
    NoTurn,
    Questions,
)
from dataplane.policy.result import Malformed

UNAVAILABLE = "gateway.policy_unavailable"
LATE_MS = 300


@pytest.fixture(scope="module")
def bench(opa_binary: Path) -> Iterator[Bench]:
    home = Path(tempfile.mkdtemp(prefix="rg-", dir="/tmp"))
    with running(opa_binary, home) as made:
        yield made
    shutil.rmtree(home, ignore_errors=True)


async def outcome(at: Table, path: str, **facts: Any) -> str:
    try:
        decision = await at.decide(path, **facts)
    except Refused as refused:
        return refused.reasons[0]
    assert orjson.loads(decision.input)["request"]["path"] == path
    return decision.verdict if decision.visible is None else ",".join(decision.visible)


def together(
    bench: Bench, paths: list[str], *, deadline_ms: int = 5000, **content: Any
) -> tuple[list[str], Counter[str]]:
    """What becomes of calls that come at once, and what OPA was asked for them."""

    async def main() -> tuple[list[str], Counter[str]]:
        await bench.switch(**content)
        async with asyncio.timeout(3 * LIMIT_S), table(bench, deadline_ms=deadline_ms) as at:
            await at.decide()
            at.proxy.asked.clear()
            facts = [{"wants_candidates": True} if path == "/models" else {} for path in paths]
            found = await asyncio.gather(*map(lambda p, f: outcome(at, p, **f), paths, facts))
            assert await outcome(at, "/allow") in ("ALLOW", UNAVAILABLE)
            at.proxy.asked[DECISION] -= 1
            return found, +at.proxy.asked

    return asyncio.run(main())


# --- with a real OPA ------------------------------------------------------------------------------


def test_calls_that_come_at_once_are_one_question_and_each_gets_its_own_answer(bench: Bench) -> None:
    found, asked = together(bench, ["/allow", "/models", "/undefined", "/allow"])
    assert found == ["ALLOW", "m-1,m-2", UNAVAILABLE, "ALLOW"]
    assert asked == {DECISIONS: 1}


@pytest.mark.parametrize("path", ["/builtin", "/conflict"])
def test_an_input_on_which_the_policy_fails_fails_nobody_else_s(bench: Bench, path: str) -> None:
    found, asked = together(bench, ["/allow", path, "/allow"])
    assert found == ["ALLOW", UNAVAILABLE, "ALLOW"]
    assert asked == {DECISIONS: 1, DECISION: 3}


def test_a_bundle_that_knows_no_lists_is_asked_one_by_one(bench: Bench) -> None:
    found, asked = together(bench, ["/allow", "/odd", "/allow"], together=False)
    assert found == ["ALLOW", UNAVAILABLE, "ALLOW"]
    assert asked == {DECISIONS: 1, DECISION: 3}


def test_a_list_that_is_late_refuses_its_calls_and_is_not_asked_again(bench: Bench) -> None:
    found, asked = together(bench, ["/slow", "/allow"], deadline_ms=LATE_MS)
    assert found == [UNAVAILABLE, UNAVAILABLE]
    assert asked == {DECISIONS: 1}


def test_a_large_input_is_asked_alone(bench: Bench) -> None:
    large = "/allow" + "x" * SMALL_BYTES
    found, asked = together(bench, [large, "/allow", large, "/allow"])
    assert found == [UNAVAILABLE, "ALLOW", UNAVAILABLE, "ALLOW"], "the kit's policy does not know its path"
    assert asked == {DECISIONS: 1, DECISION: 2}


# --- with an OPA that says what it is told to -----------------------------------------------------


class Opa:
    """As an `OpaClient`: answers each input with itself, once `open`; `said` instead, where it is set."""

    connections = 8

    def __init__(self) -> None:
        self.asked: list[list[Any]] = []
        self.said: dict[str, tuple[int, bytes]] = {}
        self.open = asyncio.Event()
        self.open.set()
        self.most = self._now = 0

    async def post(self, target: str, body: bytes) -> tuple[int, bytes]:
        rule = re.fullmatch(r"/v1/data/regogate/request/(decisions?)\?.*", target)[1]  # type: ignore[index]
        asked = orjson.loads(body)["input"]
        self.asked.append(asked["each"] if rule == "decisions" else [asked])
        self._now += 1
        self.most = max(self.most, self._now)
        await self.open.wait()
        self._now -= 1
        if rule in self.said:
            return self.said[rule]
        result = [[one] for one in asked["each"]] if rule == "decisions" else asked
        return 200, b'{"provenance":{},"result":%b}' % orjson.dumps(result)


async def asked(questions: Questions, value: Any) -> Any:
    return await decided(questions, orjson.dumps(value))


async def decided(questions: Questions, question: bytes) -> Any:
    answer = await questions.ask("request", question)
    assert isinstance(answer, Answer)
    return None if answer.result is None else orjson.loads(answer.result)


def asking(opa: Opa, **options: float) -> Questions:
    return Questions(opa, **{"deadline_s": LIMIT_S, "wait_s": LIMIT_S, **options})  # type: ignore[arg-type]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.integers(0, 99), max_size=3 * TOGETHER), max_size=5))
def test_whatever_comes_when_each_gets_the_answer_to_its_own_question(turns: list[list[int]]) -> None:
    async def main() -> None:
        opa = Opa()
        questions = asking(opa)
        waiting = []
        for turn in turns:
            waiting += [(value, asyncio.ensure_future(asked(questions, value))) for value in turn]
            await asyncio.sleep(0)
        for value, answer in waiting:
            assert await answer == value
        assert opa.most <= IN_FLIGHT
        assert all(0 < len(one) <= TOGETHER for one in opa.asked)
        assert [value for one in opa.asked for value in one] == [value for turn in turns for value in turn]

    asyncio.run(main())


@pytest.mark.parametrize(
    "said",
    [
        (200, b'{"provenance":{},"result":{}}'),
        (200, b'{"provenance":{},"result":[[1]]}'),
        (200, b'{"provenance":{},"result":[[1],[2],[3]]}'),
        (200, b'{"provenance":{},"result":[1,2]}'),
        (200, b'{"provenance":{},"result":[[1],[2]'),
        (200, b"no JSON"),
        (503, b"{}"),
    ],
)
def test_what_is_no_list_of_as_many_answers_is_an_answer_to_none(said: tuple[int, bytes]) -> None:
    async def main() -> None:
        opa = Opa()
        opa.said["decisions"] = said
        questions = asking(opa)
        for failed in await asyncio.gather(asked(questions, 1), asked(questions, 2), return_exceptions=True):
            assert isinstance(failed, Malformed)
        assert len(opa.asked) == 1

    asyncio.run(main())


def test_a_caller_that_left_is_not_asked_for_and_takes_nobody_with_it() -> None:
    async def main() -> None:
        opa = Opa()
        opa.open.clear()
        questions = asking(opa)
        sent = [asyncio.ensure_future(asked(questions, value)) for value in range(IN_FLIGHT * TOGETHER)]
        await until(lambda: len(opa.asked) == IN_FLIGHT)
        later = [asyncio.ensure_future(asked(questions, value)) for value in (101, 102, 103)]
        await asyncio.sleep(0)
        for left in (sent[0], later[1]):
            left.cancel()
        opa.open.set()
        assert await asyncio.gather(*sent[1:]) == list(range(1, IN_FLIGHT * TOGETHER))
        assert await asyncio.gather(later[0], later[2]) == [101, 103]
        assert opa.asked[IN_FLIGHT:] == [[101, 103]]

    asyncio.run(main())


def test_what_waited_too_long_for_its_turn_is_not_asked_any_more() -> None:
    async def main() -> None:
        opa = Opa()
        opa.open.clear()
        questions = asking(opa, deadline_s=0.05, wait_s=0.01)
        first = [asyncio.ensure_future(asked(questions, value)) for value in range(IN_FLIGHT * TOGETHER)]
        await until(lambda: len(opa.asked) == IN_FLIGHT)
        with pytest.raises(NoTurn, match="no turn to ask within 10 ms"):
            await asked(questions, 99)
        for late in await asyncio.gather(*first, return_exceptions=True):
            assert isinstance(late, TimeoutError)
        assert len(opa.asked) == IN_FLIGHT

    asyncio.run(main())


def test_lists_after_one_that_was_late_are_half_as_long_until_answers_are_in_time_again() -> None:
    async def main() -> None:
        opa = Opa()
        opa.open.clear()
        questions = asking(opa, deadline_s=0.05)

        async def sizes(count: int) -> list[int]:
            opa.asked.clear()
            found = await asyncio.gather(*(asked(questions, n) for n in range(count)), return_exceptions=True)
            assert opa.open.is_set() or all(isinstance(one, TimeoutError) for one in found)
            return [len(one) for one in opa.asked]

        assert await sizes(TOGETHER) == [TOGETHER]
        assert (await sizes(TOGETHER))[0] == TOGETHER // 2
        opa.open.set()
        assert max(await sizes(TOGETHER)) < TOGETHER // 2
        for _ in range(TOGETHER):
            await sizes(1)
        assert await sizes(TOGETHER) == [TOGETHER]

    asyncio.run(main())


def test_questions_never_take_the_connections_that_the_status_needs() -> None:
    async def main() -> None:
        opa = Opa()
        opa.open.clear()
        questions = asking(opa, wait_s=0.05)
        large = b'"%b"' % (b"x" * SMALL_BYTES)
        waiting = [asyncio.ensure_future(decided(questions, large)) for _ in range(2 * opa.connections)]
        waiting += [asyncio.ensure_future(asked(questions, value)) for value in range(4 * TOGETHER)]
        await until(lambda: opa.most >= opa.connections - SPARE_CONNECTIONS)
        with pytest.raises(NoTurn):
            await decided(questions, large)
        assert opa.most == opa.connections - SPARE_CONNECTIONS
        opa.open.set()
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert opa.most == opa.connections - SPARE_CONNECTIONS
        assert not [one for one in found if isinstance(one, Exception) and not isinstance(one, NoTurn)]

    asyncio.run(main())


def test_a_bundle_that_knows_no_lists_is_given_one_and_the_next_bundle_another() -> None:
    async def main() -> None:
        opa = Opa()
        opa.said["decisions"] = (200, b'{"provenance":{}}')
        questions = asking(opa)
        for sent in (3, 2):  # the list, and then none
            opa.asked.clear()
            assert await asyncio.gather(asked(questions, 1), asked(questions, 2)) == [1, 2]
            assert len(opa.asked) == sent
        opa.said.clear()
        questions.renew()
        opa.asked.clear()
        assert await asyncio.gather(asked(questions, 1), asked(questions, 2)) == [1, 2]
        assert opa.asked == [[1, 2]]

    asyncio.run(main())


def test_an_end_leaves_nobody_waiting() -> None:
    async def main() -> None:
        opa = Opa()
        opa.open.clear()
        questions = asking(opa)
        waiting = [
            asyncio.ensure_future(asked(questions, value)) for value in range(2 * IN_FLIGHT * TOGETHER)
        ]
        await until(lambda: len(opa.asked) == IN_FLIGHT)
        await questions.close()
        for ended in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(ended, OpaUnreachable)
        assert len(opa.asked) == IN_FLIGHT

    asyncio.run(main())


async def until(holds: Any) -> None:
    end = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < end
        await asyncio.sleep(0)
