"""All patterns of all recognizers, found in one pass over a text.

What a pattern's hits are does not depend on what finds them:

- of an ordinary pattern, the matches that RE2 finds from left to right, none overlapping another of the same
  pattern;
- of a needle, every place where a match of it can end.

Hyperscan (`engine_hyperscan`) says in one pass which patterns match and where they end; RE2 gives the spans
of those few. Where hyperscan has no wheel, RE2 does it all (`engine_re2`), some hundred times slower.
`^` and `$` are the beginning and the end of a line, `\\A` and `\\z` those of the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from dataplane import regex
from dataplane.inspection.recognizer import Hit, Pattern
from dataplane.regex import BadRegex, Regex

try:
    from dataplane.inspection import engine_hyperscan as _hyperscan
except ImportError:  # no wheel for this machine
    _hyperscan = None  # type: ignore[assignment]

from dataplane.inspection import engine_re2 as _re2

_FOLDS: Final = str.maketrans({"\u212a": "k", "\u017f": "s"})
"""The only two characters beyond ASCII whose case folds to ASCII (Unicode CaseFolding.txt): the engines
disagree about where they count as letters."""
_hit: Final = tuple.__new__
"""Makes a `Hit` in half the time that a named tuple takes."""
_WIDEST: Final = 4
"""Bytes of a code point in UTF-8."""
_PLAIN: Final = regex.PLAIN.encode() + bytes(range(0x80, 0x100))
"""Bytes of plain text in UTF-8."""


class Scanner(Protocol):
    """Says which patterns match, by their index."""

    @property
    def name(self) -> str:
        """Which engine it is."""
        ...

    def ends(self, text: str, data: bytes) -> list[tuple[int, int]]:
        """Of each needle, all ends of its matches; of any other pattern that matches, one end, of which no
        match of it lies further to the left than the pattern can be long. `data` is `text` in UTF-8, which
        ends count bytes of."""
        ...


class BadPattern(ValueError):
    """A pattern that cannot be used: its id and why."""


class Engine:
    """Finds the hits of patterns. May be used by several threads at once."""

    def __init__(
        self, patterns: Sequence[Pattern], *, hyperscan: bool | None = None, apart_plain: bool = False
    ) -> None:
        """Compile. `hyperscan` asks for one of the two engines (None: the quicker one there is); with
        `apart_plain`, those patterns that may match plain text are compiled by themselves, too, so that
        `touched` takes half as long for it. Raises `BadPattern`. Takes seconds for some hundred patterns, so
        not on a loop that serves."""
        self.patterns: Final = tuple(patterns)
        read = [_read(pattern) for pattern in self.patterns]
        if len({pattern.id for pattern in self.patterns}) < len(self.patterns):
            raise BadPattern("two patterns of one id")
        if hyperscan and _hyperscan is None:
            raise ImportError("hyperscan has no wheel for this machine")
        self._scanner: Final = _scanner(self.patterns, read, hyperscan)
        self._ends: Final = _nothing if self._scanner is None else self._scanner.ends
        self._plain: Final = [index for index, each in enumerate(read) if each.plain] if apart_plain else []
        plain = _scanner(
            [self.patterns[at] for at in self._plain], [read[at] for at in self._plain], hyperscan
        )
        self._plain_ends: Final = None if plain is None else plain.ends
        self._ids: Final = tuple(pattern.id for pattern in self.patterns)
        self._spans: Final = [
            None if pattern.needle else _Spans(pattern, each)
            for pattern, each in zip(self.patterns, read, strict=True)
        ]

    @property
    def name(self) -> str:
        """Which engine finds: `hyperscan` or `re2`."""
        return "none" if self._scanner is None else self._scanner.name

    def touched(self, text: str) -> list[tuple[int, int]]:
        """The patterns that match in `text`, by their indices, and where; see `Scanner.ends`, but in code
        points."""
        ascii_only = text.isascii()
        if ascii_only:
            data = text.encode()
        else:
            if "\u212a" in text or "\u017f" in text:
                text = text.translate(_FOLDS)
            data = text.encode("utf-8", "replace")
        plain = self._plain_ends
        if plain is None or data.translate(None, _PLAIN):
            ends = self._ends(text, data)
        elif ends := plain(text, data):
            ends = [(self._plain[at], end) for at, end in ends]
        if ascii_only or not ends:
            return ends
        at = _code_points(data, {end for _, end in ends})
        return [(index, at[end]) for index, end in ends]

    def scan(self, text: str) -> list[Hit]:
        """All hits in `text`, in the order of their ends (then starts, then patterns)."""
        if self._scanner is None:
            return []
        plain = text.isascii()
        if not plain and ("\u212a" in text or "\u017f" in text):
            text = text.translate(_FOLDS)
        data = text.encode("utf-8", "replace")  # half a surrogate pair is one `?`, so positions stay
        ends = self._scanner.ends(text, data)
        if not ends:
            return []
        found: list[tuple[int, int, int]] = []
        for index, end in ends:
            spans = self._spans[index]
            if spans is None:
                found.append((end, end, index))
            else:
                found.extend((last, start, index) for start, last in spans.find(data, end))
        found.sort()
        ids = self._ids
        if plain:
            return [_hit(Hit, (ids[index], start, end)) for end, start, index in found]
        at = _code_points(data, {offset for end, start, _ in found for offset in (start, end)})
        return [_hit(Hit, (ids[index], at[start], at[end])) for end, start, index in found]


class _Spans:
    """The spans of one pattern in texts in which it matches."""

    __slots__ = ("_back", "_match")

    def __init__(self, pattern: Pattern, read: Regex) -> None:
        self._back = None if read.longest is None else read.longest * _WIDEST
        self._match = _re2.compile_one(_re2.source(pattern, read.source))

    def find(self, data: bytes, end: int) -> list[tuple[int, int]]:
        """Spans in bytes, knowing where one match ends (see `Scanner.ends`)."""
        match, length = self._match, len(data)
        found: list[tuple[int, int]] = []
        at = 0 if self._back is None else max(0, end - self._back)
        while at and data[at] & 0xC0 == 0x80:
            at -= 1
        while True:
            start, at = match(_re2.ANYWHERE, data, at, length)[0]
            if start < 0:
                return found
            found.append((start, at))


def _scanner(patterns: Sequence[Pattern], read: Sequence[Regex], hyperscan: bool | None) -> Scanner | None:
    if not patterns:
        return None
    if hyperscan is False or _hyperscan is None:
        return _re2.Re2Scanner(patterns, read)
    return _hyperscan.HyperscanScanner(patterns, read)


def _nothing(text: str, data: bytes) -> list[tuple[int, int]]:
    return []


def _read(pattern: Pattern) -> Regex:
    try:
        read = regex.read(pattern.regex)
    except BadRegex as error:
        raise BadPattern(f"{pattern.id}: {error}") from None
    if read.shortest == 0:
        raise BadPattern(f"{pattern.id}: matches the empty string")
    return read


def _code_points(data: bytes, offsets: set[int]) -> dict[int, int]:
    """How many code points lie before each offset into UTF-8."""
    at: dict[int, int] = {}
    last = count = 0
    for offset in sorted(offsets):
        count += len(data[last:offset].decode())
        at[offset] = count
        last = offset
    return at
