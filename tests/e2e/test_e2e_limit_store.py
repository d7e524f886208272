"""A gateway whose limits are in Redis: stopped, hanging, flushed; answered in time, each mode recorded."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from e2e_gateway import POLICIES, Gateway, spare_dir
from e2e_upstream import MockUpstream, until
from prometheus_client.parser import text_string_to_metric_families

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "limits"))
from redis_kit import RedisServer

TIERS = """
demo:
  models: ["demo*", gpt-4o-mini]
  operations: [chat.completions.*, models.*]
  tools: {allow: [], otherwise: block}
  max_tokens: 100
  limits: {requests_per_minute: 1000, tokens_per_hour: 2000, max_concurrent_requests: 20}
"""
RATES = TIERS.replace("tokens_per_hour: 2000, ", "")
CHAT: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}
TIMEOUT_MS = 1000
"""Long, for a machine that is shared with other tests."""


def server() -> Iterator[RedisServer]:
    place = spare_dir()
    one = RedisServer(place).start()
    yield one
    one.kill()
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    """The store of `budgeted`."""
    yield from server()


@pytest.fixture(scope="module")
def other_redis() -> Iterator[RedisServer]:
    """The store of `rated`: gateways that share a store share their records, too."""
    yield from server()


def gateway_with(tiers: str, redis: RedisServer, opa: Path, upstream: MockUpstream) -> Iterator[Gateway]:
    place = spare_dir()
    shutil.copytree(POLICIES, place / "policies")
    (place / "policies/data/tiers.yaml").write_text(tiers)
    gateway = Gateway(
        opa,
        f"--upstream={upstream.url}",
        f"--policies={place / 'policies'}",
        f"--set=limits.store={redis.url}",
        f"--set=limits.timeout_ms={TIMEOUT_MS}",
        "--set=limits.processes=2",
    )
    try:
        yield gateway.wait_ready()
        gateway.stop()
    finally:
        gateway.discard()
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="module")
def budgeted(redis: RedisServer, opa_binary: Path, upstream: MockUpstream) -> Iterator[Gateway]:
    yield from gateway_with(TIERS, redis, opa_binary, upstream)


@pytest.fixture(scope="module")
def rated(other_redis: RedisServer, opa_binary: Path, upstream: MockUpstream) -> Iterator[Gateway]:
    yield from gateway_with(RATES, other_redis, opa_binary, upstream)


def ask(gateway: Gateway) -> Any:
    return gateway.sdk.chat.completions.with_raw_response.create(**CHAT)


def metric(gateway: Gateway, name: str, **labels: str) -> float:
    text = httpx2.get(f"{gateway.ready['admin_url']}/metrics").text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and sample.labels.items() >= labels.items()
    )


def up(gateway: Gateway) -> bool:
    return metric(gateway, "regogate_limit_store_up") == 1


def closed(gateway: Gateway) -> None:
    """A call is refused with the stated reason, and its record says how limits were counted."""
    with pytest.raises(openai.InternalServerError) as caught:
        ask(gateway)
    assert (caught.value.status_code, caught.value.code) == (503, "limits_unavailable")
    record = gateway.wait_record(request_id=caught.value.response.headers["x-request-id"])
    assert (record["kind"], record["reasons"]) == ("deny", ["gateway.limits_unavailable"])
    assert record["limits_mode"] == "closed"


def test_while_the_store_is_stopped_budgets_are_closed_and_rates_counted_locally(
    redis: RedisServer, other_redis: RedisServer, budgeted: Gateway, rated: Gateway
) -> None:
    before = ask(budgeted)
    assert "limits_mode" not in budgeted.wait_record(
        request_id=before.headers["x-request-id"], kind="completion"
    )
    tokens = int(before.headers["x-ratelimit-remaining-tokens"])
    ask(rated)
    redis.kill()
    other_redis.kill()
    until(lambda: not up(budgeted) and not up(rated))
    begun = time.monotonic()
    closed(budgeted)
    closed(budgeted)
    answer = ask(rated)
    assert time.monotonic() - begun < 5
    assert answer.headers["x-ratelimit-remaining-requests"] == "499"
    intent = rated.wait_record(request_id=answer.headers["x-request-id"], kind="intent")
    assert intent["limits_mode"] == "local"
    assert metric(budgeted, "regogate_limit_decisions_total", mode="closed") == 2
    assert metric(rated, "regogate_limit_decisions_total", mode="local") == 1
    assert metric(rated, "regogate_limit_store_failures_total") > 0

    redis.start()
    other_redis.start()
    until(lambda: up(budgeted) and up(rated))
    # It came back empty: what the first call used is counted again from its record.
    after = ask(budgeted)
    assert int(after.headers["x-ratelimit-remaining-tokens"]) < tokens
    assert metric(budgeted, "regogate_limit_store_failures_total", cause="lost") == 2
    assert "limits_mode" not in rated.wait_record(
        request_id=ask(rated).headers["x-request-id"], kind="intent"
    )


def test_a_store_that_hangs_holds_up_one_call_for_its_deadline_and_no_other(
    redis: RedisServer, budgeted: Gateway
) -> None:
    until(lambda: up(budgeted))
    redis.freeze()
    try:
        begun = time.monotonic()
        closed(budgeted)
        assert time.monotonic() - begun < TIMEOUT_MS / 1000 * 2 + 2
        begun = time.monotonic()
        for _ in range(5):
            closed(budgeted)
        assert time.monotonic() - begun < 5 * TIMEOUT_MS / 1000
        assert metric(budgeted, "regogate_limit_store_failures_total", cause="timeout") >= 1
    finally:
        redis.thaw()
    until(lambda: up(budgeted))
    ask(budgeted)


def test_after_a_flush_no_call_passes_before_what_was_spent_is_counted_anew(
    redis: RedisServer, budgeted: Gateway
) -> None:
    until(lambda: up(budgeted))
    last = ask(budgeted).headers["x-request-id"]
    budgeted.wait_record(request_id=last, kind="completion")
    # By the records: what the header says may still hold what calls before this one are given back.
    completions = [record for record in budgeted.records() if record["kind"] == "completion"]
    spent = sum(record["tokens_in"] + record["tokens_out"] for record in completions)
    redis.ask("FLUSHALL")
    closed(budgeted)
    until(lambda: up(budgeted))
    assert int(ask(budgeted).headers["x-ratelimit-remaining-tokens"]) < 2000 - spent
