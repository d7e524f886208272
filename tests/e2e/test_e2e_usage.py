"""Use in a running gateway: policy hears of it, the shipped rule slows it down, its sums are the records."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import urllib.request
from collections import defaultdict
from pathlib import Path
from typing import Any

import openai
import pytest
from e2e_gateway import Gateway, Start
from e2e_upstream import MockUpstream, until

CHAT: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}
HOUR_S = 3600


def steady(database: Path, client: str, tokens: int) -> None:
    """Five weeks in which a client used `tokens` every hour, as if they had been added up."""
    now = int(time.time()) // HOUR_S
    rows = [(client, hour, "earlier", tokens, 1) for hour in range(now - 5 * 168, now - 1)]
    with sqlite3.connect(database, timeout=10) as connection:
        connection.executemany("INSERT INTO usage_hours VALUES (?, ?, ?, ?, ?)", rows)
    connection.close()


def call(one: Gateway, **body: Any) -> tuple[Any, dict[str, Any]]:
    """A call's headers, and its intent."""
    raw = one.sdk.chat.completions.with_raw_response.create(**CHAT, extra_body=body)
    return raw.headers, one.wait_record(kind="intent", request_id=raw.headers["x-request-id"])


def used(intent: dict[str, Any]) -> dict[str, float]:
    return dict(json.loads(intent["policy_input"]).get("usage", {}))


def metric(one: Gateway, name: str) -> float:
    with urllib.request.urlopen(f"{one.ready['admin_url']}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return float(next(line.split()[-1] for line in lines if line.startswith(f"{name} ")))


def test_a_client_far_above_its_baseline_is_slowed_down_and_told_of_once(start: Start) -> None:
    one = start()
    steady(one.database, "demo", 10_000)
    found: list[dict[str, float]] = []

    def known() -> bool:
        found.append(used(call(one)[1]))
        return "tokens_vs_baseline" in found[-1]

    until(known)
    assert found[-1]["tokens_vs_baseline"] < 0.1
    assert call(one, mock="tokens:60000")[0]["x-regogate-decision"] == "ALLOW"
    for _ in range(2):
        began = time.monotonic()
        headers, intent = call(one)
        assert time.monotonic() - began >= 1
        assert headers["x-regogate-decision"] == "CONSTRAIN"
        assert headers["x-regogate-reasons"] == "request.usage.delay"
        assert used(intent)["tokens_vs_baseline"] > 5.5
    assert one.err.count("unusual use") == 1
    assert metric(one, "regogate_usage_alerts_total") == 1
    assert metric(one, "regogate_usage_unusual_calls_total") == 2
    one.stop()


def sums(one: Gateway) -> dict[str | None, dict[str, int]]:
    """By tenant, from every record as `audit tail` prints it."""
    found: dict[str | None, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for line in one.cli("audit", "tail", "--limit", "0", "--json").splitlines():
        record = json.loads(line)
        tenant = found[record.get("tenant")]
        if record["kind"] == "completion":
            tenant["calls"] += 1
            for name in ("tokens_in", "tokens_out", "cost_microusd"):
                tenant[name] += record.get(name, 0)
        if record["kind"] == "deny":
            tenant["refused"] += record.get("count", 1)
    return {tenant: dict(one) for tenant, one in found.items() if one}


def by_tenant(
    document: dict[str, Any], like: dict[str | None, dict[str, int]]
) -> dict[str | None, dict[str, int]]:
    """The sums of a document by tenant, of the names that `like` has."""
    return {
        tenant: {
            name: sum(row[name] for row in document["rows"] if row["tenant"] == tenant) for name in names
        }
        for tenant, names in like.items()
    }


def shown(one: Gateway, *words: str) -> dict[str, Any]:
    return dict(json.loads(one.cli("usage", *words, "--json")))


def test_showback_adds_up_to_the_records_while_it_runs_and_after_a_crash(
    start: Start, upstream: MockUpstream
) -> None:
    one = start()
    for n in range(5):
        call(one, mock=f"tokens:{10**n}")
    with one.sdk.chat.completions.create(**CHAT, stream=True) as stream:
        assert [*stream]
    for refused in ({"model": "nothing-of-the-kind"}, {"extra_body": {"mock": "error:500"}}):
        with pytest.raises(openai.APIStatusError):
            one.sdk.chat.completions.create(**(CHAT | refused))
    with pytest.raises(openai.AuthenticationError):
        one.client(api_key="rgk_nobody").models.list()
    one.sdk.models.list()
    until(lambda: len(one.records(kind="completion")) == 8)
    expected = sums(one)
    assert expected["demo"]["calls"] == 8
    assert expected["demo"]["refused"] == expected[None]["refused"] == 1

    document = shown(one, "--by", "tenant", "--by", "model")
    assert by_tenant(document, expected) == expected
    for name in ("calls", "refused", "tokens_in", "tokens_out"):
        assert document["total"][name] == sum(tenant.get(name, 0) for tenant in expected.values())

    hung = threading.Thread(target=_until_it_dies, args=(one,))
    hung.start()
    until(lambda: upstream.with_text("never answered"))
    one.kill()
    hung.join(20)
    document = shown(one, "--by", "tenant")
    assert by_tenant(document, expected) == expected
    assert document["total"]["unsettled_calls"] == 1


def _until_it_dies(one: Gateway) -> None:
    messages: Any = [{"role": "user", "content": "never answered"}]
    with pytest.raises(openai.APIConnectionError):
        one.sdk.chat.completions.create(model="gpt-4o-mini", messages=messages, extra_body={"mock": "hang"})
