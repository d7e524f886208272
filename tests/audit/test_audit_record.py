"""What a record holds, at each level, and what it never holds."""

import hashlib
import hmac
import json
from typing import Any

import pytest
import rfc8785
from audit_kit import (
    KEY,
    POLICY_INPUT,
    POLICY_RESULT,
    REVISION,
    call,
    decision,
    ended,
    head,
    limited_constraints,
    stranger,
)

from dataplane.audit.draft import GENESIS, Draft
from dataplane.audit.record import Recorder
from dataplane.domain import AuditLevel, CallFacts, Identity, Outcome, Verdict
from dataplane.errors import Refused, limited
from dataplane.quantities import Usage

RECORDER = Recorder(key=KEY, writer="w-1")


def fields(draft: Draft) -> dict[str, Any]:
    canonical = draft.placed(1, GENESIS)
    told: dict[str, Any] = json.loads(canonical)
    assert rfc8785.dumps(told) == canonical
    for value in told.values():
        assert isinstance(value, str | int) or all(isinstance(item, str) for item in value)
    return told


def sealed(draft: Draft) -> dict[str, str]:
    values: dict[str, str] = json.loads(draft.sealed or b"{}")
    return values


def test_an_intent_says_who_what_and_why() -> None:
    told = fields(RECORDER.intent(call()))
    assert (
        told.items()
        >= {
            "v": 1,
            "kind": "intent",
            "writer": "w-1",
            "wseq": 1,
            "request_id": "r-1",
            "client_id": "support",
            "principal": "client/support",
            "tenant": "acme",
            "tier": "default",
            "key_id": "k3vq7m2xaz",
            "auth_method": "api_key",
            "operation": "chat.completions.create",
            "method": "POST",
            "path": "/v1/chat/completions",
            "model": "gpt-4o-mini",
            "stream": False,
            "stage": "request",
            "decision": "ALLOW",
            "policy_decision": "ALLOW",
            "policy_revision": REVISION,
            "opa_version": "1.22.0",
            "policy_latency_us": 150,
            "audit_level": "metadata",
        }.items()
    )
    assert told["reasons"] == told["policy_reasons"] == ["grant.model"]
    assert told["roles"] == ["agent"]
    assert told["groups"] == ["g1"]
    assert json.loads(told["limits"])[0]["id"] == "client.rpm"
    assert "constraints" not in told
    assert told["time"].endswith("Z")
    assert len(told["time"]) == len("2026-01-01T00:00:00.000000Z")


def test_constraints_stand_as_json_text_with_only_what_was_demanded() -> None:
    decided = decision(verdict=Verdict.CONSTRAIN, constraints=limited_constraints())
    told = fields(RECORDER.intent(call(decision=decided)))
    assert told["constraints"] == '{"max_tokens":100,"strip_tools":["a","b"]}'


def test_personal_values_are_digests_in_the_record_and_verbatim_beside_it() -> None:
    draft = RECORDER.intent(call())
    told, values = fields(draft), sealed(draft)
    nonce = bytes.fromhex(values.pop("nonce"))
    assert len(nonce) == 16
    assert values == {
        "subject": "u-17",
        "source_ip": "10.1.2.3",
        "policy_input": POLICY_INPUT.decode(),
        "policy_result": POLICY_RESULT.decode(),
    }
    for name, value in values.items():
        assert told[f"{name}_digest"] == hashlib.sha256(nonce + value.encode()).hexdigest()
    canonical = draft.placed(1, GENESIS)
    for personal in (b"u-17", b"10.1.2.3", POLICY_INPUT, nonce.hex().encode()):
        assert personal not in canonical


def test_two_records_of_one_call_share_no_digest() -> None:
    one, two = (fields(RECORDER.intent(call())) for _ in range(2))
    for name in ("subject_digest", "source_ip_digest", "policy_input_digest", "request_digest"):
        assert one[name] != two[name]


def test_level_hash_keeps_no_descriptive_value_but_what_a_replay_needs() -> None:
    draft = RECORDER.intent(call(decision=decision(audit=AuditLevel.HASH)))
    told, values = fields(draft), sealed(draft)
    assert told["audit_level"] == "hash"
    assert set(values) == {"nonce", "policy_input", "policy_result"}
    assert not {"key_id", "roles", "groups", "path"} & told.keys()
    salt = bytes.fromhex(told["salt"])
    for name, value in (("subject_digest", b"u-17"), ("source_ip_digest", b"10.1.2.3")):
        assert told[name] == hmac.new(KEY, salt + value, "sha256").hexdigest()
    for name in ("client_id", "operation", "model", "decision", "reasons", "policy_revision", "request_id"):
        assert name in told
    completion = fields(
        RECORDER.completion(ended(call(decision=decision(audit=AuditLevel.HASH))), Outcome.OK, "i")
    )
    assert completion["audit_level"] == "hash"


def test_a_level_that_was_lowered_since_stands_on_the_records_that_follow() -> None:
    state = call(decision=decision(audit=AuditLevel.FULL), later_audit=AuditLevel.HASH)
    assert fields(RECORDER.completion(ended(state), Outcome.OK, "i"))["audit_level"] == "hash"


def test_level_full_keeps_content_sealed() -> None:
    state = call(decision=decision(audit=AuditLevel.FULL), content="asked", answer_content="answered")
    for draft, name, text in (
        (RECORDER.intent(state), "content", "asked"),
        (RECORDER.completion(ended(state), Outcome.OK, "i"), "answer_content", "answered"),
    ):
        told = fields(draft)
        assert told["audit_level"] == "full"
        assert name not in told
        assert len(told[f"{name}_digest"]) == 64
        assert sealed(draft)[name] == text


def test_bodies_are_digested_with_the_installation_key_never_plainly() -> None:
    intent = fields(RECORDER.intent(call()))
    completion = fields(RECORDER.completion(ended(call()), Outcome.OK, "i-1"))
    for told, name, sha256 in (
        (intent, "request_digest", b"\x01" * 32),
        (completion, "response_digest", b"\x02" * 32),
    ):
        salt = bytes.fromhex(told["salt"])
        assert told[name] == hmac.new(KEY, salt + sha256, "sha256").hexdigest()
        assert sha256.hex() not in json.dumps(told)


def test_a_completion_says_how_it_went_and_names_its_intent() -> None:
    told = fields(RECORDER.completion(ended(call()), Outcome.OK, "i-1"))
    assert (
        told.items()
        >= {
            "kind": "completion",
            "intent_id": "i-1",
            "request_id": "r-1",
            "client_id": "support",
            "operation": "chat.completions.create",
            "model": "gpt-4o-mini",
            "model_served": "gpt-4o-mini-1",
            "provider": "openai",
            "status": 200,
            "outcome": "ok",
            "attempts": 1,
            "stream": False,
            "upstream_status": 200,
            "upstream_request_id": "up-1",
            "tokens_in": 11,
            "tokens_out": 5,
            "ttfb_us": 5000,
            "policy_revision": REVISION,
        }.items()
    )
    assert 0 <= told["latency_us"] < 60_000_000


def test_a_refusal_before_any_decision_is_recorded_at_metadata() -> None:
    told = fields(RECORDER.deny(stranger(), Refused("gateway.unauthenticated")))
    assert (
        told.items()
        >= {
            "kind": "deny",
            "decision": "BLOCK",
            "status": 401,
            "audit_level": "metadata",
            "operation": "unknown",
        }.items()
    )
    assert told["reasons"] == ["gateway.unauthenticated"]
    assert not {"policy_decision", "policy_revision", "client_id"} & told.keys()


def test_the_outcome_stands_apart_from_policys_own_answer() -> None:
    told = fields(RECORDER.deny(call(), limited("client.rpm", 1.0)))
    assert (told["decision"], told["reasons"]) == ("BLOCK", ["limit.client.rpm"])
    assert (told["policy_decision"], told["policy_reasons"]) == ("ALLOW", ["grant.model"])
    assert told["status"] == 429


def test_what_callers_and_providers_send_cannot_keep_a_record_from_being_made() -> None:
    state = call(
        head=head(path="/" + "x" * 100_000, method="M" * 10_000),
        identity=Identity(client_id="a\0b", method="jwt", subject="\ud800", roles=("\udfff",)),
        facts=CallFacts(model="m\0\ud800" * 1000),
        usage=Usage(input_tokens=10**40, output_tokens=-(10**40)),
        decision=None,
        verdict=Verdict.BLOCK,
    )
    drafts = [
        RECORDER.deny(state, Refused("gateway.invalid_json")),
        RECORDER.completion(state, Outcome.FAILED, None),
    ]
    for draft in drafts:
        assert fields(draft)["request_id"] == "r-1"
        for column in draft.columns:
            if isinstance(column, str):
                assert len(column) <= 256
                assert "\0" not in column
                column.encode()
    assert len(fields(drafts[0])["path"]) == 1024


@pytest.mark.parametrize("level", list(AuditLevel))
def test_a_state_shows_neither_headers_nor_query_in_any_record(level: AuditLevel) -> None:
    secret = "sk-verysecret"
    state = call(
        head=head(headers=((b"authorization", b"Bearer " + secret.encode()),), query=f"key={secret}"),
        decision=decision(audit=level),
    )
    for draft in (
        RECORDER.intent(state),
        RECORDER.deny(state, Refused("gateway.internal")),
        RECORDER.completion(ended(state), Outcome.OK, "i"),
    ):
        assert secret.encode() not in draft.placed(1, GENESIS) + (draft.sealed or b"")
        assert secret not in repr(draft)
