"""What a record says of a caller with a token."""

from __future__ import annotations

import json
from dataclasses import replace

from audit_kit import KEY, call, decision
from rfc8785 import dumps

from dataplane.audit.draft import GENESIS
from dataplane.audit.record import Recorder
from dataplane.domain import AuditLevel, Identity
from dataplane.errors import Refused

RECORDER = Recorder(key=KEY, writer="w-1")
WHO = Identity(client_id="bot", method="jwt", key_id="k:ab", subject="u-1", actors=("agent-7", "planner"))


def test_those_who_act_for_a_subject_are_sealed_as_it_is() -> None:
    state = call()
    state.identity = WHO
    draft = RECORDER.intent(state)
    canonical = draft.placed(1, GENESIS)
    assert dumps(json.loads(canonical)) == canonical
    assert b"agent-7" not in canonical
    assert "actors_digest" in json.loads(canonical)
    assert json.loads(json.loads(draft.sealed or b"")["actors"]) == ["agent-7", "planner"]


def test_at_level_hash_they_are_not_kept() -> None:
    state = call()
    state.identity, state.decision = WHO, replace(decision(), audit=AuditLevel.HASH)
    draft = RECORDER.intent(state)
    assert "actors_digest" in json.loads(draft.placed(1, GENESIS))
    assert b"planner" not in draft.placed(1, GENESIS) + (draft.sealed or b"")


def test_a_refusal_says_what_was_wrong_in_one_word() -> None:
    state = call()
    state.identity = state.decision = None
    told = json.loads(
        RECORDER.deny(state, Refused("gateway.token_invalid", fault="audience")).placed(1, GENESIS)
    )
    assert (told["reasons"], told["fault"]) == (["gateway.token_invalid"], "audience")
    plain = json.loads(RECORDER.deny(state, Refused("gateway.unauthenticated")).placed(1, GENESIS))
    assert "fault" not in plain
