"""Honest fakes for every port: each keeps its promise and writes what happened into one journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence

from dataplane.domain import (
    CallFacts,
    CallState,
    Constraints,
    Decision,
    Forward,
    Head,
    Identity,
    Operation,
    Outcome,
    Principal,
    Reply,
    Source,
    UpstreamReply,
    Verdict,
)
from dataplane.errors import Refused, limited
from dataplane.findings import Finding, Inspection, Level, Origin, ProposedCall, Span, Text, selects
from dataplane.inspection_ports import Detector, Guard, GuardedStream, Looks, Question, TextStream
from dataplane.pipeline import Pipeline
from dataplane.ports import ClientLeft, Transcript, UpstreamFailed
from dataplane.quantities import Usage

Journal = list[str]


def decision(verdict: Verdict = Verdict.ALLOW, **more: object) -> Decision:
    fields: dict[str, object] = {
        "verdict": verdict,
        "reasons": ("request.grant.tier",) if verdict is not Verdict.BLOCK else ("request.default.deny",),
        "revision": "1-gabcdef0-0123456789ab",
        "opa_version": "1.22.0",
        "input": b"{}",
        "result": b"{}",
        "latency_us": 1,
        "principal": Principal(id="client/demo"),
    }
    return Decision(**(fields | more))  # type: ignore[arg-type]


def new_state(method: str = "POST", path: str = "/chat") -> CallState:
    head = Head(
        request_id="r-1",
        method=method,
        path=path,
        query="",
        headers=(),
        http_version="1.1",
        peer_ip="127.0.0.1",
    )
    return CallState(head=head)


class FakeClient:
    def __init__(self, journal: Journal, *, leaves_after: int | None = None) -> None:
        self.journal = journal
        self.leaves_after = leaves_after
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.sent = b""
        self.ended = False

    async def body(self) -> AsyncIterator[bytes]:
        yield b"body"

    async def reply(self, reply: Reply) -> None:
        await self.start(reply.status, reply.headers)
        await self.write(reply.body, more=False)

    async def start(self, status: int, headers: tuple[tuple[bytes, bytes], ...]) -> None:
        self.journal.append(f"client {status}")
        assert len({name for name, _ in headers}) == len(headers), "a header twice"
        self.status, self.headers = status, dict(headers)

    async def write(self, data: bytes, *, more: bool = True) -> None:
        if self.leaves_after is not None and len(self.sent) >= self.leaves_after:
            raise ClientLeft("gone")
        self.sent += data
        self.ended = not more


class FakeExchange:
    def __init__(self, said: Sequence[Text] = (), calls: Sequence[ProposedCall] = ()) -> None:
        self.finished = False
        self.usage = Usage(input_tokens=1, output_tokens=2)
        self.model: str | None = "served"
        self.said, self.calls, self.unread = said, calls, 0
        self.strike: Callable[[bytes], bytes] | None = None

    def whole(self, body: bytes) -> bytes:
        return body

    def texts(self) -> Sequence[Text]:
        return self.said

    def proposed(self) -> Sequence[ProposedCall]:
        return self.calls

    def finish_reason(self) -> str | None:
        return "stop"

    def unread_bytes(self) -> int:
        return self.unread

    def rewrite(self, instead: Mapping[int, str]) -> bytes:
        return repr(dict(instead)).encode() if instead else b"as read"

    def guard(self, guard: Guard) -> GuardedStream:
        raise AssertionError("no stream is guarded here")

    def feed(self, data: bytes) -> bytes:
        self.finished = data == b"last"
        return data

    def end(self) -> bytes:
        return b"[end]"

    def transcript(self, limit: int) -> Transcript:
        raise AssertionError("no stream is kept here")

    def cut(self, refused: Refused, state: CallState) -> bytes:
        return b"[cut]"


class FakeDetector:
    """Finds words by kind, as they stand; placeholders are the kinds in capitals."""

    revision = "1-gabcdef0-0123456789ab"
    finds = True

    def __init__(self, journal: Journal, words: Mapping[str, str]) -> None:
        self.journal = journal
        self.words = words

    async def look(self, texts: Sequence[Text]) -> Inspection:
        self.journal.append(f"look {len(texts)}")
        found = tuple(
            Finding(
                kind=kind,
                level=Level.HIGH,
                score=90,
                origin=text.origin,
                spans=(Span(index, at, at + len(word)),),
            )
            for index, text in enumerate(texts)
            for word, kind in self.words.items()
            if (at := text.text.find(word)) >= 0
        )
        return Inspection(findings=found, risk=90 if found else 0)

    def redactor(self) -> FakeRedactor:
        return FakeRedactor()

    def stream(self, origin: Origin, kinds: Sequence[str]) -> TextStream:
        raise AssertionError("no stream is looked at here")


class FakeRedactor:
    def __init__(self) -> None:
        self.hidden: dict[str, str] = {}

    def redact(
        self, texts: Sequence[Text], findings: Sequence[Finding], kinds: Sequence[str]
    ) -> dict[int, str]:
        changed: dict[int, str] = {}
        for finding in findings:
            assert selects(kinds, finding.kind, finding.origin)
            (span,) = finding.spans
            word = texts[span.text].text[span.start : span.end]
            self.hidden[f"[{finding.kind.upper()}]"] = word
            changed[span.text] = changed.get(span.text, texts[span.text].text).replace(
                word, f"[{finding.kind.upper()}]"
            )
        return changed

    def restore(self, text: str) -> str:
        for placeholder, word in self.hidden.items():
            text = text.replace(placeholder, word)
        return text


class FakeUnit:
    def __init__(self, journal: Journal, *, local: bool, said: Sequence[Text] = ()) -> None:
        self.facts = CallFacts(model="m")
        self.said = said
        self.answered: Sequence[Text] = ()
        self.calls: Sequence[ProposedCall] = ()
        self.journal = journal
        self.local = local

    def texts(self) -> Sequence[Text]:
        return self.said

    def rewrite(self, instead: Mapping[int, str]) -> None:
        self.journal.append(f"rewrite {dict(instead)}")

    def constrain(self, constraints: Constraints) -> None:
        self.journal.append(f"constrain {','.join(constraints.names())}")

    def forward(self) -> Forward | None:
        if self.local:
            return None
        return Forward(method="POST", path="/chat", headers=(), body=b"{}", model="m", stream=False)

    def answer(self, decision: Decision) -> Reply:
        return Reply(status=200, headers=(), body=b"local")

    async def prompt_tokens(self) -> int:
        return 1

    def exchange(self) -> FakeExchange:
        return FakeExchange(self.answered, self.calls)


class FakeCall:
    def __init__(self, unit: FakeUnit) -> None:
        self.body_sha256: bytes | None = b"\0" * 32
        self.unit = unit

    async def units(self) -> AsyncIterator[FakeUnit]:
        yield self.unit


class FakeSurface:
    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.fails: Exception | None = None
        self.said: Sequence[Text] = ()
        self.answered: Sequence[Text] = ()
        self.calls: Sequence[ProposedCall] = ()

    def match(self, method: str, path: str) -> Operation | None:
        match path:
            case "/chat":
                return Operation(id="chat", upstream_path="/chat")
            case "/local":
                return Operation(id="local")
            case _:
                return None

    async def read(self, head: Head, operation: Operation, body: AsyncIterator[bytes]) -> FakeCall:
        self.journal.append("read")
        if self.fails is not None:
            raise self.fails
        async for _ in body:
            pass
        unit = FakeUnit(self.journal, local=operation.id == "local", said=self.said)
        unit.answered, unit.calls = self.answered, self.calls
        return FakeCall(unit)

    def refuse(self, refused: Refused, state: CallState) -> Reply:
        return Reply(status=refused.status, headers=(), body=refused.code.encode())


class FakeReservation:
    """Cuts a stream at the piece number `cuts_at`; keeps how it was settled."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.watches = False
        self.cuts_at = 0
        self.told: list[Usage] = []
        self.settled: list[Outcome | None] = []

    async def spent(self, usage: Usage) -> Refused | None:
        self.told.append(usage)
        return limited("client.tph", None) if len(self.told) == self.cuts_at else None

    def settle(self, state: CallState) -> None:
        self.journal.append("settle")
        self.settled.append(state.outcome)


class FakeHouse:
    """Every port at once; tests change what they are about."""

    def __init__(self) -> None:
        self.journal: Journal = []
        self.reservation = FakeReservation(self.journal)
        self.surface = FakeSurface(self.journal)
        self.identity: Identity | None = Identity(client_id="demo", method="api_key")
        self.decision = decision()
        self.detector: Detector | None = None
        self.questions: list[Question] = []
        self.later = {stage: decision() for stage in ("tool_call", "response")}
        self.judged_fails: Refused | None = None
        self.policy_fails: Refused | None = None
        self.limit_fails: Refused | None = None
        self.limit_headers: tuple[tuple[bytes, bytes], ...] = ()
        self.intent_fails: Refused | None = None
        self.intent_waits: asyncio.Event | None = None
        self.upstream_fails: Exception | None = None
        self.upstream_waits: asyncio.Event | None = None
        self.reply_status = 200
        self.reply_headers: tuple[tuple[str, str], ...] = ()
        self.content_type = "application/json"
        self.pieces: list[bytes | Exception] = [b"answer"]
        self.outcomes: list[Outcome] = []
        self.denied: list[tuple[str, ...]] = []
        self.upstream_closed = False

    def pipeline(self) -> Pipeline:
        return Pipeline(
            surfaces=(self.surface,),
            sources=self,
            authenticator=self,
            policy=self,
            limiter=self,
            upstream=self,
            audit=self,
        )

    def resolve(self, head: Head) -> Source:
        return Source(ip=head.peer_ip)

    async def authenticate(self, head: Head, source: Source) -> Identity | None:
        self.journal.append("who")
        return self.identity

    async def decide(self, state: CallState, looks: Looks | None = None) -> Decision:
        if looks is not None and self.detector is not None:
            await looks.look(self.detector)
        self.journal.append("ask")
        if self.policy_fails is not None:
            raise self.policy_fails
        return self.decision

    async def judge(self, state: CallState, question: Question) -> Decision:
        self.journal.append(f"ask {question.stage}")
        self.questions.append(question)
        if self.policy_fails is not None:
            raise self.policy_fails
        return self.later[question.stage]

    async def judged(self, state: CallState, question: Question, decision: Decision) -> None:
        if self.judged_fails is not None:
            raise self.judged_fails
        self.journal.append(f"record {question.stage} {decision.verdict}")

    def problems(self) -> list[str]:
        return []

    async def reserve(self, state: CallState, unit: FakeUnit) -> FakeReservation:
        self.journal.append("reserve")
        if self.limit_fails is not None:
            raise self.limit_fails
        state.limit_headers = self.limit_headers
        return self.reservation

    async def intent(self, state: CallState) -> None:
        if self.intent_waits is not None:
            await self.intent_waits.wait()
        if self.intent_fails is not None:
            raise self.intent_fails
        self.journal.append("intent")
        state.intent_id = "i-1"

    def completion(self, state: CallState, outcome: Outcome) -> None:
        self.journal.append(f"completion {outcome}")
        self.outcomes.append(outcome)

    async def deny(self, state: CallState, refused: Refused) -> None:
        self.journal.append("deny")
        self.denied.append(state.reasons)

    async def send(self, forward: Forward) -> UpstreamReply:
        self.journal.append("send")
        if self.upstream_waits is not None:
            await self.upstream_waits.wait()
        if self.upstream_fails is not None:
            raise self.upstream_fails
        return UpstreamReply(
            provider="p",
            status=self.reply_status,
            headers=(("content-type", self.content_type), *self.reply_headers),
            body=self._body(),
        )

    async def _body(self) -> AsyncGenerator[bytes, None]:
        try:
            for piece in self.pieces:
                if isinstance(piece, Exception):
                    raise piece
                yield piece
                await asyncio.sleep(0)
        finally:
            self.upstream_closed = True


def upstream_failure(reason: str = "gateway.upstream_unreachable") -> UpstreamFailed:
    return UpstreamFailed(Refused(reason), provider="p")
