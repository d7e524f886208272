"""The sockets of inspection: what finds in texts, what hides it, what is asked about a stream on its way.

Like those of `ports`, which stand above these.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, Protocol

from dataplane.findings import Finding, Inspection, Origin, ProposedCall, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a later stage is asked: what was found in the text that it is about, and the facts of that.

    `about` is the input's `call` for the stage tool_call, its `answer` for the stage response.
    """

    stage: Literal["tool_call", "response"]
    about: Mapping[str, Any]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseVerdict:
    """What is to be done with an answer, or a proposed call, that may pass. `redact` as in `Constraints`;
    `findings` are those in the texts of a proposed call."""

    redact: tuple[str, ...] = ()
    delay_ms: int | None = None
    findings: tuple[Finding, ...] = ()


PASSES: Final = ResponseVerdict()


class Detector(Protocol):
    """Finds what there is to find in texts, by the tables of one revision. Its methods never raise: what
    cannot be looked at is a finding `inspection.failed` of level high."""

    revision: str
    """Of the tables that it works by."""

    finds: bool
    """Whether it finds anything at all. For one that does not, texts need not be read."""

    async def look(self, texts: Sequence[Text]) -> Inspection:
        """What stands in the texts of one document. Long texts are looked at in turns with other calls."""
        ...

    def redactor(self) -> Redactor:
        """A new one, for one call: the same value gets the same placeholder in request and answer."""
        ...

    def stream(self, origin: Origin, kinds: Sequence[str]) -> TextStream:
        """A reader of one text that comes in pieces. `kinds` are patterns (`findings.selects`): what else is
        found is neither held nor told."""
        ...


class Redactor(Protocol):
    """Puts typed placeholders (`[EMAIL_1]`) in the place of what was found, alike within one call."""

    def redact(
        self, texts: Sequence[Text], findings: Sequence[Finding], kinds: Sequence[str]
    ) -> Mapping[int, str]:
        """The texts that change, by index, without the findings that `kinds` (`findings.selects`) mean."""
        ...

    def restore(self, text: str) -> str:
        """The text with the values for the placeholders that this redactor gave out."""
        ...


class Passed(NamedTuple):
    """Text of a stream that may go on once its findings are dealt with, as it came. Their spans count in it
    (text 0) and are clipped to it: what of a match had gone on before is not there any more."""

    text: str
    findings: tuple[Finding, ...] = ()


class TextStream(Protocol):
    """One text in pieces. It holds back only as far as a match could still complete."""

    @property
    def holds(self) -> bool:
        """Whether it holds text back."""
        ...

    def feed(self, text: str) -> Passed:
        """The next piece."""
        ...

    def relax(self) -> Passed:
        """What has been held for long enough: plain text that no match that has begun covers."""
        ...

    def end(self) -> Passed:
        """What was held when the text ended."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a guarded stream must know before more of it goes on: may an answer with these findings pass
    (`CallJudge.response`), or, where there is a `call`, may that be proposed (`CallJudge.tool_call`)? `ends`:
    a choice ends with this, for `finish_reason` where the provider says one."""

    findings: tuple[Finding, ...] = ()
    ends: bool = False
    finish_reason: str | None = None
    unread_bytes: int = 0
    call: ProposedCall | None = None


TURN: Final = Asked()
"""Nothing is asked: others may have their turn, since what follows takes long."""

Steps = Generator[Asked, ResponseVerdict, bytes]
"""Yields what it must know, is sent the verdicts, returns what may go on. Closed instead of being sent one,
it has let nothing go on that the question was about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What a guarded stream works with. `opens` begins the window of one of its texts, `redact` is the one of
    the call's redactor, and so is `restore`, None where what was redacted in the request stays so."""

    opens: Callable[[Origin], TextStream]
    redact: Callable[[Sequence[Text], Sequence[Finding], Sequence[str]], Mapping[int, str]]
    restore: Callable[[str], str] | None = None


class GuardedStream(Protocol):
    """The way of a stream that is looked at before it goes on."""

    @property
    def holds(self) -> bool:
        """Whether text is held that `relax` might free."""
        ...

    @property
    def silent(self) -> bool:
        """Whether the answer has said nothing yet."""
        ...

    def feed(self, data: bytes) -> Steps:
        """As `Exchange.feed`."""
        ...

    def relax(self) -> Steps:
        """Plain text that has been held for long enough."""
        ...

    def take(self) -> bytes:
        """What may go on already, while an answer to a question is awaited."""
        ...

    def end(self) -> Steps:
        """As `Exchange.end`."""
        ...


class Looks(Protocol):
    """Step 5 of one call, which whoever decides may need more than once."""

    async def look(self, detector: Detector) -> None:
        """Look at the call's texts; fills `state.inspection`. The last detector stays the call's."""
        ...
