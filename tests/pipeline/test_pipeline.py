"""The order of the steps, and that every way out of a call is recorded."""

from __future__ import annotations

import asyncio

import pytest
from pipeline_fakes import FakeClient, FakeHouse, decision, new_state, upstream_failure

from dataplane.domain import Constraints, Outcome, Verdict
from dataplane.errors import Refused, limited


def run(
    house: FakeHouse, *, path: str = "/chat", doubt: Refused | None = None, leaves_after: int | None = None
) -> FakeClient:
    client = FakeClient(house.journal, leaves_after=leaves_after)
    asyncio.run(house.pipeline().handle(new_state(path=path), client, doubt))
    return client


def test_an_allowed_call_is_recorded_before_it_is_sent() -> None:
    house = FakeHouse()
    client = run(house)
    assert house.journal == [
        "who", "read", "ask", "reserve", "constrain ", "intent", "send",
        "client 200", "settle", "completion ok",
    ]  # fmt: skip
    assert client.sent == b"answer"
    assert client.headers[b"x-regogate-decision"] == b"ALLOW"
    assert client.headers[b"x-regogate-policy-revision"] == b"1-gabcdef0-0123456789ab"
    assert client.headers[b"x-request-id"] == b"r-1"


def test_a_doubtful_head_is_refused_before_anyone_asks_who() -> None:
    house = FakeHouse()
    client = run(house, doubt=Refused("gateway.framing"))
    assert house.journal == ["deny", "client 400"]
    assert client.headers[b"x-regogate-decision"] == b"BLOCK"
    assert client.headers[b"x-regogate-reasons"] == b"gateway.framing"


def test_an_unknown_caller_is_refused_before_the_body_is_read() -> None:
    house = FakeHouse()
    house.identity = None
    assert run(house).status == 401
    assert house.journal == ["who", "deny", "client 401"]


def test_an_unreadable_body_is_refused_before_policy_is_asked() -> None:
    house = FakeHouse()
    house.surface.fails = Refused("gateway.invalid_json")
    assert run(house).status == 400
    assert "ask" not in house.journal


@pytest.mark.parametrize("path", ["/nowhere", "/"])
def test_an_unknown_path_is_judged_by_policy_and_never_made(path: str) -> None:
    house = FakeHouse()
    assert run(house, path=path).status == 404
    assert house.journal == ["who", "ask", "deny", "client 404"]


def test_a_block_of_policy_carries_its_reasons_and_status() -> None:
    house = FakeHouse()
    house.decision = decision(Verdict.BLOCK, reasons=("request.a.b", "request.c.d"), http_status=403)
    client = run(house)
    assert client.status == 403
    assert client.headers[b"x-regogate-reasons"] == b"request.a.b,request.c.d"
    assert house.denied == [("request.a.b", "request.c.d")]
    assert "send" not in house.journal


def test_no_answer_of_policy_is_a_block() -> None:
    house = FakeHouse()
    house.policy_fails = Refused("gateway.policy_unavailable")
    assert run(house).status == 503
    assert house.denied == [("gateway.policy_unavailable",)]
    assert "intent" not in house.journal


def test_a_limit_is_taken_after_the_decision_and_before_the_record() -> None:
    house = FakeHouse()
    house.limit_fails = limited("client.rpm", 2.5)
    client = run(house)
    assert client.status == 429
    assert client.headers[b"x-regogate-decision"] == b"BLOCK"
    assert house.denied == [("limit.client.rpm",)]
    assert house.journal == ["who", "read", "ask", "reserve", "deny", "client 429"]


def test_without_a_durable_intent_nothing_is_sent() -> None:
    house = FakeHouse()
    house.intent_fails = Refused("gateway.audit_unavailable")
    assert run(house).status == 503
    assert "send" not in house.journal
    assert house.outcomes == []


def test_constraints_are_applied_before_the_record() -> None:
    house = FakeHouse()
    house.decision = decision(Verdict.CONSTRAIN, constraints=Constraints(max_tokens=5, delay_ms=1))
    run(house)
    assert house.journal.index("constrain delay_ms,max_tokens") < house.journal.index("intent")


def test_a_local_answer_has_its_intent_and_completion_too() -> None:
    house = FakeHouse()
    assert run(house, path="/local").sent == b"local"
    assert house.journal[-4:] == ["intent", "client 200", "settle", "completion ok"]


def test_an_upstream_that_fails_before_its_answer_is_a_502_with_a_completion() -> None:
    house = FakeHouse()
    house.upstream_fails = upstream_failure()
    assert run(house).status == 502
    assert house.outcomes == [Outcome.UPSTREAM_ERROR]
    assert house.denied == []


def test_a_model_that_nobody_serves_is_a_404_with_a_completion() -> None:
    house = FakeHouse()
    house.upstream_fails = Refused("gateway.model_not_found")
    assert run(house).status == 404
    assert house.outcomes == [Outcome.NOT_FORWARDED]


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_an_error_of_the_provider_passes_with_its_status(status: int) -> None:
    house = FakeHouse()
    house.reply_status = status
    client = run(house)
    assert (client.status, client.sent) == (status, b"answer")
    assert house.outcomes == [Outcome.UPSTREAM_ERROR]


def test_a_stream_ends_with_what_the_surface_adds() -> None:
    house = FakeHouse()
    house.content_type, house.pieces = "text/event-stream; charset=utf-8", [b"a", b"b"]
    client = run(house)
    assert client.sent == b"ab[end]"
    assert client.ended
    assert house.outcomes == [Outcome.OK]


def test_a_stream_that_breaks_is_cut_in_a_way_its_sdk_understands() -> None:
    house = FakeHouse()
    house.content_type, house.pieces = "text/event-stream", [b"a", upstream_failure()]
    client = run(house)
    assert client.sent == b"a[cut]"
    assert client.ended
    assert house.outcomes == [Outcome.UPSTREAM_CUT]


def test_a_stream_that_breaks_before_its_first_event_is_a_502() -> None:
    house = FakeHouse()
    house.content_type, house.pieces = "text/event-stream", [upstream_failure()]
    assert run(house).status == 502


def test_a_caller_that_leaves_a_stream_closes_the_upstream() -> None:
    house = FakeHouse()
    house.content_type, house.pieces = "text/event-stream", [b"a"] * 100
    run(house, leaves_after=2)
    assert house.upstream_closed
    assert house.outcomes == [Outcome.CLIENT_CLOSED]


@pytest.mark.parametrize("path", ["/chat", "/local"])
def test_an_unexpected_error_is_refused_by_name_and_recorded(path: str) -> None:
    house = FakeHouse()
    house.surface.fails = ValueError("secret prompt text")
    client = run(house, path=path)
    assert (client.status, client.sent) == (503, b"internal_error")
    assert house.denied == [("gateway.internal",)]


def test_an_unexpected_error_after_the_intent_still_has_its_completion() -> None:
    house = FakeHouse()
    house.upstream_fails = ZeroDivisionError()
    assert run(house).status == 503
    assert house.outcomes == [Outcome.FAILED]
    assert house.denied == []


def test_the_text_of_an_unexpected_error_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    house = FakeHouse()
    house.surface.fails = ValueError("secret prompt text")
    run(house)
    assert "secret" not in caplog.text
    assert "ValueError" in str(caplog.records[0].__dict__)
    assert "secret" not in str(caplog.records[0].__dict__)


@pytest.mark.parametrize("where", ["intent", "upstream"])
def test_a_cancelled_call_is_recorded_and_stays_cancelled(where: str) -> None:
    house = FakeHouse()

    async def main() -> None:
        never = asyncio.Event()
        if where == "intent":
            house.intent_waits = never
        else:
            house.upstream_waits = never
        task = asyncio.create_task(house.pipeline().handle(new_state(), FakeClient(house.journal), None))
        while "reserve" not in house.journal:
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    if where == "intent":
        assert house.denied == [("gateway.client_closed",)]
    else:
        assert house.outcomes == [Outcome.CLIENT_CLOSED]
