"""The contract between the pattern engine and the files that each recognise one kind of finding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from dataplane.findings import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """One pattern of the shared database. `regex` is in the syntax that both engines read (RE2's, without
    look-around or back-references); `id` is unique among all patterns, `<recognizer>.<name>`.

    `needle` patterns say only that, and where, they end: cheap, for what the recognizer confirms itself.
    Patterns of one `apart` have a database of their own: what has no fixed words takes longer beside others.
    """

    id: str
    regex: str
    caseless: bool = True
    needle: bool = False
    apart: str = ""


class Hit(NamedTuple):
    """Where a pattern matched: half-open range of code points of the view's text. A needle has
    `start == end`, its end."""

    pattern: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a recognizer makes of a view: a kind, a score of 0 to 100, a half-open range of code points of the
    view's text."""

    kind: str
    score: int
    start: int
    end: int


PAUSE: Final = Candidate("", 0, 0, 0)
"""No candidate: what a recognizer says between others when it has looked at `PAUSE_AFTER` hits, so that other
calls have their turn."""

PAUSE_AFTER: Final = 64
"""Hits after which a recognizer whose work grows with them pauses: some milliseconds at the most."""


class Recognizer(Protocol):
    """Recognises one family of kinds. Made once for each revision of the tables, from its row of
    `detectors.yaml`; holds no state of a call."""

    patterns: Sequence[Pattern]
    """What the engine is to look for. A text without a hit of any of them is never shown."""

    def recognize(self, text: str, hits: Sequence[Hit], origin: Origin) -> Iterable[Candidate]:
        """What the hits of this recognizer's own patterns (in order of their ends) come to in `text`, one
        view of a text of `origin`. Costs nothing proportional to more than the text's length. May say
        `PAUSE`."""
        ...


class MakesRecognizer(Protocol):
    """What each file exports as `make`."""

    def __call__(self, row: Mapping[str, Any]) -> Recognizer:
        """The recognizer of a row of the table. Raises `ValueError` for one that it cannot use."""
        ...
