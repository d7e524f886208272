"""Where a call comes from, and the policy table of a known hardening guide, end to end."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import openai
import pytest
from e2e_gateway import Gateway
from e2e_upstream import MockUpstream

MESSAGES: Any = [{"role": "user", "content": "hello"}]
Caller = Callable[[str], openai.OpenAI]


@pytest.fixture(scope="module")
def caller(edge: Gateway) -> Caller:
    """A client of the example's table, with a key that the command made while the gateway runs."""
    made: dict[str, openai.OpenAI] = {}

    def of(client_id: str) -> openai.OpenAI:
        if client_id not in made:
            key = json.loads(edge.cli("keys", "create", "--client", client_id, "--json"))["key"]
            made[client_id] = edge.client(api_key=key)
        return made[client_id]

    return of


def from_ip(ip: str) -> Any:
    return {"extra_headers": {"X-Forwarded-For": ip}}


def test_support_team_may_use_gpt_4_turbo(edge: Gateway, caller: Caller) -> None:
    raw = caller("support-team").chat.completions.with_raw_response.create(
        model="gpt-4-turbo", messages=MESSAGES, **from_ip("10.2.0.1")
    )
    [intent] = edge.records(request_id=raw.headers["x-request-id"], kind="intent")
    assert (intent["decision"], intent["source_ip"]) == ("ALLOW", "10.2.0.1")
    assert intent["audit_level"] == "full"
    assert [one["text"] for one in json.loads(intent["content"]) if one["origin"] == "user"] == [
        MESSAGES[0]["content"]
    ]


def test_anything_from_the_quarantined_network_to_gpt_4_turbo_is_blocked(
    edge: Gateway, caller: Caller, upstream: MockUpstream
) -> None:
    for ip in ("10.1.0.1", "10.1.255.254", "1.2.3.4, 10.1.7.7"):
        with pytest.raises(openai.PermissionDeniedError) as caught:
            caller("support-team").chat.completions.create(
                model="gpt-4-turbo", messages=MESSAGES, **from_ip(ip)
            )
        assert upstream.of(caught.value.request_id or "") == []
        assert edge.wait_record(request_id=caught.value.request_id)["source_ip"] == ip.split(", ")[-1]


def test_data_pipeline_is_capped_to_2000_tokens_and_30_calls_a_minute(
    edge: Gateway, caller: Caller, upstream: MockUpstream
) -> None:
    client = caller("data-pipeline")
    for index in range(30):
        raw = client.chat.completions.with_raw_response.create(
            model="gpt-4o-mini", messages=MESSAGES, max_tokens=4000
        )
        if index == 0:
            assert raw.headers["x-regogate-decision"] == "CONSTRAIN"
            [hit] = upstream.of(raw.headers["x-request-id"])
            assert hit.json["max_tokens"] == 2000

    def once_more() -> None:
        for _ in range(5):  # some seconds have passed, in which calls became free again
            client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)

    with pytest.raises(openai.RateLimitError):
        once_more()


@pytest.mark.parametrize(
    ("client_id", "model"),
    [("support-team", "gpt-4o-mini"), ("data-pipeline", "gpt-9"), ("nobody", "gpt-4-turbo")],
)
def test_everything_else_is_blocked(caller: Caller, client_id: str, model: str) -> None:
    with pytest.raises(openai.PermissionDeniedError):
        caller(client_id).chat.completions.create(model=model, messages=MESSAGES)


def test_a_forwarded_address_is_not_believed_where_no_proxy_is_trusted(gateway: Gateway) -> None:
    raw = gateway.sdk.chat.completions.with_raw_response.create(
        model="gpt-4o-mini", messages=MESSAGES, **from_ip("203.0.113.9")
    )
    [intent] = gateway.records(request_id=raw.headers["x-request-id"], kind="intent")
    assert intent["source_ip"] == "127.0.0.1"
    assert json.loads(intent["policy_input"])["source"]["ip"] == "127.0.0.1"
