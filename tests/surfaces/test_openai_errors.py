"""Every refusal's bytes on the wire are kept in `golden/`; set REGOGATE_GOLDEN=write to write them anew."""

import json
import os
from pathlib import Path

import pytest
from surface_calls import REQUEST_ID, SURFACE, state

from dataplane.errors import GROUNDS, Refused, blocked_by_policy, limited

GOLDEN = Path(__file__).parent / "golden"

REFUSALS = {
    "unauthenticated": (Refused("gateway.unauthenticated"), False),
    "token_invalid": (Refused("gateway.token_invalid", fault="signature"), False),
    "insufficient_scope": (
        Refused(
            "gateway.insufficient_scope", challenge='Bearer error="insufficient_scope", scope="llm:access"'
        ),
        False,
    ),
    "invalid_field": (Refused("gateway.invalid_field", "n: must be an integer", param="n"), False),
    "invalid_json": (Refused("gateway.invalid_json"), False),
    "body_too_large": (Refused("gateway.body_too_large"), False),
    "blocked": (
        blocked_by_policy(("request.models.denied", "request.networks.denied"), 403, "policy_blocked"),
        True,
    ),
    "blocked_not_found": (blocked_by_policy(("request.default.deny",), 404, "model_not_found"), True),
    "limited": (limited("client.rpm", 2.1), True),
    "policy_unavailable": (Refused("gateway.policy_unavailable"), False),
    "audit_unavailable": (Refused("gateway.audit_unavailable"), True),
    "upstream_timeout": (Refused("gateway.upstream_timeout"), True),
}


@pytest.mark.parametrize("name", sorted(REFUSALS))
def test_a_refusal_looks_as_it_did(name: str) -> None:
    refused, decided = REFUSALS[name]
    reply = SURFACE.refuse(refused, state(decided=decided))
    shown = {
        "status": reply.status,
        "headers": {key.decode(): value.decode() for key, value in reply.headers},
        "body": json.loads(reply.body),
    }
    path = GOLDEN / f"{name}.json"
    if os.environ.get("REGOGATE_GOLDEN") == "write":
        path.write_text(json.dumps(shown, indent=2) + "\n")
    assert shown == json.loads(path.read_text())


@pytest.mark.parametrize("reason", sorted(GROUNDS))
def test_every_reason_has_the_whole_shape(reason: str) -> None:
    reply = SURFACE.refuse(Refused(reason), state())
    error = json.loads(reply.body)["error"]
    assert reply.status == GROUNDS[reason].status
    assert set(error) == {"message", "type", "param", "code", "request_id", "reasons", "policy_revision"}
    assert error["request_id"] == REQUEST_ID
    assert error["reasons"] == [reason]
    assert error["policy_revision"] is None


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.0, b"1"), (0.2, b"1"), (1.0, b"1"), (1.01, b"2"), (59.5, b"60")]
)
def test_retry_after_is_in_whole_seconds_rounded_up_and_never_zero(seconds: float, shown: bytes) -> None:
    assert dict(SURFACE.refuse(limited("x", seconds), state()).headers)[b"retry-after"] == shown


def test_only_a_401_challenges() -> None:
    assert (
        dict(SURFACE.refuse(Refused("gateway.unauthenticated"), state()).headers)[b"www-authenticate"]
        == b"Bearer"
    )
    assert b"www-authenticate" not in dict(SURFACE.refuse(Refused("gateway.invalid_json"), state()).headers)


def test_every_401_says_how_to_prove_oneself() -> None:
    for reason, ground in GROUNDS.items():
        challenged = b"www-authenticate" in dict(SURFACE.refuse(Refused(reason), state()).headers)
        assert challenged == (ground.status == 401 or reason == "gateway.insufficient_scope"), reason
