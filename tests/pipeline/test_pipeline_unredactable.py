"""What is to be hidden where nothing else can be written ends the call as what policy blocks does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pipeline_fakes import decision
from stream_house import BLOCKS, DONE, HIDES, House, chunk, run, said, text

from dataplane.domain import AnswerTerms, Constraints, Outcome, Verdict

REASONS = ("gateway.unredactable",)
CONSTRAINED = {
    "verdict": Verdict.CONSTRAIN,
    "reasons": ("request.signal.redact",),
    "constraints": Constraints(redact=("pii", "secret")),
}


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "s3cr3t"},
        {"s3cr3t": 1},
        {"metadata": {"s3cr3t": "x"}},
        {"tools": [{"type": "function", "function": {"name": "s3cr3t"}}]},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"s3cr3t": {}}}}]},
    ],
)
def test_a_request_that_cannot_be_redacted_is_refused_and_recorded_as_blocked(fields: dict[str, Any]) -> None:
    house = House()
    house.decision = decision(**CONSTRAINED)
    state, client = run(house, **fields)
    assert (client.status, json.loads(client.sent)["error"]["code"]) == (403, "policy_blocked")
    assert client.headers[b"x-regogate-decision"] == b"BLOCK"
    assert client.headers[b"x-regogate-reasons"] == b"gateway.unredactable"
    assert (house.denied, state.verdict, house.outcomes) == ([REASONS], Verdict.BLOCK, [])
    assert "send" not in house.journal
    assert b"s3cr3t" not in client.sent


def test_a_stream_that_cannot_be_redacted_is_cut_like_one_that_policy_blocks() -> None:
    ends = []
    for later, delta in ((HIDES, {"s3cr3t": 1}), (BLOCKS, {"content": "s3cr3t "})):
        house = House()
        house.later["response"] = decision(**later)
        state, client = run(house, *text("Fine "), chunk(delta), chunk({}, "stop"), DONE)
        assert said(client.sent) == "Fine "
        assert b"s3cr3t" not in client.sent
        assert (state.outcome, state.verdict) == (Outcome.POLICY_CUT, Verdict.BLOCK)
        ends.append(
            (state.reasons, client.sent.count(b'"finish_reason":"content_filter"'), client.sent[-14:])
        )
    assert ends == [(REASONS, 1, DONE), (("response.test",), 1, DONE)]


def test_a_whole_answer_that_cannot_be_redacted_is_refused() -> None:
    house = House()
    house.content_type = "application/json"
    house.later["response"] = decision(**HIDES)
    answer = {"choices": [{"message": {"content": "hi", "s3cr3t": 1}, "finish_reason": "stop"}]}
    state, client = run(house, json.dumps(answer).encode())
    assert (client.status, state.reasons, state.outcome) == (403, REASONS, Outcome.POLICY_CUT)
    assert json.loads(client.sent)["error"]["reasons"] == list(REASONS)


def test_what_is_found_there_and_need_not_be_hidden_passes() -> None:
    house = House(AnswerTerms())
    state, client = run(house, DONE, s3cr3t=1)
    assert (client.status, state.verdict) == (200, Verdict.ALLOW)
