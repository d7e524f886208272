"""Which patterns match, by hyperscan: one database, one scratch for each thread.

Importing it fails where hyperscan has no wheel.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final

import hyperscan

from dataplane.inspection import compiled
from dataplane.inspection.recognizer import Pattern
from dataplane.regex import Regex

_FLAGS: Final = hyperscan.HS_FLAG_UTF8 | hyperscan.HS_FLAG_MULTILINE


class _Scratch(threading.local):
    """A scratch of the thread that asks, made when it first does."""

    def __init__(self, database: hyperscan.Database) -> None:
        self.scratch = hyperscan.Scratch(database)


@lru_cache(maxsize=4)
def _compiled(expressions: tuple[tuple[bytes, int], ...]) -> hyperscan.Database:
    """A database, which never changes. Some hundred patterns take three seconds to compile, and the next
    revision of a policy, and the next process, mostly has the same."""
    name = compiled.name_of(
        hyperscan.__version__.encode(),  # type: ignore[attr-defined]  # not in its stub
        *(b"%d:%b" % (each, source) for source, each in expressions),
    )
    kept = compiled.read(name)
    if kept is not None:
        with suppress(hyperscan.error):  # of another version or processor
            return hyperscan.loadb(kept, hyperscan.HS_MODE_BLOCK)
    database = _compile(expressions)
    compiled.keep(name, hyperscan.dumpb(database))
    return database


def _compile(expressions: tuple[tuple[bytes, int], ...]) -> hyperscan.Database:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[source for source, _ in expressions],
        ids=list(range(len(expressions))),
        elements=len(expressions),
        flags=[each for _, each in expressions],
    )
    return database


def _culprit(patterns: Sequence[Pattern], expressions: Sequence[tuple[bytes, int]]) -> str:
    """The first pattern that does not compile by itself."""
    for pattern, expression in zip(patterns, expressions, strict=True):
        try:
            _compile((expression,))
        except hyperscan.error:
            return pattern.id
    return "all patterns together"


class HyperscanScanner:
    """See `engine.Scanner`."""

    name: Final = "hyperscan"

    def __init__(self, patterns: Sequence[Pattern], read: Sequence[Regex]) -> None:
        """Compile the database, or take that of an engine with the same patterns. Raises `ValueError` with
        the pattern's id and hyperscan's words."""
        expressions = tuple(
            (each.source.encode(), flags(pattern)) for each, pattern in zip(read, patterns, strict=True)
        )
        try:
            self._database = _compiled(expressions)
        except hyperscan.error as error:
            raise ValueError(f"{_culprit(patterns, expressions)}: hyperscan: {error}") from None
        self._local = _Scratch(self._database)
        self._scan = self._database.scan

    @property
    def database_bytes(self) -> int:
        """What the compiled patterns take."""
        return int(self._database.size())

    def ends(self, text: str, data: bytes) -> list[tuple[int, int]]:
        """See `engine.Scanner`."""
        found: list[tuple[int, int]] = []
        self._scan(data, match_event_handler=_keep, context=found, scratch=self._local.scratch)
        return found


def flags(pattern: Pattern) -> int:
    """How hyperscan reads a pattern. Of one whose spans are looked for afterwards, one match is enough."""
    return int(
        _FLAGS
        | (hyperscan.HS_FLAG_CASELESS if pattern.caseless else 0)
        | (0 if pattern.needle else hyperscan.HS_FLAG_SINGLEMATCH)
    )


def _keep(index: int, _start: int, end: int, _flags: int, found: Any) -> None:
    # must never raise: what a callback raises is lost when another match follows
    found.append((index, end))
