"""Which patterns match, by hyperscan: one scratch of each database for each thread.

Importing it fails where hyperscan has no wheel.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final

import hyperscan

from dataplane.inspection import compiled
from dataplane.inspection.recognizer import Pattern
from dataplane.kept_files import name_of
from dataplane.regex import Regex

_FLAGS: Final = hyperscan.HS_FLAG_UTF8 | hyperscan.HS_FLAG_MULTILINE

KEPT_FROM_S: Final = 0.1
"""Patterns that take less to compile are not worth a file, which others would have to make room for."""


class _Searches(threading.local):
    """How each database is searched in the thread that asks, made when it first does."""

    def __init__(self, databases: Sequence[hyperscan.Database]) -> None:
        self.searches = tuple((each.scan, hyperscan.Scratch(each)) for each in databases)


_Expression = tuple[int, bytes, int]
"""The index of a pattern, its source and its flags."""


@lru_cache(maxsize=16)
def _compiled(expressions: tuple[_Expression, ...]) -> hyperscan.Database:
    """A database, which never changes. Some hundred patterns take seconds to compile, and the next revision
    of a policy, and the next process, mostly has the same."""
    name = name_of(
        hyperscan.__version__.encode(),  # type: ignore[attr-defined]  # not in its stub
        *(b"%d:%d:%b" % (index, each, source) for index, source, each in expressions),
    )
    kept = compiled.read(name)
    if kept is not None:
        with suppress(hyperscan.error):  # of another version or processor
            return hyperscan.loadb(kept, hyperscan.HS_MODE_BLOCK)
    begun = time.monotonic()
    database = _compile(expressions)
    if time.monotonic() - begun >= KEPT_FROM_S:
        compiled.keep(name, hyperscan.dumpb(database))
    return database


def _compile(expressions: tuple[_Expression, ...]) -> hyperscan.Database:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[source for _, source, _ in expressions],
        ids=[index for index, _, _ in expressions],
        elements=len(expressions),
        flags=[each for _, _, each in expressions],
    )
    return database


def _culprit(patterns: Sequence[Pattern], expressions: Sequence[_Expression]) -> str:
    """The first pattern that does not compile by itself."""
    for expression in expressions:
        try:
            _compile((expression,))
        except hyperscan.error:
            return patterns[expression[0]].id
    return "all patterns together"


class HyperscanScanner:
    """See `engine.Scanner`."""

    name: Final = "hyperscan"

    def __init__(self, patterns: Sequence[Pattern], read: Sequence[Regex]) -> None:
        """Compile the databases, or take those of an engine with the same patterns. Raises `ValueError` with
        the pattern's id and hyperscan's words."""
        groups: dict[str, list[_Expression]] = {}
        for index, (pattern, each) in enumerate(zip(patterns, read, strict=True)):
            groups.setdefault(pattern.apart, []).append((index, each.source.encode(), flags(pattern)))
        self._databases = []
        for expressions in groups.values():
            try:
                self._databases.append(_compiled(tuple(expressions)))
            except hyperscan.error as error:
                raise ValueError(f"{_culprit(patterns, expressions)}: hyperscan: {error}") from None
        self._local = _Searches(self._databases)

    @property
    def database_bytes(self) -> int:
        """What the compiled patterns take."""
        return sum(int(each.size()) for each in self._databases)

    def ends(self, text: str, data: bytes) -> list[tuple[int, int]]:
        """See `engine.Scanner`."""
        found: list[tuple[int, int]] = []
        for scan, scratch in self._local.searches:
            scan(data, _keep, 0, found, scratch)  # by name, its arguments take longer than a short text
        return found


class HyperscanLiterals:
    """Finds words of letters, wherever they stand. See `literals`."""

    def __init__(self, words: Sequence[bytes]) -> None:
        """Compile, which takes a fifth of a second for some thousand words."""
        self._lengths = [len(word) for word in words]
        database = _compiled(tuple((index, word, 0) for index, word in enumerate(words)))
        self._local = _Searches([database])

    def places(self, data: bytes) -> list[tuple[int, int, int]]:
        """See `literals.Find`."""
        found: list[tuple[int, int]] = []
        scan, scratch = self._local.searches[0]
        scan(data, _keep, 0, found, scratch)
        lengths = self._lengths
        return [(index, end - lengths[index], end) for index, end in found]


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
