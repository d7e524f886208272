"""Guarded streams over toy windows: words with `PLANT` in them are found as whole words."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from surface_calls import chat, read_chat

from dataplane.errors import blocked_by_policy
from dataplane.findings import Finding, Level, Origin, ProposedCall, Span, Text, selects
from dataplane.inspection_ports import Asked, Guard, GuardedStream, ResponseVerdict, Steps, TextStream
from dataplane.ports import Exchange
from tests.toy_stream import ToyStream

KIND = "secret.plant"
_PLANTED = re.compile(r"\S*PLANT\S*")
DONE = b"data: [DONE]\n\n"


def find(text: str, origin: Origin, index: int = 0) -> tuple[Finding, ...]:
    return tuple(
        Finding(kind=KIND, level=Level.HIGH, score=90, origin=origin, spans=(Span(index, *match.span()),))
        for match in _PLANTED.finditer(text)
    )


def begins(held: str) -> bool:
    return "PLANT".startswith(held[-5:]) or "PLANT" in held


def window(origin: Origin) -> TextStream:
    return ToyStream(origin, finds=find, begins=begins)


def redact(texts: Sequence[Text], findings: Sequence[Finding], kinds: Sequence[str]) -> Mapping[int, str]:
    instead: dict[int, str] = {}
    for found in sorted(findings, key=lambda each: -each.spans[0].start if each.spans else 0):
        for span in found.spans if selects(kinds, found.kind, found.origin) else ():
            text = instead.get(span.text, texts[span.text].text)
            instead[span.text] = text[: span.start] + "[HIDDEN]" + text[span.end :]
    return instead


class Policy:
    """Answers what a guarded stream asks; keeps what it was asked."""

    def __init__(self, *, blocks: Sequence[str] = (), redacts: Sequence[str] = (KIND,)) -> None:
        self.blocks = tuple(blocks)
        self.redacts = tuple(redacts)
        self.asked: list[Asked] = []

    def answer(self, asked: Asked) -> ResponseVerdict:
        self.asked.append(asked)
        if asked.call is not None:
            if asked.call.name in self.blocks:
                raise blocked_by_policy(("tool_call.test",), 403, "policy_blocked")
            found = tuple(
                each
                for index, text in enumerate(asked.call.texts)
                for each in find(text.text, text.origin, index)
            )
            return ResponseVerdict(redact=self.redacts, findings=found)
        if any(selects(self.blocks, each.kind, each.origin) for each in asked.findings):
            raise blocked_by_policy(("response.test",), 403, "policy_blocked")
        return ResponseVerdict(redact=self.redacts)

    @property
    def found(self) -> int:
        return sum(len(asked.findings) for asked in self.asked)

    @property
    def calls(self) -> list[ProposedCall]:
        return [asked.call for asked in self.asked if asked.call is not None]


def finish(steps: Steps, policy: Policy) -> bytes:
    """All that may go on, once policy has answered."""
    try:
        asked = next(steps)
        while True:
            asked = steps.send(policy.answer(asked))
    except StopIteration as done:
        passed: bytes = done.value
        return passed


def guarded(policy: Policy | None = None, **fields: Any) -> tuple[Exchange, GuardedStream, Policy]:
    exchange = read_chat(chat(stream=True, **fields)).exchange()
    return exchange, exchange.guard(Guard(opens=window, redact=redact)), policy or Policy()


def through(pieces: Sequence[bytes], policy: Policy | None = None, **fields: Any) -> bytes:
    """What a caller gets of a whole stream."""
    _, stream, judge = guarded(policy, **fields)
    return b"".join([*(finish(stream.feed(piece), judge) for piece in pieces), finish(stream.end(), judge)])


def event(value: Any) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def chunk(delta: Any = None, finish: str | None = None, index: int = 0, **members: Any) -> bytes:
    choice = {"index": index, "delta": {} if delta is None else delta, "finish_reason": finish, **members}
    return event(
        {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    )


def chunks(out: bytes) -> list[dict[str, Any]]:
    """The chunks of a stream, which must end in its terminator."""
    assert out.endswith(DONE)
    return [json.loads(one.removeprefix(b"data: ")) for one in out.removesuffix(DONE).split(b"\n\n") if one]


def said(out: bytes, key: str = "content", index: int = 0) -> str:
    """The text of one field, as an SDK joins it."""
    return "".join(
        choice["delta"].get(key) or ""
        for one in chunks(out)
        for choice in one["choices"]
        if choice["index"] == index
    )
