"""A streamed answer that is looked at on its way, from the provider's bytes to the caller's."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from pipeline_fakes import FakeClient, FakeDetector, FakeHouse, decision, new_state, upstream_failure

from dataplane.domain import AnswerTerms, CallState, Constraints, Decision, Outcome, Verdict
from dataplane.errors import Refused
from dataplane.findings import Finding, Level, Origin, Span
from dataplane.inspection_ports import Passed, Question, TextStream
from dataplane.relay import FIRST_HOLD_S, HOLD_S
from dataplane.surfaces.openai_surface import OpenAISurface

WORDS = {"bob@x.example": "pii.email", "s3cr3t": "secret.key"}
ASKED = AnswerTerms(inspect=("pii", "secret"), ask="findings", tool_calls="ask")
DONE = b"data: [DONE]\n\n"
HIDES = {
    "verdict": Verdict.CONSTRAIN,
    "reasons": ("response.signal.redact",),
    "constraints": Constraints(redact=("pii", "secret")),
}
BLOCKS = {"verdict": Verdict.BLOCK, "reasons": ("response.test",)}


class WordStream:
    """Holds the last word."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._held = ""

    @property
    def holds(self) -> bool:
        return bool(self._held)

    def feed(self, text: str) -> Passed:
        text = self._held + text
        at = text.rfind(" ") + 1
        self._held = text[at:]
        return self._passed(text[:at])

    def relax(self) -> Passed:
        begun = any(word.startswith(self._held) for word in WORDS)
        return Passed("") if begun else self.end()

    def end(self) -> Passed:
        text, self._held = self._held, ""
        return self._passed(text)

    def _passed(self, text: str) -> Passed:
        return Passed(
            text,
            tuple(
                Finding(
                    kind=kind,
                    level=Level.HIGH,
                    score=90,
                    origin=self._origin,
                    spans=(Span(0, at, at + len(word)),),
                )
                for word, kind in WORDS.items()
                if (at := text.find(word)) >= 0
            ),
        )


class Detector(FakeDetector):
    def stream(self, origin: Origin, kinds: Sequence[str]) -> TextStream:
        self.journal.append(f"stream {origin}")
        return WordStream(origin)


class Client(FakeClient):
    """Asks for a stream, and says when it got which text."""

    def __init__(self, journal: list[str], **changes: Any) -> None:
        super().__init__(journal, **changes)
        self.at: list[tuple[float, bytes]] = []

    async def body(self) -> AsyncIterator[bytes]:
        yield b'{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true}'

    async def write(self, data: bytes, *, more: bool = True) -> None:
        await super().write(data, more=more)
        self.at.append((time.monotonic(), data))


class House(FakeHouse):
    """A provider whose pieces may be events to wait for."""

    def __init__(self, terms: AnswerTerms = ASKED) -> None:
        super().__init__()
        self.surface = OpenAISurface()  # type: ignore[assignment]  # the real one
        self.detector = Detector(self.journal, WORDS)
        self.decision = decision(response=terms)
        self.content_type = "text/event-stream"
        self.unasked: Refused | None = None

    async def judge(self, state: CallState, question: Question) -> Decision:
        if self.unasked is not None:
            raise self.unasked
        return await super().judge(state, question)

    async def _body(self) -> AsyncGenerator[bytes, None]:
        try:
            for piece in self.pieces:
                if isinstance(piece, Exception):
                    raise piece
                if isinstance(piece, asyncio.Event):
                    await piece.wait()
                else:
                    yield piece
        finally:
            self.upstream_closed = True


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "c", "model": "m", "choices": [choice]}).encode() + b"\n\n"


def text(*texts: str) -> list[bytes]:
    return [chunk({"content": each}) for each in texts]


def call_state() -> CallState:
    state = new_state(path="/v1/chat/completions")
    state.head = replace(state.head, headers=((b"content-type", b"application/json"),))
    return state


def run(house: House, *pieces: Any, **client: Any) -> tuple[CallState, Client]:
    house.pieces = list(pieces)
    state, caller = call_state(), Client(house.journal, **client)
    asyncio.run(house.pipeline().handle(state, caller, None))
    return state, caller


def said(sent: bytes) -> str:
    return "".join(
        choice["delta"].get("content") or ""
        for one in sent.split(b"\n\n")
        if one.startswith(b"data: {")
        for choice in json.loads(one[6:]).get("choices", ())
    )


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

    async def cancelled() -> None:
        task = asyncio.ensure_future(house.pipeline().handle(call_state(), client, None))
        while not client.at:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
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
