"""A streamed answer that is looked at on its way, from the provider's bytes to the caller's."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from pipeline_fakes import decision, upstream_failure
from stream_house import (
    BLOCKS,
    DONE,
    HIDES,
    Client,
    House,
    call_state,
    cancel_at_first_text,
    chunk,
    run,
    said,
    text,
)

from dataplane.domain import AnswerTerms, Outcome, Verdict
from dataplane.errors import Refused
from dataplane.relay import FIRST_HOLD_S, HOLD_S


def test_terms_that_ask_for_nothing_pass_the_very_bytes_and_open_no_window() -> None:
    house = House(AnswerTerms())
    pieces = [*text("s3c", "r3t "), chunk({}, "stop"), DONE]
    state, client = run(house, *pieces)
    assert [data for _, data in client.at if data] == pieces
    assert all(sent is piece for (_, sent), piece in zip(client.at, pieces, strict=False))
    assert not [line for line in house.journal if line.startswith(("stream", "ask response"))]
    assert state.outcome is Outcome.OK


def test_what_is_found_is_asked_about_recorded_and_redacted_before_it_is_sent() -> None:
    house = House()
    house.later["response"] = decision(**HIDES)
    state, client = run(house, *text("To bob@", "x.example ", "now "), chunk({}, "stop"), DONE)
    assert said(client.sent) == "To [PII.EMAIL] now "
    assert (state.outcome, state.verdict, state.redactions) == (Outcome.OK, Verdict.CONSTRAIN, 1)
    assert [finding.kind for finding in state.answer_findings] == ["pii.email"]
    assert house.journal.index("ask response") < house.journal.index("record response CONSTRAIN")
    assert client.sent.endswith(DONE)


def test_a_blocked_answer_is_cut_with_its_upstream_closed_its_usage_settled_and_its_end_recorded() -> None:
    house = House()
    house.later["response"] = decision(**BLOCKS)
    endless = asyncio.Event()
    state, client = run(house, *text("Fine ", "s3cr3t "), endless)
    assert said(client.sent) == "Fine "
    assert b'"finish_reason":"content_filter"' in client.sent
    assert b"response.test" in client.sent
    assert client.sent.endswith(DONE)
    assert client.ended
    assert house.upstream_closed
    assert house.reservation.settled == [Outcome.POLICY_CUT]
    assert house.outcomes == [Outcome.POLICY_CUT]
    assert (state.verdict, state.reasons) == (Verdict.BLOCK, ("response.test",))
    assert state.usage.output_tokens


def test_an_answer_blocked_before_any_of_it_was_sent_is_a_refusal() -> None:
    house = House()
    house.later["response"] = decision(**BLOCKS)
    _, client = run(house, *text("s3cr3t "), chunk({}, "stop"), DONE)
    assert client.status == 403
    assert json.loads(client.sent)["error"]["reasons"] == ["response.test"]


@pytest.mark.parametrize("fails", ["asked", "recorded"])
def test_what_cannot_be_asked_or_recorded_is_not_sent(fails: str) -> None:
    house = House()
    house.later["response"] = decision(**HIDES)
    if fails == "recorded":
        house.judged_fails = Refused("gateway.audit_unavailable")
    else:
        house.unasked = Refused("gateway.policy_unavailable")
    _, client = run(house, *text("Fine ", "s3cr3t "), chunk({}, "stop"), DONE)
    assert said(client.sent) == "Fine "
    assert b"unavailable" in client.sent
    assert client.sent.endswith(DONE)


def proposes(name: str) -> bytes:
    call = {
        "index": 0,
        "id": "call_1",
        "type": "function",
        "function": {"name": name, "arguments": '{"a":1}'},
    }
    return chunk({"tool_calls": [call]})


def test_a_proposed_call_is_recorded_before_it_is_sent() -> None:
    house = House()
    state, client = run(house, *text("Let me "), proposes("search"), chunk({}, "tool_calls"), DONE)
    assert house.journal.index("record tool_call ALLOW") < len(house.journal)
    assert b'"name":"search"' in client.sent
    assert [one.about["name"] for one in house.questions if one.stage == "tool_call"] == ["search"]
    assert state.outcome is Outcome.OK


def test_a_blocked_call_cuts_the_stream_and_nothing_of_it_is_sent() -> None:
    house = House()
    house.later["tool_call"] = decision(verdict=Verdict.BLOCK, reasons=("tool_call.test",))
    state, client = run(house, *text("Let me "), proposes("drop_all"), chunk({}, "tool_calls"), DONE)
    assert said(client.sent) == "Let me "
    assert b"drop_all" not in client.sent
    assert b"tool_call.test" in client.sent
    assert (state.outcome, client.ended) == (Outcome.POLICY_CUT, True)


def test_a_stream_torn_in_a_held_window_gives_nothing_of_it_away() -> None:
    house = House()
    state, client = run(house, *text("The key is s3cr"), upstream_failure())
    assert said(client.sent) == "The key is "
    assert b"s3cr" not in client.sent
    assert client.sent.endswith(DONE)
    assert state.outcome is Outcome.UPSTREAM_CUT


def test_a_limit_that_a_guarded_stream_uses_up_cuts_it() -> None:
    house = House()
    house.reservation.watches, house.reservation.cuts_at = True, 2
    state, client = run(house, *text("One ", "two ", "three "), chunk({}, "stop"), DONE)
    assert said(client.sent) == "One "
    assert state.outcome is Outcome.LIMIT_CUT
    assert b"content_filter" not in client.sent


def test_a_caller_that_leaves_closes_the_upstream() -> None:
    house = House()
    state, _ = run(house, *text("One ", "two ", "three "), asyncio.Event(), leaves_after=10)
    assert house.upstream_closed
    assert state.outcome is Outcome.CLIENT_CLOSED


def test_a_cancelled_call_closes_the_upstream_it_is_reading() -> None:
    house = House()
    house.pieces = [*text("One tw"), asyncio.Event()]  # type: ignore[list-item]
    client = Client(house.journal)
    cancel_at_first_text(house, call_state(), client)
    assert house.upstream_closed
    assert house.outcomes == [Outcome.CLIENT_CLOSED]


# --- time -----------------------------------------------------------------------------------------


def waited(*pieces: Any) -> tuple[Client, dict[str, float]]:
    """Run a stream whose last event is set once the text before it was sent; when each text was."""
    house = House()
    stalls = asyncio.Event()
    house.pieces = [*pieces, stalls, chunk({}, "stop"), DONE]
    client = Client(house.journal)
    begun = time.monotonic()

    async def go() -> None:
        task = asyncio.ensure_future(house.pipeline().handle(call_state(), client, None))
        deadline = time.monotonic() + HOLD_S * 3
        expected = "".join(json.loads(piece[6:])["choices"][0]["delta"]["content"] for piece in pieces)
        while said(client.sent) != expected and time.monotonic() < deadline:
            await asyncio.sleep(0.005)
        stalls.set()
        await task

    asyncio.run(go())
    times: dict[str, float] = {}
    for at, data in client.at:
        if word := said(data):
            times[word] = at - begun
    return client, times


def test_the_first_word_waits_no_longer_than_the_first_hold() -> None:
    _, times = waited(*text("Hello"))
    assert FIRST_HOLD_S <= times["Hello"] < HOLD_S


def test_plain_text_is_held_no_longer_than_the_hold() -> None:
    _, times = waited(*text("Hello wor"))
    assert times["Hello "] < HOLD_S <= times["wor"] + 0.01


def test_a_match_that_has_begun_is_held_until_it_is_decided() -> None:
    client, times = waited(*text("Key s3cr"))
    assert times["s3cr"] >= HOLD_S * 3
    assert said(client.sent) == "Key s3cr"
