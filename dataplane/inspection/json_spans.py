"""Hiding stretches of a text that is JSON so that it stays JSON: arguments and results of tools are such."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import Final

import jiter
import orjson

_TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*|true|false|null')
_ESCAPE: Final = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.", re.DOTALL
)
"""What must be hidden whole or not at all: an escape, and the two of a surrogate pair."""


class JsonText:
    """The strings and other scalars of one JSON text, keys too."""

    __slots__ = ("_escapes", "_starts", "_text", "_tokens")

    def __init__(self, text: str) -> None:
        """`text` is JSON, see `is_json`."""
        self._text = text
        self._tokens = [found.span() for found in _TOKEN.finditer(text)]
        self._starts = [start for start, _ in self._tokens]
        self._escapes: dict[int, list[tuple[int, int]]] = {}

    def stretches(self, start: int, end: int) -> list[tuple[int, int, bool]]:
        """What to hide instead of `start` to `end`: parts of strings, cutting no escape, and whole numbers
        and words; of the latter it is True that they must become strings in quotes. Empty where the range
        holds but punctuation."""
        found: list[tuple[int, int, bool]] = []
        for index in range(max(0, bisect_right(self._starts, start) - 1), bisect_left(self._starts, end)):
            first, last = self._tokens[index]
            if self._text[first] == '"':
                low, high = max(first + 1, start), min(last - 1, end)
                if low < high:
                    found.append((*self._whole_escapes(first + 1, last - 1, low, high), False))
            elif last > start:
                found.append((first, last, True))
        return found

    def _whole_escapes(self, first: int, last: int, low: int, high: int) -> tuple[int, int]:
        """`low` to `high`, widened by the escapes of the string from `first` to `last` that it cuts."""
        escapes = self._escapes.get(first)
        if escapes is None:
            escapes = [found.span() for found in _ESCAPE.finditer(self._text, first, last)]
            self._escapes[first] = escapes
        for cut in (low, high):
            index = bisect_right(escapes, (cut, -1)) - 1
            if index >= 0 and escapes[index][0] < cut < escapes[index][1]:
                low, high = min(low, escapes[index][0]), max(high, escapes[index][1])
        return low, high


def is_json(text: str) -> bool:
    """Whether a text is a JSON object, list or string."""
    bare = text.strip(" \t\r\n")
    if (bare[:1], bare[-1:]) not in (("{", "}"), ("[", "]"), ('"', '"')):
        return False
    try:
        jiter.from_json(bare.encode(), cache_mode="none")
    except ValueError:
        return False
    return True


def said(inside: str) -> str:
    """What a part of a JSON string says; the part itself where it is none."""
    try:
        value = orjson.loads(f'"{inside}"')
    except orjson.JSONDecodeError:
        return inside
    return value if isinstance(value, str) else inside


def written(value: str) -> str:
    """A value as it stands inside a JSON string."""
    return orjson.dumps(value).decode()[1:-1]
