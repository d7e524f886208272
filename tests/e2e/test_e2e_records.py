"""What is written down of each call, as `regogate audit` shows it."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from e2e_gateway import Gateway
from e2e_upstream import MockUpstream, until

CHAT: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}
NAMED = {
    "id", "kind", "request_id", "client_id", "operation", "model", "decision", "reasons", "policy_revision",
    "status", "time",
}  # fmt: skip


def audit(gateway: Gateway, *words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gateway.cli("audit", *words, "--json").splitlines()]


def test_a_call_has_an_intent_before_the_provider_saw_it_and_a_completion_at_its_end(
    gateway: Gateway, upstream: MockUpstream
) -> None:
    stream = gateway.sdk.chat.completions.create(**CHAT, stream=True, extra_body={"mock": "stall"})
    request_id = stream.response.headers["x-request-id"]
    [hit] = upstream.of(request_id)
    [intent] = gateway.records(request_id=request_id)
    assert (intent["kind"], intent["decision"]) == ("intent", "ALLOW")
    stream.close()
    until(lambda: hit.left_at)
    completion = gateway.wait_record(request_id=request_id, kind="completion")
    assert (completion["status"], completion["outcome"]) == (200, "client_closed")
    assert completion["intent_id"] == intent["id"]


def test_a_whole_call_is_recorded_with_its_tokens_provider_and_revision(gateway: Gateway) -> None:
    raw = gateway.sdk.chat.completions.with_raw_response.create(**CHAT)
    request_id = raw.headers["x-request-id"]
    completion = gateway.wait_record(request_id=request_id, kind="completion")
    [intent] = gateway.records(request_id=request_id, kind="intent")
    for record in (intent, completion):
        assert record["client_id"] == "demo"
        assert record["operation"] == "chat.completions.create"
        assert record["model"] == "gpt-4o-mini"
        assert record["policy_revision"] == raw.headers["x-regogate-policy-revision"]
        assert record["reasons"] == raw.headers["x-regogate-reasons"].split(",")
    assert (completion["tokens_in"], completion["tokens_out"]) == (11, 7)
    assert (completion["provider"], completion["outcome"]) == ("upstream", "ok")


@pytest.mark.parametrize("streams", [False, True])
def test_tokens_are_counted_whether_or_not_the_caller_asked(gateway: Gateway, streams: bool) -> None:
    with gateway.sdk.chat.completions.with_streaming_response.create(**CHAT, stream=streams) as raw:
        request_id = raw.headers["x-request-id"]
        assert b"usage" not in raw.read() or not streams
    completion = gateway.wait_record(request_id=request_id, kind="completion")
    assert (completion["tokens_in"], completion["tokens_out"]) == (11, 7)
    assert completion["stream"] is streams


def test_the_audit_command_shows_every_record_in_order_with_the_fields_it_promises(gateway: Gateway) -> None:
    raw = gateway.sdk.chat.completions.with_raw_response.create(**CHAT)
    with pytest.raises(openai.PermissionDeniedError) as caught:
        gateway.sdk.chat.completions.create(model="gpt-4o", messages=CHAT["messages"])
    allowed = raw.headers["x-request-id"]
    gateway.wait_record(request_id=allowed, kind="completion")
    told = audit(gateway, "tail", "--limit", "0")
    assert [record["seq"] for record in told] == sorted(record["seq"] for record in told)
    assert told[0]["kind"] == "hello"
    assert all(set(record) >= NAMED for record in told)
    assert [r["kind"] for r in told if r["request_id"] == allowed] == ["intent", "completion"]
    [deny] = [record for record in told if record["request_id"] == caught.value.request_id]
    assert (deny["kind"], deny["decision"], deny["status"]) == ("deny", "BLOCK", 403)
    assert len(audit(gateway, "tail", "--limit", "1")) == 1

    [shown, *_] = audit(gateway, "show", allowed)
    asked = json.loads(shown["policy_input"])
    assert (asked["request"]["id"], asked["identity"]["client_id"]) == (allowed, "demo")


def test_the_readable_views_work(gateway: Gateway) -> None:
    assert "hello" in gateway.cli("audit", "show", gateway.records(kind="hello")[0]["id"])
    assert len(gateway.cli("audit", "tail", "--limit", "3").splitlines()) == 3
