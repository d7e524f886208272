"""Hiding stretches of a text that is JSON so that it stays JSON: arguments and results of tools are such.

A string in it may be JSON itself, as results are that went through two hands; that stays JSON too.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import Final, NamedTuple

import jiter
import orjson

MAX_NESTED: Final = 4
"""Levels of JSON in strings of JSON; each doubles the backslashes of the one within."""

_TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*|true|false|null')
_ESCAPE: Final = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.", re.DOTALL
)
"""What stands for one character and must be hidden whole or not at all."""


class Stretch(NamedTuple):
    """What is to be hidden, the quotes that what stands there instead needs around it, and what it says."""

    start: int
    end: int
    quote: str
    said: str


class JsonText:
    """The strings and other scalars of one JSON text, keys too."""

    __slots__ = ("_depth", "_starts", "_strings", "_text", "_tokens")

    def __init__(self, text: str, depth: int = 0) -> None:
        """`text` is JSON, see `is_json`; `depth` of strings that it stands in."""
        self._text = text
        self._depth = depth
        self._tokens = [found.span() for found in _TOKEN.finditer(text)]
        self._starts = [start for start, _ in self._tokens]
        self._strings: dict[int, _String] = {}

    def stretches(self, start: int, end: int) -> list[Stretch]:
        """What to hide instead of `start` to `end`: parts of strings, cutting no escape, and whole numbers
        and words, which must become strings. Empty where the range holds but punctuation."""
        found: list[Stretch] = []
        for index in range(max(0, bisect_right(self._starts, start) - 1), bisect_left(self._starts, end)):
            first, last = self._tokens[index]
            if self._text[first] != '"':
                if last > start:
                    found.append(Stretch(first, last, '"', self._text[first:last]))
                continue
            low, high = max(first + 1, start), min(last - 1, end)
            if low < high:
                string = self._strings.get(first)
                if string is None:
                    string = _String(self._text, first + 1, last - 1, self._depth)
                    self._strings[first] = string
                found += string.stretches(low, high)
        return found


class _String:
    """A string of a JSON text, with the way from what it says to where that stands."""

    __slots__ = ("_at", "_ends", "_first", "_inner", "_longer", "_said", "_starts")

    def __init__(self, text: str, first: int, last: int, depth: int) -> None:
        escapes = [found.span() for found in _ESCAPE.finditer(text, first, last)]
        self._first = first
        self._starts = [start for start, _ in escapes]
        self._ends = [end for _, end in escapes]
        # Of each escape: its index in what is said, and how much longer all up to it were than that.
        self._at: list[int] = []
        self._longer = [0]
        for start, end in escapes:
            self._at.append(start - first - self._longer[-1])
            self._longer.append(self._longer[-1] + end - start - 1)
        self._said: str = text[first:last] if not escapes else orjson.loads(text[first - 1 : last + 1])
        nested = depth < MAX_NESTED and self._said[:1] in ("{", "[") and is_json(self._said)
        self._inner = JsonText(self._said, depth + 1) if nested else None

    def stretches(self, low: int, high: int) -> list[Stretch]:
        start, end = self._index(low, 0), self._index(high, 1)
        if self._inner is None:
            return [Stretch(self._place(start), self._place(end), "", self._said[start:end])]
        return [
            Stretch(self._place(one.start), self._place(one.end), written(one.quote), one.said)
            for one in self._inner.stretches(start, end)
        ]

    def _index(self, place: int, past: int) -> int:
        """The index in what is said of a place in the text; of one within an escape its own, or the next."""
        before = bisect_left(self._starts, place)
        if before and place < self._ends[before - 1]:
            return self._at[before - 1] + past
        return place - self._first - self._longer[before]

    def _place(self, index: int) -> int:
        return self._first + index + self._longer[bisect_left(self._at, index)]


def is_json(text: str) -> bool:
    """Whether a text is a JSON object, list or string, or has one a line."""
    bare = text.strip(" \t\r\n")
    if (bare[:1], bare[-1:]) not in (("{", "}"), ("[", "]"), ('"', '"')):
        return False
    return _parses(bare) or (
        "\n" in bare and all(map(_parses, filter(None, map(str.strip, bare.split("\n")))))
    )


def written(value: str) -> str:
    """A value as it stands inside a JSON string."""
    return orjson.dumps(value).decode()[1:-1]


def _parses(text: str) -> bool:
    try:
        jiter.from_json(text.encode(), cache_mode="none")
    except ValueError:
        return False
    return True
