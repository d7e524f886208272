"""How much of a text that is still coming may be the beginning of something.

Two kinds of beginnings are held back. A run is what tokens are made of: the last word, which may become an
address or a key, and groups of digits, which may become a card or a telephone number. An opening is the
beginning of a match of a pattern, which only patterns of several words need.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from dataplane import regex
from dataplane.inspection.engine_re2 import ANYWHERE, Match, compile_one, source
from dataplane.inspection.recognizer import Pattern

MAX_PLAIN_BYTES: Final = 256
"""Plain text that is held at most, in bytes of UTF-8."""

MAX_BEGUN: Final = 16_384
"""Code points of a delimited secret, or of a token that may be one, that are held at most: a private key of
16,384 bits is 12.6 kB in PEM."""

BLANK: Final = re.compile(r"\s")
BLOCK_END: Final = re.compile(r"-----END[^-\n]{0,64}-----")
BLOCK_END_LENGTH: Final = 80
"""Longest match of it."""

_TAIL: Final = 320
"""Code points at the end of a text in which a beginning is looked for; more than may be held."""

# Read from the end of the text to its beginning, so that they are matched at one place and in linear time.
# Before Python 3.11.5 a possessive group matches too much where it gives back within (python/cpython#106052).
_WORD: Final = re.compile(r"\S*+")
_GROUPS: Final = re.compile(
    r"[0-9A-Z()+./:,#*\-\u2010-\u2015]*+"
    r"(?:[ \t\u00a0\u2007\u202f]{1,2}+(?:[-/\u2013] )?(?:[A-Z]{1,4}[ \u00a0](?=[0-9]))?"
    r"[A-Z()+./:,#*\-\u2010-\u2015]*+[0-9][0-9A-Z()+./:,#*\-\u2010-\u2015]*+)*"
)
_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyz,;!?\"'")
"""What ends a word that is no part of a group of digits, and so ends the group too."""
_ENDS: Final = _PLAIN - {","}
_MARKS: Final = frozenset(",.:)")
"""What may be a part of one, but not where such a character stands before it."""
_BLOCK: Final = "-----BEGIN"
_HEADER: Final = re.compile(r"-----BEGIN[^-\n]{0,64}(?:-{0,4}\Z|-----)")
_BEGUN_TOKEN: Final = re.compile(r"@|eyJ[A-Za-z0-9_-]{8}|(?:[0-9][^0-9A-Za-z]{0,2}){6}|[0-9A-Za-z_\-]{20}")
"""What a plain word does not hold: an at sign, the head of a token in JSON (RFC 7519), six digits in a row
or as good as, or twenty characters that could be a key."""
_CHARACTER: Final = re.compile(r"\\.|[^\\]")
_LETTER: Final = r"(?:[^\\.^$*+?()\[\]{}|]|\\[nrt\W])"
_WORDS: Final = re.compile(rf"{_LETTER}+(?:\|{_LETTER}+)*")
"""A pattern that is words, of which one is there: characters and escaped ones, without classes or counts."""
_OTHER_BLANKS: Final = re.compile(r"\\[nrt]|[^\S ]")
WORD_BEFORE: Final = 3
"""Characters of the word before the last that tell most texts from beginnings of several words."""

MAX_LEADS: Final = 4_096
"""Ends of words that are remembered; texts of one language have some hundreds."""
_NO_WORDS: Final = frozenset[str]()

_ESCAPED: Final = {r"\n": "\n", r"\r": "\r", r"\t": "\t"}


def block_start(text: str, start: int) -> int:
    """Where, from `start` on, a private key begins that has not ended yet; the text's end if none does."""
    at = text.find(_BLOCK, start)
    while at >= 0:
        header = _HEADER.match(text, at)
        if header is not None and (header.end() == len(text) or "PRIVATE KEY" in header[0]):
            end = BLOCK_END.search(text, header.end())
            if end is None:
                return at
            at = end.end()
        at = text.find(_BLOCK, at + 1)
    return len(text)


def run_start(text: str, start: int) -> int:
    """Where the run begins, not before `start`, in which the text ends; the text's end if in none."""
    length = len(text)
    if text.isascii():
        # Nearly always a plain word, alone or with the blank behind it.
        at = text.rfind(" ", start)
        word = text[at + 1 if at >= 0 else start :]
        if (at <= start or text[at - 1] in _PLAIN) and (not word or word.isalpha()):
            return length - len(word)
    first = max(start, length - _TAIL)
    turned = text[length : first - 1 : -1] if first else text[::-1]
    word_end = _WORD.match(turned)
    groups = _GROUPS.match(turned)
    assert word_end is not None
    assert groups is not None
    return length - max(word_end.end(), groups.end())


def begun(text: str, start: int) -> int:
    """Where, from `start` on, something begins that is more than plain text; the text's end if nothing."""
    found = _BEGUN_TOKEN.search(text, start)
    if found is None:
        return len(text)
    at = found.start()
    while at > start and not text[at - 1].isspace():
        at -= 1
    return at


def _last_words(regex: str) -> Iterator[str]:
    """Of every beginning of every word of `regex` (see `_WORDS`) that has a blank: what stands from
    `WORD_BEFORE` characters before its last blank on, in lower case."""
    word, blank = "", -1
    for char in _CHARACTER.findall(regex):
        if char == "|":
            word, blank = "", -1
            continue
        char = _ESCAPED.get(char, char[-1])
        if char == " ":
            blank = len(word)
        word += char.lower()
        if blank >= 0:
            yield word[max(0, blank - WORD_BEFORE) :]


def _begun_words(regex: str) -> str:
    """What matches every beginning of every word of `regex` (see `_WORDS`). Beginnings that words share
    stand there once: of some hundred words that compiles in a quarter of the time."""
    root: dict[str, Any] = {}
    node = root
    for char in _CHARACTER.findall(regex):
        node = root if char == "|" else node.setdefault(char, {})
    return _branches(root)


def _branches(node: dict[str, Any]) -> str:
    ways = [f"{char}(?:{_branches(rest)})?" if rest else char for char, rest in node.items()]
    return "|".join(ways)


class Openings:
    """Which beginnings of the matches of some patterns a text ends in."""

    __slots__ = ("_match", "last_words", "lines")

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        """Compile; as slow as `Engine`. The patterns are those of an engine, so they can be read."""
        begins: list[str] = []
        words: dict[bool, list[str]] = {}  # of patterns that are words alone, by whether they are caseless
        last_words: set[str] | None = set()
        lines = False
        for pattern in patterns:
            if _WORDS.fullmatch(pattern.regex):
                words.setdefault(pattern.caseless, []).append(pattern.regex)
                lines |= _OTHER_BLANKS.search(pattern.regex) is not None
                if last_words is not None:
                    last_words.update(_last_words(pattern.regex))
            else:
                last_words = None
                begins.append(source(pattern, regex.read(pattern.regex).begun))
        for caseless, some in words.items():
            begins.append(f"(?{'i' if caseless else ''}m:{_begun_words('|'.join(some))})")
        self._match: Match | None = compile_one(rf"(?:{'|'.join(begins)})\z") if begins else None
        self.last_words: Final = None if last_words is None else frozenset(last_words)
        """Ends of those that have a blank (`_last_words`); None: they may be any."""
        self.lines: Final = lines
        """Whether some have the end of a line or a tab."""

    def start(self, text: str, start: int) -> int:
        """Where the longest of them begins, not before `start`; the text's end if there is none."""
        length = len(text)
        if self._match is None or start == length:
            return length
        # One more, for what asks what stands before a word.
        before = max(0, max(start, length - _TAIL) - 1)
        data = text[before:].encode("utf-8", "replace")
        at: int = self._match(ANYWHERE, data, 0, len(data))[0][0]
        # A blank before a word is the beginning of too much.
        if at < 0 or data[at:].isspace():
            return length
        return max(start, before + (at if len(data) == length - before else len(data[:at].decode())))


class Leads(dict[str, tuple[bool, frozenset[str] | None]]):
    """By the `WORD_BEFORE` characters before the last blank of a text: whether they are the end of a plain
    word, which no run goes on behind, and all words (in lower case, whatever is not a blank) with which they
    are a beginning of several words; None where that is to be looked for. Filled as texts are met."""

    def __init__(self, last_words: Iterable[frozenset[str]]) -> None:
        """Of the ends that `Openings.last_words` tells."""
        behind: dict[str, set[str]] = {}
        for end in frozenset[str]().union(*last_words):
            before, _, word = end.rpartition(" ")
            behind.setdefault(before, set()).add(word)
        self._behind: Final = {before: frozenset(words) for before, words in behind.items()}
        self.behind_blank: Final = self._behind.get("", _NO_WORDS) - {""}
        """Words with which a blank alone, whatever stands before it, is a beginning."""

    def __missing__(self, lead: str) -> tuple[bool, frozenset[str] | None]:
        found: tuple[bool, frozenset[str] | None] = False, None
        if lead.isascii():
            ends = [self._behind.get(lead[at:].lower(), _NO_WORDS) for at in range(len(lead))]
            plain = lead[-1] in _ENDS or (lead[-1] in _MARKS and lead[-2] in _ENDS)
            found = plain, _NO_WORDS.union(*ends)
        if len(self) >= MAX_LEADS:
            self.clear()
        self[lead] = found
        return found
