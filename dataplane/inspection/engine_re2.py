"""Which patterns match, by RE2 alone: each pattern is searched for by itself.

RE2 tells where a match begins and ends, but not every place where one could end. Those are the places where
a match of the mirrored pattern begins in the mirrored text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import re2

from dataplane.inspection.recognizer import Pattern
from dataplane.regex import Regex

ANYWHERE: Final[Any] = re2._Anchor.UNANCHORED
"""To search, not to match at one place."""

Match = Callable[[Any, bytes, int, int], Sequence[tuple[int, int]]]
"""RE2's own search: where, text, from and up to which byte; of the first span, (-1, -1) if none."""


class Re2Scanner:
    """See `engine.Scanner`."""

    name: Final = "re2"

    def __init__(self, patterns: Sequence[Pattern], read: Sequence[Regex]) -> None:
        """Compile. Raises `ValueError` with RE2's words."""
        self._forward: list[tuple[int, Match]] = []
        self._mirrored: list[tuple[int, Match]] = []
        for index, (pattern, each) in enumerate(zip(patterns, read, strict=True)):
            if pattern.needle:
                self._mirrored.append((index, compile_one(source(pattern, each.mirrored))))
            else:
                self._forward.append((index, compile_one(source(pattern, each.source))))

    def ends(self, text: str, data: bytes) -> list[tuple[int, int]]:
        """See `engine.Scanner`."""
        length = len(data)
        found = [
            (index, span[1])
            for index, match in self._forward
            if (span := match(ANYWHERE, data, 0, length)[0])[0] >= 0
        ]
        if not self._mirrored:
            return found
        mirrored = text[::-1].encode("utf-8", "replace")
        for index, match in self._mirrored:
            at = 0
            while (start := match(ANYWHERE, mirrored, at, length)[0][0]) >= 0:
                found.append((index, length - start))
                at = start + 1
        return found


def source(pattern: Pattern, regex: str) -> str:
    """A pattern with its flags in RE2's syntax."""
    return f"(?{'i' if pattern.caseless else ''}m:{regex})"


def compile_one(regex: str) -> Match:
    """RE2's search for one pattern. Raises `ValueError` with RE2's words."""
    options = re2.Options()
    options.never_capture = True
    options.log_errors = False
    try:
        # the wrapper's finditer takes three times as long: it makes an object and a generator for each match
        return re2.compile(regex, options)._regexp.Match  # type: ignore[no-any-return]
    except re2.error as error:
        raise ValueError(f"RE2: {error}") from None
