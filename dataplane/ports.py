"""The sockets between the pipeline and the rooms. Each docstring is the promise an adapter keeps.

Rooms implement these, `app` plugs them in, tests put honest fakes here and nowhere else. Whatever an
adapter raises on the request path is a `Refused`, an `UpstreamFailed` or a bug.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Protocol

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
    Reply,
    Source,
    UpstreamReply,
)
from dataplane.errors import Refused, RegoGateError
from dataplane.findings import ProposedCall, Text
from dataplane.inspection_ports import Guard, GuardedStream, Looks, Question
from dataplane.quantities import Usage
from dataplane.trial import ShadowDifference, Trial, TrialReport


class Client(Protocol):
    """The caller's side of one call. Every method raises `ClientLeft` once the caller is gone."""

    def body(self) -> AsyncIterator[bytes]:
        """The body as it arrives; raises `Refused` when it is too large, late or badly framed."""
        ...

    async def reply(self, reply: Reply) -> None:
        """Send a whole answer."""
        ...

    async def start(self, status: int, headers: tuple[tuple[bytes, bytes], ...]) -> None:
        """Begin a streamed answer."""
        ...

    async def write(self, data: bytes, *, more: bool = True) -> None:
        """Send a piece of it; waits while the caller reads slowly. `more=False` ends it."""
        ...


class ClientLeft(RegoGateError):
    """The caller closed its connection."""


class Surface(Protocol):
    """What one API means: its operations, bodies, streams and refusals."""

    def match(self, method: str, path: str) -> Operation | None:
        """The operation of a method and raw path, or None where this API has no such path."""
        ...

    async def read(self, head: Head, operation: Operation, body: AsyncIterator[bytes]) -> Call:
        """Read the body strictly, once. Raises `Refused` (400) naming the field at fault."""
        ...

    def refuse(self, refused: Refused, state: CallState) -> Reply:
        """A refusal in this API's own error shape, so that its SDKs raise their typed errors."""
        ...


class Call(Protocol):
    """A call that was read; it yields what policy must decide on, one by one."""

    body_sha256: bytes | None
    """SHA-256 of the body as the caller sent it; None where the operation has no body."""

    def units(self) -> AsyncIterator[Unit]:
        """JSON bodies yield one unit, a batch one a line, a socket one an event."""
        ...


class Unit(Protocol):
    """One thing to decide, then to do as decided."""

    facts: CallFacts

    def texts(self) -> Sequence[Text]:
        """Every text of the request, in order, each with its origin and where it stands; nothing that a model
        could read is left out. What is no text is told by `facts.uninspected_bytes`."""
        ...

    def rewrite(self, instead: Mapping[int, str]) -> None:
        """Put other texts in the places of those with these indices in `texts`, before `forward`. Raises
        `Refused` (`gateway.unredactable`) for one that has no place of its own."""
        ...

    def constrain(self, constraints: Constraints) -> None:
        """Apply every constraint but `delay_ms` and `redact`, which are the pipeline's, or raise `Refused`;
        afterwards `forward` gives what remains."""
        ...

    def forward(self) -> Forward | None:
        """What goes upstream, serialised from the one parsed object; None where nothing does."""
        ...

    def answer(self, decision: Decision) -> Reply:
        """The answer of a unit that is not forwarded, such as `models.list`."""
        ...

    async def prompt_tokens(self) -> int:
        """The tokens of the prompt: counted where the model's tokenizer is known, else estimated. A long
        prompt is counted in turns with other calls. 0 where nothing is generated."""
        ...

    def exchange(self) -> Exchange:
        """The reader of what comes back; made anew for each attempt."""
        ...


class Exchange(Protocol):
    """What comes back for one unit, made fit for the caller. `usage` and `model` fill as it passes."""

    model: str | None
    strike: Callable[[bytes], bytes] | None
    """What an error within a stream goes through before it passes, such as `UpstreamReply.strike`."""

    @property
    def usage(self) -> Usage:
        """What was used so far: as the provider says, else counted (`Usage.counted`) in what has passed;
        without counts while nothing has."""
        ...

    @property
    def finished(self) -> bool:
        """Whether a stream's answer has passed, so that to cut what is left would save nothing."""
        ...

    def whole(self, body: bytes) -> bytes:
        """A unary answer. Returns the same bytes where nothing needed to change."""
        ...

    def texts(self) -> Sequence[Text]:
        """Every text of the answer that `whole` was given, as `Unit.texts` has those of a request."""
        ...

    def unread_bytes(self) -> int:
        """Bytes of that answer which are in no text: audio, images, encrypted content."""
        ...

    def proposed(self) -> Sequence[ProposedCall]:
        """The calls of tools in that answer, choice by choice in order."""
        ...

    def finish_reason(self) -> str | None:
        """Why that answer's first choice ended: a word of the API, or `other`."""
        ...

    def rewrite(self, instead: Mapping[int, str]) -> bytes:
        """That answer with other texts in the places of those with these indices in `texts`, still valid.
        Raises `Refused` (`gateway.unredactable`) for one that has no place of its own."""
        ...

    def feed(self, data: bytes) -> bytes:
        """A piece of a stream as it arrived; returns what may go on now, perhaps nothing."""
        ...

    def end(self) -> bytes:
        """What is left when the provider ended its stream; raises `UpstreamFailed` if it was torn."""
        ...

    def guard(self, guard: Guard) -> GuardedStream:
        """The reader of a stream that is to be looked at, instead of `feed` and `end`."""
        ...

    def transcript(self, limit: int) -> Transcript:
        """An account of what the caller is sent of a stream; of `limit` characters at most."""
        ...

    def cut(self, refused: Refused, state: CallState) -> bytes:
        """Bytes that end a stream already begun in a way its SDK understands; before them, of a guarded one,
        what may go on and was not returned yet."""
        ...


class Transcript(Protocol):
    """What a caller was sent of a streamed answer, as texts. Costs reading it once more."""

    omitted: int
    """Characters beyond the limit; bytes, of what could not be read."""

    ended: bool
    """Whether all of it is here, up to the end of an answer that did not fail: no text ends in the middle."""

    def add(self, sent: bytes) -> None:
        """What is sent next: whole events. Never raises."""
        ...

    def texts(self) -> Sequence[Text]:
        """The texts so far, each put together again, with their origins and without places."""
        ...


class Authenticator(Protocol):
    """Three-valued: an Identity, None for "not a credential of mine", or Refused for a bad one.

    A Refused is final: no other authenticator is asked. It is a `CallerRefused` where the credential proved
    who calls and is not enough. Compares credentials in constant time.
    """

    async def authenticate(self, head: Head, source: Source) -> Identity | None:
        """Who the head's credential says is calling."""
        ...


class CallerRefused(Refused):
    """A refusal of a caller that is known: `identity` is recorded with it."""

    def __init__(self, reason: str, *, identity: Identity, challenge: str | None = None) -> None:
        super().__init__(reason, challenge=challenge)
        self.identity = identity


class SourceResolver(Protocol):
    """Where a call comes from; believes forwarding headers only from listed proxies."""

    def resolve(self, head: Head) -> Source:
        """The caller's address. Never raises: what cannot be believed is left out."""
        ...


class PolicyEngine(Protocol):
    """Asks OPA. No answer, or one that is late, malformed or under an unreported revision, raises."""

    async def decide(self, state: CallState, looks: Looks | None = None) -> Decision:
        """The decision for `state` (identity, source, operation, facts set) at the request stage.

        Before each question `looks` is given the detector that goes with the tables the question names.
        Raises `Refused` with `gateway.policy_unavailable`, `gateway.policy_changed`,
        `gateway.policy_rollback` or `gateway.unenforceable`.
        """
        ...

    async def judge(self, state: CallState, question: Question) -> Decision:
        """The decision of a later stage on a call that `decide` allowed. Raises as `decide` does."""
        ...

    def problems(self) -> list[str]:
        """Why no decision can be had now, one line each; empty when ready."""
        ...


class Limiter(Protocol):
    """Holds quantities. Admission is all or nothing over the limits of one decision."""

    async def reserve(self, state: CallState, unit: Unit) -> Reservation:
        """Take of every limit of `state.decision` what the unit will need, or raise `Refused` (429
        `limit.<id>`) and take none.

        What cannot be held raises `gateway.unenforceable`, what cannot be counted now
        `gateway.limits_unavailable`. Fills `state.reserved`, `held_us`, `limits_mode`, `limit_headers`. A
        decision without limits costs nothing.
        """
        ...

    def problems(self) -> list[str]:
        """Why nothing can be counted now, one line each; empty when ready."""
        ...


class Reservation(Protocol):
    """What one unit holds of its limits until it is settled."""

    watches: bool
    """Whether what a stream spends must be told while it passes."""

    async def spent(self, usage: Usage) -> Refused | None:
        """What was used so far; the refusal with which the stream must be cut, before more of it passes."""
        ...

    def settle(self, state: CallState) -> None:
        """End it by `state.usage` and `state.outcome` (None: the unit was never begun), exactly once.
        Fills `state.settled`. Never blocks, never raises."""
        ...


class Upstream(Protocol):
    """The models. Holds provider credentials and never shows them."""

    async def send(self, forward: Forward) -> UpstreamReply:
        """Send once and return when the provider's head arrived.

        Raises `Refused` (`gateway.model_not_found`) where no upstream serves the model and
        `UpstreamFailed` where the provider could not be reached or refused our credential.
        Error bodies (status >= 400) come with our credential masked. The body iterator raises
        `UpstreamFailed` when the provider breaks off; closing it cancels the call upstream.
        """
        ...


class UpstreamFailed(RegoGateError):
    """The provider failed; `refused` is what a caller that has had nothing yet is told."""

    def __init__(self, refused: Refused, *, provider: str | None = None, status: int | None = None) -> None:
        self.refused = refused
        self.provider = provider
        self.status = status
        super().__init__(str(refused))


class AuditLog(Protocol):
    """The durable account of every call."""

    async def intent(self, state: CallState) -> None:
        """Return once the decision is durable, having set `state.intent_id`.

        Raises `Refused` (`gateway.audit_unavailable`) when it is not within the deadline; a commit
        that lands after that is followed by a completion `not_forwarded`.
        """
        ...

    async def judged(self, state: CallState, question: Question, decision: Decision) -> None:
        """Return once a later stage's decision is durable; raises as `intent` does."""
        ...

    def completion(self, state: CallState, outcome: Outcome) -> None:
        """Queue the end of a call that has an intent; never blocks, never raises, never lost while
        the process lives: it waits for a database that is down."""
        ...

    async def deny(self, state: CallState, refused: Refused) -> None:
        """Record a refusal and return when it is durable or was counted; never raises.

        Refusals before authentication are bounded in rate and beyond that counted; while the
        database is down all are counted and the counts written on recovery.
        """
        ...

    def problems(self) -> list[str]:
        """Why nothing can be recorded now, one line each; empty when ready."""
        ...


class SequenceFloors(Protocol):
    """The highest bundle sequence seen for a channel, durably, so that no older bundle counts again."""

    async def highest(self, channel: str) -> int:
        """The floor: this instance's own highest at once, another replica's once it is 60 s old."""
        ...

    async def raise_floor(self, channel: str, seq: int, revision: str) -> None:
        """Remember that `revision` with `seq` was active here; never lowers."""
        ...


class TrialStore(Protocol):
    """Which candidates are to run beside the active policy, durably and for every replica, and what each
    gateway says of them. Every method raises what the database raises."""

    async def running(self, channel: str) -> list[Trial]:
        """The trials that are to run beside a channel's policy now, at most one of each kind."""
        ...

    async def content(self, trial_id: str) -> bytes | None:
        """The signed bundle of a trial, as it was given."""
        ...

    async def counted(self, trial_id: str) -> Mapping[str, int]:
        """What this gateway counted for a trial before, to be counted on."""
        ...

    async def begun(self, trial_id: str) -> None:
        """Remember that a trial is in force somewhere; the first time stays."""
        ...

    async def report(self, trial_id: str, report: TrialReport) -> None:
        """Replace what this gateway says of a trial."""
        ...


class UsageFacts(Protocol):
    """What is known of clients' use, for policy."""

    def facts(self, client_id: str) -> Mapping[str, float]:
        """Facts of `usage` in the policy's input, by name; empty where it is not known what is usual.

        `tokens_vs_baseline` and `requests_vs_baseline` are what the client used in the last sixty minutes
        over what is usual for it in an hour. Answers at once, from memory, and never raises.
        """
        ...


class ShadowLog(Protocol):
    """Where the differing answers of a shadow go."""

    def shadow(self, difference: ShadowDifference) -> bool:
        """Queue a record of it and return at once; False where there is pressure and it is not kept."""
        ...
