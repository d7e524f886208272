"""What has come of a streamed answer, kept to be looked at as a whole when it ends.

A window sees a few hundred characters at once. Some kinds are told by signs further apart than that, in the
beginning and the end of a long answer. They are found by one more look at what has come, which holds nothing
back: most of the text is out by then. So the texts are kept only where such kinds are asked for, and only
those too long for a window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Final

from dataplane.findings import LEVEL_RANK, Finding, Origin, Text, selects
from dataplane.inspection_ports import Passed, TextStream

APART: Final = ("injection", "jailbreak", "exfiltration", "code", "financial")
"""Kinds whose signs may lie further apart than a window reads (`inspection.evidence.APART`)."""

SEEN_AT_ONCE: Final = 384
"""Characters of which a window sees the first with the last (`inspection.stream.CONTEXT`)."""

MAX_CHARACTERS: Final = 65_536
"""Kept of one answer, all its texts together: four answers of the longest that most models give. What comes
later is looked at by windows alone."""


@lru_cache(maxsize=64)
def reads_apart(inspect: tuple[str, ...]) -> bool:
    """Whether patterns of findings mean some of those kinds, at any origin."""
    return any(selects(inspect, kind, origin) for kind in APART for origin in Origin)


class Heard:
    """Opens windows by `opens`, and hears what is fed to them."""

    def __init__(self, opens: Callable[[Origin], TextStream]) -> None:
        self._opens = opens
        self._said: list[_Said] = []
        self._left = MAX_CHARACTERS

    def open(self, origin: Origin) -> TextStream:
        """A window that is heard."""
        return _Listening(self, self._opens(origin), origin)

    def texts(self) -> Sequence[Text]:
        """The long texts, of those that have grown since this was asked last."""
        grown = [one for one in self._said if one.size > max(SEEN_AT_ONCE, one.looked_at)]
        for one in grown:
            one.looked_at = one.size
        return [Text(text="".join(one.pieces), origin=one.origin) for one in grown]

    def _hear(self, said: _Said, text: str) -> None:
        kept = text[: self._left]
        if not kept:
            return
        if not said.pieces:
            self._said.append(said)
        self._left -= len(kept)
        said.pieces.append(kept)
        said.size += len(kept)

    def _forget(self, said: _Said) -> None:
        """A text has ended; of a short one nothing more can be told."""
        if 0 < said.size <= SEEN_AT_ONCE:
            self._said.remove(said)
            self._left += said.size
            said.pieces, said.size = [], 0


def told_apart(found: Iterable[Finding], told: Sequence[Finding]) -> tuple[Finding, ...]:
    """Of what was found in whole texts, what says more than the windows told: another of those kinds, or a
    higher level of one. That this look failed says nothing: the windows have seen all of it."""
    known: dict[tuple[str, Origin], int] = {}
    for one in told:
        key = one.kind, one.origin
        known[key] = max(known.get(key, -1), LEVEL_RANK[one.level])
    return tuple(
        one
        for one in found
        if selects(APART, one.kind, one.origin)
        and LEVEL_RANK[one.level] > known.get((one.kind, one.origin), -1)
    )


class _Said:
    """One text. Compared by identity."""

    __slots__ = ("looked_at", "origin", "pieces", "size")

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.pieces: list[str] = []
        self.size = 0
        self.looked_at = 0


class _Listening:
    """Implements `inspection_ports.TextStream`."""

    __slots__ = ("_heard", "_inner", "_said")

    def __init__(self, heard: Heard, inner: TextStream, origin: Origin) -> None:
        self._heard = heard
        self._inner = inner
        self._said = _Said(origin)

    @property
    def holds(self) -> bool:
        return self._inner.holds

    def feed(self, text: str) -> Passed:
        self._heard._hear(self._said, text)
        return self._inner.feed(text)

    def relax(self) -> Passed:
        return self._inner.relax()

    def end(self) -> Passed:
        self._heard._forget(self._said)
        return self._inner.end()
