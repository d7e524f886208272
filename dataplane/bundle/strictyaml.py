"""YAML that has one meaning: the part on which YAML 1.1, YAML 1.2 and JSON agree.

PyYAML reads `no` as false, OPA reads it as text; `010` is eight here and ten there; the second of two
equal keys wins in silence. A table decides who may call what, so whatever two readers could take
differently is refused, with the line and the plain way to write it. Refused: a second document, aliases
and anchors, tags, merge keys, duplicate keys, keys that are not text, null, and numbers that JSON would
write in another way. Dates are text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml
from yaml.resolver import Resolver

from dataplane.bundle.problem import Problem

JSON = dict[str, "JSON"] | list["JSON"] | str | int | float | bool
"""What a table may hold; null is not among it, because `null <= 2000` is true in Rego."""

Path = tuple[str | int, ...]
"""Where a value stands: keys and list positions from the top."""

MAX_DEPTH: Final = 32
"""Nesting; the deepest shipped table has 4 levels."""

MAX_INTEGER: Final = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly (RFC 8259, section 6)."""

_BOOL: Final = re.compile(r"true|True|TRUE|false|False|FALSE")
_NULL: Final = re.compile(r"|~|null|Null|NULL")
_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]*)")
_DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+")
# YAML 1.2.2, section 10.3.2 (core schema): what a 1.2 reader takes for a number
_NUMBER_12: Final = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
_TEXT_11: Final = frozenset({"tag:yaml.org,2002:str", "tag:yaml.org,2002:timestamp"})


@dataclass(slots=True, kw_only=True)
class Document:
    """`value` is the top mapping, `where` the line and column (from 1) of each value's path."""

    value: dict[str, JSON] = field(default_factory=dict)
    where: dict[Path, tuple[int, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def parse(data: bytes, file: str) -> Document:
    """Read one file whose top is a mapping. Never raises: what is wrong is in `problems`.

    An empty file is an empty mapping. After a problem the rest is still read where it can be, so that
    one run shows every mistake.
    """
    document = Document()
    reader = _Reader(document, file)
    try:
        reader.read(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        reader.problem(line, 0, "not valid UTF-8")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        reader.problem(*place, str(error.problem or error.context or "not valid YAML"))
    except yaml.YAMLError:
        reader.problem(0, 0, "holds a character that YAML does not allow")
    return document


class _Stop(yaml.YAMLError):
    """Reading cannot go on; the problem was noted."""


class _Reader:
    def __init__(self, document: Document, file: str) -> None:
        self._document = document
        self._file = file
        self._resolver = Resolver()
        self._events: Iterator[Any] = iter(())

    def problem(self, line: int, column: int, message: str) -> None:
        if not any(p.line == line and p.column == column for p in self._document.problems):
            found = Problem(file=self._file, line=line, column=column, message=message, code="yaml")
            self._document.problems.append(found)

    def read(self, text: str) -> None:
        try:
            self._events = iter(yaml.parse(text, Loader=yaml.CSafeLoader))
            next(self._events)
            start = next(self._events)
            if isinstance(start, yaml.StreamEndEvent):
                return
            top = next(self._events)
            if isinstance(top, yaml.MappingStartEvent):
                value = self._value(top, (), self._place(top))
                assert isinstance(value, dict)
                self._document.value = value
            elif not (isinstance(top, yaml.ScalarEvent) and top.value == "" and top.implicit[0]):
                self._at(top, "the top of a table is a mapping: one 'id: row' each")
                return
            next(self._events)
            if not isinstance(extra := next(self._events), yaml.StreamEndEvent):
                self._at(extra, "a second document: a table is one document, without '---' in between")
        except _Stop:
            return

    def _value(self, event: Any, path: Path, place: tuple[int, int]) -> JSON:
        if isinstance(event, yaml.AliasEvent):
            self._at(event, "an alias (*name): write the value out")
            return ""
        if event.anchor is not None:
            self._at(event, "an anchor (&name): write the value out where it is used")
        if event.tag is not None:
            self._at(event, f"a tag ({event.tag}): values are plain text, numbers, true and false")
        if len(path) >= MAX_DEPTH:
            self._at(event, f"nested deeper than {MAX_DEPTH} levels")
            raise _Stop
        if isinstance(event, yaml.MappingStartEvent):
            self._document.where[path] = place
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            self._document.where[path] = place
            return self._sequence(path)
        self._document.where[path] = self._place(event)
        return self._scalar(event)

    def _mapping(self, path: Path) -> dict[str, JSON]:
        found: dict[str, JSON] = {}
        lines: dict[str, int] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event)
            place = self._place(event)
            if key in found:
                self._at(event, f"the key {_show(key)} is already on line {lines[key]}")
            lines.setdefault(key, place[0])
            found[key] = self._value(next(self._events), (*path, key), place)
        return found

    def _sequence(self, path: Path) -> list[JSON]:
        found: list[JSON] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            found.append(self._value(event, (*path, len(found)), self._place(event)))
        return found

    def _key(self, event: Any) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            self._at(event, "a key that is not plain text")
            raise _Stop
        if event.anchor is not None or event.tag is not None:
            self._at(event, "an anchor or a tag on a key: write the key alone")
        elif event.value == "<<" and event.implicit[0]:
            self._at(event, "a merge key (<<): write the fields out")
        elif event.implicit[0] and not self._is_text(event.value):
            self._at(event, f"the key {event.value} would not be text: put it in quotes")
        return str(event.value)

    def _scalar(self, event: Any) -> JSON:
        text = str(event.value)
        if not event.implicit[0] or event.tag is not None or self._is_text(text):
            return text
        tag = self._tag_11(text)
        if tag.endswith(":bool") and _BOOL.fullmatch(text):
            return text.lower() == "true"
        if _NULL.fullmatch(text):
            self._at(event, "null or empty: give a value or leave the key out")
        elif tag.endswith(":int") and _INTEGER.fullmatch(text):
            if len(text) <= 17 and abs(int(text)) <= MAX_INTEGER:
                return int(text)
            self._at(event, f"{text[:40]} is beyond {MAX_INTEGER}")
        elif tag.endswith(":float") and _DECIMAL.fullmatch(text) and len(text) <= 40:
            return float(text)
        else:
            self._at(
                event,
                f"{_show(text)} means different things to different YAML readers: "
                "put text in quotes, write numbers in plain decimals and booleans as true or false",
            )
        return text

    def _is_text(self, text: str) -> bool:
        return self._tag_11(text) in _TEXT_11 and _NUMBER_12.fullmatch(text) is None

    def _tag_11(self, text: str) -> str:
        """What a YAML 1.1 reader takes an unquoted scalar for."""
        resolve: Any = self._resolver.resolve
        return str(resolve(yaml.ScalarNode, text, (True, False)))

    def _place(self, event: Any) -> tuple[int, int]:
        return event.start_mark.line + 1, event.start_mark.column + 1

    def _at(self, event: Any, message: str) -> None:
        self.problem(*self._place(event), message)


def _show(text: str) -> str:
    return json.dumps(text[:80], ensure_ascii=False)
