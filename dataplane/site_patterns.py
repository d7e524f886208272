"""A site's own patterns and words for detection: the form of the row `custom` of `detectors.yaml`, and what
of it cannot be used.

Here and not in the room that detects, since a policy is checked for it when it is built.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import re2

from dataplane import regex
from dataplane.findings import Level

try:
    import hyperscan
except ImportError:  # no wheel for this machine
    hyperscan = None  # type: ignore[assignment]

ROW: Final = "custom"
"""The row's name in the table."""

SCORES: Final[Mapping[str, int]] = {Level.LOW: 30, Level.MEDIUM: 60, Level.HIGH: 90}
"""What a level stands for where a row names one in place of a score."""

DEFAULT_SCORE: Final = SCORES[Level.MEDIUM]

MAX_SIZE: Final = 500
"""Positions of one pattern with counted repetitions written out. Hyperscan's compiler can take minutes for
one of 1,000 that repeats in many places, and two seconds for one of 500."""
MAX_ENTRIES: Final = 500
MAX_WORDS: Final = 2_000
MAX_WORD_LENGTH: Final = 200
"""Bounds of the row: beyond them the database grows past what a process should hold for one site."""

ID: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
"""An id, which becomes the end of a kind."""

Path = tuple[str | int, ...]
"""Where something stands in the row."""


def faults(row: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """What of a row that fits its schema cannot be used, with its place and why. Compiles every pattern, so
    it takes up to two seconds for each."""
    patterns, words = row.get("patterns", {}), row.get("words", {})
    if len(patterns) + len(words) > MAX_ENTRIES:
        yield (), f"more than {MAX_ENTRIES} patterns and lists"
        return
    for name, entry in patterns.items():
        if ID.fullmatch(name) is None:
            yield ("patterns", name), "an id is small letters, digits and underscores"
        if message := fault_of(entry["regex"], caseless=entry.get("caseless", True)):
            yield ("patterns", name, "regex"), message
    if sum(len(entry["any"]) for entry in words.values()) > MAX_WORDS:
        yield ("words",), f"more than {MAX_WORDS} words"
    for name, entry in words.items():
        if ID.fullmatch(name) is None:
            yield ("words", name), "an id is small letters, digits and underscores"
        if name in patterns:
            yield ("words", name), "a pattern has this id too"
        for at, word in enumerate(entry["any"]):
            if not word.strip():
                yield ("words", name, "any", at), "an empty word is found everywhere"
            elif len(word) > MAX_WORD_LENGTH:
                yield ("words", name, "any", at), f"longer than {MAX_WORD_LENGTH} characters"


def fault_of(pattern: str, *, caseless: bool = True) -> str | None:
    """Why a pattern cannot be used; None where it can."""
    try:
        read = regex.read(pattern, strict=True)
    except regex.BadRegex as error:
        return str(error)
    if read.shortest == 0:
        return "matches the empty string, so it would be found everywhere"
    if read.size > MAX_SIZE:
        return f"too large: {read.size} positions with repetitions written out, at most {MAX_SIZE}"
    return next(filter(None, (compiles(read.source, caseless) for compiles in COMPILERS)), None)


def _by_re2(source: str, caseless: bool) -> str | None:
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not caseless
    try:
        re2.compile(f"(?m:{source})", options)
    except re2.error as error:
        return f"not compiled by RE2: {_said(error)}"
    return None


def _by_hyperscan(source: str, caseless: bool) -> str | None:
    flags = hyperscan.HS_FLAG_UTF8 | hyperscan.HS_FLAG_MULTILINE | hyperscan.HS_FLAG_SINGLEMATCH
    if caseless:
        flags |= hyperscan.HS_FLAG_CASELESS
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    try:
        database.compile(expressions=[source.encode()], ids=[0], elements=1, flags=[flags])
    except hyperscan.error as error:
        return f"not compiled by hyperscan: {_said(error)}"
    return None


def _said(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)


COMPILERS: Final[tuple[Callable[[str, bool], str | None], ...]] = (
    (_by_re2,) if hyperscan is None else (_by_re2, _by_hyperscan)
)
