"""Lists in header fields, read from the right: what the nearest proxy wrote stands last.

Reading from the left would let whoever wrote first, the caller, open a quotation that swallows what the
proxies wrote after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from dataplane.domain import Head

MAX_QUOTES: Final = 256
"""Of one value that is split: 32 hops have 6 each at most, and each costs a step."""

_MARK: Final = re.compile(rb'[",]')
_BACKSLASH: Final = ord("\\")


def values_of(head: Head, name: bytes) -> list[bytes]:
    """Every value of a header (lower-case name), in the order sent."""
    return [value for key, value in head.headers if key == name]


def from_the_right(value: bytes, *, quotes: bool = True) -> Iterator[bytes]:
    """The elements of a list, last first, without white space around; with `quotes`, commas in quoted
    strings separate none.

    A quotation that never opens makes one element of all that is left; more than `MAX_QUOTES` quotation
    marks make one empty element of the whole, which is none of anybody's. Linear in the value's length.
    """
    if not quotes or b'"' not in value:
        end = len(value)
        # One at a time: a long list is cut by who reads it.
        while (comma := value.rfind(b",", 0, end)) >= 0:
            yield value[comma + 1 : end].strip(b" \t")
            end = comma
        yield value[:end].strip(b" \t")
        return
    if value.count(b'"') > MAX_QUOTES:
        yield b""
        return
    end, quoted = len(value), False
    for match in reversed(list(_MARK.finditer(value))):
        at = match.start()
        if match[0] == b'"':
            if not (quoted and _escaped(value, at)):
                quoted = not quoted
        elif not quoted:
            yield value[at + 1 : end].strip(b" \t")
            end = at
    yield value[:end].strip(b" \t")


def _escaped(value: bytes, at: int) -> bool:
    """Whether an odd number of backslashes stands before."""
    start = at
    while start and value[start - 1] == _BACKSLASH:
        start -= 1
    return (at - start) % 2 == 1
