"""One finding for each thing found, however many patterns, recognizers and views found it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from dataplane.findings import LEVEL_RANK, Level

_EXCLUSIVE: Final = ("pii.", "secret.")
"""Kinds of which a stretch of text is only one: a value has one meaning."""

_GENERIC: Final = (".generic", ".password", ".high_entropy")
"""What a value is said to be by what stands around it; any other kind knows it by its form."""


@dataclass(frozen=True, slots=True)
class Found:
    """A candidate with its level, in code points of the text as it came. `depth` is how many tricks had to be
    seen through."""

    kind: str
    level: Level
    score: int
    start: int
    end: int
    depth: int = 0

    @property
    def exclusive(self) -> bool:
        """Whether it says what a value is."""
        return self.kind.startswith(_EXCLUSIVE)


def merged(found: Iterable[Found]) -> list[Found]:
    """Those that say more than others of the same stretch, in order.

    Of two of one kind that overlap, the surer stays, then the one for which fewer tricks had to be seen
    through, then the longer. Of two values that overlap, the one of the higher level stays, then the more
    specific, then the longer; the other does too where it is as sure by level and holds all of the first.
    """
    kept: list[Found] = []
    for each in sorted(found, key=_before_others):
        if not any(_covers(other, each) for other in kept):
            kept.append(each)
    kept.sort(key=lambda each: (each.start, each.end, each.kind))
    return kept


def _before_others(found: Found) -> tuple[int, ...]:
    level, length = -LEVEL_RANK[found.level], found.start - found.end
    if found.exclusive:
        return level, int(found.kind.endswith(_GENERIC)), length, -found.score, found.depth
    return level, 0, -found.score, found.depth, length


def _covers(kept: Found, other: Found) -> bool:
    if other.start >= kept.end or kept.start >= other.end:
        return False
    if kept.kind == other.kind:
        return True
    if not (kept.exclusive and other.exclusive):
        return False
    holds = (
        other.start <= kept.start
        and kept.end <= other.end
        and (other.end - other.start > kept.end - kept.start)
    )
    return not (holds and other.level == kept.level)
