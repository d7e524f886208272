"""The regular expressions that patterns are written in: what both engines read, with one meaning.

A pattern is read into a small tree, so that it can be judged before an engine sees it (how long a match can
be, whether it can be empty, how large it is), written for the engines where their meanings differ, and turned
around. What is not in this grammar is refused: look-around, back-references, possessive and atomic groups
have no linear-time matching, Unicode classes are of another age in each engine.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

MAX_SIZE: Final = 5_000
"""Positions of a pattern with its counted repetitions written out. RE2 gives up at about 8 MiB of program,
hyperscan at some tens of thousands of states; both compile this in milliseconds."""

MAX_LENGTH: Final = 4_000
"""Characters of a pattern's source."""

KEPT: Final = 1_024
"""Patterns whose reading is remembered, about 2 kB each: all that are shipped, and some more. Each is read by
two engines and for the beginnings of its matches."""

PLAIN: Final = string.ascii_letters + " \n.,;?!'\"()-"
"""What prose is written with, beside whatever is not ASCII: no digits, no signs that programs are full of."""

_BLANKS: Final = r"\t\n\f\r\x20"
"""What `\\s` is: hyperscan counts the vertical tab among blanks, RE2 does not."""

_CLASS_ITEM: Final = re.compile(
    r"\[:\^?[a-z]+:\]|\\x\{[0-9A-Fa-f]{1,6}\}|\\x[0-9A-Fa-f]{2}|\\[dDwWstnrfv]|\\[^\w\s]|[^\\]", re.DOTALL
)
_ESCAPE: Final = re.compile(r"\\x\{[0-9A-Fa-f]{1,6}\}|\\x[0-9A-Fa-f]{2}|\\[dDwWsStnrfvbBAz]|\\[^\w\s]")
_COUNT: Final = re.compile(r"\{(\d{1,4})(,(\d{1,4})?)?\}")
_GROUP: Final = re.compile(r"\(\?(P<[A-Za-z_]\w*>|-?[is]{1,2}:|:)")
_WIDTHLESS: Final = frozenset((r"\b", r"\B", r"\A", r"\z", "^", "$"))
_TURNED: Final = {r"\A": r"\z", r"\z": r"\A", "^": "$", "$": "^"}


class BadRegex(ValueError):
    """Says what is wrong with a pattern."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Regex:
    """A pattern as it was read. `shortest` and `longest` count code points, `longest` is None for a pattern
    without end; `size` counts positions with repetitions written out. `begun` matches every beginning of a
    match that is not empty, the whole match too; it is empty for a pattern that matches no character. What is
    not `plain` has no match in a text of plain characters (`PLAIN`) alone."""

    source: str
    mirrored: str
    begun: str
    shortest: int
    longest: int | None
    size: int
    plain: bool


@dataclass(frozen=True, slots=True)
class _Node:
    source: str
    mirrored: str
    begun: str
    shortest: int
    longest: int | None
    size: int
    plain: bool


@lru_cache(KEPT)
def read(regex: str, *, strict: bool = False) -> Regex:
    """Read a pattern. Raises `BadRegex` with what and where; a pattern may match the empty string (see
    `Regex.shortest`).

    `strict` refuses, too, what engines that try one way after another need exponential time for: repetitions
    of what repeats, or of alternatives that begin alike. The engines here do not, but the same pattern is
    often used elsewhere, and such a one seldom says what was meant.
    """
    if len(regex) > MAX_LENGTH:
        raise BadRegex(f"longer than {MAX_LENGTH} characters")
    if not regex.isprintable():
        raise BadRegex("holds a character that is not printable: write it as an escape")
    reader = _Reader(regex, strict=strict)
    node = reader.alternatives(0)
    if reader.at < len(regex):
        raise BadRegex(f"unbalanced ) at {reader.at + 1}")
    if node.size > MAX_SIZE:
        raise BadRegex(f"too large: {node.size} positions with repetitions written out, at most {MAX_SIZE}")
    return Regex(
        source=node.source,
        mirrored=node.mirrored,
        begun=node.begun,
        shortest=node.shortest,
        longest=node.longest,
        size=node.size,
        plain=node.plain,
    )


_OFTEN: Final = 9
"""Repetitions of what can match in several ways: each one doubles the ways at the least."""
_MAX_DEPTH: Final = 40
"""Groups in groups; nobody writes ten."""


class _Reader:
    """Reads by descent. Sizes are judged at the end, but never get out of hand: see `_repeated`."""

    def __init__(self, regex: str, *, strict: bool) -> None:
        self._regex = regex
        self._strict = strict
        self._unclear: set[str] = set()  # sources with alternatives of which one begins another
        self.at = 0

    def alternatives(self, depth: int) -> _Node:
        if depth > _MAX_DEPTH:
            raise BadRegex(f"more than {_MAX_DEPTH} groups in groups")
        nodes = [self._sequence(depth)]
        while self._regex.startswith("|", self.at):
            self.at += 1
            nodes.append(self._sequence(depth))
        if len(nodes) == 1:
            return nodes[0]
        longest = [node.longest for node in nodes]
        sources = sorted(node.source for node in nodes)
        if any(after.startswith(before) for before, after in pairwise(sources)):
            self._unclear.add("|".join(node.source for node in nodes))
        return _Node(
            "|".join(node.source for node in nodes),
            "|".join(node.mirrored for node in nodes),
            "|".join(node.begun for node in nodes if node.begun),
            min(node.shortest for node in nodes),
            None if None in longest else max(each for each in longest if each is not None),
            sum(node.size for node in nodes),
            any(node.plain for node in nodes),
        )

    def _sequence(self, depth: int) -> _Node:
        nodes: list[_Node] = []
        while self.at < len(self._regex) and self._regex[self.at] not in "|)":
            nodes.append(self._repeated(self._atom(depth)))
        longest = [node.longest for node in nodes]
        return _Node(
            "".join(node.source for node in nodes),
            "".join(node.mirrored for node in reversed(nodes)),
            _begun(nodes),
            sum(node.shortest for node in nodes),
            None if None in longest else sum(each for each in longest if each is not None),
            sum(node.size for node in nodes),
            all(node.plain for node in nodes),
        )

    def _atom(self, depth: int) -> _Node:
        regex, start = self._regex, self.at
        char = regex[start]
        if char == "(":
            return self._group(depth)
        if char == "[":
            return self._class()
        if char == "\\":
            found = _ESCAPE.match(regex, start)
            if found is None:
                raise BadRegex(f"{regex[start : start + 2]} at {start + 1} has no meaning here")
            self.at = found.end()
            text = found[0]
            if text in _WIDTHLESS:
                return _Node(text, _TURNED.get(text, text), "", 0, 0, 1, True)
            if text in (r"\s", r"\S"):
                text = f"[{'' if text[1] == 's' else '^'}{_BLANKS}]"
            return _Node(text, text, text, 1, 1, 1, _plain(text))
        if char in "*+?":
            raise BadRegex(f"{char} at {start + 1} repeats nothing")
        self.at += 1
        if char in "^$":
            return _Node(char, _TURNED[char], "", 0, 0, 1, True)
        if char in "{}]":
            char = "\\" + char
        return _Node(char, char, char, 1, 1, 1, _plain(char))

    def _group(self, depth: int) -> _Node:
        start, opening = self.at, "(?:"
        if self._regex.startswith("(?", start):
            found = _GROUP.match(self._regex, start)
            if found is None:
                raise BadRegex(
                    f"{self._regex[start : start + 4]} at {start + 1}: only (?:...), (?i:...) groups"
                )
            self.at = found.end()
            if not found[1].startswith("P"):
                opening = found[0]
        else:
            self.at += 1
        inner = self.alternatives(depth + 1)
        if not self._regex.startswith(")", self.at):
            raise BadRegex(f"the group that opens at {start + 1} is not closed")
        self.at += 1
        if inner.source in self._unclear:
            self._unclear.add(f"{opening}{inner.source})")
        return _Node(
            f"{opening}{inner.source})",
            f"{opening}{inner.mirrored})",
            inner.begun and f"{opening}{inner.begun})",
            inner.shortest,
            inner.longest,
            inner.size,
            inner.plain,
        )

    def _class(self) -> _Node:
        regex, start = self._regex, self.at
        self.at += 1
        items = ["["]
        if regex.startswith("^", self.at):
            items.append("^")
            self.at += 1
        first = True
        while first or not regex.startswith("]", self.at):
            found = _CLASS_ITEM.match(regex, self.at)
            if found is None:
                raise BadRegex(
                    f"the class that opens at {start + 1} is not closed, or holds an unknown escape"
                )
            item = found[0]
            items.append({r"\s": _BLANKS, "]": r"\]", "[": r"\["}.get(item, item))
            self.at, first = found.end(), False
        self.at += 1
        text = "".join((*items, "]"))
        return _Node(text, text, text, 1, 1, 1, _plain(text))

    def _repeated(self, node: _Node) -> _Node:
        regex, start = self._regex, self.at
        if start == len(regex) or regex[start] not in "*+?{":
            return node
        least, most = 0, None
        if regex[start] == "{":
            found = _COUNT.match(regex, start)
            if found is None:
                raise BadRegex(f"{{ at {start + 1} is no count of repetitions: write \\{{ for the character")
            least = int(found[1])
            most = least if found[2] is None else None if found[3] is None else int(found[3])
            self.at = found.end()
            if most is not None and most < least:
                raise BadRegex(f"{found[0]} at {start + 1}: the second count is less than the first")
        else:
            least = 1 if regex[start] == "+" else 0
            most = 1 if regex[start] == "?" else None
            self.at += 1
        count = regex[start : self.at]
        lazy = regex.startswith("?", self.at)
        self.at += lazy
        if self.at < len(regex) and regex[self.at] in "*+?{":
            raise BadRegex(f"{regex[self.at]} at {self.at + 1} repeats a repetition")
        size = node.size * max(least, most or 0, 1)
        if size > MAX_SIZE:
            raise BadRegex(
                f"too large: {count} at {start + 1} writes out {size} positions, at most {MAX_SIZE}"
            )
        if most is None and node.shortest == 0:
            raise BadRegex(f"{count} at {start + 1} repeats without end what can be empty")
        if self._strict and (most is None or most > _OFTEN):
            if node.longest is None or node.shortest == 0:
                raise BadRegex(f"{count} at {start + 1} repeats what itself repeats or can be empty")
            if node.source in self._unclear:
                raise BadRegex(f"{count} at {start + 1} repeats alternatives of which one begins another")
        return _Node(
            f"{node.source}{count}{'?' if lazy else ''}",
            f"{node.mirrored}{count}?",
            _begun_repetition(node, most),
            node.shortest * least,
            None if most is None or node.longest is None else node.longest * most,
            size,
            least == 0 or node.plain,
        )


@lru_cache(KEPT)
def _plain(one: str) -> bool:
    """Whether what matches one character matches a plain one, in whatever case. Where Python writes it in
    another way, or it is not in ASCII: as if it did."""
    if not one.isascii() or "[:" in one or "\\x" in one:
        return True
    return one.startswith("[^") or re.search(one, PLAIN, re.IGNORECASE) is not None


def _begun(nodes: list[_Node]) -> str:
    """The beginnings of a sequence: one of its first part, or all of that and a beginning of the rest."""
    begun = ""
    for node in reversed(nodes):
        if not begun or not node.begun:
            begun = f"{node.source}{begun}" if begun else node.begun
        elif node.begun == node.source:
            begun = f"{node.source}(?:{begun})?"
        else:
            begun = f"(?:{node.begun}|{node.source}(?:{begun}))"
    return begun


def _begun_repetition(node: _Node, most: int | None) -> str:
    if not node.begun or most == 0:
        return ""
    before = "*" if most is None else "" if most == 1 else f"{{0,{most - 1}}}"
    return f"{node.source}{before}{node.begun}" if before else node.begun
