"""Which patterns match, by hyperscan: one database, one scratch for each thread.

Importing it fails where hyperscan has no wheel.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Final

import hyperscan

from dataplane.inspection.recognizer import Pattern
from dataplane.regex import Regex

_FLAGS: Final = hyperscan.HS_FLAG_UTF8 | hyperscan.HS_FLAG_MULTILINE


class _Scratch(threading.local):
    """A scratch of the thread that asks, made when it first does."""

    def __init__(self, database: hyperscan.Database) -> None:
        self.scratch = hyperscan.Scratch(database)


class HyperscanScanner:
    """See `engine.Scanner`."""

    name: Final = "hyperscan"

    def __init__(self, patterns: Sequence[Pattern], read: Sequence[Regex]) -> None:
        """Compile the database. Raises `ValueError` with hyperscan's words."""
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        try:
            self._database.compile(
                expressions=[each.source.encode() for each in read],
                ids=list(range(len(patterns))),
                elements=len(patterns),
                flags=[flags(pattern) for pattern in patterns],
            )
        except hyperscan.error as error:
            raise ValueError(f"hyperscan: {error}") from None
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
