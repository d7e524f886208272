"""What records say that calls took of their limits: settled, or at the estimate of a call that died."""

import asyncio
import json
import time
from typing import Any

from audit_kit import KEY, Scene, call, decision

from dataplane.audit import ledger
from dataplane.audit.draft import GENESIS
from dataplane.audit.record import Recorder
from dataplane.domain import CallState, Identity, Outcome
from dataplane.quantities import Limit, PastCall

TPH = Limit(id="t", key="client/a", unit="tokens", amount=100, per="hour", window="rolling", overrun="cut")
NOW_US = time.time_ns() // 1000
HOUR_US = 3600 * 1_000_000


def limited(request_id: str, held_us: int | None, *limits: Limit) -> CallState:
    state = call(request_id, decision=decision(limits=limits or (TPH,)))
    state.reserved, state.held_us = (50,), held_us
    return state


async def past(scene: Scene, now_us: int = NOW_US) -> list[PastCall]:
    return [one async for page in ledger.past_calls(scene.database, now_us) for one in page]


def test_a_call_counts_as_settled_and_one_that_never_ended_at_its_estimate(url: str, play: Any) -> None:
    async def story(scene: Scene) -> None:
        began_us = time.time_ns() // 1000
        done, dead, over = (limited(name, NOW_US + HOUR_US) for name in ("done", "dead", "over"))
        over.held_us = NOW_US - 1
        for state in (done, dead, over, limited("free", None)):
            await scene.log.intent(state)
        done.settled = (7,)
        scene.log.completion(done, Outcome.OK)
        scene.log.completion(over, Outcome.OK)
        await scene.log.note("config", {})
        found = await past(scene)
        assert [(one.taken, one.limits, one.slot) for one in found] == [
            ((7,), (TPH,), "acme"),
            ((50,), (TPH,), "acme"),
        ]
        assert all(0 <= one.at_us - began_us < 60_000_000 for one in found)
        assert await past(scene, NOW_US + HOUR_US + 1) == []

    play(url, story)


def test_pages_are_read_in_order_whatever_ends_at_the_same_moment(sqlite_url: str, play: Any) -> None:
    """Calls of one calendar month all count until its end; a completion may be pages behind its intent."""

    async def story(scene: Scene) -> None:
        states = [limited(f"r-{n}", NOW_US + HOUR_US) for n in range(25)]
        await asyncio.gather(*(scene.log.intent(state) for state in states))
        for n, state in enumerate(states):
            state.settled = (n,)
            scene.log.completion(state, Outcome.OK)
        await scene.log.note("config", {})
        page, ledger.PAGE = ledger.PAGE, 4  # type: ignore[misc]  # pages of four, or the test is long
        try:
            found = await past(scene)
        finally:
            ledger.PAGE = page  # type: ignore[misc]
        assert sorted(one.taken[0] for one in found) == list(range(25))

    play(sqlite_url, story)


def test_a_key_that_names_the_person_is_sealed_and_counts_all_the_same(sqlite_url: str, play: Any) -> None:
    async def story(scene: Scene) -> None:
        by_person = Limit(
            **{name: getattr(TPH, name) for name in ("id", "unit", "amount", "per", "window")},
            key="x,subject/u-17",
        )
        await scene.log.intent(limited("r", NOW_US + HOUR_US, by_person))
        [found] = await past(scene)
        assert found.limits == (by_person,)

    play(sqlite_url, story)


def test_the_name_of_a_person_stands_in_no_canonical_record() -> None:
    state = limited(
        "r", 1, Limit(id="s", key="subject/u-17", unit="tokens", amount=1, per="day", window="rolling")
    )
    draft = Recorder(key=KEY, writer="w").intent(state)
    assert b"u-17" not in draft.placed(1, GENESIS)
    assert draft.sealed is not None
    assert json.loads(json.loads(draft.sealed)["limits"])[0]["key"] == "subject/u-17"
    state.identity = Identity(client_id="c", method="api_key")
    assert b'"limits"' in Recorder(key=KEY, writer="w").intent(state).placed(1, GENESIS)
