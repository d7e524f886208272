"""A text that comes in pieces, and goes on as soon as nothing in it can become a finding any more.

What stands before the held text is kept for as long as it may be needed to understand what follows, so the
state of a stream does not grow with it. A piece in which no pattern matches and no trick is seen costs one
scan and one look at where it ends; any other costs looking at the kept text as at a text of its own.

A finding is told with the text that it is about, once that text may go on. One that is recognised only later,
by what follows it, is told then, with what of it is still here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from dataplane.findings import FAILED, LEVEL_RANK, Finding, Origin, Span, failure, selects
from dataplane.inspection.engine import Engine
from dataplane.inspection.recognizer import Hit
from dataplane.inspection.stream_hold import (
    BLANK,
    BLOCK_END,
    BLOCK_END_LENGTH,
    MAX_BEGUN,
    MAX_PLAIN_BYTES,
    Openings,
    begun,
    block_start,
    run_start,
)
from dataplane.inspection_ports import Passed

CONTEXT: Final = 384
"""Code points kept of what has gone on, up to half as many more: no sign of anything is read from further
away (`evidence.BEFORE`), and with what is held they stay under 4 kB where a character takes four bytes."""

EDGE: Final = 128
"""Code points at the beginning of kept text in which nothing new is found if there was text before them: they
were looked at with it."""

_KEPT: Final = CONTEXT + CONTEXT // 2
"""Code points of it that are kept at most."""

LOOK_BACK: Final = 64
"""Code points before the held text that are scanned again with each piece: what a value is told by, such as
`password:`, has gone on when it comes."""

FOLLOWS: Final = 260
"""Code points behind a hit of a recognizer of words that may yet make a finding of it (`evidence.AFTER`)."""

SETTLES: Final = 96
"""Code points behind a finding of such a recognizer that may show it to be harmless; it is held so long."""

HINT: Final = 32
"""Code points before the end of such a hit that are held with it: two or three words."""

SPELLED: Final = 128
"""Code points after which words in disguise (misspelt, turned round) are looked for: that takes as long as a
scan, so small pieces have it in common."""

SLICE: Final = 2_048
"""Code points looked at as one, of a piece that is longer."""

_WORD_LENGTH: Final = 64
"""Longest word that kept text does not begin within."""

LOOK: Final = 1
FOLLOW: Final = 2
"""What a hit of a pattern means: that the text must be looked at, and that what follows must be too."""

_NOTHING: Final = Passed("")
_log = logging.getLogger("regogate.inspection")

Look = Callable[[str, Origin], Sequence[Finding]]
"""All findings of a short text, looked at as text 0."""


class Reader:
    """What the streams of one set of kinds share."""

    __slots__ = (
        "_engines",
        "_openings",
        "_runs",
        "_weight",
        "_weight_by_id",
        "hides",
        "kinds",
        "look",
        "words",
    )

    def __init__(
        self,
        *,
        kinds: Sequence[str],
        engines: Sequence[Engine],
        weight: Mapping[str, int],
        openings: Sequence[Openings],
        runs: bool,
        words: Sequence[str],
        look: Look,
        hides: Callable[[str], bool],
    ) -> None:
        """`weight` says of the engines' patterns what a hit means: `LOOK`, or `FOLLOW` where a finding may
        still be made by what follows; patterns of no weight are not of these kinds. `openings` are held, and
        `runs` if it says so; findings of the kinds `words` may be unmade by what follows. `hides` says
        whether a text may be read in another way than as it stands."""
        self.kinds = tuple(kinds)
        self.words = tuple(words)
        self.look = look
        self.hides = hides
        self._engines = tuple(engines)
        self._weight = tuple(
            (engine.touched, [weight.get(pattern.id, 0) for pattern in engine.patterns]) for engine in engines
        )
        self._weight_by_id = weight
        self._openings = tuple(openings)
        self._runs = runs

    def weigh(self, text: str, start: int) -> tuple[int, int]:
        """What was touched in `text`: 0, `LOOK` or `FOLLOW`. And where, from `start` on, begins what may
        become a finding; the text's end if nothing does."""
        if not text.isascii():
            by_id = self._weight_by_id
            touched = max([by_id.get(hit.pattern, 0) for hit in self._hits(text)], default=0)
            return touched or (LOOK if self.hides(text) else 0), self.open_from(text, start)
        data = text.encode()
        touched = 0
        for touches, weight in self._weight:
            if ends := touches(text, data):
                touched = max(touched, max([weight[index] for index, _ in ends]))
        upto = len(text)
        for openings in self._openings:
            at = openings.start_in(data, start)
            if 0 <= at < upto:
                upto = at
        if self._runs:
            at = run_start(text, start)
            if at < upto:
                upto = at
            if "-----" in text and (at := block_start(text, start)) < upto:
                upto = at
        return touched, upto

    def open_from(self, text: str, start: int) -> int:
        """Where, from `start` on, begins what may become a finding; the text's end if nothing does."""
        at = min((len(text), *(openings.start(text, start) for openings in self._openings)))
        if self._runs:
            at = min(at, run_start(text, start), block_start(text, start))
        return at

    def hinted(self, text: str, start: int) -> int:
        """Where, from `start` on, words begin that may yet come to something with what follows `text`; its
        end if none do."""
        back = max(start - LOOK_BACK, len(text) - SETTLES)
        weight = self._weight_by_id
        ends = [hit.end for hit in self._hits(text[max(0, back) :]) if weight.get(hit.pattern) == FOLLOW]
        if not ends:
            return len(text)
        at = max(start, min(ends) + max(0, back) - HINT)
        blank = text.find(" ", at)
        return at if at == start or blank < 0 else blank

    def _hits(self, text: str) -> list[Hit]:
        return [hit for engine in self._engines for hit in engine.scan(text)]

    def unsettled(self, found: Finding, length: int) -> bool:
        """Whether what follows a text of `length` may show a finding in it to be harmless."""
        return found.spans[-1].end + SETTLES > length and selects(self.words, found.kind, found.origin)


class Window:
    """Implements `ports.TextStream`.

    `_text` is what is kept, `_out` how much of it has gone on, `_gone` how much of the stream was before it.
    `_until` ends a match that has begun and is longer than plain text may be held; `_told` are kind, range in
    the stream and level of the findings that were told of what is kept.
    """

    __slots__ = ("_follow", "_gone", "_origin", "_out", "_reader", "_text", "_told", "_unread", "_until")

    def __init__(self, reader: Reader, origin: Origin) -> None:
        self._reader = reader
        self._origin = origin
        self._text = ""
        self._out = 0
        self._gone = 0
        self._follow = 0
        self._unread = 0
        self._until: re.Pattern[str] | None = None
        self._told: list[tuple[str, int, int, int]] = []

    @property
    def holds(self) -> bool:
        """See `ports.TextStream`."""
        return self._out < len(self._text)

    def feed(self, text: str) -> Passed:
        """See `ports.TextStream`. Never raises: what cannot be looked at is a finding `inspection.failed`."""
        if len(text) > SLICE:
            return _joined([self._next(text[at : at + SLICE]) for at in range(0, len(text), SLICE)])
        return self._next(text) if text else _NOTHING

    def relax(self) -> Passed:
        """See `ports.TextStream`."""
        return _NOTHING if self._out == len(self._text) else self._guarded(self._relaxed)

    def end(self) -> Passed:
        """See `ports.TextStream`."""
        return _NOTHING if self._out == len(self._text) else self._guarded(self._ended)

    def _next(self, piece: str) -> Passed:
        text = self._text + piece
        self._text = text
        out = self._out
        try:
            if self._until is None:
                back = out - LOOK_BACK if out > LOOK_BACK else 0
                touched, upto = self._reader.weigh(text[back:], out - back)
                upto += back
                self._unread += len(piece)
                if touched == FOLLOW:
                    self._follow = FOLLOWS
                elif self._follow > 0:
                    self._follow -= len(piece)
                elif (
                    not touched
                    and len(text) - upto <= MAX_PLAIN_BYTES >> 2
                    and (self._unread < SPELLED or not self._disguised(text))
                ):
                    self._out = upto
                    if upto > _KEPT:
                        self._forget(upto - CONTEXT)
                    return Passed(text[out:upto])
            elif self._goes_on(text, len(piece)):
                return _NOTHING
        except Exception as error:  # noqa: BLE001  whatever fails here must not let the text go on
            return self._failed(error)
        return self._guarded(self._looked)

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
            begins.append(self._reader.hinted(text, out))
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
        back = max(0, out - LOOK_BACK)
        looks = self._follow > 0 or self._until is not None or self._reader.weigh(text[back:], out - back)[0]
        return self._pass(len(text), self._find() if looks or self._disguised(text) else ())

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
        if len(text[upto:].encode("utf-8", "replace")) <= MAX_PLAIN_BYTES:
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
        kept = max(0, MAX_PLAIN_BYTES - len(text[first:].encode("utf-8", "replace")))
        freed = plain[: max(0, len(plain) - kept)].decode("utf-8", "ignore")
        return upto + len(freed)

    def _pass(self, upto: int, found: Sequence[Finding]) -> Passed:
        """Let the text before `upto` go on, with those findings that end there and were not told before."""
        text, out = self._text, self._out
        passed = text[out:upto]
        told = [self._clipped(each) for each in found if each.spans[-1].end <= upto and self._tell(each)]
        self._out = upto
        if upto > _KEPT:
            self._forget(upto - CONTEXT)
        return Passed(passed, tuple(told))

    def _forget(self, upto: int) -> None:
        """Keep nothing from before `upto`, or from before the blank behind it: half a word is another one."""
        blank = BLANK.search(self._text, upto, upto + _WORD_LENGTH)
        upto = upto if blank is None else blank.start()
        self._text = self._text[upto:]
        self._out -= upto
        self._gone += upto
        self._told = [each for each in self._told if each[2] > self._gone]

    def _clipped(self, found: Finding) -> Finding:
        out = self._out
        spans = tuple(Span(0, max(0, s.start - out), s.end - out) for s in found.spans if s.end > out)
        return replace(found, spans=spans)

    def _tell(self, found: Finding) -> bool:
        """Whether a finding says more than those that were told of the same stretch."""
        if self._gone and found.spans[0].start < EDGE:
            return False
        rank = LEVEL_RANK[found.level]
        start, end = found.spans[0].start + self._gone, found.spans[-1].end + self._gone
        for kind, first, last, known in self._told:
            if kind == found.kind and known >= rank and first < end and start < last:
                return False
        self._told.append((found.kind, start, end, rank))
        return True

    def _failed(self, error: Exception) -> Passed:
        # The text of an unexpected error may quote what was looked at: its type only.
        _log.error("inspection of a stream failed", extra={"error_type": type(error).__name__})
        passed = self._text[self._out :]
        self._gone += len(self._text)
        self._text, self._out, self._until = "", 0, None
        span = Span(0, 0, len(passed))
        return Passed(passed, (failure(self._origin, span),))


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
