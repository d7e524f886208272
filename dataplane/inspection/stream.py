"""A text that comes in pieces, and goes on as soon as nothing in it can become a finding any more.

What stands before the held text is kept for as long as it may be needed to understand what follows, so the
state of a stream does not grow with it. A piece in which no pattern matches and no trick is seen costs one
scan and one look at where it ends. Where only words matched that abuse or attacks are told by, their own
recognizers are asked whether these come to anything. Any other costs looking at the kept text as at a text
of its own.

A finding is told with the text that it is about, once that text may go on. One that is recognised only later,
by what follows it, is told then, with what of it is still here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from dataplane.findings import FAILED, LEVEL_RANK, Finding, Origin, Span, failure, selects
from dataplane.inspection.stream_hold import (
    BLANK,
    BLOCK_END,
    BLOCK_END_LENGTH,
    MAX_BEGUN,
    MAX_PLAIN_BYTES,
    begun,
    block_start,
)
from dataplane.inspection.stream_reader import FOLLOW, HIDES, LOOK_BACK, SETTLES, Reader
from dataplane.inspection.stream_told import Told
from dataplane.inspection_ports import Passed

CONTEXT: Final = 384
"""Code points kept of what has gone on, up to half as many more: no sign of anything is read from further
away (`evidence.BEFORE`), and with what is held they stay under 4 kB where a character takes four bytes."""

EDGE: Final = 128
"""Code points at the beginning of kept text in which nothing new is found if there was text before them: they
were looked at with it."""

_KEPT: Final = CONTEXT + CONTEXT // 2
"""Code points of it that are kept at most."""

FOLLOWS: Final = 260
"""Code points behind a hit of a recognizer of words that may yet make a finding of it (`evidence.AFTER`)."""

TOGETHER: Final = 48
"""Code points that are scanned and go on together behind words that may come to something, so that whether
they do is asked once for two or three small pieces; fewer than `LOOK_BACK`."""

SPELLED: Final = 128
"""Code points after which words in disguise (misspelt, turned round) are looked for: that takes as long as a
scan, so small pieces have it in common."""

SLICE: Final = 2_048
"""Code points looked at as one, of a piece that is longer."""

_WORD_LENGTH: Final = 64
"""Longest word that kept text does not begin within."""

_NOTHING: Final = Passed("")
_passed: Final = tuple.__new__
"""Of the class, for nearly every piece: what a named tuple does before that takes as long again."""
_log = logging.getLogger("regogate.inspection")

_FEW: Final = MAX_PLAIN_BYTES >> 2
"""Code points that are no more than the bytes that may be held, whatever characters they are."""


class Window:
    """Implements `ports.TextStream`.

    `_text` is what is kept, `_out` how much of it has gone on, `_gone` how much of the stream was before it.
    `_open` is where, as far as text was looked at, begins what is held for what it may become.
    `_follow` counts down the code points that words which were found may still need, `_unread` counts those
    not looked at for disguises, `_late` those that came since patterns were looked for; up to `_veiled` in
    the stream, text may be read in another way.
    `_until` ends a match that has begun and is longer than plain text may be held; `_told` knows the findings
    that were told of what is kept.
    """

    __slots__ = (
        "_follow",
        "_gone",
        "_late",
        "_open",
        "_origin",
        "_out",
        "_reader",
        "_text",
        "_told",
        "_unread",
        "_until",
        "_veiled",
    )

    def __init__(self, reader: Reader, origin: Origin) -> None:
        self._reader = reader
        self._origin = origin
        self._text = ""
        self._out = 0
        self._open = 0
        self._gone = 0
        self._follow = 0
        self._late = 0
        self._unread = 0
        self._veiled = 0
        self._until: re.Pattern[str] | None = None
        self._told = Told()

    @property
    def holds(self) -> bool:
        """See `ports.TextStream`."""
        return self._out < len(self._text)

    def feed(self, text: str) -> Passed:
        """See `ports.TextStream`. Never raises: what cannot be looked at is a finding `inspection.failed`."""
        new = len(text)
        if not new:
            return _NOTHING
        if new > SLICE:
            return _joined([self.feed(text[at : at + SLICE]) for at in range(0, new, SLICE)])
        self._text = text = self._text + text
        out = self._out
        try:
            if self._until is None:
                reader, follow = self._reader, self._follow > 0
                back = out - LOOK_BACK
                if follow:
                    new += self._late
                    if new < TOGETHER and self._gone + out > 0 and _size(text[out:]) <= MAX_PLAIN_BYTES:
                        self._late = new
                        return _NOTHING
                    self._late = 0
                    back = min(self._open - LOOK_BACK, len(text) - SETTLES)
                if back < 0:
                    back = 0
                part = text[back:]
                ends = reader.search(part)
                start = out - back if out > back else 0
                upto = back + reader.open_from(part, start)
                self._unread += new
                means = 0
                if ends:
                    ends = reader.weighed(ends)
                    for each, _ in ends:
                        means |= each
                if not part.isascii() and reader.hides(part):
                    means |= HIDES
                if means or follow:
                    self._open = upto
                    upto = self._followed(
                        means, new, min(upto, max(out, back + reader.hint(ends, part, start)))
                    )
                elif len(text) - upto > _FEW or (self._unread >= SPELLED and self._disguised(text)):
                    upto = -1
                if upto >= 0:
                    self._out = upto
                    if upto > _KEPT:
                        self._forget(upto - CONTEXT)
                    return _passed(Passed, (text[out:upto], ()))
            elif self._goes_on(text, new):
                return _NOTHING
        except Exception as error:  # noqa: BLE001  whatever fails here must not let the text go on
            return self._failed(error)
        return self._guarded(self._looked)

    def relax(self) -> Passed:
        """See `ports.TextStream`."""
        return _NOTHING if self._out == len(self._text) else self._guarded(self._relaxed)

    def end(self) -> Passed:
        """See `ports.TextStream`."""
        return _NOTHING if self._out == len(self._text) else self._guarded(self._ended)

    def _followed(self, means: int, new: int, upto: int) -> int:
        """How far text goes on after a piece of `new` code points in which patterns matched, or that came
        soon after some did: `upto` where it was words that come to nothing so far, -1 where all has to be
        looked at to know."""
        text = self._text
        if means & FOLLOW:
            self._follow = FOLLOWS
        elif self._follow > 0:
            self._follow -= new
        if means & HIDES:
            self._veiled = self._gone + len(text)
        if means & ~FOLLOW or self._veiled > self._gone or _size(text[upto:]) > MAX_PLAIN_BYTES:
            return -1
        return -1 if self._reader.comes(text, self._origin) else upto

    def _disguised(self, text: str) -> bool:
        """Whether words are disguised in what came since this was last asked."""
        new, self._unread = self._unread, 0
        if not self._reader.hides(text[-new - LOOK_BACK :]):
            return False
        self._follow = FOLLOWS
        return True

    def _guarded(self, step: Callable[[], Passed]) -> Passed:
        try:
            return step()
        except Exception as error:  # noqa: BLE001  whatever fails here must not let the text go on
            return self._failed(error)

    def _goes_on(self, text: str, new: int) -> bool:
        """Whether a long match that has begun goes on behind the last piece."""
        assert self._until is not None
        if self._until.search(text, max(self._out, len(text) - new - BLOCK_END_LENGTH)) is not None:
            self._until = None
            return False
        return len(text) - self._out <= MAX_BEGUN

    def _looked(self) -> Passed:
        found, text, out = self._find(), self._text, self._out
        begins = [
            each.spans[0].start
            for each in found
            if each.spans[-1].end > out and self._reader.unsettled(each, len(text))
        ]
        if self._follow > 0:
            back = max(0, out - LOOK_BACK)
            begins.append(
                back + self._reader.hint(self._reader.touched(text[back:]), text[back:], out - back)
            )
        upto = max(out, min((self._reader.open_from(text, out), *begins)))
        return self._pass(self._bounded(found, _before(found, upto, out)), found)

    def _relaxed(self) -> Passed:
        found, text, out = self._find(), self._text, self._out
        upto = min(begun(text, out), block_start(text, out))
        open_from = self._reader.open_from(text, out)
        begins = [each.spans[0].start for each in found if each.spans[-1].end > open_from]
        return self._pass(_before(found, max(out, min((upto, *begins))), out), found)

    def _ended(self) -> Passed:
        text, out = self._text, self._out
        reader, part = self._reader, text[max(0, out - LOOK_BACK) :]
        looks = (
            self._follow > 0
            or self._until is not None
            or reader.touched(part)
            or (not part.isascii() and reader.hides(part))
            or self._disguised(text)
        )
        return self._pass(len(text), self._find() if looks else ())

    def _find(self) -> list[Finding]:
        """What is found in the kept text, of the kinds asked for."""
        kinds, origin = self._reader.kinds, self._origin
        found = self._reader.look(self._text, origin)
        if any(each.kind == FAILED for each in found):
            raise RuntimeError(FAILED)
        return [each for each in found if selects(kinds, each.kind, origin)]

    def _bounded(self, found: Sequence[Finding], upto: int) -> int:
        """How far text goes on, if it may as far as `upto`, so that no more is held than may be."""
        text = self._text
        if _size(text[upto:]) <= MAX_PLAIN_BYTES:
            return upto
        block = block_start(text, upto)
        first = min(
            (block, begun(text, upto), *(s.start for each in found for s in each.spans if s.end > upto))
        )
        if first <= upto:
            if len(text) - upto <= MAX_BEGUN:
                self._until = BLOCK_END if block == upto else BLANK
                return upto
            if block == upto:
                raise OverflowError("a delimited secret without an end")
            self._until = None
            return len(text)
        plain = text[upto:first].encode("utf-8", "replace")
        kept = max(0, MAX_PLAIN_BYTES - _size(text[first:]))
        freed = plain[: max(0, len(plain) - kept)].decode("utf-8", "ignore")
        return upto + len(freed)

    def _pass(self, upto: int, found: Sequence[Finding]) -> Passed:
        """Let the text before `upto` go on, with those findings that end there and were not told before."""
        text, out = self._text, self._out
        passed = text[out:upto]
        told = [self._clipped(each) for each in found if each.spans[-1].end <= upto and self._tell(each)]
        self._out = self._open = upto
        if upto > _KEPT:
            self._forget(upto - CONTEXT)
        return Passed(passed, tuple(told))

    def _forget(self, upto: int) -> None:
        """Keep nothing from before `upto`, or from before the blank behind it: half a word is another one."""
        blank = BLANK.search(self._text, upto, upto + _WORD_LENGTH)
        upto = upto if blank is None else blank.start()
        self._text = self._text[upto:]
        self._out -= upto
        self._open -= upto
        self._gone += upto
        self._told.forget(self._gone)

    def _clipped(self, found: Finding) -> Finding:
        out = self._out
        spans = tuple(Span(0, max(0, s.start - out), s.end - out) for s in found.spans if s.end > out)
        return replace(found, spans=spans)

    def _tell(self, found: Finding) -> bool:
        """Whether a finding says more than those that were told of the same stretch."""
        if self._gone and found.spans[0].start < EDGE:
            return False
        start, end = found.spans[0].start + self._gone, found.spans[-1].end + self._gone
        return self._told.tell(found.kind, start, end, LEVEL_RANK[found.level])

    def _failed(self, error: Exception) -> Passed:
        # The text of an unexpected error may quote what was looked at: its type only.
        _log.error("inspection of a stream failed", extra={"error_type": type(error).__name__})
        passed = self._text[self._out :]
        self._gone += len(self._text)
        self._text, self._out, self._open, self._until = "", 0, 0, None
        span = Span(0, 0, len(passed))
        return Passed(passed, (failure(self._origin, span),))


def _size(text: str) -> int:
    """In bytes of UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _before(found: Sequence[Finding], upto: int, out: int) -> int:
    """Where what may go on ends, not before `out`, so that it cuts no finding in two."""
    for each in found:
        if each.spans[0].start < upto < each.spans[-1].end:
            return upto if upto == out else _before(found, max(out, each.spans[0].start), out)
    return upto


def _joined(passed: Sequence[Passed]) -> Passed:
    findings: list[Finding] = []
    length = 0
    for one in passed:
        findings += [
            replace(each, spans=tuple(Span(0, s.start + length, s.end + length) for s in each.spans))
            for each in one.findings
        ]
        length += len(one.text)
    return Passed("".join(one.text for one in passed), tuple(findings))
