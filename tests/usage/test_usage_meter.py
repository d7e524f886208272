"""What a gateway has of this room: calls counted as they end, and alerts where a rule about use applies."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from usage_kit import HOUR, Books, Clock, with_books

from dataplane.domain import CallState, Decision, Head, Identity, Usage, Verdict
from dataplane.usage.alert import Alerts
from dataplane.usage.baseline import HOUR_S, WEEK, Baseline, Season
from dataplane.usage.clients import Clients
from dataplane.usage.meter import UsageMeter
from dataplane.usage.models import usage_hours


def decision(reasons: tuple[str, ...], shadow: tuple[str, ...] = ()) -> Decision:
    return Decision(
        verdict=Verdict.CONSTRAIN,
        reasons=reasons,
        shadow=shadow,
        revision="7-gabc1234-0123456789ab",
        opa_version="1.22.0",
        input=b"{}",
        result=b"{}",
        latency_us=1,
    )


def call(client: str = "app", **changes: Any) -> CallState:
    head = Head(
        request_id="r-1", method="POST", path="/", query="", headers=(), http_version="1.1", peer_ip="::1"
    )
    state = CallState(head=head, identity=Identity(client_id=client, method="api_key"))
    for name, value in changes.items():
        setattr(state, name, value)
    return state


def test_a_call_that_was_made_counts_and_a_refused_one_does_not(sqlite_url: str) -> None:
    async def story(books: Books) -> None:
        clock = Clock()
        rows = [
            {"client_id": "app", "hour": hour, "writer": "w0", "tokens": 10_000, "requests": 60}
            for hour in range(HOUR - 5 * WEEK, HOUR - 1)
        ]
        rows.append({"client_id": "app", "hour": HOUR, "writer": "w0", "tokens": 0, "requests": 0})
        await books.database.run(lambda connection: connection.execute(usage_hours.insert(), rows))
        async with UsageMeter(books.database, "w1", CollectorRegistry(), clock_s=clock) as meter:
            used = Usage(input_tokens=20_000, output_tokens=5_000)
            meter(call(usage=used))  # refused: it has no intent
            meter(CallState(head=call().head))  # nobody
            assert meter.facts("app") == {"tokens_vs_baseline": 0, "requests_vs_baseline": 0}
            meter(call(usage=used, intent_id="i-1"))
            meter(call(usage=Usage(), intent_id="i-2"))
            assert meter.facts("app") == {"tokens_vs_baseline": 2.5, "requests_vs_baseline": 0.033}

    with_books(sqlite_url, story)


def test_an_alert_is_raised_once_a_client_and_hour(caplog: pytest.LogCaptureFixture) -> None:
    clock, registry = Clock(), CollectorRegistry()
    clients = Clients(clock_s=clock)
    alerts = Alerts(clients, registry)
    clients.get("app").usual = Baseline(season=Season.WEEKLY, tokens=20_000, requests=60)
    clients.count("app", 120_000)
    slowed = decision(("request.usage.delay",))
    for _ in range(3):
        alerts.look(call(decision=slowed))
    alerts.look(call("other", decision=slowed))
    alerts.look(call("calm", decision=decision(("request.grant.tier",))))
    alerts.look(call("nobody"))
    assert [record.__dict__["client"] for record in caplog.records] == ["app", "other"]
    said = caplog.records[0].__dict__
    assert said["levelno"] == logging.WARNING
    assert said["rules"] == ["request.usage.delay"]
    assert said["tokens_vs_baseline"] == 6
    assert said["enforced"] is True
    clock.now_s += HOUR_S
    alerts.look(call(decision=slowed))
    assert registry.get_sample_value("regogate_usage_alerts_total") == 3
    assert registry.get_sample_value("regogate_usage_unusual_calls_total") == 5


def test_a_rule_in_shadow_is_told_as_not_enforced(caplog: pytest.LogCaptureFixture) -> None:
    alerts = Alerts(Clients(clock_s=Clock()), CollectorRegistry())
    alerts.look(call(decision=decision(("request.grant.tier",), ("request.usage.delay", "request.x"))))
    [said] = [record.__dict__ for record in caplog.records]
    assert (said["rules"], said["enforced"]) == (["request.usage.delay"], False)
