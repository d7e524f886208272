"""What of its input a policy reads, and so which recorded questions it must answer alike.

Most recorded calls differ in what no rule looks at: ids, times, sizes. OPA tells the rules of a running
policy as it compiled them (`GET /v1/policies`: imports resolved, local names unique within a rule), and
every reading of the input stands there as a reference that begins with `input`:

1. `input.a.b` reads that value; behind the first step that is no literal (`input.a[x]`), all below it.
2. `x = input.a`, where `x` is then only looked into by literal steps or by `object.get` with a literal key,
   or asked whether it holds a null, reads what is looked into, and of `input.a` itself the type and whether
   a member is null. The compiler writes `object.get(input.a, "b", 0)` and `f(input.a)` so.
3. `with input as x` reads `x`. What is asked with it reads another input, and counts as if it read this one.
4. Anything else that holds `input` reads all of it; so does a policy that cannot be told.

Inputs that are the same in all that is read have the same decision: nothing else reaches a rule, and the
functions that a bundle may use are deterministic (`opa/capabilities.json`). One is put to OPA for all.
Other stages' packages are left out where nothing refers to them.
"""

from __future__ import annotations

import http.client
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import orjson

from dataplane.authoring.policy_set import STAGES

Path = tuple[str, ...]
Modules = Sequence[Mapping[str, Any]]
"""Compiled modules in OPA's JSON form."""

REMEMBERED: Final = 20_000
"""Answers kept, about 1 kB each; then all are forgotten."""

TIMEOUT_S: Final = 30.0

_LOCAL: Final = "__local"
_OURS: Final = "regogate_batch"
"""The package that asks for lists (batches.py); what it reads, it hands on."""
_UNSTEADY: Final = ("rand.", "uuid.", "time.now_ns", "opa.runtime", "http.send", "net.lookup", "io.jwt.")
"""With one of these the same input may be decided otherwise the next time."""
_MEMBER: Final = "internal.member_2"
"""What `x in xs` compiles to."""


class Asker(Protocol):
    """Answers of one policy: `evaluator.Evaluator`."""

    def decide_many(self, stage: str, inputs: Iterable[bytes]) -> Iterator[bytes | None]:
        """For each input the bytes of the decision, in order; None where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """`values` are read whole; of `shapes` the type, and whether a member is null. The empty path is the
    whole input."""

    values: tuple[Path, ...]
    shapes: tuple[Path, ...]

    def key(self, question: bytes) -> bytes:
        """The same for two inputs (JSON texts of objects) that no rule can tell apart."""
        if () in self.values:
            return question
        found = orjson.loads(question)
        values = [_at(found, path) for path in self.values]
        shapes = [[_shape(one) for one in _at(found, path)] for path in self.shapes]
        return orjson.dumps([values, shapes], option=orjson.OPT_SORT_KEYS)


class Remembering:
    """An `Asker` that asks once for all inputs that the policy of the OPA at `url` cannot tell apart.

    Inputs are taken whole before the first answer: hand over as many as may be in memory.
    """

    def __init__(self, asker: Asker, url: str) -> None:
        self._asker = asker
        self._modules = _modules(url)
        self._reads: dict[str, Reads] = {}
        self._known: dict[tuple[str, bytes], bytes | None] = {}

    def decide_many(self, stage: str, inputs: Iterable[bytes]) -> Iterator[bytes | None]:
        """As `Asker.decide_many`."""
        if stage not in self._reads:
            self._reads[stage] = reads(self._modules, stage)
        questions = list(inputs)
        keys = [(stage, self._reads[stage].key(one)) for one in questions]
        if len(self._known) + len(keys) > REMEMBERED:
            self._known.clear()
        new: dict[tuple[str, bytes], bytes] = {}
        for key, one in zip(keys, questions, strict=True):
            if key not in self._known:
                new.setdefault(key, one)
        self._known.update(zip(new, self._asker.decide_many(stage, new.values()), strict=True))
        return (self._known[key] for key in keys)


def reads(modules: Modules, stage: str) -> Reads:
    """What the modules of a policy read at a stage; the whole input where that cannot be told."""
    values: set[Path] = set()
    shapes: set[Path] = set()
    try:
        rules = [rule for module in _of_stage(modules, stage) for rule in module.get("rules") or ()]
        null_checks = _null_checks(rules)
        for rule in rules:
            _rule(rule, null_checks, values, shapes)
    except (KeyError, TypeError, IndexError, AttributeError, RecursionError):
        values = {()}
    if not modules:
        values = {()}
    shortest = {path for path in values if not any(path[:end] in values for end in range(len(path)))}
    return Reads(values=tuple(sorted(shortest)), shapes=tuple(sorted(shapes)))


def _modules(url: str) -> Modules:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/v1/policies")
        modules = json.loads(connection.getresponse().read())["result"]
        return [one["ast"] for one in modules if not one["id"].startswith(_OURS)]
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, RecursionError):
        return ()
    finally:
        connection.close()


def _of_stage(modules: Modules, stage: str) -> Modules:
    """Without the packages of other stages, unless something may refer to them."""
    others = {("data", "regogate", other) for other in STAGES if other != stage}
    mine = [module for module in modules if _steps(module["package"]["path"])[:3] not in others]
    for node in _terms(mine):
        if node["type"] == "ref":
            steps = _steps(node["value"])[:3]
            if steps in others or (steps[:1] == ("data",) and len(steps) < 3):
                return modules
    return mine


def _rule(
    rule: Mapping[str, Any], null_checks: set[tuple[str, int]], values: set[Path], shapes: set[Path]
) -> None:
    calls = list(_calls(rule))
    aliases: dict[str, Path] = {}
    defined: Counter[str] = Counter()
    for operator, *arguments in calls:
        match arguments:
            case [{"type": "var", "value": str(name)}, {"type": "ref", "value": list(ref)}] if (
                _name(operator) == "eq" and name.startswith(_LOCAL) and _is_input(ref)
            ):
                path = _steps(ref)[1:]
                defined[name] += 1
                if len(path) == len(ref) - 1:
                    aliases[name] = path
        if (_name(operator) or "").startswith(_UNSTEADY):
            values.add(())
    nulls = _nulls(calls)
    looked: dict[str, set[Path]] = {name: set() for name in aliases}
    harmless: Counter[str] = Counter(dict.fromkeys(aliases, 1))  # the definition itself
    for operator, *arguments in calls:
        called = _name(operator)
        for place, argument in enumerate(arguments):
            alias = argument["value"] if argument["type"] == "var" else ""
            if alias not in aliases or called is None:
                continue
            if called == "object.get" and place == 0 and arguments[1]["type"] == "string":
                looked[alias].add((*aliases[alias], arguments[1]["value"]))
                harmless[alias] += 1
            elif (called, place) in null_checks or _checks_null(called, arguments, place, nulls):
                harmless[alias] += 1
    occurrences: Counter[str] = Counter()
    direct: Counter[Path] = Counter()
    for node in _terms(rule):
        if node["type"] == "var":
            occurrences[node["value"]] += 1
            continue
        head, steps = node["value"][0].get("value"), _steps(node["value"])[1:]
        if _is_input(node["value"]):
            direct[steps] += 1
        elif head in aliases and steps:
            looked[head].add(aliases[head] + steps)
            harmless[head] += 1
    # Every reference to the input has `input` as its first term; one more is the input by itself.
    if occurrences["input"] != direct.total():
        values.add(())
    for name, path in aliases.items():
        if defined[name] == 1 and occurrences[name] == harmless[name]:
            direct[path] -= 1
            values |= looked[name]
            shapes.add(path)
    values |= {path for path, count in direct.items() if count > 0}


def _null_checks(rules: Iterable[Mapping[str, Any]]) -> set[tuple[str, int]]:
    """The functions' arguments, by name and place, that are only asked whether they hold a null."""
    good: set[tuple[str, int]] = set()
    bad: set[tuple[str, int]] = set()
    for rule in rules:
        name = _function(_steps(rule["head"]["ref"])[-1])
        nulls = _nulls(list(_calls(rule)))
        for place, argument in enumerate(rule["head"].get("args") or ()):
            asked = sum(
                argument == given and _checks_null(_name(operator), given_all, at, nulls)
                for operator, *given_all in _calls(rule)
                for at, given in enumerate(given_all)
            )
            told = sum(
                node["type"] == "var" and node["value"] == argument.get("value") for node in _terms(rule)
            )
            only = argument["type"] == "var" and "else" not in rule and told == asked + 1
            (good if only else bad).add((name, place))
    # A rule's head names no package: functions of one name in two packages count only if all are alike.
    return good - bad


def _checks_null(called: str | None, arguments: list[Any], place: int, nulls: set[str]) -> bool:
    if called != _MEMBER or place != 1:
        return False
    sought = arguments[0]
    return sought["type"] == "null" or (sought["type"] == "var" and sought["value"] in nulls)


def _nulls(calls: list[list[Any]]) -> set[str]:
    """Local names that can only be null: `x := object.get({}, "", null)`."""
    found: set[str] = set()
    for operator, *arguments in calls:
        match arguments:
            case [
                {"type": "object", "value": []},
                _,
                {"type": "null"},
                {"type": "var", "value": str(name)},
            ] if _name(operator) == "object.get" and name.startswith(_LOCAL):
                found.add(name)
    for operator, *arguments in calls:
        match arguments:
            case [{"type": "var", "value": str(one)}, {"type": "var", "value": str(other)}] if (
                _name(operator) == "eq" and one.startswith(_LOCAL) and other in found
            ):
                found.add(one)
    return found


def _terms(node: Any) -> Iterator[dict[str, Any]]:
    """Every variable and every reference below, the first terms of references too."""
    if isinstance(node, Mapping):
        if node.get("type") in ("var", "ref"):
            yield dict(node)
        for name, value in node.items():
            if name != "annotations" and not (name == "target" and _is_whole_input(value)):
                yield from _terms(value)
    elif isinstance(node, list):
        for value in node:
            yield from _terms(value)


def _is_whole_input(target: Any) -> bool:
    """Of `with input as x`: reads `x`, and of this input nothing."""
    return target.get("type") == "ref" and len(target["value"]) == 1 and _is_input(target["value"])


def _calls(node: Any) -> Iterator[list[Any]]:
    """Every expression that is a call, as [operator, argument, ...], and every call within a term."""
    if isinstance(node, Mapping):
        terms = node.get("terms", node.get("value") if node.get("type") == "call" else None)
        if isinstance(terms, list) and terms:
            yield terms
        for name, value in node.items():
            if name != "annotations":
                yield from _calls(value)
    elif isinstance(node, list):
        for value in node:
            yield from _calls(value)


def _name(operator: Any) -> str | None:
    """What a call calls; a function of the policy by its last name alone, as `_null_checks` knows it."""
    if operator.get("type") != "ref":
        return None
    steps = _steps(operator["value"])
    return _function(steps[-1]) if steps[0] == "data" else ".".join(steps)


def _function(name: str) -> str:
    return f"data {name}"  # no built-in function is called so


def _is_input(ref: list[Any]) -> bool:
    return bool(ref) and ref[0].get("type") == "var" and ref[0].get("value") == "input"


def _steps(ref: list[Any]) -> Path:
    """The first term's name and the literal steps behind it, up to the first that is none."""
    path = [str(ref[0].get("value"))]
    for part in ref[1:]:
        if part["type"] != "string":
            break
        path.append(part["value"])
    return tuple(path)


def _at(found: Any, path: Path) -> list[Any]:
    """The value at a path, in a list; an empty list where there is none."""
    for name in path:
        if not isinstance(found, dict) or name not in found:
            return []
        found = found[name]
    return [found]


def _shape(value: Any) -> list[Any]:
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [type(value).__name__, any(one is None for one in members)]
