"""Which values of the tables each rule used, as OPA read them: taken from its own trace of one decision.

Every expression that OPA evaluates is in the trace with the values of its variables then. From that:

1. A reference into the tables becomes a path (`tiers.default.models`), up to the first part that is not
   known yet (what is iterated over counts as a whole) and not into lists.
2. A variable, a rule or an argument that is bound to a place in the tables stands for that place, so that
   `tier.models` is `tiers.default.models`.
3. A rule used what its own expressions read, and what the rules and functions that they asked read. OPA
   evaluates those once and remembers; what it remembered counts for everyone who asked.

Nothing here knows a rule's name, so a site's own rules are told as the shipped ones are.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Path = tuple[str, ...]
"""A place in the tables: the table's name, then keys."""

_ROOT: Final = "regogate"
_BODIES: Final = frozenset(("head", "body", "else"))
_CLOSURES: Final = frozenset(("arraycomprehension", "setcomprehension", "objectcomprehension", "every"))


@dataclass(slots=True, kw_only=True)
class _Frame:
    """One evaluation of a rule, a function or an inner body."""

    parent: int
    ids: frozenset[str] = frozenset()
    head: Mapping[str, Any] = field(default_factory=dict)
    asked_as: str | None = None
    done: bool = False
    paths: set[Path] = field(default_factory=set)
    scanned: set[Path] = field(default_factory=set)
    asks: set[str] = field(default_factory=set)
    inner: set[int] = field(default_factory=set)
    places: dict[str, Path] = field(default_factory=dict)


class Reads:
    """The reads of one decision; `events` is the `explanation` of an answer asked with `explain=full`."""

    def __init__(self, events: Iterable[Mapping[str, Any]], tables: Mapping[str, Any]) -> None:
        self._tables = tables
        self._frames: dict[int, _Frame] = {}
        self._answers: dict[str, set[int]] = defaultdict(set)
        self._places: dict[str, Path] = {}
        self._waiting: dict[str, list[tuple[_Frame, Path, bool, list[str]]]] = defaultdict(list)
        self._last: dict[int, list[tuple[str, str, list[Path | None]]]] = {}
        for event in events:
            self._take(event)

    def of(self, id_: str) -> set[Path]:
        """What the rule with this id read, itself and through others; where it fired, then only."""
        mine = [number for number, frame in self._frames.items() if id_ in frame.ids]
        fired = [number for number in mine if self._frames[number].done]
        return self._closed(fired or mine)

    def ids(self) -> set[str]:
        """The literals in the heads of the rules that held: among them the ids of rules that fired."""
        return {id_ for frame in self._frames.values() if frame.done for id_ in frame.ids}

    def all(self) -> set[Path]:
        """Everything that was read for the decision."""
        return _refined({path for frame in self._frames.values() for path in frame.paths})

    def _closed(self, start: Iterable[int]) -> set[Path]:
        seen: set[int] = set()
        todo = list(start)
        paths: set[Path] = set()
        scanned: set[Path] = set()
        while todo:
            number = todo.pop()
            if number in seen:
                continue
            seen.add(number)
            frame = self._frames[number]
            paths |= frame.paths
            scanned |= frame.scanned
            todo += frame.inner
            for question in frame.asks:
                todo += self._answers[question]
        return _refined(paths) | scanned

    def _take(self, event: Mapping[str, Any]) -> None:
        number, node = event["query_id"], event["node"]
        match event["op"], event["type"]:
            case "enter", "rule":
                self._enter(number, event["parent_id"], node)
            case "enter", _:
                if number not in self._frames:
                    self._frames[number] = _Frame(parent=event["parent_id"])
                    if event["parent_id"] in self._frames and event["parent_id"] != number:
                        self._frames[event["parent_id"]].inner.add(number)
            case "exit", "rule":
                self._exit(number)
            case "eval", "expr":
                self._eval(number, node, {one["key"]["value"]: one["value"] for one in event["locals"] or ()})

    def _enter(self, number: int, parent: int, rule: Mapping[str, Any]) -> None:
        head = rule["head"]
        frame = _Frame(parent=parent, head=head, ids=frozenset(_literals(head)))
        self._frames[number] = frame
        name = str(head.get("name") or head["ref"][0]["value"])
        for ending, question, places in self._last.get(parent, ()):
            if ending == name:
                frame.asked_as = question
                self._answers[question].add(number)
                pairs = zip(head.get("args", ()), places, strict=False)
                frame.places |= {
                    arg["value"]: place for arg, place in pairs if place and arg["type"] == "var"
                }
                return
        if parent in self._frames:  # a rule met while a whole package is read
            self._frames[parent].inner.add(number)

    def _exit(self, number: int) -> None:
        frame = self._frames[number]
        frame.done = True
        value = frame.head.get("value") or {}
        if frame.asked_as is None or value.get("type") != "var":
            return
        place = self._place_of(number, value["value"])
        if place is not None:
            self._places[frame.asked_as] = place
            # OPA evaluates a rule after it tells of the expression that asks for it.
            for asker, behind, whole, bound in self._waiting.pop(frame.asked_as, ()):
                self._bind(asker, self._read(asker, (*place, *behind), whole=whole), bound)

    def _eval(self, number: int, node: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        frame = self._frames.setdefault(number, _Frame(parent=number))
        self._last[number] = []
        terms = node.get("terms")
        arguments = terms[1:] if isinstance(terms, list) else []
        bound = [one["value"] for one in arguments if one["type"] == "var"] if _is_equality(terms) else []
        for term in _references(node):
            parts = term["value"]
            if parts[0].get("value") == "data":
                operator = isinstance(terms, list) and term is terms[0]
                place = self._data(number, parts, values, arguments if operator else None, bound)
            elif parts[0]["type"] == "var" and (start := self._place_of(number, parts[0]["value"])):
                behind = _ground(parts[1:], values)
                place = self._read(frame, (*start, *behind), whole=len(behind) == len(parts) - 1)
            else:
                continue
            self._bind(frame, place, bound)
        if _called(terms) == ["object", "get"]:
            self._object_get(number, arguments, values)

    def _data(
        self,
        number: int,
        parts: list[Any],
        values: Mapping[str, Any],
        arguments: list[Any] | None,
        bound: list[str],
    ) -> Path | None:
        """A reference under `data`: into a table, or to a rule or (with arguments) a function."""
        frame = self._frames[number]
        names = _ground(parts[1:], values)
        if names[:1] != [_ROOT] or len(names) < 2:
            return None
        if names[1] in self._tables or len(parts) == 3:
            return self._read(frame, tuple(names[1:]), whole=len(names) == len(parts) - 1)
        # A package's name has one part, a site's two. What stands behind the rule is inside its value.
        depth = 4 if names[1] == "site" else 3
        if len(parts) > depth and len(names) < depth:  # any site's: `data.regogate.site[name].request_block`
            self._last[number].append((str(parts[depth].get("value")), f"{number} {parts}", []))
            frame.asks.add(f"{number} {parts}")
            return None
        question = ".".join(names[:depth])
        places: list[Path | None] = []
        if arguments is not None:
            places = [
                self._place_of(number, one["value"]) if one["type"] == "var" else None for one in arguments
            ]
            known = [values.get(one["value"]) if one["type"] == "var" else one for one in arguments]
            question += json.dumps(known, sort_keys=True)
        self._last[number].append((names[-1] if len(names) < depth else names[depth - 1], question, places))
        frame.asks.add(question)
        if arguments is not None:
            return None
        behind = tuple(_ground(parts[depth + 1 :], values))
        whole = len(behind) == len(parts) - depth - 1
        place = self._places.get(question)
        if place is None:
            self._waiting[question].append((frame, behind, whole, bound))
            return None
        return self._read(frame, (*place, *behind), whole=whole)

    def _object_get(self, number: int, arguments: list[Any], values: Mapping[str, Any]) -> None:
        """`object.get(row, "key", default)` reads a field, as `row.key` does; a list of keys goes deeper."""
        row, wanted = arguments[0], arguments[1]
        if wanted["type"] == "var":
            wanted = values.get(wanted["value"], wanted)
        keys = _ground(wanted["value"] if wanted["type"] == "array" else [wanted], values)
        if row["type"] == "var":
            place = self._place_of(number, row["value"])
        else:
            names = _ground(row["value"][1:], values) if row["type"] == "ref" else []
            place = tuple(names[1:]) if names[1:2] and names[1] in self._tables else None
        if place is not None and keys:
            self._read(self._frames[number], (*place, *keys), whole=True)

    @staticmethod
    def _bind(frame: _Frame, place: Path | None, variables: Iterable[str]) -> None:
        if place is not None:
            frame.places |= dict.fromkeys(variables, place)

    def _read(self, frame: _Frame, path: Path, *, whole: bool) -> Path | None:
        """Note a read; gives the place where all of the reference is known and is not inside a list."""
        value: Any = self._tables
        for depth, name in enumerate(path):
            if not isinstance(value, dict):
                frame.paths.add(path[:depth])
                return None
            if name not in value:
                frame.paths.add(path[: depth + 1])
                return None
            value = value[name]
        frame.paths.add(path)
        if not whole and isinstance(value, dict):
            frame.scanned.add(path)
        return path if whole else None

    def _place_of(self, number: int, variable: str) -> Path | None:
        seen: set[int] = set()
        while number in self._frames and number not in seen:
            seen.add(number)
            frame = self._frames[number]
            if variable in frame.places:
                return frame.places[variable]
            if frame.head:
                return None
            number = frame.parent
        return None


def found_at(tables: Mapping[str, Any], path: Path) -> tuple[bool, Any]:
    """Whether the tables have something at a path, and what."""
    value: Any = tables
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return False, None
        value = value[name]
    return True, value


def _refined(paths: set[Path]) -> set[Path]:
    """Without the places of which a part was read: the row is not the answer where its field is. What was
    gone through as a whole is not among these."""
    inner = {path[:depth] for path in paths for depth in range(len(path))}
    return paths - inner


def _ground(parts: list[Any], values: Mapping[str, Any]) -> list[str]:
    names: list[str] = []
    for part in parts:
        if part["type"] == "var":
            part = values.get(part["value"])
        if part is None or part["type"] not in ("string", "number", "boolean"):
            break
        names.append(str(part["value"]))
    return names


def _references(node: Any) -> Iterator[Mapping[str, Any]]:
    """The references of an expression; inner bodies are evaluated, and traced, as frames of their own."""
    if isinstance(node, list):
        for one in node:
            yield from _references(one)
    elif isinstance(node, dict):
        if node.get("type") in _CLOSURES:
            return
        if node.get("type") == "ref":
            yield node
            yield from _references(node["value"][1:])
            return
        for key, value in node.items():
            if key not in _BODIES:
                yield from _references(value)


def _called(terms: Any) -> list[str]:
    """The name of the built-in that an expression calls, by its parts."""
    if not isinstance(terms, list) or terms[0].get("type") != "ref":
        return []
    return [str(part.get("value")) for part in terms[0]["value"]]


def _is_equality(terms: Any) -> bool:
    return len(terms or ()) == 3 and _called(terms) in (["eq"], ["assign"])


def _literals(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for one in node:
            yield from _literals(one)
    elif isinstance(node, dict):
        if node.get("type") == "string":
            yield node["value"]
        else:
            for value in node.values():
                yield from _literals(value)
