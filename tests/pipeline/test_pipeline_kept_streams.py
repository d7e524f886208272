"""What a record of level `full` keeps of a streamed answer."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from pipeline_fakes import decision, upstream_failure
from stream_house import (
    ASKED,
    BLOCKS,
    DONE,
    HIDES,
    Client,
    House,
    call_state,
    cancel_at_first_text,
    chunk,
    run,
    text,
)

from dataplane.domain import AnswerTerms, AuditLevel, CallState, Outcome
from dataplane.kept_content import MAX_CHARACTERS

PASSES = AnswerTerms()


def house(terms: AnswerTerms = PASSES, **later: Any) -> House:
    made = House(terms)
    made.decision = decision(response=terms, audit=AuditLevel.FULL)
    made.later["response"] = decision(audit=AuditLevel.FULL, **later)
    return made


def kept(state: CallState) -> Any:
    """What was kept of what the answer says, without the names around it."""
    if state.answer_content is None:
        return None
    return [one.get("text", one) for one in json.loads(state.answer_content) if one.get("origin") != "other"]


STREAM = [*text("To bob@", "x.example ", "now. "), chunk({}, "stop"), DONE]


def test_a_stream_that_nobody_looks_at_is_kept_without_personal_data_and_passes_as_it_is() -> None:
    made = house()
    state, client = run(made, *STREAM)
    assert client.sent == b"".join(STREAM)
    assert kept(state) == ["To [PII.EMAIL] now. "]
    assert (state.redactions, state.answer_findings) == (0, ())


def test_what_was_redacted_on_its_way_is_kept_as_it_was_sent() -> None:
    state, _ = run(house(ASKED, **HIDES), *STREAM)
    assert kept(state) == ["To [PII.EMAIL] now. "]


def test_other_levels_keep_nothing_and_pay_nothing() -> None:
    for terms in (PASSES, ASKED):
        made = House(terms)
        state, _ = run(made, *STREAM)
        assert kept(state) is None
        assert "look 1" not in made.journal[made.journal.index("send") :]


def test_a_later_stage_that_wants_less_kept_has_its_way() -> None:
    made = house(ASKED, **HIDES)
    made.later["response"] = decision(audit=AuditLevel.METADATA, **HIDES)
    state, _ = run(made, *STREAM)
    assert kept(state) is None


@pytest.mark.parametrize("terms", [PASSES, ASKED])
def test_of_a_stream_that_broke_off_nothing_is_kept_that_may_be_the_beginning_of_a_secret(
    terms: AnswerTerms,
) -> None:
    state, client = run(house(terms), *text("The key is s3cr"), upstream_failure())
    assert state.outcome is Outcome.UPSTREAM_CUT
    assert kept(state) == ["The key is "]
    assert (b"s3cr" in client.sent) == terms.passes


def test_of_a_stream_that_was_cut_what_was_sent_is_kept() -> None:
    state, _ = run(house(ASKED, **BLOCKS), *text("Fine ", "s3cr3t "), asyncio.Event())
    assert state.outcome is Outcome.POLICY_CUT
    assert kept(state) == ["Fine "]


def test_what_a_caller_that_leaves_was_sent_is_kept() -> None:
    state, _ = run(house(), *text("One ", "two ", "three "), asyncio.Event(), leaves_after=200)
    assert state.outcome is Outcome.CLIENT_CLOSED
    assert "".join(kept(state)).startswith("One two ")


def test_what_a_cancelled_call_was_sent_is_kept() -> None:
    made = house()
    made.pieces = [*text("One tw"), asyncio.Event()]  # type: ignore[list-item]
    client, state = Client(made.journal), call_state()
    cancel_at_first_text(made, state, client)
    assert made.outcomes == [Outcome.CLIENT_CLOSED]
    assert kept(state) == ["One tw"]


def test_what_is_too_long_is_cut_and_marked() -> None:
    word = "word " * 200
    pieces = text(*[word] * (MAX_CHARACTERS // len(word) + 5))
    state, client = run(house(), *pieces, chunk({}, "stop"), DONE)
    *texts, mark = json.loads(state.answer_content or "")
    assert 0 <= MAX_CHARACTERS - sum(len(one["text"]) for one in texts) < 10
    assert 5 * len(word) <= mark["omitted"] < 5 * len(word) + 100
    assert len(client.sent) > MAX_CHARACTERS + 5 * len(word)


def test_calls_of_tools_that_went_on_are_kept() -> None:
    call = {
        "index": 0,
        "id": "call_1",
        "type": "function",
        "function": {"name": "send", "arguments": '{"to":'},
    }
    rest = {"index": 0, "function": {"arguments": '"bob@x.example"}'}}
    pieces = [chunk({"tool_calls": [call]}), chunk({"tool_calls": [rest]}), chunk({}, "tool_calls"), DONE]
    state, _ = run(house(), *pieces)
    assert kept(state) == ["call_1", "send", '{"to":"[PII.EMAIL]"}']
