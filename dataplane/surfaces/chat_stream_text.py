"""One text of a streamed answer, such as the content of one choice, on its way through a window."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from dataplane.findings import Finding, Origin, Span, Text
from dataplane.ports import Passed, TextStream

Opens = Callable[[Origin], TextStream]
"""Begins the window of one text."""


class Redacts(Protocol):
    """Writes texts anew without what was found in them; see `ports.Redactor.redact`."""

    def redact(
        self, texts: Sequence[Text], findings: Sequence[Finding], patterns: Sequence[str], /
    ) -> Mapping[int, str]:
        """The texts that change, by index."""
        ...


MAX_SPOILED: Final = 64
"""Rewritten stretches that are remembered of one text; what goes with it comes soon after."""


class Channel:
    """Counts what came and what has gone on, in code points of the text as it came, and remembers where it
    was rewritten: what says the same in other words (log-probabilities) must not go on then."""

    __slots__ = ("_spoiled", "_stream", "came", "gone", "origin")

    def __init__(self, opens: Opens, origin: Origin) -> None:
        self._stream = opens(origin)
        self._spoiled: list[tuple[int, int]] = []
        self.origin = origin
        self.came = 0
        self.gone = 0

    @property
    def holds(self) -> bool:
        """Whether some of what came has not gone on."""
        return self._stream.holds

    def feed(self, text: str) -> Piece:
        """The next piece as it came."""
        self.came += len(text)
        return Piece(self, self._stream.feed(text))

    def relax(self) -> Piece:
        """What has been held for long enough."""
        return Piece(self, self._stream.relax())

    def end(self) -> Piece:
        """All that is held."""
        return Piece(self, self._stream.end())

    def settled(self, passed: Passed, redacts: Redacts, kinds: Sequence[str]) -> str:
        """The text that goes on, once what of it is redacted is known."""
        text, start = passed.text, self.gone
        self.gone += len(text)
        if not passed.findings or not kinds:
            return text
        whole = Text(text=text, origin=self.origin)
        instead = redacts.redact((whole,), passed.findings, kinds).get(0)
        if instead is None:
            return text
        # Which of the findings were meant is not said here, so all count as rewritten.
        self._spoiled += [(start + s.start, start + s.end) for each in passed.findings for s in each.spans]
        del self._spoiled[:-MAX_SPOILED]
        return instead

    def spoiled(self, start: int, end: int) -> bool:
        """Whether something of this range was rewritten."""
        return any(first < end and start < last for first, last in self._spoiled)


@dataclass(frozen=True, slots=True)
class Piece:
    """What a channel lets go on, as soon as its findings are judged."""

    channel: Channel
    passed: Passed

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found in it."""
        return self.passed.findings

    def settle(self, redacts: Redacts, kinds: Sequence[str]) -> str:
        """The text that goes on without the findings that `kinds` mean. Once for each piece, in order."""
        return self.channel.settled(self.passed, redacts, kinds)


def glance(opens: Opens, text: Text) -> Passed:
    """What is found in a text that comes whole."""
    stream = opens(text.origin)
    passed, rest = stream.feed(text.text), stream.end()
    if not passed.findings and not rest.findings:
        return Passed(text.text)
    return joined(passed, rest)


def joined(first: Passed, second: Passed) -> Passed:
    """Two pieces of one text as one."""
    if not second.text and not second.findings:
        return first
    return Passed(
        first.text + second.text,
        first.findings + tuple([_moved(each, len(first.text)) for each in second.findings]),
    )


def _moved(found: Finding, by: int) -> Finding:
    return replace(found, spans=tuple([Span(s.text, s.start + by, s.end + by) for s in found.spans]))
