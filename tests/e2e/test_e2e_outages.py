"""What is killed or locked under load: nothing passes ungoverned or unrecorded, and it recovers."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from e2e_gateway import Gateway, inserters
from e2e_load import Load
from e2e_upstream import MockUpstream, mock_upstream, until


@pytest.fixture(scope="module")
def provider() -> Iterator[MockUpstream]:
    """A provider that only this file's gateway calls, so that every hit is accounted for."""
    with mock_upstream() as mock:
        yield mock


@pytest.fixture(scope="module")
def one(opa_binary: Path, provider: MockUpstream) -> Iterator[Gateway]:
    """Every test here breaks it, and it must recover for the next."""
    gateway = Gateway(opa_binary, f"--upstream={provider.url}")
    try:
        yield gateway.wait_ready()
    finally:
        gateway.discard()


def every_hit_has_an_intent(gateway: Gateway, provider: MockUpstream) -> None:
    intents = {record["request_id"] for record in gateway.records(kind="intent")}
    hits = [hit.headers["x-client-request-id"] for hit in list(provider.hits)]
    assert len(hits) == len(set(hits))
    assert set(hits) <= intents


def test_opa_killed_under_load_refuses_every_call_in_the_gap_and_recovers(
    one: Gateway, provider: MockUpstream
) -> None:
    with Load(one) as load:
        until(lambda: load.count(200) > 20)
        os.kill(one.opa_pid(), signal.SIGKILL)
        until(lambda: load.count(503))
        seen = load.count(200)
        until(lambda: load.count(200) > seen + 20)
    assert {answer.status for answer in load.answers} == {200, 503}
    refused = [answer for answer in load.answers if answer.status == 503]
    assert {answer.reasons for answer in refused} == {("gateway.policy_unavailable",)}
    denied = {record["request_id"] for record in one.records(kind="deny")}
    for answer in refused:
        assert provider.of(answer.request_id) == []
        assert answer.request_id in denied
    every_hit_has_an_intent(one, provider)


def test_a_locked_database_refuses_within_two_seconds_and_recovers(
    one: Gateway, provider: MockUpstream
) -> None:
    before = len(provider.hits)
    with closing(sqlite3.connect(one.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        hits = len(provider.hits)
        with Load(one, threads=2) as load:
            until(lambda: load.answers, 5)
            begun = time.monotonic()
            until(lambda: len(load.answers) >= 4, 10)
            assert time.monotonic() - begun < 6
            until(lambda: not one.readyz()["ready"])
            assert any("audit database" in reason for reason in one.readyz()["reasons"])
        assert {answer.status for answer in load.answers} == {503}
        assert {answer.reasons for answer in load.answers} == {("gateway.audit_unavailable",)}
        assert len(provider.hits) == hits == before
        other.execute("ROLLBACK")
    begun = time.monotonic()
    with Load(one, threads=1) as after:
        until(lambda: after.count(200), 5)
    every_hit_has_an_intent(one, provider)
    # What was refused in the meantime is written as counts once the database is back.
    until(lambda: sum(r["count"] for r in one.records() if "count" in r) >= len(load.answers))
    one.check_chain()


@pytest.mark.parametrize("many", [False, True])
def test_a_full_disk_refuses_every_call_and_recovers(
    one: Gateway, provider: MockUpstream, many: bool
) -> None:
    """No file may grow: neither the database nor the log that standard output goes to. Where there were many
    calls before, a process beside writes the records."""
    if many:
        with Load(one, threads=32):
            until(lambda: inserters(one.process.pid), 20)
    hits = len(provider.hits)
    unlimited = resource.prlimit(one.process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    try:
        with Load(one, threads=2) as load:
            until(lambda: len(load.answers) >= 6)
    finally:
        resource.prlimit(one.process.pid, resource.RLIMIT_FSIZE, unlimited)
    assert {(answer.status, answer.reasons) for answer in load.answers} == {
        (503, ("gateway.audit_unavailable",))
    }
    assert len(provider.hits) == hits
    with Load(one, threads=1) as after:
        until(lambda: after.count(200), 10)
    every_hit_has_an_intent(one, provider)
    one.check_chain()


def test_kill_9_under_load_leaves_an_intent_for_every_hit_no_opa_and_a_chain_that_verifies(
    one: Gateway, provider: MockUpstream, opa_binary: Path
) -> None:
    with Load(one, threads=6) as load:
        until(lambda: load.count(200) > 30)
        one.kill()
        until(lambda: load.count(0))
    every_hit_has_an_intent(one, provider)
    one.check_chain()
    again = Gateway(opa_binary, f"--upstream={provider.url}", data_dir=one.data_dir)
    try:
        again.wait_ready()
        with Load(again, threads=1) as load:
            until(lambda: load.count(200))
        assert (again.key, again.readyz()["ready"]) == (one.key, True)
        again.stop()
        again.check_chain()
        last_hello = again.records(kind="hello")[-1]
        assert last_hello["previous_hash"] == again.stored()[_index(again, last_hello["id"]) - 1].hash.hex()
        assert again.records()[-1]["kind"] == "bye"
    finally:
        again.discard()


def _index(gateway: Gateway, record_id: str) -> int:
    return [row.id for row in gateway.stored()].index(record_id)
