"""The public application: health, what the pipeline is handed, and that a leaving caller stays in here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from asgi_kit import Caller, run, scope, until

from dataplane.domain import CallState, Reply
from dataplane.edge.front import Front, refusal_of
from dataplane.errors import Refused
from dataplane.pipeline import Pipeline
from dataplane.ports import Client
from dataplane.server.doubts import DOUBTS

Handle = Callable[[CallState, Client, Refused | None], Awaitable[None]]


class Scripted(Pipeline):
    """A pipeline that does as the test says."""

    def __init__(self, script: Handle) -> None:
        self._script = script

    async def handle(self, state: CallState, client: Client, doubt: Refused | None) -> None:
        await self._script(state, client, doubt)


class House:
    def __init__(self, script: Handle | None = None) -> None:
        self.problems: list[str] = []
        self.told: list[CallState] = []
        self.doubts: list[Refused | None] = []
        self._script = script
        self.front = Front(
            Scripted(self._handle),
            problems=lambda: self.problems,
            max_body_bytes=100,
            body_timeout_s=5,
            doubt_sentences={code: meaning.sentence for code, meaning in DOUBTS.items()},
            done=(self.told.append,),
        )

    async def _handle(self, state: CallState, client: Client, doubt: Refused | None) -> None:
        self.doubts.append(doubt)
        if self._script is not None:
            await self._script(state, client, doubt)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_liveness_is_told_whatever_is_wrong(method: str) -> None:
    async def story() -> None:
        house, caller = House(), Caller(b"")
        house.problems = ["audit: the database is down"]
        await house.front(scope("/livez", method), caller.receive, caller.send)
        assert (caller.status, caller.body) == (200, b"ok\n")
        assert house.told == []

    run(story)


def test_readiness_is_told_without_its_reasons() -> None:
    async def story() -> None:
        house = House()
        for problems, status, ready in ([], 200, b"true"), (["audit: db.internal is down"], 503, b"false"):
            caller = Caller(b"")
            house.problems = problems
            await house.front(scope("/readyz", "GET"), caller.receive, caller.send)
            assert (caller.status, caller.body) == (status, b'{"ready":' + ready + b"}")

    run(story)


@pytest.mark.parametrize(
    ("path", "method"),
    [("/livez", "POST"), ("/livez/", "GET"), ("/%6civez", "GET"), ("/Livez", "GET"), ("/v1/readyz", "GET")],
)
def test_what_only_resembles_a_health_check_is_a_call(path: str, method: str) -> None:
    async def story() -> None:
        house, caller = House(), Caller(b"")
        await house.front(scope(path, method), caller.receive, caller.send)
        (state,) = house.told
        assert state.head.path == path

    run(story)


def test_a_health_check_in_doubt_is_a_call_in_doubt() -> None:
    async def story() -> None:
        house, caller = House(), Caller(b"")
        doubtful = scope("/livez", "GET", doubt=(400, "bare_lf"))
        await house.front(doubtful, caller.receive, caller.send)
        assert [doubt and doubt.status for doubt in house.doubts] == [400]

    run(story)


@pytest.mark.parametrize("code", DOUBTS)
def test_each_doubt_of_the_filter_becomes_a_refusal_with_its_sentence(code: str) -> None:
    meaning = DOUBTS[code]
    for status in (400, 413, 431):
        refused = refusal_of((status, code), {code: meaning.sentence})
        assert refused.status == status
        assert refused.message == meaning.sentence
        assert refused.code == (code if status == 400 else refused.code)


def test_a_head_that_is_refused_is_handed_on_with_its_doubt_and_told() -> None:
    async def story() -> None:
        house, caller = House(), Caller(b"")
        await house.front(scope("/v1/../x"), caller.receive, caller.send)
        assert [doubt and doubt.reasons for doubt in house.doubts] == [("gateway.bad_path",)]
        assert len(house.told) == 1

    run(story)


def test_an_illegible_request_line_gives_no_method_or_path_of_the_server_s_own() -> None:
    async def story() -> None:
        house, caller = House(), Caller(b"")
        await house.front(scope(doubt=(400, "bare_lf"), legible=False), caller.receive, caller.send)
        assert (house.told[0].head.method, house.told[0].head.path) == ("", "")

    run(story)


def test_request_ids_are_ours_unique_and_in_order_of_time() -> None:
    async def story() -> None:
        house = House()
        for _ in range(5):
            caller = Caller(b"")
            await house.front(scope(), caller.receive, caller.send)
        ids = [state.head.request_id for state in house.told]
        assert len(set(ids)) == 5
        assert [text[14] for text in ids] == ["7"] * 5

    run(story)


async def wait_for_ever(state: CallState, client: Client, doubt: Refused | None) -> None:
    async for _ in client.body():
        pass
    await asyncio.sleep(3600)


def test_a_caller_that_leaves_ends_its_call_and_the_server_hears_of_no_cancelling() -> None:
    async def story() -> None:
        house, caller = House(wait_for_ever), Caller(b"x")
        task = asyncio.create_task(house.front(scope(), caller.receive, caller.send))
        await until(lambda: caller.receiving == 2)
        caller.leave()
        await task
        assert not task.cancelled()
        assert task.cancelling() == 0
        assert len(house.told) == 1

    run(story)


def test_a_server_that_stops_cancels_the_call_and_is_obeyed() -> None:
    async def story() -> None:
        house, caller = House(wait_for_ever), Caller(b"x")
        task = asyncio.create_task(house.front(scope(), caller.receive, caller.send))
        await until(lambda: caller.receiving == 2)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        assert len(house.told) == 1

    run(story)


def test_a_server_that_stops_is_obeyed_though_the_caller_leaves_at_that_moment() -> None:
    async def story() -> None:
        house, caller = House(wait_for_ever), Caller(b"x")
        task = asyncio.create_task(house.front(scope(), caller.receive, caller.send))
        await until(lambda: caller.receiving == 2)
        caller.leave()
        await asyncio.sleep(0)  # the watch has its message, the call is not woken yet
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()

    run(story)


def test_a_server_that_stops_is_obeyed_after_the_caller_s_connection_broke() -> None:
    async def story() -> None:
        stopped = asyncio.Event()

        async def broken(state: CallState, client: Client, doubt: Refused | None) -> None:
            caller.gone = True
            try:
                await client.write(b"x")
            except Exception:
                stopped.set()
                await asyncio.sleep(3600)  # such as a record that takes its time

        caller = Caller(b"x")
        house = House(broken)
        task = asyncio.create_task(house.front(scope(), caller.receive, caller.send))
        await stopped.wait()
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()

    run(story)


def test_a_caller_that_leaves_while_its_answer_streams_ends_the_stream() -> None:
    async def story() -> None:
        closed = asyncio.Event()

        async def stream(state: CallState, client: Client, doubt: Refused | None) -> None:
            async for _ in client.body():
                pass
            await client.start(200, ())
            try:
                while True:
                    await client.write(b"data")
                    await asyncio.sleep(0.001)
            finally:
                closed.set()

        house, caller = House(stream), Caller(b"x")
        task = asyncio.create_task(house.front(scope(), caller.receive, caller.send))
        await until(lambda: caller.receiving == 2)
        caller.leave()
        await task
        assert closed.is_set()

    run(story)


def test_the_answer_of_a_call_reaches_the_caller_and_nothing_watches_on() -> None:
    async def story() -> None:
        async def answer(state: CallState, client: Client, doubt: Refused | None) -> None:
            body = b"".join([piece async for piece in client.body()])
            await client.reply(Reply(status=200, headers=(), body=body))

        house, caller = House(answer), Caller(b"hel", b"lo")
        await house.front(scope(), caller.receive, caller.send)
        assert (caller.status, caller.body) == (200, b"hello")

    run(story)


def test_a_websocket_is_closed_and_a_lifespan_left_alone() -> None:
    async def story() -> None:
        house, caller = House(), Caller()
        await house.front({"type": "websocket"}, caller.receive, caller.send)
        assert caller.sent == [{"type": "websocket.close", "code": 1008}]
        await house.front({"type": "lifespan"}, caller.receive, caller.send)
        assert len(caller.sent) == 1

    run(story)
