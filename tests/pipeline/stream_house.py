"""A house whose provider streams chat completions, and a client that asks for one."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from pipeline_fakes import FakeClient, FakeDetector, FakeHouse, decision, new_state

from dataplane.domain import AnswerTerms, CallState, Constraints, Decision, Verdict
from dataplane.errors import Refused
from dataplane.findings import Finding, Level, Origin, Span
from dataplane.inspection_ports import Question, TextStream
from dataplane.surfaces.openai_surface import OpenAISurface
from tests.toy_stream import ToyStream

WORDS = {"bob@x.example": "pii.email", "s3cr3t": "secret.key"}
ASKED = AnswerTerms(inspect=("pii", "secret"), ask="findings", tool_calls="ask")
DONE = b"data: [DONE]\n\n"
HIDES = {
    "verdict": Verdict.CONSTRAIN,
    "reasons": ("response.signal.redact",),
    "constraints": Constraints(redact=("pii", "secret")),
}
BLOCKS = {"verdict": Verdict.BLOCK, "reasons": ("response.test",)}


def find(text: str, origin: Origin) -> tuple[Finding, ...]:
    return tuple(
        Finding(kind=kind, level=Level.HIGH, score=90, origin=origin, spans=(Span(0, at, at + len(word)),))
        for word, kind in WORDS.items()
        if (at := text.find(word)) >= 0
    )


def begins(held: str) -> bool:
    return any(word.startswith(held) for word in WORDS)


class Detector(FakeDetector):
    def stream(self, origin: Origin, kinds: Sequence[str]) -> TextStream:
        self.journal.append(f"stream {origin}")
        return ToyStream(origin, finds=find, begins=begins)


class Client(FakeClient):
    """Asks for a stream, and says when it got which text."""

    def __init__(self, journal: list[str], *, leaves_after: int | None = None, **request: Any) -> None:
        super().__init__(journal, leaves_after=leaves_after)
        self.request = {
            "model": "m",
            "messages": [{"role": "user", "content": "hi"}],
            "stream": True,
            **request,
        }
        self.at: list[tuple[float, bytes]] = []

    async def body(self) -> AsyncIterator[bytes]:
        yield json.dumps(self.request).encode()

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


def cancel_at_first_text(house: House, state: CallState, client: Client) -> None:
    """The call is cancelled once its client got a text."""

    async def story() -> None:
        task = asyncio.ensure_future(house.pipeline().handle(state, client, None))
        while not client.at:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(story())


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
