"""Weighing of independent signs: what the recognizers of attacks have in common.

A `Signal` is one sign, such as a request to set earlier instructions aside. The shared scan looks only for
its needles; where one ends, its expression is tried on the text around. What all signals of a stretch come
to is `1 - product(1 - points / 100)` over their families (noisy-or: each sign is taken as independent
evidence; two of one family, and two of the same words, are one sign).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from dataplane.findings import Origin
from dataplane.inspection.engine_re2 import ANYWHERE, Match, compile_one
from dataplane.inspection.recognizer import Candidate, Hit, Pattern

BEFORE: Final = 220
AFTER: Final = 260
"""Code points before and after the end of a needle on which an expression is tried; no expression of a signal
spans more than the lesser of both."""

APART: Final = 1000
"""Signs further apart than this many code points are of two matters."""

STRETCH: Final = 6000
"""The most code points within which signs count together: the longest prompts of public collections of
jailbreaks; a long document that says something suspicious now and then is no attack."""

DETECTION: Final = 50
"""The score of `medium` where the row does not say."""

WHOLE: Final = "="
"""Of a signal whose expression costs no more than its needles: that the engine looks for that itself."""

MATCHES: Final = 8
"""Matches of one signal that are kept; more of the same add nothing."""

JUDGED: Final = 64
"""Matches of one signal that are judged by where they stand; who mentions it more often means it."""

WORTH_REDACTING: Final = 10
"""Points of a sign that has a candidate of its own where each has one; a word in its harmless sense has
fewer."""

MOST: Final = 99
"""The most that a score says."""

UNTRUSTED: Final = frozenset(
    {Origin.TOOL_RESULT, Origin.TOOL_DEFINITION, Origin.SCHEMA, Origin.METADATA, Origin.TOOL_ARGUMENTS}
)
"""Text that should hold data: whoever gives orders there is not the one who asks."""

_SPECIAL: Final = re.compile(r"[.^$*+?()\[\]{}\\]")
"""What has a meaning in an expression; `re.escape` would mark more than RE2 reads."""

TRUSTED: Final = frozenset({Origin.SYSTEM, Origin.DEVELOPER})
"""Text of whoever runs the application, which is meant to give orders and to speak of orders."""

TRUSTED_SHARE: Final = 0.5
"""What a sign counts in trusted text: only several strong ones together come to a detection."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One sign. Near every match of `regex` (RE2, caseless) stands one of `needles` (literals in lower case,
    separated by `|`). `user` and `tool` are its points, 0 to 99, in text of a user and in untrusted text
    (where None, the same). Of the signals of one `family` (where empty, its own) only the best counts."""

    name: str
    needles: str
    regex: str
    user: int
    tool: int | None = None
    family: str = ""


def borrowed(signals: Iterable[Signal], points: Mapping[str, int]) -> tuple[Signal, ...]:
    """Those of another recognizer's signals that support this one too, with their points here, by name."""
    return tuple(replace(one, user=points[one.name], tool=None) for one in signals if one.name in points)


@dataclass(frozen=True, slots=True)
class Sign:
    """A match of a signal: its points here, and its half-open range in the text."""

    signal: Signal
    points: float
    start: int
    end: int


Judge = Callable[[str, Sign], float]
"""What a sign's points are to be multiplied by, given where it stands in the text."""


def _as_it_stands(text: str, sign: Sign) -> float:
    return 1.0


class Evidence:
    """A recognizer of `kind` by the weight of `signals`."""

    def __init__(
        self,
        kind: str,
        signals: Sequence[Signal],
        row: Mapping[str, Any],
        *,
        near: Mapping[str, str] = MappingProxyType({}),
        judge: Judge = _as_it_stands,
        apart: int = APART,
        each: bool = False,
    ) -> None:
        """`near` has, by name of signal, what is looked for in place of needles that ordinary text is full
        of: an expression of which a match ends in every match of the signal's own. `row` may hold `weights`,
        points by name of signal (in text of users and in untrusted text), and
        `medium`, the score of a detection. Signs further apart than `apart` code points are of two matters.
        With `each`, a matter is a candidate for each of its signs instead of one from its first to its last:
        for what is to be redacted. Raises `ValueError` for a weight that is unknown or not 0 to 99."""
        self._kind = kind
        self._judge = judge
        self._apart = apart
        self._floor = int(row.get("medium", DETECTION))
        self._doubt = 1 - (self._floor - 0.5) / 100
        self._each = each
        weights = _weights(kind, signals, row)
        needles: dict[tuple[str, str], list[_Compiled]] = {}
        for signal in signals:
            points = weights.get(signal.name)
            compiled = _Compiled.of(signal, points)
            if compiled.user or compiled.tool:
                instead = near.get(signal.name, "")
                needles.setdefault(
                    (signal.needles, signal.regex if instead == WHOLE else instead), []
                ).append(compiled)
        self._of: dict[str, tuple[_Compiled, ...]] = {}
        patterns, beginnings = [], []
        for (literals, instead), found in needles.items():
            name = f"{kind}.{found[0].signal.name}"
            regex = "|".join(_escaped(literal) for literal in literals.split("|"))
            beginnings.append(Pattern(id=name, regex=regex, needle=True))
            patterns.append(Pattern(id=name, regex=instead or regex, needle=True))
            self._of[name] = tuple(found)
        self.patterns: Sequence[Pattern] = tuple(patterns)
        self.beginnings: Sequence[Pattern] = tuple(beginnings)
        self._tried = {name: _tries(found, name, tool=False) for name, found in self._of.items()}
        self._tried_untrusted = {name: _tries(found, name, tool=True) for name, found in self._of.items()}
        self._left = {name: _left(tries) for name, tries in self._tried.items()}
        self._left_untrusted = {name: _left(tries) for name, tries in self._tried_untrusted.items()}
        self._decisive = {
            (share, untrusted): {name: self._until_hopeless(tries, share) for name, tries in tried.items()}
            for share, untrusted, tried in (
                (1.0, False, self._tried),
                (TRUSTED_SHARE, False, self._tried),
                (1.0, True, self._tried_untrusted),
            )
        }

    def recognize(self, text: str, hits: Sequence[Hit], origin: Origin) -> Iterable[Candidate]:
        """What the signs of each stretch come to, where that is a detection. The heaviest are tried first,
        and none any more once those that are left cannot come to one."""
        share = TRUSTED_SHARE if origin in TRUSTED else 1.0
        untrusted = origin in UNTRUSTED
        seen = {hit.pattern for hit in hits}
        left = self._left_untrusted if untrusted else self._left
        against = 1.0  # what is left of doubt if all that were found
        for pattern in seen:
            against *= left[pattern]
        if against > self._doubt:
            return ()
        tried = self._tried_untrusted if untrusted else self._tried
        data = text.encode() if text.isascii() else None
        if len(seen) == 1:
            name = hits[0].pattern
            tries = tried[name]
            decisive = tries[: self._decisive[share, untrusted][name]]
            if data is not None and _all_fail(data, hits, decisive):
                return ()
        else:
            tries = [each for pattern in seen for each in tried[pattern]]
            tries.sort(key=_heaviest_first)
        hoped: dict[str, list[float]] = {}  # of each family, what is still to be tried or was found
        against = 1.0  # as above, of each family the best only
        for points, compiled, _ in tries:
            if compiled.family in hoped:
                hoped[compiled.family].append(points)
            else:
                hoped[compiled.family] = [points]
                against *= 1 - share * points / 100
        if against > self._doubt:
            return ()
        ends: dict[str, list[int]] = {}
        for hit in hits:
            ends.setdefault(hit.pattern, []).append(hit.end)
        windows: dict[str, list[tuple[int, int]]] = {}
        signs: list[Sign] = []
        for points, compiled, pattern in tries:
            places = windows.get(pattern)
            if places is None:
                places = windows[pattern] = _windows(ends[pattern], len(text))
            found = self._search(text, data, places, compiled, share * points)
            if found:
                signs.extend(found)
                continue
            family = hoped[compiled.family]
            best = family[0]
            family.remove(points)
            next_best = family[0] if family else 0.0
            if next_best != best:
                against *= (1 - share * next_best / 100) / (1 - share * best / 100)
                if against > self._doubt:
                    return ()
        return self._stretches(signs)

    def _until_hopeless(self, tries: Sequence[_Try], share: float) -> int:
        """How many of these must fail, the first ones first, until those that are left come to nothing."""
        for failed in range(len(tries)):
            if _left(tries[failed:], share) > self._doubt:
                return failed
        return len(tries)

    def _search(
        self,
        text: str,
        data: bytes | None,
        windows: Sequence[tuple[int, int]],
        compiled: _Compiled,
        points: float,
    ) -> list[Sign]:
        signs: list[Sign] = []
        whole = 0
        for start, end in windows:
            ranges = compiled.spans(text, start, end) if data is None else compiled.within(data, start, end)
            for first, past in ranges:
                sign = Sign(compiled.signal, points, first, past)
                share = self._judge(text, sign) if whole < MATCHES and len(signs) < JUDGED else 1.0
                signs.append(sign if share == 1 else replace(sign, points=points * share))
                whole += share == 1
                if whole == MATCHES and not self._each:
                    return signs
        return signs

    def _stretches(self, signs: list[Sign]) -> Iterable[Candidate]:
        signs.sort(key=lambda sign: (sign.start, sign.end))
        stretch: list[Sign] = []
        for sign in signs:
            if stretch and (
                sign.start - stretch[-1].end > self._apart or sign.end - stretch[0].start > STRETCH
            ):
                yield from self._candidate(stretch)
                stretch = []
            stretch.append(sign)
        yield from self._candidate(stretch)

    def _candidate(self, stretch: Sequence[Sign]) -> Iterable[Candidate]:
        best: dict[str, Sign] = {}
        for sign in stretch:
            family = sign.signal.family or sign.signal.name
            if family not in best or best[family].points < sign.points:
                best[family] = sign
        counted: list[Sign] = []
        for sign in sorted(best.values(), key=lambda sign: -sign.points):
            if not any(_same_words(sign, other) for other in counted):
                counted.append(sign)
        score = round(100 * (1 - math.prod(1 - sign.points / 100 for sign in counted)))
        if score >= self._floor:
            score = min(score, MOST)
            if self._each:
                upto = 0
                for sign in stretch:
                    if sign.points >= WORTH_REDACTING and sign.end > upto:
                        upto = sign.end
                        yield Candidate(self._kind, score, sign.start, upto)
            else:
                end = max(sign.end for sign in stretch)
                yield Candidate(self._kind, score, stretch[0].start, end)


_Try = tuple[int, "_Compiled", str]
"""Points, what is tried, and the needle whose places it is tried at."""


def _all_fail(data: bytes, hits: Sequence[Hit], tries: Sequence[_Try]) -> bool:
    """Whether none of these matches in a text, in which one needle was hit. Most words that may belong to a
    sign do not, and then nothing need be added up."""
    windows = _windows([hit.end for hit in hits], len(data))
    for _, compiled, _ in tries:
        match = compiled.match
        for start, end in windows:
            if start < end and match(ANYWHERE, data, start, end)[0][0] >= 0:
                return False
    return True


def _tries(found: Iterable[_Compiled], pattern: str, *, tool: bool) -> list[_Try]:
    tries = [(each.tool if tool else each.user, each, pattern) for each in found]
    return sorted((each for each in tries if each[0]), key=_heaviest_first)


def _left(tries: Sequence[_Try], share: float = 1.0) -> float:
    """What is left of doubt if all that is tried were found, each counting for this share of its points."""
    best = {compiled.family: points for points, compiled, _ in reversed(tries)}
    return math.prod(1 - share * points / 100 for points in best.values())


def _heaviest_first(tried: _Try) -> int:
    return -tried[0]


def _escaped(literal: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", literal).replace("\n", "\\n").replace("\r", "\\r")


def _same_words(one: Sign, other: Sign) -> bool:
    shared = min(one.end, other.end) - max(one.start, other.start)
    return 2 * shared > max(one.end - one.start, other.end - other.start)


@dataclass(frozen=True, slots=True)
class _Compiled:
    signal: Signal
    match: Match
    user: int
    tool: int
    family: str

    @classmethod
    def of(cls, signal: Signal, points: int | None) -> _Compiled:
        user = signal.user if points is None else points
        tool = (signal.user if signal.tool is None else signal.tool) if points is None else points
        return cls(signal, compile_one(f"(?i)(?:{signal.regex})"), user, tool, signal.family or signal.name)

    def spans(self, text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Matches in `text` from `start` to `end`, none overlapping another."""
        window = text[start:end].encode("utf-8", "replace")
        for first, past in self.within(window, 0, len(window)):
            before = start + len(window[:first].decode())
            yield before, before + len(window[first:past].decode())

    def within(self, data: bytes, at: int, end: int) -> Iterator[tuple[int, int]]:
        """The same of bytes."""
        while at < end:
            first, past = self.match(ANYWHERE, data, at, end)[0]
            if first < 0:
                return
            yield first, past
            at = max(past, first + 1)


def _weights(kind: str, signals: Sequence[Signal], row: Mapping[str, Any]) -> Mapping[str, int]:
    weights: Mapping[str, int] = row.get("weights", {})
    known = {signal.name for signal in signals}
    for name, points in weights.items():
        if name not in known:
            raise ValueError(f"{kind}: weights names {name!r}, which is none of its signals")
        if not 0 <= points <= MOST:
            raise ValueError(f"{kind}: the weight of {name!r} is not 0 to {MOST}")
    return weights


def _windows(ends: Sequence[int], length: int) -> list[tuple[int, int]]:
    """Ranges around `ends`, which are in order; those that touch are one, so that no text is tried twice."""
    windows: list[tuple[int, int]] = []
    for end in ends:
        start, stop = max(0, end - BEFORE), min(length, end + AFTER)
        if windows and start <= windows[-1][1]:
            windows[-1] = (windows[-1][0], stop)
        else:
            windows.append((start, stop))
    return windows
