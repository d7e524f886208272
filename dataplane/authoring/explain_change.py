"""What would have to change for a blocked call to pass: found by trying, so whatever is told is true.

1. In the call: another model, network, hour; without a tool, the findings, or with less sensitive data. One
   thing at a time, each evaluated.
2. In the tables: the smallest sets of changes that flip the decision. Tried are changes of the values that
   the blocking rules used, and of nothing else: an item more or less in a list, another row's value in the
   same column, a number of the call, a row like another's; the rule's own mode comes last. Single changes
   first; then, where several reasons block, changes that each take a reason away; then pairs.

Among sets of one size those come first that touch the fewest callers: a client's row before a tier's,
before a table for all. Told is what would flip the decision, not that it should be flipped.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Final

import orjson

from dataplane.authoring.evaluator import Evaluator
from dataplane.authoring.explain_trace import Path, found_at
from dataplane.authoring.policy_set import PolicySet
from dataplane.authoring.question import DATA_CLASSES, LOOPBACK, address_in, laid_over

MAX_TRIES: Final = 500
"""Evaluations for changes of tables: 2 to 3 seconds."""
MAX_TOLD: Final = 3
"""Sets of changes that are told."""
MAX_SIBLINGS: Final = 8
"""Other rows whose value is tried."""
MAX_STEPS: Final = 5
"""Reasons that are taken away one after the other."""
MAX_CALLS: Final = 200
"""Variants of the call that are tried."""

_SPREAD: Final = {"clients": 0, "tenants": 1, "tiers": 2}
_SPREAD_OTHERS: Final = 3
_SPREAD_MODES: Final = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A value of the tables and what it would be; `before` is None where there is none."""

    path: Path
    before: Any
    after: Any
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedies:
    """`call`: what would be different about the call, as (what, the values that would do); `tables`: sets
    of changes, each enough, smallest first; `tried` evaluations, `gave_up` where `MAX_TRIES` ended them."""

    call: tuple[tuple[str, tuple[str, ...]], ...]
    tables: tuple[tuple[Change, ...], ...]
    tried: int
    gave_up: bool = field(default=False)


def remedies(
    evaluator: Evaluator,
    policy: PolicySet,
    stage: str,
    facts: Mapping[str, Any],
    answer: Mapping[str, Any],
    paths: Mapping[str, Sequence[Path]],
) -> Remedies:
    """What would let the call pass. `paths` has, for each reason of the blocking `answer`, what it used."""
    search = _Search(evaluator, policy.tables, stage, facts)
    reasons = frozenset(answer.get("reasons", ()))
    found = search.run(_sorted(_candidates(policy, facts, paths)), reasons)
    if not found:
        # A rule that fails at its first condition does not read what the next ones would.
        rows = {id_: _whole_rows(read, policy.tables) for id_, read in paths.items()}
        found = search.run(_sorted(_candidates(policy, facts, rows)), reasons)
    return Remedies(
        call=tuple(_in_the_call(evaluator, policy, stage, facts)),
        tables=tuple(found[:MAX_TOLD]),
        tried=search.tried,
        gave_up=search.tried >= MAX_TRIES,
    )


def _sorted(changes: Iterator[Change]) -> list[Change]:
    return sorted({(*change.path, change.what): change for change in changes}.values(), key=_rank)


def _whole_rows(paths: Sequence[Path], tables: Mapping[str, Any]) -> tuple[Path, ...]:
    """Every field of the rows of which something was read, one level down in fields that have some."""
    found: dict[Path, None] = {}
    for row in dict.fromkeys(path[:2] for path in paths):
        _, value = found_at(tables, row)
        for name, field_ in value.items() if isinstance(value, dict) else ():
            inner = field_ if isinstance(field_, dict) else {}
            found |= dict.fromkeys([(*row, name), *((*row, name, one) for one in inner)])
    return tuple({**dict.fromkeys(paths), **found})


class _Search:
    def __init__(
        self, evaluator: Evaluator, tables: Mapping[str, Any], stage: str, facts: Mapping[str, Any]
    ) -> None:
        self._evaluator, self._tables, self._stage, self._facts = evaluator, tables, stage, facts
        self.tried = 0

    def run(self, candidates: list[Change], reasons: frozenset[str]) -> list[tuple[Change, ...]]:
        single = {id(change): self._reasons((change,)) for change in candidates}
        found: list[tuple[Change, ...]] = [
            (change,) for change in candidates if single[id(change)] == frozenset()
        ]
        if found:
            return found
        chosen: tuple[Change, ...] = ()
        left = reasons
        for _ in range(MAX_STEPS):
            best = self._next(candidates, chosen, left)
            if best is None:
                break
            chosen, left = (*chosen, best[0]), best[1]
            if not left:
                return [self._needed(chosen)]
        for pair in combinations(candidates, 2):
            if pair[0].path != pair[1].path and self._reasons(pair) == frozenset():
                found.append(pair)
                if len(found) == MAX_TOLD:
                    break
        return found

    def _next(
        self, candidates: list[Change], chosen: tuple[Change, ...], left: frozenset[str]
    ) -> tuple[Change, frozenset[str]] | None:
        """The first change that takes a reason away and adds none."""
        taken = {change.path for change in chosen}
        for change in candidates:
            if change.path not in taken:
                now = self._reasons((*chosen, change))
                if now is not None and now < left:
                    return change, now
        return None

    def _needed(self, chosen: tuple[Change, ...]) -> tuple[Change, ...]:
        for change in chosen:
            fewer = tuple(one for one in chosen if one is not change)
            if fewer and self._reasons(fewer) == frozenset():
                return self._needed(fewer)
        return chosen

    def _reasons(self, changes: Sequence[Change]) -> frozenset[str] | None:
        """Why it would be blocked then: empty where it is not, None where there is no knowing."""
        if self.tried >= MAX_TRIES:
            return None
        self.tried += 1
        answer = self._evaluator.decide_with(self._stage, self._facts, _mocks(changes, self._tables))
        if answer is None:
            return None
        return frozenset(answer["reasons"]) if answer["decision"] == "BLOCK" else frozenset()


def _mocks(changes: Sequence[Change], tables: Mapping[str, Any]) -> dict[Path, Any]:
    """The changed rows whole: two changes of one row must not hide each other."""
    rows: dict[Path, Any] = {}
    for change in changes:
        row = change.path[:2]
        before = rows[row] if row in rows else found_at(tables, row)[1]
        rows[row] = _put(before, change.path[2:], change.after)
    return rows


def _put(value: Any, path: Path, after: Any) -> Any:
    if not path:
        return after
    row = dict(value) if isinstance(value, dict) else {}
    row[path[0]] = _put(row.get(path[0]), path[1:], after)
    return row


def _rank(change: Change) -> tuple[int, int, str]:
    table = change.path[0]
    spread = _SPREAD_MODES if table == "rules" else _SPREAD.get(table, _SPREAD_OTHERS)
    return spread, ("add", "row", "set", "remove").index(change.what.split(" ", 1)[0]), change.what


def _candidates(
    policy: PolicySet, facts: Mapping[str, Any], paths: Mapping[str, Sequence[Path]]
) -> Iterator[Change]:
    words, numbers = _words(facts, policy.tables)
    for id_, read in paths.items():
        for path in read:
            if len(path) > 1 and path[0] != "rules":
                yield from _changes(path, policy.tables, words, numbers)
        rule = policy.rules.get(id_)
        if rule is not None and rule.kind == "block":
            yield _change(("rules", id_), policy.tables, "shadow", "set the rule's mode to shadow")


def _changes(
    path: Path, tables: Mapping[str, Any], words: list[str], numbers: list[float]
) -> Iterator[Change]:
    there, value = found_at(tables, path)
    column = _column(path, tables)
    if not there:
        for name, other in column:
            what = f"row as {name}'s" if len(path) == 2 else f"set {_short(other)}, as {name} has"
            yield _change(path, tables, other, what)
        return
    match value:
        case bool():
            yield _change(path, tables, not value, f"set {_short(not value)}")
        case int() | float():
            for number in numbers:
                yield _change(path, tables, number, f"set {number}")
        case str():
            known = next((rows for rows in tables.values() if isinstance(rows, dict) and value in rows), {})
            classes = DATA_CLASSES if value in DATA_CLASSES else ()
            others = [*(other for _, other in column), *list(known)[:MAX_SIBLINGS], *classes]
            for other in dict.fromkeys(one for one in others if isinstance(one, str) and one != value):
                yield _change(path, tables, other, f"set {other}")
        case list():
            for word in words:
                if word not in value and _is_network(word) == any(map(_is_network, value)):
                    yield _change(path, tables, [*value, word], f"add {word}")
            for item in value[:MAX_SIBLINGS]:
                yield _change(path, tables, [one for one in value if one != item], f"remove {_short(item)}")


def _change(path: Path, tables: Mapping[str, Any], after: Any, what: str) -> Change:
    return Change(path=path, before=found_at(tables, path)[1], after=after, what=what)


def _column(path: Path, tables: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """What other rows of the table have in this place, each value once, with a row that has it."""
    rows = tables.get(path[0])
    found: dict[bytes, tuple[str, Any]] = {}
    for name, row in rows.items() if isinstance(rows, dict) else ():
        if name != path[1] and len(found) < MAX_SIBLINGS:
            there, value = found_at({"row": row}, ("row", *path[2:]))
            if there:
                found.setdefault(orjson.dumps(value, option=orjson.OPT_SORT_KEYS), (name, value))
    return list(found.values())


def _words(facts: Mapping[str, Any], tables: Mapping[str, Any]) -> tuple[list[str], list[float]]:
    """Names and numbers of the call that a table may list: what it asks for, who asks, and from where."""
    request, identity = facts.get("request", {}), facts.get("identity", {})
    ip = str(facts.get("source", {}).get("ip", LOOPBACK))
    words = [
        request.get("model"),
        request.get("operation"),
        *request.get("tools", {}),
        facts.get("call", {}).get("name"),
        *_networks_of(ip, tables),
        *request.get("modalities", ()),
        *(identity.get(key) for key in ("client_id", "tenant")),
        *(name for key in ("roles", "scopes", "groups") for name in identity.get(key, ())),
        f"{ip}/{128 if ':' in ip else 32}",
    ]
    numbers = [
        number
        for part in ("request", "time", "usage", "answer")
        for key, number in facts.get(part, {}).items()
        if isinstance(number, int | float) and not isinstance(number, bool) and key != "unix"
    ]
    return (
        list(dict.fromkeys(word for word in words if isinstance(word, str))),
        sorted({*numbers, *(number + 1 for number in numbers)}),
    )


def _networks_of(ip: str, tables: Mapping[str, Any]) -> list[str]:
    networks = tables.get("networks")
    try:
        source = ipaddress.ip_address(ip)
        return [
            name
            for name, ranges in (networks.items() if isinstance(networks, dict) else ())
            if any(source in ipaddress.ip_network(one, strict=False) for one in ranges)
        ]
    except (ValueError, TypeError):
        return []


def _is_network(value: Any) -> bool:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return isinstance(value, str)


def _in_the_call(
    evaluator: Evaluator, policy: PolicySet, stage: str, facts: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    variants = list(_variants(policy.tables, facts))[:MAX_CALLS]
    inputs = (orjson.dumps(laid_over(facts, over)) for _, _, over in variants)
    passing: dict[str, list[str]] = {}
    for (what, value, _), answer in zip(variants, evaluator.decide_many(stage, inputs), strict=True):
        if answer is not None and orjson.loads(answer).get("decision") in ("ALLOW", "CONSTRAIN"):
            passing.setdefault(what, []).append(value)
    yield from ((what, tuple(values)) for what, values in passing.items())


def _variants(
    tables: Mapping[str, Any], facts: Mapping[str, Any]
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    request = facts.get("request", {})
    if "model" in request:
        for model in _rows(tables, "models"):
            if not model.endswith("*") and model != request["model"]:
                yield "model", model, {"request": {"model": model}}
    networks = _rows(tables, "networks")
    for name in networks:
        yield "network", name, {"source": {"ip": address_in(name, networks)}}
    for name in request.get("tools", {}):
        yield "without the tool", name, {"request": {"tools": {name: None}}}
    if len(request.get("tools", {})) > 1:
        yield "without the tool", "all of them", {"request": {"tools": None, "has_tools": False}}
    for data_class in DATA_CLASSES:
        if data_class != request.get("data_class", "internal"):
            yield "data class", data_class, {"request": {"data_class": data_class}}
    for kind in facts.get("signals", {}):
        yield "without findings", kind, {"signals": {kind: None}}
    for hour in range(24):
        if hour != facts.get("time", {}).get("hour"):
            yield "hour (UTC)", str(hour), {"time": {"hour": hour}}


def _rows(tables: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = tables.get(name)
    return {key: row for key, row in found.items() if row} if isinstance(found, dict) else {}


def _short(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 60 else f"{text[:57]}..."
