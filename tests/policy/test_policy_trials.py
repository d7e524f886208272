"""Candidates beside the active policy, with a real OPA each: what is wished for runs, and fails closed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson
import pytest
from opa_kit import revision
from trial_kit import LOOK_S, Scene, caller, play, trial, until

from dataplane.inspection_ports import Question
from dataplane.policy.canary import takes
from dataplane.trial import TrialKind, TrialState

UNAVAILABLE = "gateway.policy_unavailable"
SHADOW, CANARY = TrialKind.SHADOW, TrialKind.CANARY


@pytest.fixture
def scene(opa_binary: Path) -> Scene:
    return Scene(opa_binary)


def test_where_nothing_runs_the_active_engine_s_own_coroutine_is_given_back(scene: Scene) -> None:
    async def story(at: Scene) -> None:
        coroutine = at.trials.decide(caller("demo"))
        assert coroutine.cr_code is type(at.active).decide.__code__  # type: ignore[attr-defined]
        assert (await coroutine).reasons == ("grant.one",)
        at.active.broken.append("policy: OPA is not running")
        assert at.trials.problems() == ["policy: OPA is not running"]

    play(scene, story)
    assert scene.processes == []


def test_a_refused_candidate_runs_nowhere_and_its_reason_is_told(scene: Scene) -> None:
    async def story(at: Scene) -> None:
        at.refuse = "bundle refused at step 2: it is not signed"
        at.want(trial(SHADOW), trial(CANARY, 2))
        for one in ("shadow-1", "canary-2"):
            report = await at.state(one, TrialState.REFUSED)
            assert report.why == at.refuse
        assert await at.decide() == "grant.one"
        assert [one["why"] for one in at.trials.details()] == [at.refuse, at.refuse]

    play(scene, story)
    assert scene.processes == []


def test_a_bundle_that_is_not_the_one_of_the_trial_is_refused(scene: Scene) -> None:
    async def story(at: Scene) -> None:
        one = trial(CANARY)
        at.want(one)
        at.store.content = lambda _: _answer(revision(7).encode())  # type: ignore[method-assign,assignment]
        report = await at.state(one.id, TrialState.REFUSED)
        assert report.why == f"the bundle is {revision(7)}, not {revision(1)}"

    play(scene, story)


async def _answer(content: bytes) -> bytes:
    return content


def test_a_canary_of_a_channel_that_may_not_decide_is_refused_but_as_a_shadow_it_runs(scene: Scene) -> None:
    async def story(at: Scene) -> None:
        at.want(trial(CANARY, 1, signed_for="staging"), trial(SHADOW, 2, signed_for="staging"))
        assert "may decide nothing" in str((await at.state("canary-1", TrialState.REFUSED)).why)
        await at.state("shadow-2", TrialState.RUNNING)

    play(scene, story)


def test_a_canary_decides_for_its_clients_until_it_is_withdrawn_and_its_opa_ends(scene: Scene) -> None:
    async def story(at: Scene) -> None:
        one = trial(CANARY, share_ppm=500_000)
        chosen = next(name for name in map(str, range(99)) if takes(one, name))
        other = next(name for name in map(str, range(99)) if not takes(one, name))
        at.want(one)
        await at.state(one.id, TrialState.RUNNING)
        await until(lambda: at.store.noted == [one.id])
        state = caller(chosen)
        decision = await at.trials.decide(state)
        assert (decision.reasons, decision.revision) == (("grant.two",), one.revision)
        assert state.canary
        assert await at.decide(other) == "grant.one"
        assert not caller(other).canary
        # The share grows: nothing is restarted.
        at.want(trial(CANARY, share_ppm=1_000_000))
        await until(lambda: at.trials.details()[0]["share"] == 1.0)
        assert await at.decide(other) == "grant.two"
        at.want()
        ended = await at.state(one.id, TrialState.ENDED)
        assert ended.counts == {"decided": 2}
        assert await at.decide(chosen) == "grant.one"
        assert [process.running for process in at.processes] == [False]

    play(scene, story)


def test_while_a_canary_s_opa_is_down_its_clients_are_refused_and_nobody_else(scene: Scene) -> None:
    async def story(at: Scene) -> None:
        one = trial(CANARY, share_ppm=500_000)
        chosen = next(name for name in map(str, range(99)) if takes(one, name))
        other = next(name for name in map(str, range(99)) if not takes(one, name))
        at.want(one)
        await at.state(one.id, TrialState.RUNNING)
        at.processes[0].kill()
        assert await at.decide(chosen) == UNAVAILABLE
        assert await at.decide(other) == "grant.one"
        assert (await at.state(one.id, TrialState.DOWN)).why == "OPA is not running"
        assert at.trials.problems() == []
        at.want()  # withdrawn: they are the active policy's again
        await at.state(one.id, TrialState.ENDED)
        assert await at.decide(chosen) == "grant.one"

    play(scene, story)


def test_after_a_restart_a_canary_that_was_in_force_decides_from_the_first_call(scene: Scene) -> None:
    scene.want(trial(CANARY, begun=True))
    scene.store.before["canary-1"] = {"decided": 7}

    async def story(at: Scene) -> None:
        assert await at.decide() == "grant.two"
        assert at.trials.counts(CANARY)["decided"] == 8

    play(scene, story)
    assert scene.active.asked == 0


def test_after_a_restart_a_canary_that_cannot_run_refuses_its_clients_all_the_same(scene: Scene) -> None:
    scene.want(trial(CANARY, begun=True))
    scene.refuse = "the key 'prod-1' is not listed"

    async def story(at: Scene) -> None:
        assert await at.decide() == UNAVAILABLE
        assert at.active.asked == 0
        assert (await at.state("canary-1", TrialState.REFUSED)).why == scene.refuse

    play(scene, story)


def test_a_database_that_is_down_changes_nothing(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")

    async def story(at: Scene) -> None:
        one = trial(CANARY)
        at.want(one)
        await at.state(one.id, TrialState.RUNNING)
        at.store.down = True
        at.want()
        await asyncio.sleep(5 * LOOK_S)
        assert await at.decide() == "grant.two"
        at.store.down = False
        await at.state(one.id, TrialState.ENDED)

    play(scene, story)
    assert "secret-password" not in caplog.text


def test_a_database_that_is_down_at_the_start_is_waited_for(scene: Scene) -> None:
    scene.want(trial(CANARY, begun=True))
    scene.store.down = True

    async def main() -> None:
        starting = asyncio.create_task(scene.trials.start(scene.active))
        await asyncio.sleep(3 * LOOK_S)
        assert not starting.done()
        scene.store.down = False
        await starting
        assert await scene.decide() == "grant.two"
        await scene.trials.close()

    asyncio.run(main())


def test_a_shadow_records_what_differs_and_counts_the_rest(scene: Scene) -> None:
    scene.names[1] = "two"

    async def story(at: Scene) -> None:
        one = trial(SHADOW)
        at.want(one)
        await at.state(one.id, TrialState.RUNNING)
        for number in range(5):
            assert await at.decide(f"client-{number}") == "grant.one"
        await at.counted(one.id, "evaluated", 5)
        assert {found.client_id for found in at.log.found} == {f"client-{number}" for number in range(5)}
        for found in at.log.found:
            assert orjson.loads(found.result or b"")["reasons"] == ["grant.two"]
            assert (found.verdict, found.decision.reasons) == ("ALLOW", ("grant.one",))
        assert at.trials.counts(SHADOW) == {"evaluated": 5, "ALLOW>ALLOW": 5, "stored": 5}
        at.want()
        assert (await at.state(one.id, TrialState.ENDED)).counts["stored"] == 5
        assert not at.processes[0].running

    play(scene, story)


def test_a_shadow_is_asked_about_later_stages_too(scene: Scene) -> None:
    scene.names[1] = "two"

    async def story(at: Scene) -> None:
        at.want(trial(SHADOW))
        await at.state("shadow-1", TrialState.RUNNING)
        state = caller("app")
        for stage in ("tool_call", "response"):
            await at.trials.judge(state, Question(stage=stage, about={}))  # type: ignore[arg-type]
        await at.counted("shadow-1", "evaluated", 2)
        told = [(found.stage, orjson.loads(found.result or b"")["reasons"]) for found in at.log.found]
        assert told == [("tool_call", ["tool_call.two"]), ("response", ["response.two"])]

    play(scene, story)


def test_a_shadow_of_the_same_content_finds_nothing(scene: Scene) -> None:
    scene.names[1] = "one"

    async def story(at: Scene) -> None:
        at.want(trial(SHADOW))
        await at.state("shadow-1", TrialState.RUNNING)
        for _ in range(3):
            await at.decide()
        await at.counted("shadow-1", "same", 3)
        assert at.log.found == []

    play(scene, story)


def test_a_shadow_and_a_canary_run_together_and_the_shadow_sees_the_active_policy_only(scene: Scene) -> None:
    async def story(at: Scene) -> None:
        one = trial(CANARY, 2, share_ppm=500_000)
        chosen = next(name for name in map(str, range(99)) if takes(one, name))
        other = next(name for name in map(str, range(99)) if not takes(one, name))
        at.want(one, trial(SHADOW, 1))
        await at.state(one.id, TrialState.RUNNING)
        await at.state("shadow-1", TrialState.RUNNING)
        # Also where it was asked for its status, and had not posted one.
        assert {process.seq: process.yields for process in at.processes} == {2: False, 1: True}
        assert await at.decide(chosen) == "grant.two"
        assert await at.decide(other) == "grant.one"
        await at.counted("shadow-1", "evaluated", 1)
        assert [found.client_id for found in at.log.found] == [other]

    play(scene, story)


def test_a_killed_shadow_affects_no_call_and_counts_what_it_lost(scene: Scene) -> None:
    async def story(at: Scene) -> None:
        at.want(trial(SHADOW))
        await at.state("shadow-1", TrialState.RUNNING)
        at.processes[0].opa.kill()  # before its supervisor tells
        for _ in range(5):
            assert await at.decide() == "grant.one"
        await at.counted("shadow-1", "failed", 5)
        at.processes[0].kill()
        assert await at.decide() == "grant.one"  # not even offered
        await at.state("shadow-1", TrialState.DOWN)
        assert at.trials.counts(SHADOW)["failed"] == 5

    play(scene, story)


def test_the_bundle_is_given_to_its_own_opa_only_while_it_runs(scene: Scene) -> None:
    async def story(at: Scene) -> None:
        assert at.trials.bundle("shadow-1") is None
        at.trials.observe("shadow-1", {"bundles": {}})  # of an OPA that was just ended
        at.want(trial(SHADOW))
        await at.state("shadow-1", TrialState.RUNNING)
        assert at.trials.bundle("shadow-1") == revision(1).encode()
        assert at.trials.bundle("shadow-2") is None

    play(scene, story)
