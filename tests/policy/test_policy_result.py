"""OPA's answer is taken literally or not at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataplane.domain import AuditLevel, Decision, Verdict
from dataplane.errors import Refused
from dataplane.policy.result import Malformed, cut_list, parse_result, split_answer, split_list

PASSING: dict[str, Any] = {"inspect": [], "ask": "never", "tool_calls": "pass"}
ALLOW: dict[str, Any] = {
    "v": 1,
    "decision": "ALLOW",
    "reasons": ["request.grant.tier"],
    "principal": {"id": "client/demo", "tenant": "acme", "tier": "demo"},
    "constraints": {},
    "limits": [],
    "response": PASSING,
    "audit": "metadata",
    "shadow": [],
}
CONSTRAIN: dict[str, Any] = ALLOW | {
    "decision": "CONSTRAIN",
    "constraints": {"max_tokens": 10, "strip_tools": ["shell"], "model": "m", "delay_ms": 5},
    "limits": [
        {
            "id": "c.rpm",
            "key": "client/x",
            "unit": "requests",
            "amount": 6,
            "per": "minute",
            "window": "rolling",
            "burst": 3,
        }
    ],
}
BLOCK: dict[str, Any] = ALLOW | {
    "decision": "BLOCK",
    "reasons": ["request.default.deny"],
    "http": {"status": 403, "code": "policy_blocked"},
}


def test_equal_results_are_read_alike_and_keep_their_own_circumstances() -> None:
    raw = json.dumps(ALLOW).encode()
    first, second = (
        parse_result(
            bytes(bytearray(raw)), revision=f"{n}", opa_version="1", input_bytes=b"%d" % n, latency_us=n
        )
        for n in (1, 2)
    )
    assert (first.revision, first.input, first.latency_us) == ("1", b"1", 1)
    assert (second.revision, second.input, second.latency_us) == ("2", b"2", 2)
    assert (first.verdict, first.reasons, first.principal) == (
        second.verdict,
        second.reasons,
        second.principal,
    )


def test_a_malformed_result_is_refused_each_time() -> None:
    for _ in range(2):
        with pytest.raises(Malformed):
            parse(ALLOW | {"unknown": 1})


def test_a_result_too_large_to_remember_is_read_all_the_same() -> None:
    reasons = [f"request.r{n}" for n in range(1000)]
    assert parse(ALLOW | {"reasons": reasons}).reasons == tuple(reasons)


def parse(document: Any, stage: Any = "request") -> Decision:
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    return parse_result(
        raw,
        revision="1-gabcdef0-0123456789ab",
        opa_version="1.22.0",
        input_bytes=b"{}",
        latency_us=1,
        stage=stage,
    )


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (b"{", "not JSON"),
        ([], "not an object"),
        ({}, "v: not 1"),
        (ALLOW | {"v": 2}, "v: not 1"),
        (ALLOW | {"extra": 1}, "unknown keys: extra"),
        (ALLOW | {"decision": "allow"}, "decision:"),
        (ALLOW | {"decision": None}, "decision:"),
        (ALLOW | {"reasons": []}, "reasons:"),
        (ALLOW | {"reasons": ["Not an id"]}, "reasons:"),
        (ALLOW | {"reasons": "request.grant"}, "reasons:"),
        (ALLOW | {"audit": "everything"}, "audit:"),
        (ALLOW | {"audit": None}, "audit:"),
        (ALLOW | {"principal": None}, "principal:"),
        (ALLOW | {"principal": {"id": ""}}, "principal.id:"),
        (ALLOW | {"principal": {"id": "x", "role": "admin"}}, "principal: unknown"),
        (ALLOW | {"constraints": {"max_tokens": 5}}, "do not fit the verdict"),
        (CONSTRAIN | {"constraints": {}}, "do not fit the verdict"),
        (CONSTRAIN | {"constraints": {"max_tokens": True}}, "constraints.max_tokens"),
        (CONSTRAIN | {"constraints": {"max_tokens": 0}}, "constraints.max_tokens"),
        (CONSTRAIN | {"constraints": {"max_tokens": 1.5}}, "constraints.max_tokens"),
        (CONSTRAIN | {"constraints": {"delay_ms": 10**9}}, "constraints.delay_ms"),
        (CONSTRAIN | {"constraints": {"strip_tools": "shell"}}, "constraints.strip_tools"),
        (CONSTRAIN | {"constraints": {"sandbox": True}}, "constraints: unknown"),
        (ALLOW | {"limits": {}}, "limits:"),
        (ALLOW | {"limits": [{"id": "x"}]}, "limits[0]."),
        (ALLOW | {"limits": [CONSTRAIN["limits"][0] | {"amount": "6"}]}, "limits[0].amount"),
        (ALLOW | {"response": None}, "response:"),
        (ALLOW | {"response": PASSING | {"more": 1}}, "response:"),
        (ALLOW | {"response": PASSING | {"ask": "sometimes"}}, "response.ask"),
        (ALLOW | {"response": PASSING | {"tool_calls": True}}, "response.tool_calls"),
        (ALLOW | {"response": PASSING | {"inspect": ["p i i"]}}, "response.inspect"),
        (CONSTRAIN | {"constraints": {"redact": [""]}}, "constraints.redact"),
        (CONSTRAIN | {"constraints": {"redact": ["pii.*.x"]}}, "constraints.redact"),
        (BLOCK | {"http": None}, "http:"),
        (BLOCK | {"http": {"status": 200, "code": "x"}}, "http.status"),
        (BLOCK | {"http": {"status": 403, "code": "not a code"}}, "http.code"),
    ],
)
def test_what_breaks_the_contract_is_malformed(document: Any, says: str) -> None:
    with pytest.raises(Malformed, match=says.replace("[", r"\[")):
        parse(document)


@pytest.mark.parametrize(
    "change",
    [
        {"constraints": {"pool": "eu"}},
        {"constraints": {"regions": ["eu"], "max_tokens": 5}},
    ],
)
def test_what_cannot_be_honoured_yet_is_refused_by_name(change: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        parse(CONSTRAIN | change)
    assert caught.value.reasons == ("gateway.unenforceable",)
    assert caught.value.status == 503


def test_what_is_to_be_done_with_answers_is_read() -> None:
    assert parse(ALLOW).response.passes
    terms = {"inspect": ["pii", "secret.*", "toxicity@output"], "ask": "findings", "tool_calls": "ask"}
    read = parse(ALLOW | {"response": terms}).response
    assert (list(read.inspect), read.ask, read.tool_calls) == tuple(terms.values())
    assert not read.passes
    assert not parse(ALLOW | {"response": PASSING | {"ask": "always"}}).response.passes
    assert parse(ALLOW | {"response": PASSING | {"ask": "findings"}}).response.passes


LATER: dict[str, Any] = {key: ALLOW[key] for key in ALLOW if key not in ("limits", "response")}


@pytest.mark.parametrize("stage", ["tool_call", "response"])
def test_a_later_stage_can_redact_and_delay_and_nothing_else(stage: Any) -> None:
    changed = LATER | {"decision": "CONSTRAIN"}
    read = parse(changed | {"constraints": {"redact": ["pii.*"], "delay_ms": 3}}, stage=stage)
    assert (read.constraints.redact, read.constraints.delay_ms) == (("pii.*",), 3)
    assert parse(LATER, stage=stage).verdict is Verdict.ALLOW
    for more in (
        changed | {"constraints": {"max_tokens": 3}},
        changed | {"constraints": {"strip_tools": ["x"]}},
        LATER | {"limits": []},
        LATER | {"response": PASSING},
        LATER | {"visible": []},
    ):
        with pytest.raises(Malformed):
            parse(more, stage=stage)


def test_the_same_bytes_mean_each_stages_own() -> None:
    parse(LATER, stage="tool_call")
    with pytest.raises(Malformed, match="response:"):
        parse(LATER)


def test_an_allow_is_read_whole() -> None:
    decision = parse(ALLOW)
    assert decision.verdict is Verdict.ALLOW
    assert decision.audit is AuditLevel.METADATA
    assert decision.principal is not None
    assert decision.principal.id == "client/demo"


def test_a_constrain_is_read_whole() -> None:
    decision = parse(CONSTRAIN)
    assert decision.constraints.names() == ("delay_ms", "max_tokens", "model", "strip_tools")
    assert decision.limits[0].burst == 3


def test_a_block_needs_no_principal_and_carries_its_status() -> None:
    document = {k: v for k, v in BLOCK.items() if k not in ("principal", "response", "limits", "constraints")}
    decision = parse(document | {"http": {"status": 404, "code": "model_not_found"}})
    assert (decision.verdict, decision.http_status, decision.http_code) == (
        Verdict.BLOCK,
        404,
        "model_not_found",
    )


SCALARS = st.none() | st.booleans() | st.integers() | st.text()
VALUES = SCALARS | st.lists(SCALARS) | st.dictionaries(st.text(), SCALARS)


@given(SCALARS | st.lists(VALUES) | st.dictionaries(st.sampled_from(sorted(BLOCK)) | st.text(), VALUES))
def test_whatever_json_comes_it_is_malformed_or_a_decision(document: Any) -> None:
    with pytest.raises(Malformed):
        parse(document)


def test_the_result_is_split_off_byte_for_byte() -> None:
    result = b'{"v":1,"x":"\\u003c,\\"result\\":"}'
    rest, raw = split_answer(b'{"provenance":{"version":"1"},"result":' + result + b"}\n")
    assert raw == result
    assert rest == {"provenance": {"version": "1"}}


def test_an_undefined_result_is_none() -> None:
    assert split_answer(b'{"provenance":{}}') == ({"provenance": {}}, None)


@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense", b'{"provenance":{"a":",\\"result\\":1"}'])
def test_an_answer_that_opa_would_not_send_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        split_answer(body)


HOSTILE = st.text() | st.sampled_from(["],[", "]],[[", '"],["', "{}],[{}", '\\"],[{"', "]]"])
DECISIONS = st.dictionaries(HOSTILE, HOSTILE | st.lists(st.lists(HOSTILE | st.just({}))), max_size=3)


@given(st.lists(DECISIONS | st.none(), max_size=4), st.booleans())
def test_a_list_is_cut_into_the_decisions_that_it_parses_to(decisions: list[Any], spaced: bool) -> None:
    told = [[] if one is None else [one] for one in decisions]
    result = json.dumps(told, separators=None if spaced else (",", ":")).encode()
    pieces = cut_list(result, len(decisions))
    assert [None if piece is None else json.loads(piece) for piece in pieces] == decisions
    if decisions:
        for asked in (len(decisions) - 1, len(decisions) + 1):
            with pytest.raises(Malformed):
                cut_list(result, asked)


@given(st.binary() | st.text(alphabet='[]{},:"\\ a1').map(str.encode), st.integers(0, 3))
def test_what_is_no_list_is_cut_no_more_than_it_is_split(result: bytes, asked: int) -> None:
    for text in (result, b"[[%b]]" % result):
        try:
            expected = split_list(text, asked)
        except Malformed:
            with pytest.raises(Malformed):
                cut_list(text, asked)
        else:
            found = [[json.loads(one)] if one is not None else [] for one in cut_list(text, asked)]
            assert found == [one[:1] for one in expected]
