"""The engine and a real OPA: whatever goes wrong is a refusal with its reason, and switches are safe."""

from __future__ import annotations

import asyncio
import http.client
import shutil
import socket
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import orjson
import pytest
from opa_kit import (
    DECISION,
    LIMIT_S,
    METADATA,
    MODELS,
    STATUS,
    Bench,
    Table,
    revision,
    running,
    table,
)

from dataplane.domain import AuditLevel, Verdict
from dataplane.errors import Refused
from dataplane.policy.engine import STATUS_PAUSES_S

UNAVAILABLE = "gateway.policy_unavailable"


@pytest.fixture(scope="module")
def bench(opa_binary: Path) -> Iterator[Bench]:
    home = Path(tempfile.mkdtemp(prefix="rg-", dir="/tmp"))
    with running(opa_binary, home) as made:
        yield made
    shutil.rmtree(home, ignore_errors=True)


Story = Callable[[Table], Awaitable[None]]


@pytest.fixture
def play(bench: Bench) -> Callable[..., None]:
    """Run a story on a fresh engine, over a bundle that no engine has seen."""

    def run(story: Story, *, deadline_ms: int = 5000) -> None:
        async def main() -> None:
            async with asyncio.timeout(3 * LIMIT_S):
                await bench.switch()
                async with table(bench, deadline_ms=deadline_ms) as made:
                    await story(made)

        asyncio.run(main())

    return run


Play = Callable[..., None]


def test_a_decision_carries_the_revision_the_input_and_the_result_of_its_own_answer(play: Play) -> None:
    async def story(at: Table) -> None:
        decision = await at.decide(model="m-1", max_tokens=5)
        assert decision.verdict is Verdict.ALLOW
        assert decision.audit is AuditLevel.METADATA
        assert decision.revision == revision(at.bench.seq)
        assert decision.opa_version.count(".") == 2
        assert decision.latency_us > 0
        sent = orjson.loads(decision.input)
        assert sent["tables_revision"] == decision.revision
        assert sent["request"]["max_tokens"] == 5
        assert orjson.loads(decision.result)["reasons"] == ["grant.one"]
        assert at.engine.problems() == []

    play(story)


def test_what_is_known_of_the_clients_use_is_in_the_input(play: Play) -> None:
    async def story(at: Table) -> None:
        assert "usage" not in orjson.loads((await at.decide()).input)
        at.used["demo"] = {"tokens_vs_baseline": 7.5}
        assert orjson.loads((await at.decide()).input)["usage"] == {"tokens_vs_baseline": 7.5}

    play(story)


def test_the_first_call_learns_status_and_tables_and_later_ones_ask_once(play: Play) -> None:
    async def story(at: Table) -> None:
        assert at.engine.problems() == ["policy: no signed bundle is active yet"]
        await at.decide()
        assert at.proxy.asked == {DECISION: 2, STATUS: 1, MODELS: 1, METADATA: 1}
        at.proxy.asked.clear()
        await at.decide()
        assert at.proxy.asked == {DECISION: 1}

    play(story)


def test_many_first_calls_share_one_reading_of_the_status(play: Play) -> None:
    async def story(at: Table) -> None:
        gate, waiting = asyncio.Event(), 0

        async def hold(line: str) -> None:
            nonlocal waiting
            if line == DECISION and not gate.is_set():
                waiting += 1
                if waiting == 8:
                    gate.set()
                await gate.wait()

        at.proxy.before = hold
        decisions = await asyncio.gather(*(at.decide() for _ in range(8)))
        assert {decision.revision for decision in decisions} == {revision(at.bench.seq)}
        assert at.proxy.asked[STATUS] == 1

    play(story)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/undefined", "the decision is undefined"),
        ("/builtin", "OPA answered with status 500"),
        ("/conflict", "OPA answered with status 500"),
        ("/odd", "v: not 1"),
    ],
)
def test_no_valid_answer_is_a_refusal_and_the_log_says_why(
    play: Play, caplog: pytest.LogCaptureFixture, path: str, why: str
) -> None:
    async def story(at: Table) -> None:
        await at.decide()
        assert await at.refusal(path) == UNAVAILABLE
        assert (await at.decide()).verdict is Verdict.ALLOW

    play(story)
    assert [getattr(record, "why", "") for record in caplog.records] == [why]


def test_what_cannot_be_enforced_yet_has_a_reason_of_its_own(play: Play) -> None:
    async def story(at: Table) -> None:
        assert await at.refusal("/later") == "gateway.unenforceable"

    play(story)


def test_the_candidates_are_the_exact_names_of_the_models_table(play: Play) -> None:
    async def story(at: Table) -> None:
        decision = await at.decide("/models", wants_candidates=True)
        assert decision.visible == ("m-1", "m-2")
        assert "candidates" not in orjson.loads((await at.decide()).input)["request"]

    play(story)


def test_a_late_answer_is_a_refusal_within_the_deadline_and_the_next_call_is_answered(play: Play) -> None:
    async def story(at: Table) -> None:
        began = time.monotonic()
        assert await at.refusal("/slow") == UNAVAILABLE
        assert time.monotonic() - began < 3
        end = time.monotonic() + LIMIT_S
        while await outcome(at) != "ALLOW":  # OPA may still be at it for a moment
            assert time.monotonic() < end

    play(story, deadline_ms=300)


async def outcome(at: Table) -> str:
    try:
        return (await at.decide()).verdict
    except Refused as refused:
        return refused.reasons[0]


def test_a_killed_opa_is_a_refusal_and_its_successor_answers(play: Play) -> None:
    async def story(at: Table) -> None:
        await at.decide()
        at.bench.opa.kill()
        at.activations.lost()  # as its supervisor tells
        assert await at.refusal() == UNAVAILABLE
        assert at.engine.problems() == ["policy: OPA is not running"]
        at.bench.opa.start()
        await at.bench.until_active(revision(at.bench.seq))
        assert (await at.decide()).revision == revision(at.bench.seq)

    play(story)


def put(bench: Bench, path: str, document: object) -> int:
    """What any client of the socket can do."""
    connection = http.client.HTTPConnection("opa")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(bench.opa.socket))
    connection.request("PUT", path, body=orjson.dumps(document))
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize("forged", [revision(999_999), "fake-9", "", 5, None])
def test_a_forged_provenance_is_refused_because_the_status_does_not_report_it(
    play: Play, forged: object
) -> None:
    async def story(at: Table) -> None:
        await at.decide()
        manifest = {"revision": forged, "roots": ["regogate"], "metadata": {"schema": 1}}
        assert (
            await asyncio.to_thread(put, at.bench, "/v1/data/system/bundles/main/manifest", manifest) == 204
        )
        at.proxy.asked.clear()
        assert await at.refusal() == UNAVAILABLE
        assert at.proxy.asked[STATUS] <= 1 + len(STATUS_PAUSES_S)
        current = at.activations.current
        assert current is not None
        assert current.revision == revision(at.bench.seq)

    play(story)


def test_an_answer_counts_although_the_status_names_its_revision_only_a_moment_later(play: Play) -> None:
    async def story(at: Table) -> None:
        # No reading of the status before the third says anything.
        async def before(line: str) -> None:
            if line == STATUS and at.proxy.asked[STATUS] < 3:
                at.proxy.status[STATUS] = 500
            else:
                at.proxy.status.pop(STATUS, None)

        at.proxy.before = before
        assert (await at.decide()).revision == revision(at.bench.seq)
        assert at.proxy.asked[STATUS] == 3

    play(story)


def test_after_a_switch_decisions_are_the_new_bundle_s_with_its_tables(play: Play) -> None:
    async def story(at: Table) -> None:
        await at.decide()
        after = await at.bench.switch(name="two", models=("m-9",))
        at.proxy.asked.clear()
        decision = await at.decide("/models", wants_candidates=True)
        assert decision.revision == after
        assert decision.reasons == ("grant.two",)
        assert decision.visible == ("m-9",)
        assert orjson.loads(decision.input)["tables_revision"] == after
        assert at.proxy.asked == {DECISION: 2, STATUS: 1, MODELS: 1, METADATA: 1}

    play(story)


def test_a_policy_that_changes_at_each_question_is_asked_no_third_time(play: Play) -> None:
    async def story(at: Table) -> None:
        await at.decide()

        async def change(line: str) -> None:
            if line == DECISION:
                await at.bench.switch()

        at.proxy.before = change
        at.proxy.asked.clear()
        assert await at.refusal() == "gateway.policy_changed"
        assert at.proxy.asked[DECISION] == 2
        at.proxy.before = None
        assert (await at.decide()).revision == revision(at.bench.seq)

    play(story)


def test_a_call_begun_before_a_switch_counts_under_the_former_revision(play: Play) -> None:
    async def story(at: Table) -> None:
        before = (await at.decide()).revision
        after = revision(at.bench.seq + 1)

        async def report_early(line: str) -> None:
            at.activations.observe({"bundles": {"main": {"active_revision": after}}})

        at.proxy.before = report_early
        assert (await at.decide()).revision == before

    play(story)


def test_an_older_bundle_than_the_floor_decides_nothing(play: Play) -> None:
    async def story(at: Table) -> None:
        at.activations.raise_floor(at.bench.seq + 2)
        assert await at.refusal() == "gateway.policy_rollback"
        await at.bench.switch()
        assert await at.refusal() == "gateway.policy_rollback"
        assert "older than sequence" in at.engine.problems()[0]
        await at.bench.switch()
        assert (await at.decide()).revision == revision(at.bench.seq)
        assert at.engine.problems() == []

    play(story)


@pytest.mark.parametrize("schema", [2, 0, "1", None])
def test_a_bundle_of_another_contract_is_not_used_until_the_next(play: Play, schema: object) -> None:
    async def story(at: Table) -> None:
        await at.decide()
        unfit = await at.bench.switch(schema=schema)
        for _ in range(2):
            assert await at.refusal() == UNAVAILABLE
        assert at.engine.problems() == [
            f"policy: the active bundle {unfit} cannot be used: its decision contract is schema {schema}, "
            "this gateway knows 1"
        ]
        assert [switch.refused for switch in at.switches if switch.refused] == [
            f"{unfit}: its decision contract is schema {schema}, this gateway knows 1"
        ]
        await at.bench.switch()
        assert (await at.decide()).revision == revision(at.bench.seq)

    play(story)


@pytest.mark.parametrize("line", [METADATA, MODELS, STATUS])
def test_a_failure_of_one_reading_passes_with_its_cause(play: Play, line: str) -> None:
    """OPA may answer 5xx for a moment; that says nothing of the bundle."""

    async def story(at: Table) -> None:
        at.proxy.status = {line: 503}
        assert await at.refusal() == UNAVAILABLE
        at.proxy.status = {}
        assert (await at.decide()).revision == revision(at.bench.seq)

    play(story)


def test_opa_without_a_bundle_decides_nothing(opa_binary: Path, short_dir: Path) -> None:
    with running(opa_binary, short_dir) as bench:
        bench.server.publish(b"not a bundle")

        async def main() -> None:
            async with table(bench) as at:
                assert await at.refusal() == UNAVAILABLE
                assert at.engine.problems() == ["policy: no signed bundle is active yet"]

        asyncio.run(main())


def test_a_status_that_is_no_json_is_no_crash(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def story(at: Table) -> None:
        at.proxy.status = {STATUS: 200}  # answered with {}, which has no result
        await at.engine.look()
        assert at.activations.current is None

    play(story)
    assert "not the JSON it sends" in caplog.text


def test_looking_learns_what_is_active_without_a_call(play: Play) -> None:
    async def story(at: Table) -> None:
        await at.engine.look()
        assert at.engine.problems() == []
        assert [switch.activation is not None for switch in at.switches] == [True]

    play(story)
