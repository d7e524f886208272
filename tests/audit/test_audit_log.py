"""The log of a process on both databases: what is durable when, and what waits for whom."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest
from audit_kit import KEY, Scene, call, ended, eventually, stranger

from dataplane.audit.log import DurableLog
from dataplane.audit.notes import write_note
from dataplane.database import Database
from dataplane.domain import Outcome
from dataplane.errors import Refused

Play = Callable[..., None]


def test_an_intent_is_in_the_database_when_it_returns(play: Play, url: str) -> None:
    async def story(scene: Scene) -> None:
        state = call()
        await scene.log.intent(state)
        (intent,) = await scene.told("intent")
        assert intent["id"] == state.intent_id
        scene.log.completion(ended(state), Outcome.OK)
        (completion,) = await scene.until("completion", count=1)
        assert completion["intent_id"] == intent["id"]

    play(url, story)


def test_a_chain_begins_with_hello_and_ends_with_bye_and_names_what_was_there(play: Play, url: str) -> None:
    async def first(scene: Scene) -> None:
        await scene.log.intent(call())

    play(url, first, about={"version": "0.1.0"})

    async def second(scene: Scene) -> None:
        await scene.log.note("config", {"digest": "abc"})
        rows = await scene.rows()
        assert [row.kind for row in rows] == ["hello", "intent", "bye", "hello", "config"]
        assert rows[0].writer != rows[3].writer
        hello = (await scene.told("hello"))[1]
        assert hello["previous_writer"] == rows[2].writer
        assert hello["previous_wseq"] == rows[2].wseq
        assert hello["previous_hash"] == rows[2].hash.hex()
        assert hello["instance"] == "gw"
        assert (await scene.told("hello"))[0]["version"] == "0.1.0"

    play(url, second)


def test_what_is_queued_during_a_commit_goes_into_the_next_one(play: Play, url: str) -> None:
    async def story(scene: Scene) -> None:
        await scene.log.note("config", {})
        scene.database.gate = asyncio.Event()
        before = scene.database.transactions
        calls = [asyncio.create_task(scene.log.intent(call(f"r-{n}"))) for n in range(200)]
        await eventually(lambda: scene.database.transactions, lambda n: n == before + 1)
        calls += [asyncio.create_task(scene.log.intent(call(f"s-{n}"))) for n in range(200)]
        await asyncio.sleep(0)
        scene.database.gate.set()
        await asyncio.gather(*calls)
        assert scene.database.transactions == before + 2
        assert len(await scene.told("intent")) == 400

    play(url, story)


def test_a_full_queue_refuses_at_once(play: Play, sqlite_url: str) -> None:
    async def story(scene: Scene) -> None:
        await scene.log.note("config", {})
        scene.database.gate = asyncio.Event()
        calls = [asyncio.create_task(scene.log.intent(call(f"r-{n}"))) for n in range(3)]
        await eventually(lambda: scene.database.transactions == 3 + 1 or scene.log._writer._in_flight == 3)
        queued = [asyncio.create_task(scene.log.intent(call(f"q-{n}"))) for n in range(5)]
        await asyncio.sleep(0)
        state = call("late")
        with pytest.raises(Refused, match="audit_unavailable"):
            await scene.log.intent(state)
        await scene.log.deny(state, Refused("gateway.audit_unavailable"))
        scene.database.gate.set()
        await asyncio.gather(*calls, *queued)
        (deny,) = await scene.until("deny", count=1)
        assert (deny["count"], deny["counted_because"]) == (1, ["audit_unavailable"])

    play(sqlite_url, story, queue_limit=5, timeout_s=30.0)


def test_a_caller_that_gave_up_before_its_turn_leaves_no_record(play: Play, url: str) -> None:
    async def story(scene: Scene) -> None:
        await scene.log.note("config", {})
        scene.database.faults = ["refused"] * 40
        with pytest.raises(Refused, match="audit_unavailable"):
            await scene.log.intent(call())
        assert scene.log.problems()
        scene.database.faults = []
        await scene.log.note("config", {})
        assert scene.log.problems() == []
        assert await scene.told("intent", "completion") == []

    play(url, story, timeout_s=0.3)


def test_a_commit_that_lands_too_late_is_followed_by_not_forwarded(play: Play, url: str) -> None:
    async def story(scene: Scene) -> None:
        await scene.log.note("config", {})
        scene.database.gate = asyncio.Event()
        state = call()
        with pytest.raises(Refused, match="audit_unavailable"):
            await scene.log.intent(state)
        assert state.intent_id is None
        scene.database.gate.set()
        intent, completion = await scene.until("intent", "completion", count=2)
        assert completion["outcome"] == "not_forwarded"
        assert completion["intent_id"] == intent["id"]

    play(url, story, timeout_s=0.1)


@pytest.mark.parametrize("on_its_way", [True, False])
def test_a_cancelled_caller_leaves_a_whole_story_or_none(play: Play, url: str, on_its_way: bool) -> None:
    async def story(scene: Scene) -> None:
        await scene.log.note("config", {})
        scene.database.gate = asyncio.Event()
        before = scene.database.transactions
        first = asyncio.create_task(scene.log.intent(call("first")))
        await eventually(lambda: scene.database.transactions > before)
        second = asyncio.create_task(scene.log.intent(call("second")))
        await asyncio.sleep(0)
        cancelled = first if on_its_way else second
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        scene.database.gate.set()
        await (second if on_its_way else first)
        await scene.log.note("config", {})
        told = [(row["kind"], row["request_id"]) for row in await scene.told("intent", "completion")]
        if on_its_way:
            expected = [("intent", "first"), ("intent", "second"), ("completion", "first")]
            assert sorted(told) == sorted(expected)
        else:
            assert told == [("intent", "first")]

    play(url, story)


def test_a_caller_cancelled_in_the_moment_of_its_commit_is_followed_by_not_forwarded(
    play: Play, sqlite_url: str
) -> None:
    async def story(scene: Scene) -> None:
        await scene.log.note("config", {})
        task = asyncio.create_task(scene.log.intent(call()))
        loop = asyncio.get_running_loop()
        # Runs after the commit, between the waiter being told and its task going on.
        scene.database.on_commit = lambda: loop.call_soon(task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task
        intent, completion = await scene.until("intent", "completion", count=2)
        assert (completion["outcome"], completion["intent_id"]) == ("not_forwarded", intent["id"])

    play(sqlite_url, story)


def test_completions_wait_for_a_database_that_is_down(play: Play, url: str) -> None:
    async def story(scene: Scene) -> None:
        states = [call(f"r-{n}") for n in range(5)]
        for state in states:
            await scene.log.intent(state)
        scene.database.faults = ["refused"] * 2
        for state in states:
            scene.log.completion(ended(state), Outcome.OK)
        assert [row["request_id"] for row in await scene.until("completion", count=5)] == [
            f"r-{n}" for n in range(5)
        ]

    play(url, story)


def test_refusals_while_the_database_is_down_are_counted_until_it_is_back(play: Play, url: str) -> None:
    async def story(scene: Scene) -> None:
        await scene.log.note("config", {})
        scene.database.faults = ["refused"] * 1000
        with pytest.raises(Refused):
            await scene.log.intent(call())
        for n in range(100):
            await scene.log.deny(call(f"r-{n}"), Refused("gateway.audit_unavailable"))
        await scene.log.deny(stranger(), Refused("gateway.unauthenticated"))
        scene.database.faults = []
        await scene.log.note("config", {})
        (deny,) = await scene.until("deny", count=1)
        assert deny["count"] == 101
        assert deny["reasons"] == ["gateway.audit_unavailable", "gateway.unauthenticated"]
        assert deny["counts"] == '{"gateway.audit_unavailable":100,"gateway.unauthenticated":1}'
        assert deny["counted_because"] == ["audit_unavailable"]
        assert deny["window_start"] <= deny["window_end"]

    play(url, story, timeout_s=0.2)


def test_a_database_that_comes_back_is_noticed_without_any_caller(play: Play, url: str) -> None:
    async def story(scene: Scene) -> None:
        with suppress(Refused):  # not within so short a time, perhaps; written it is
            await scene.log.note("config", {})
        await scene.until("config", count=1)
        scene.database.faults = ["refused"] * 3
        with pytest.raises(Refused):
            await scene.log.intent(call())
        await scene.log.deny(call(), Refused("gateway.audit_unavailable"))
        assert scene.log.problems()
        await eventually(lambda: not scene.log.problems())
        (deny,) = await scene.until("deny", count=1)
        assert deny["count"] == 1
        assert len(await scene.told("beat")) == 1
        assert await scene.told("intent") == []

    play(url, story, timeout_s=0.02)


def test_a_refusal_that_is_caught_by_an_outage_is_counted_once(play: Play, sqlite_url: str) -> None:
    async def story(scene: Scene) -> None:
        await scene.log.note("config", {})
        scene.database.faults = ["refused"] * 1000
        await asyncio.gather(*(scene.log.deny(call(f"r-{n}"), Refused("gateway.framing")) for n in range(7)))
        scene.database.faults = []
        await scene.log.note("config", {})
        (deny,) = await scene.until("deny", count=1)
        assert deny["count"] == 7

    play(sqlite_url, story, timeout_s=0.1)


def test_strangers_are_recorded_one_by_one_up_to_a_rate_and_then_counted(play: Play, sqlite_url: str) -> None:
    async def story(scene: Scene) -> None:
        refused = Refused("gateway.unauthenticated")
        await asyncio.gather(*(scene.log.deny(stranger(f"r-{n}"), refused) for n in range(30)))
        await scene.log.deny(call("known"), Refused("gateway.invalid_json"))
        rows = await scene.until("deny", count=12)
        singles = [row for row in rows if row.get("count") is None]
        (counted,) = [row for row in rows if row.get("count") is not None]
        assert sum(row["client_id"] is None for row in singles) == 10
        assert [row["request_id"] for row in singles if row["client_id"]] == ["known"]
        assert (counted["count"], counted["counted_because"]) == (20, ["flood"])
        assert counted["status"] is None

    play(sqlite_url, story, clock=lambda: 5.0)


def test_refusals_still_counted_at_the_end_are_written_before_bye(play: Play, sqlite_url: str) -> None:
    async def story(scene: Scene) -> None:
        refused = Refused("gateway.unauthenticated")
        await asyncio.gather(*(scene.log.deny(stranger(f"r-{n}"), refused) for n in range(12)))
        assert await scene.log.close() == 0
        rows = await scene.rows()
        assert [row.kind for row in rows[-2:]] == ["deny", "bye"]

    play(sqlite_url, story, clock=lambda: 5.0)


def test_a_closed_log_refuses_and_says_what_it_could_not_write(play: Play, sqlite_url: str) -> None:
    async def story(scene: Scene) -> None:
        state = call()
        await scene.log.intent(state)
        scene.database.faults = ["refused"] * 1000
        scene.log.completion(ended(state), Outcome.OK)
        waiting = asyncio.create_task(scene.log.intent(call("waiting")))
        await asyncio.sleep(0)
        assert await scene.log.close(deadline_s=0.2) == 3  # the completion, the intent that waits, bye
        with pytest.raises(Refused):
            await waiting
        with pytest.raises(Refused):
            await scene.log.intent(call("later"))
        scene.database.faults = []

    play(sqlite_url, story)


def test_completions_share_the_commit_of_the_next_call(play: Play, sqlite_url: str) -> None:
    async def story(scene: Scene) -> None:
        first = call("r-1")
        await scene.log.intent(first)
        before = scene.database.transactions
        scene.log.completion(ended(first), Outcome.OK)
        await scene.log.intent(call("r-2"))
        assert scene.database.transactions == before + 1
        assert len(await scene.told("completion")) == 1

    play(sqlite_url, story)


def test_beats_show_that_a_silent_writer_lives(play: Play, sqlite_url: str) -> None:
    async def story(scene: Scene) -> None:
        assert len(await scene.until("beat", count=3)) >= 3

    play(sqlite_url, story, beat_s=0.02)


def test_a_command_leaves_a_chain_of_its_own(play: Play, url: str) -> None:
    async def story(scene: Scene) -> None:
        await write_note(
            scene.database, "key", {"action": "create", "client_id": "support"}, installation_key=KEY
        )
        (note,) = await scene.told("key")
        assert (note["action"], note["client_id"]) == ("create", "support")
        mine = [row.kind for row in await scene.rows() if row.writer == note["writer"]]
        assert mine == ["hello", "key", "bye"]

    play(url, story)


def test_a_note_that_cannot_be_written_is_refused(sqlite_url: str) -> None:
    async def main() -> None:
        database = Database(sqlite_url)  # not migrated: there is no such table
        log = DurableLog(database, key=KEY, instance="gw", timeout_s=0.1)
        await log.start()
        with pytest.raises(Refused, match="audit_unavailable"):
            await log.note("config", {})
        assert "no such table" in log.problems()[0]
        assert await log.close(deadline_s=0.1) == 2  # hello, bye
        await database.close()

    asyncio.run(main())
