"""The headers that stand on every reply follow each call, however often their like was told before."""

from __future__ import annotations

import pytest
from pipeline_fakes import decision, new_state

from dataplane.domain import CallState, Verdict
from dataplane.relay import REMEMBERED_MAX_BYTES, stamp


def decided(verdict: Verdict, revision: str, *reasons: str, result: bytes = b"{}") -> CallState:
    state = new_state()
    state.decision = decision(verdict, revision=revision, reasons=reasons, result=result)
    state.verdict, state.reasons = verdict, reasons
    return state


def told(state: CallState) -> list[bytes]:
    headers = dict(stamp(state))
    return [headers[b"x-regogate-" + name] for name in (b"decision", b"policy-revision", b"reasons")]


@pytest.mark.parametrize("size", [2, REMEMBERED_MAX_BYTES, REMEMBERED_MAX_BYTES + 1])
def test_verdict_revision_and_reasons_are_each_calls_own(size: int) -> None:
    result = b"{" + b" " * (size - 2) + b"}"
    for _ in range(2):
        for verdict in Verdict:
            for revision in ("r-1", "r-2"):
                for reasons in (("a.b",), ("a.b", "c.d"), ("c.d", "a.b")):
                    state = decided(verdict, revision, *reasons, result=result)
                    assert told(state) == [verdict.encode(), revision.encode(), ",".join(reasons).encode()]


def test_a_reason_found_after_the_decision_is_the_one_told() -> None:
    state = decided(Verdict.ALLOW, "r-1", "a.b")
    assert told(state)[2] == b"a.b"
    state.reasons = ("gateway.upstream_timeout",)
    assert told(state) == [b"ALLOW", b"r-1", b"gateway.upstream_timeout"]


def test_the_id_that_ties_the_call_to_others_is_told_where_it_has_one() -> None:
    state = decided(Verdict.ALLOW, "r-1", "a.b")
    assert b"x-regogate-correlation-id" not in dict(stamp(state))
    state.correlation_id = "ticket-4711"
    assert dict(stamp(state))[b"x-regogate-correlation-id"] == b"ticket-4711"


def test_without_a_decision_the_revision_is_empty_and_request_and_limits_are_told_all_the_same() -> None:
    state = new_state()
    state.verdict, state.reasons = Verdict.BLOCK, ("gateway.framing",)
    state.limit_headers = ((b"x-ratelimit-limit-tokens", b"5"),)
    assert told(state) == [b"BLOCK", b"", b"gateway.framing"]
    assert stamp(state)[0] == (b"x-request-id", b"r-1")
    assert stamp(state)[-1] == (b"x-ratelimit-limit-tokens", b"5")
