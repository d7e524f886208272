"""One finding for each thing found, however many patterns, recognizers and views found it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from dataplane.findings import LEVEL_RANK, Level

_EXCLUSIVE: Final = ("pii.", "secret.")
"""Kinds of which a stretch of text is only one: a value has one meaning."""

MOST: Final = 300
"""Candidates that overlap, one by others, which are told apart. A text with more is made to have them: all
are told, since what is left out would not be redacted."""

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
    kinds: dict[str, list[Found]] = {}
    for each in found:
        kinds.setdefault("" if each.exclusive else each.kind, []).append(each)
    kept: list[Found] = []
    for apart in kinds.values():
        for cluster in _clusters(sorted(apart, key=_by_place)):
            kept.extend(_best(cluster) if 1 < len(cluster) <= MOST else cluster)
    if len(kinds) > 1:
        kept.sort(key=_by_place)
    return kept


def _best(cluster: Iterable[Found]) -> list[Found]:
    best: list[Found] = []
    for each in sorted(cluster, key=_before_others):
        if not any(_covers(other, each) for other in best):
            best.append(each)
    best.sort(key=_by_place)
    return best


def _clusters(found: Iterable[Found]) -> Iterator[list[Found]]:
    """Those that overlap, directly or by others, together."""
    cluster: list[Found] = []
    past = 0
    for each in found:
        if cluster and each.start >= past:
            yield cluster
            cluster = []
        cluster.append(each)
        past = max(past, each.end) if len(cluster) > 1 else each.end
    if cluster:
        yield cluster


def _by_place(found: Found) -> tuple[int, int, str]:
    return found.start, found.end, found.kind


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
