"""One text of a streamed answer, such as the content of one choice, on its way through a window."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from dataplane.findings import Finding, Origin, Span, Text
from dataplane.inspection_ports import Guard, Passed

MAX_SPOILED: Final = 64
"""Rewritten stretches that are remembered of one text; what goes with it comes soon after."""


_PLACEHOLDER_BEGUN: Final = re.compile(r"\[(?:[A-Z][A-Z0-9_]{0,80})?\Z")
"""The beginning of a placeholder, as the redactor writes them."""


class Channel:
    """Counts what came and what has gone on, in code points of the text as it came, and remembers where it
    was rewritten: what says the same in other words (log-probabilities) must not go on then."""

    __slots__ = ("_guard", "_left", "_spoiled", "_stream", "came", "gone", "origin")

    def __init__(self, guard: Guard, origin: Origin) -> None:
        self._guard = guard
        self._stream = guard.opens(origin)
        self._left = ""
        self._spoiled: list[tuple[int, int]] = []
        self.origin = origin
        self.came = 0
        self.gone = 0

    @property
    def holds(self) -> bool:
        """Whether some of what came has not gone on."""
        return self._stream.holds or bool(self._left)

    def feed(self, text: str) -> Piece:
        """The next piece as it came."""
        self.came += len(text)
        return Piece(self, self._stream.feed(text), False)

    def feed_value(self, value: str) -> list[Piece]:
        """The next piece, where each may also be a text of its own: one in which something is found so is not
        read as going on where the one before it ended, nor the next one where it ends."""
        alone = glance(self._guard, Text(text=value, origin=self.origin))
        if not alone.findings:
            return [self.feed(value)]
        before, self._stream = self._stream.end(), self._guard.opens(self.origin)
        self.came += len(value)
        return [Piece(self, before, True), Piece(self, alone, True)]

    def relax(self) -> Piece:
        """What has been held for long enough."""
        return Piece(self, self._stream.relax(), True)

    def end(self) -> Piece:
        """All that is held."""
        return Piece(self, self._stream.end(), True)

    def settled(self, passed: Passed, kinds: Sequence[str], *, last: bool) -> str:
        """The text that goes on, once what of it is redacted is known; `last`: nothing of it waits to be
        restored."""
        text = self._redacted(passed, kinds)
        restore = self._guard.restore
        if restore is None:
            return text
        text = self._left + text
        begun = None if last else _PLACEHOLDER_BEGUN.search(text)
        text, self._left = (text, "") if begun is None else (text[: begun.start()], text[begun.start() :])
        return restore(text)

    def spoiled(self, start: int, end: int) -> bool:
        """Whether something of this range was rewritten."""
        return any(first < end and start < last for first, last in self._spoiled)

    def _redacted(self, passed: Passed, kinds: Sequence[str]) -> str:
        text, start = passed.text, self.gone
        self.gone += len(text)
        if not passed.findings or not kinds:
            return text
        whole = Text(text=text, origin=self.origin)
        instead = self._guard.redact((whole,), passed.findings, kinds).get(0)
        if instead is None:
            return text
        # Which of the findings were meant is not said here, so all count as rewritten.
        self._spoiled += [(start + s.start, start + s.end) for each in passed.findings for s in each.spans]
        del self._spoiled[:-MAX_SPOILED]
        return instead


@dataclass(frozen=True, slots=True)
class Piece:
    """What a channel lets go on, as soon as its findings are judged."""

    channel: Channel
    passed: Passed
    last: bool

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found in it."""
        return self.passed.findings

    def settle(self, kinds: Sequence[str]) -> str:
        """The text that goes on without the findings that `kinds` mean. Once for each piece, in order."""
        return self.channel.settled(self.passed, kinds, last=self.last)


def glance(guard: Guard, text: Text) -> Passed:
    """What is found in a text that comes whole."""
    stream = guard.opens(text.origin)
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
