"""The input document: its exact bytes, and that what is not known is not there."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataplane.domain import CallFacts, CallState, Head, Identity, Operation, Source
from dataplane.policy.input import build_input
from dataplane.shipped import shipped

GOLDEN = Path(__file__).parent / "golden"
REVISION = "41-gabc1234-0123456789ab"
MONDAY_NS = 1_790_000_000_000_000_000  # 2026-09-21T14:13:20Z

FULL = CallFacts(
    model="gpt-4o-mini",
    stream=False,
    max_tokens=512,
    n=1,
    prompt_tokens_est=431,
    bytes=2113,
    messages=7,
    modalities=("text",),
    tools={"search": {"type": "function"}},
    tool_results=1,
    uninspected_bytes=0,
)
WHO = Identity(
    client_id="support",
    method="jwt",
    key_id="k-1",
    subject="u-17",
    tenant="acme",
    roles=("agent",),
    groups=("eu", "night"),
    scopes=("llm:access",),
)


def state(**changes: Any) -> CallState:
    head = Head(
        request_id="0199-r",
        method="POST",
        path="/v1/chat/completions",
        query="debug=1",
        headers=((b"authorization", b"Bearer rg-secret"), (b"x-prompt", b"my-prompt")),
        http_version="1.1",
        peer_ip="10.9.9.9",
    )
    made = CallState(head=head, received_ns=MONDAY_NS, operation=Operation(id="chat.completions.create"))
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def built(given: CallState, models: tuple[str, ...] = ("m-1", "m-2")) -> bytes:
    return build_input(given, stage="request", tables_revision=REVISION, models=models)


CASES = {
    "full": state(facts=FULL, identity=WHO, source=Source(ip="10.1.2.3", tls="TLSv1.3", client_cert=True)),
    "least": state(
        facts=CallFacts(), identity=Identity(client_id="demo", method="api_key"), source=Source(ip="::1")
    ),
    "candidates": state(
        operation=Operation(id="models.list"),
        facts=CallFacts(wants_candidates=True),
        identity=Identity(client_id="demo", method="api_key"),
        source=Source(ip="10.1.2.3"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_document_is_the_golden_one_byte_for_byte(name: str) -> None:
    """A change here is a change of the decision contract: of the schema, the policies and replay, too."""
    assert built(CASES[name]) + b"\n" == (GOLDEN / f"input_{name}.json").read_bytes()


@pytest.mark.parametrize("name", CASES)
def test_the_document_fits_the_schema_of_the_policies(name: str) -> None:
    schema = json.loads((shipped("policies") / "schemas/input.request.schema.json").read_bytes())
    jsonschema.validate(json.loads(built(CASES[name])), schema)


def test_what_is_not_known_is_not_there() -> None:
    def nulls(value: Any) -> bool:
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return value is None or any(map(nulls, inner))

    assert not nulls(orjson.loads(built(CASES["least"])))
    document = orjson.loads(built(state()))
    assert "identity" not in document
    assert "source" not in document
    assert set(document["request"]) == {"id", "operation", "path"}


def test_nothing_of_headers_query_or_credentials_is_in_the_document() -> None:
    for case in CASES.values():
        for word in (b"secret", b"my-prompt", b"debug", b"k-1", b"10.9.9.9"):
            assert word not in built(case)


@pytest.mark.parametrize(
    ("messages", "tools", "has"), [(None, {}, None), (3, {}, False), (3, FULL.tools, True)]
)
def test_whether_there_are_tools_is_said_where_there_are_messages(
    messages: int | None, tools: Any, has: bool | None
) -> None:
    request = orjson.loads(built(state(facts=CallFacts(messages=messages, tools=tools))))["request"]
    assert request.get("has_tools") is has


@given(st.integers(min_value=0, max_value=4_000_000_000))
def test_times_are_utc(seconds: int) -> None:
    at = orjson.loads(built(state(received_ns=seconds * 10**9 + 999_999_999)))["time"]
    told = datetime.fromtimestamp(seconds, UTC)
    assert at == {"unix": seconds, "weekday": told.strftime("%a"), "hour": told.hour}


def test_visible_claims_stand_in_the_document_and_actors_do_not() -> None:
    who = Identity(
        client_id="bot", method="jwt", claims={"department": "legal", "level": 3}, actors=("agent",)
    )
    document = orjson.loads(built(state(facts=FULL, identity=who, source=Source(ip="10.1.2.3"))))
    assert document["identity"]["claims"] == {"department": "legal", "level": 3}
    assert b"agent" not in built(state(facts=FULL, identity=who))
    schema = json.loads((shipped("policies") / "schemas/input.request.schema.json").read_bytes())
    jsonschema.validate(document, schema)


def test_use_stands_in_the_document_where_it_is_known() -> None:
    schema = json.loads((shipped("policies") / "schemas/input.request.schema.json").read_bytes())
    about: Any = {"stage": "request", "tables_revision": REVISION, "models": ()}
    used = {"tokens_vs_baseline": 5.25, "requests_vs_baseline": 0.0}
    document = orjson.loads(build_input(CASES["full"], **about, usage=used))
    assert document["usage"] == used
    jsonschema.validate(document, schema)
    assert "usage" not in orjson.loads(build_input(CASES["full"], **about, usage={}))
