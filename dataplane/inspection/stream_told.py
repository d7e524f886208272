"""Which findings of a stream were told of the text that is kept of it.

An entry is one number of 64 bits: kept text may hold an address in every seven characters, and a tuple for
each would be more than the text.
"""

from __future__ import annotations

from array import array
from typing import Final

_RANK_BITS: Final = 4
_KIND_BITS: Final = 12
_LENGTH_BITS: Final = 16
_RANKS: Final = (1 << _RANK_BITS) - 1
_KINDS: Final = (1 << _KIND_BITS) - 1
_LENGTHS: Final = (1 << _LENGTH_BITS) - 1
_PLACES: Final = 1 << 32
"""Code points of a stream from which on nothing is remembered: every finding is told, some twice. So are
those of a kind that has no number any more."""

_numbers: dict[str, int] = {}
"""Of the kinds that this process has told: those that detectors know, and a site's own."""


class Told:
    """Kinds, ranges in the stream and levels."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries = array("Q")

    def __len__(self) -> int:
        return len(self._entries)

    def tell(self, kind: str, start: int, end: int, rank: int) -> bool:
        """Whether a finding says more than those that were told of the same stretch; remembered if so."""
        number = _numbers.setdefault(kind, len(_numbers))
        if start >= _PLACES or number > _KINDS:
            return True
        length = min(end - start, _LENGTHS)
        told = ((start << _LENGTH_BITS | length) << _KIND_BITS | number) << _RANK_BITS | rank
        if told in self._entries:  # nearly always, of what was told: kept text is looked at again and again
            return False
        for entry in self._entries:
            if entry >> _RANK_BITS & _KINDS == number and entry & _RANKS >= rank:
                first, last = _range(entry)
                if first < end and start < last:
                    return False
        self._entries.append(told)
        return True

    def forget(self, before: int) -> None:
        """Nothing that ends before this place in the stream, or there, is found again."""
        if self._entries:
            self._entries = array("Q", [entry for entry in self._entries if _range(entry)[1] > before])


def _range(entry: int) -> tuple[int, int]:
    first = entry >> (_LENGTH_BITS + _KIND_BITS + _RANK_BITS)
    return first, first + (entry >> (_KIND_BITS + _RANK_BITS) & _LENGTHS)
