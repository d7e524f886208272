"""What is to run beside the active policy, on both databases; and what a shadow found, recorded and read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest
from audit_kit import KEY, POLICY_INPUT, POLICY_RESULT, REVISION, Scene, call, decision
from sqlalchemy import update

from dataplane.audit import trials
from dataplane.audit.differences import differences
from dataplane.audit.draft import GENESIS
from dataplane.audit.log import SHADOW_QUEUED
from dataplane.audit.migrate import migrate
from dataplane.audit.models import records
from dataplane.audit.record import Recorder
from dataplane.audit.trials import Candidate, TrialRefused, TrialTable
from dataplane.database import Database
from dataplane.domain import Outcome
from dataplane.errors import Refused
from dataplane.trial import ShadowDifference, Trial, TrialKind, TrialReport, TrialState

ONE, TWO = (
    Candidate(revision=f"{seq}-gabc1234-0123456789ab", channel="canary", content=b"bundle %d" % seq)
    for seq in (1, 2)
)
SHADOW, CANARY = TrialKind.SHADOW, TrialKind.CANARY


def on(url: str, story: Callable[[Database], Awaitable[None]]) -> None:
    async def main() -> None:
        database = Database(url)
        try:
            await migrate(database)
            await story(database)
        finally:
            await database.close()

    asyncio.run(main())


async def begin(database: Database, candidate: Candidate = ONE, **changes: Any) -> trials.StoredTrial:
    values: dict[str, Any] = {"kind": SHADOW, "channel": "prod", "share_ppm": 100_000, **changes}
    found, _ = await trials.start(database, values.pop("kind"), candidate=candidate, **values)
    return found


def test_another_candidate_of_the_kind_is_refused_while_one_runs(url: str) -> None:
    async def story(database: Database) -> None:
        await begin(database)
        with pytest.raises(
            TrialRefused, match=r"1-gabc.* runs beside prod already: run 'regogate shadow stop'"
        ):
            await begin(database, TWO)
        await begin(database, TWO, kind=CANARY)
        await begin(database, TWO, channel="staging")

    on(url, story)


def test_two_that_start_at_once_are_not_both_taken(url: str) -> None:
    async def story(database: Database) -> None:
        other = Database(url)
        try:
            begun = await asyncio.gather(begin(database), begin(other, TWO), return_exceptions=True)
            assert [type(one) for one in begun if isinstance(one, Exception)] == [TrialRefused]
            assert len(await TrialTable(database, instance="g").running("prod")) == 1
        finally:
            await other.close()

    on(url, story)


def test_the_same_candidate_again_changes_the_share_and_nothing_else(url: str) -> None:
    async def story(database: Database) -> None:
        first = await begin(database)
        table = TrialTable(database, instance="g")
        await table.begun(first.trial.id)
        again, new = await trials.start(database, SHADOW, channel="prod", candidate=ONE, share_ppm=250_000)
        assert not new
        assert again.trial == replace(first.trial, share_ppm=250_000, begun=True)
        assert await table.running("prod") == [again.trial]

    on(url, story)


def test_a_trial_runs_until_it_is_ended_and_its_bundle_goes_then(url: str) -> None:
    async def story(database: Database) -> None:
        table = TrialTable(database, instance="g")
        found = await begin(database)
        assert await table.running("other") == []
        assert await table.content(found.trial.id) == ONE.content
        await trials.end(database, found.trial.id, "stopped")
        await trials.end(database, found.trial.id, "withdrawn")  # too late to change anything
        assert await table.running("prod") == []
        assert await table.content(found.trial.id) is None
        ended = await trials.newest(database, SHADOW, "prod")
        assert ended is not None
        assert (ended.ended_as, ended.trial.id) == ("stopped", found.trial.id)
        assert await trials.newest(database, SHADOW, "prod", running=True) is None
        assert await trials.newest(database, CANARY, "prod") is None
        assert (await begin(database)).trial.id != found.trial.id

    on(url, story)


def test_each_gateway_says_its_own_and_counts_on_after_a_restart(url: str) -> None:
    async def story(database: Database) -> None:
        found = await begin(database)
        one, two = (TrialTable(database, instance=name) for name in ("g-1", "g-2"))
        assert await one.counted(found.trial.id) == {}
        starting = TrialReport(state=TrialState.STARTING, why=None, counts={})
        await one.report(found.trial.id, starting)
        running = TrialReport(state=TrialState.RUNNING, why=None, counts={"same": 3, "ALLOW>BLOCK": 1})
        await one.report(found.trial.id, running)
        refused = TrialReport(state=TrialState.REFUSED, why="x" * 2000, counts={})
        await two.report(found.trial.id, refused)
        said = await trials.reports(database, found.trial.id)
        assert [(each.instance, each.report.state) for each in said] == [
            ("g-1", TrialState.RUNNING),
            ("g-2", TrialState.REFUSED),
        ]
        assert said[0].report == running
        assert len(said[1].report.why or "") == trials.WHY_MAX_CHARS
        assert await TrialTable(database, instance="g-1").counted(found.trial.id) == running.counts

    on(url, story)


# --- differences ----------------------------------------------------------------------------------


def found_by(trial: Trial, request_id: str = "r-1", **changes: Any) -> ShadowDifference:
    values: dict[str, Any] = {
        "trial": trial,
        "stage": "request",
        "request_id": request_id,
        "client_id": "support",
        "model": "gpt-4o-mini",
        "operation": "chat.completions.create",
        "decision": decision(),
        "verdict": "BLOCK",
        "result": b'{"v":1,"decision":"BLOCK"}',
    }
    return ShadowDifference(**(values | changes))


TRIAL = Trial(
    id="t-1", kind=SHADOW, channel="prod", revision=ONE.revision, signed_for="canary", share_ppm=1, begun=True
)


def test_a_difference_names_both_revisions_and_seals_inputs_and_answers() -> None:
    draft = Recorder(key=KEY, writer="w-1").shadow(found_by(TRIAL))
    text = draft.placed(1, GENESIS)
    for words in (REVISION, ONE.revision, '"candidate_decision":"BLOCK"', '"policy_decision":"ALLOW"', "t-1"):
        assert words.encode() in text
    for value in (POLICY_INPUT, POLICY_RESULT, b"u-17", b"10.1.2.3"):
        assert value not in text
    assert b'"stage":"request"' in text
    later = Recorder(key=KEY, writer="w-1").shadow(found_by(TRIAL, stage="response"))
    assert b'"stage":"response"' in later.placed(1, GENESIS)
    # No column says that a call was blocked: none was.
    assert "BLOCK" not in draft.columns


def test_a_call_of_a_canary_is_stamped_in_every_record_of_it() -> None:
    recorder = Recorder(key=KEY, writer="w-1")
    for canary in (False, True):
        state = call()
        state.canary = canary
        drafts = [
            recorder.intent(state),
            recorder.completion(state, Outcome.OK, "i"),
            recorder.deny(state, Refused("gateway.policy_unavailable")),
        ]
        for draft in drafts:
            assert (b'"canary":true' in draft.placed(1, GENESIS)) is canary


async def rows(database: Database, trial: trials.StoredTrial) -> list[dict[str, Any]]:
    async with aclosing(differences(database, trial)) as found:
        return [row async for row in found]


def test_differences_are_read_back_in_order_with_what_was_sealed(url: str, play: Callable[..., None]) -> None:
    async def story(scene: Scene) -> None:
        database = scene.database
        trial = await begin(database)
        assert await rows(database, trial) == []
        other = replace(trial.trial, id="another")
        assert scene.log.shadow(found_by(trial.trial, "r-1"))
        assert scene.log.shadow(found_by(other, "r-2"))
        assert scene.log.shadow(found_by(trial.trial, "r-3", result=None, verdict="NONE"))
        await scene.log.note("bundle", {"event": "x"})  # whatever was queued before it is durable by then
        found = await rows(database, trial)
        assert [row["request_id"] for row in found] == ["r-1", "r-3"]
        assert found[0]["policy_input"] == POLICY_INPUT.decode()
        assert found[0]["policy_result"] == POLICY_RESULT.decode()
        assert found[0]["candidate_result"] == '{"v":1,"decision":"BLOCK"}'
        assert found[1]["candidate_result"] is None
        assert {row["stored"] for row in found} == {"whole"}
        await database.run(lambda connection: connection.execute(update(records).values(sealed=None)))
        assert {row["stored"] for row in await rows(database, trial)} == {"erased"}

    play(url, story)


def test_where_records_wait_in_numbers_no_difference_joins_them(
    sqlite_url: str, play: Callable[..., None]
) -> None:
    async def story(scene: Scene) -> None:
        # Queued faster than any loop turns.
        taken = [scene.log.shadow(found_by(TRIAL)) for _ in range(SHADOW_QUEUED + 10)]
        assert sum(taken) in range(SHADOW_QUEUED - 1, SHADOW_QUEUED + 2)
        assert not taken[-1]

    play(sqlite_url, story)
