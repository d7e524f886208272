"""A site's own patterns and words, of kind `custom.<id>`.

Row: `patterns` maps ids to `{regex, score | level, caseless}`, `words` maps ids to `{any: [...], score |
level, caseless, inside}`. Patterns are what the linear-time engines read (`inspection.regex`); what cannot be
used is refused when a bundle is checked, see `faults`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from dataplane.findings import Level, Origin
from dataplane.inspection import regex
from dataplane.inspection.recognizer import Candidate, Hit, Pattern, Recognizer

SCORES: Final[Mapping[str, int]] = {Level.LOW: 30, Level.MEDIUM: 60, Level.HIGH: 90}
"""What a level stands for where a row names one in place of a score."""

DEFAULT_SCORE: Final = SCORES[Level.MEDIUM]

MAX_SIZE: Final = 500
"""Positions of one pattern with counted repetitions written out. Hyperscan's compiler can take minutes for
one of 1,000 that repeats in many places, and a second for one of 500."""
MAX_ENTRIES: Final = 500
MAX_WORDS: Final = 2_000
MAX_WORD_LENGTH: Final = 200
"""Bounds of the row: beyond them the database grows past what a process should hold for one site."""

ID: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
"""An id, which becomes the end of a kind."""

Path = tuple[str | int, ...]
"""Where something stands in the row."""


def make(row: Mapping[str, Any]) -> Recognizer:
    """See `recognizer.MakesRecognizer`."""
    for path, message in faults(row):
        raise ValueError(f"custom: {'.'.join(map(str, path))}: {message}")
    return _Custom(row)


class _Custom:
    def __init__(self, row: Mapping[str, Any]) -> None:
        self.patterns: Sequence[Pattern] = tuple(_patterns(row))
        self._kinds = {
            name: (f"custom.{name}", _score(entry))
            for part in ("patterns", "words")
            for name, entry in row.get(part, {}).items()
        }

    def recognize(self, text: str, hits: Sequence[Hit], origin: Origin) -> Iterable[Candidate]:
        """Every hit is a finding of its pattern's score."""
        for hit in hits:
            kind, score = self._kinds[hit.pattern.split(".")[1]]
            yield Candidate(kind, score, hit.start, hit.end)


def faults(row: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """What of a row cannot be used, with its place and why. The row fits its schema."""
    patterns, words = row.get("patterns", {}), row.get("words", {})
    if len(patterns) + len(words) > MAX_ENTRIES:
        yield (), f"more than {MAX_ENTRIES} patterns and lists"
    for name, entry in patterns.items():
        path: Path = ("patterns", name)
        if ID.fullmatch(name) is None:
            yield path, "an id is small letters, digits and underscores"
        if message := fault_of(str(entry.get("regex", ""))):
            yield (*path, "regex"), message
    if sum(len(entry.get("any", ())) for entry in words.values()) > MAX_WORDS:
        yield ("words",), f"more than {MAX_WORDS} words"
    for name, entry in words.items():
        if ID.fullmatch(name) is None:
            yield ("words", name), "an id is small letters, digits and underscores"
        if name in patterns:
            yield ("words", name), "a pattern has this id too"
        for at, word in enumerate(entry.get("any", ())):
            if not word.strip():
                yield ("words", name, "any", at), "an empty word is found everywhere"
            elif len(word) > MAX_WORD_LENGTH:
                yield ("words", name, "any", at), f"longer than {MAX_WORD_LENGTH} characters"


def fault_of(pattern: str) -> str | None:
    """Why a pattern cannot be used; None where it can."""
    try:
        read = regex.read(pattern, strict=True)
    except regex.BadRegex as error:
        return str(error)
    if read.shortest == 0:
        return "matches the empty string, so it would be found everywhere"
    if read.size > MAX_SIZE:
        return f"too large: {read.size} positions with repetitions written out, at most {MAX_SIZE}"
    return None


def _patterns(row: Mapping[str, Any]) -> Iterator[Pattern]:
    for name, entry in row.get("patterns", {}).items():
        yield Pattern(id=f"custom.{name}", regex=entry["regex"], caseless=entry.get("caseless", True))
    for name, entry in row.get("words", {}).items():
        for at, word in enumerate(entry["any"]):
            yield Pattern(
                id=f"custom.{name}.{at}",
                regex=_word(word.strip(), inside=entry.get("inside", False)),
                caseless=entry.get("caseless", True),
            )


def _word(word: str, *, inside: bool) -> str:
    """A word as a regex: any blanks where it has one, by itself unless it is meant inside of others too."""
    source = r"\s+".join(map(_literal, word.split()))
    if inside:
        return source
    # \b knows the letters of ASCII only: beside others, it would never or always hold
    first, last = word[0], word[-1]
    before = r"\b" if first.isascii() and (first.isalnum() or first == "_") else ""
    after = r"\b" if last.isascii() and (last.isalnum() or last == "_") else ""
    return f"{before}{source}{after}"


def _literal(part: str) -> str:
    return "".join(char if char.isalnum() or char == "_" else f"\\x{{{ord(char):x}}}" for char in part)


def _score(entry: Mapping[str, Any]) -> int:
    if "score" in entry:
        return int(entry["score"])
    return SCORES[entry["level"]] if "level" in entry else DEFAULT_SCORE
