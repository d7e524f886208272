"""Whatever is missing, null or of another kind, nothing is allowed that no table grants."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from policy_kit import CALL, SCHEMAS, Document, Evaluator

# Every kind of value where another is expected, and words that would open something elsewhere.
JUNK: tuple[Any, ...] = (
    *(None, False, True, 0, -1, 1e30, "", "*", "off", "allow", "10.0.0.1"),
    *([], [None], ["*"], {}, {"*": None}, {"": {}}),
)
# Facts without which no call goes; each is broken on its own below.
NEEDED = ("v", "stage", "request", "identity", "source")

TABLES: Document = {
    "clients": {
        "demo": {"tier": "basic", "tenant": "acme", "networks": ["office"], "enabled": True},
        "off": {"tier": "basic", "tenant": "acme", "enabled": False},
    },
    "tenants": {"acme": {"tier": "basic", "roles": [{"role": "agent", "tier": "capped"}]}},
    "tiers": {
        "basic": {
            "models": ["gpt-4o-mini", "big*"],
            "operations": ["chat.completions.*", "models.*"],
            "tools": {"allow": ["search"], "otherwise": "block"},
            "limits": {"requests_per_minute": 60, "burst": 5},
            "audit": "hash",
        },
        "capped": {
            "models": ["*"],
            "operations": ["chat.completions.create"],
            "tools": {"allow": [], "otherwise": "strip"},
            "max_tokens": 100,
        },
    },
    "models": {
        "gpt-4o-mini": {"data_class": "internal", "deny_networks": ["quarantine"]},
        "big*": {"data_class": "restricted", "route_to": "gpt-4o-mini"},
    },
    "networks": {"office": ["10.0.0.0/8"], "quarantine": ["10.1.0.0/16"]},
    "tools": {"shell": {"use": "block"}},
    "rules": {"request.tokens.cap": "enforce"},
    "stop": {"everything": False, "clients": {}, "tenants": {}, "models": {}},
}


def variants() -> Iterator[Document]:
    """Calls that are allowed, constrained, routed, listed and refused, before they are broken."""
    yield CALL
    requests: tuple[Document, ...] = (
        {"model": "big-1"},
        {"tools": {"shell": {}}},
        {"operation": "models.list", "candidates": {"gpt-4o-mini": {}, "other": {}}},
        {"operation": "models.retrieve"},
        {"operation": "unknown"},
    )
    for request in requests:
        yield {**CALL, "request": {**CALL["request"], **request}}
    for identity in ({"method": "jwt", "client_id": "new"}, {"method": "jwt", "client_id": "off"}):
        yield {**CALL, "identity": {**CALL["identity"], **identity}}


VARIANTS = tuple(variants())


def paths(document: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in a document, the document itself left out."""
    below = document.items() if isinstance(document, dict) else enumerate(document)
    found: list[tuple[Any, ...]] = []
    for key, value in below:
        found.append((*at, key))
        if isinstance(value, dict | list):
            found += paths(value, (*at, key))
    return found


def broken(document: Document, place: int, junk: int) -> Document:
    """A copy with one value taken out (junk 0) or replaced by junk."""
    fresh = copy.deepcopy(document)
    places = paths(fresh)
    path = places[place % len(places)]
    holder: Any = fresh
    for key in path[:-1]:
        holder = holder[key]
    if junk == 0:
        del holder[path[-1]]
    else:
        holder[path[-1]] = JUNK[junk - 1]
    return fresh


def matches(patterns: Any, value: Any) -> bool:
    return (
        isinstance(patterns, list)
        and isinstance(value, str)
        and any(
            value == pattern or (pattern.endswith("*") and value.startswith(pattern[:-1]))
            for pattern in patterns
            if isinstance(pattern, str)
        )
    )


def look(document: Any, *path: Any) -> Any:
    """What stands at a path, or None."""
    for key in path:
        if not isinstance(document, dict) or not isinstance(key, str):
            return None
        document = document.get(key)
    return document


def granted(call: Document, tables: Document) -> bool:
    """The grant again, told independently: a client, its tier, an operation, a model."""
    client = look(call, "identity", "client_id")
    clients = tables.get("clients")
    if not isinstance(clients, dict) or not isinstance(client, str) or not client:
        return False
    if client in clients:
        tiers = (
            [look(clients, client, "tier")]
            if look({"enabled": True} | _row(clients[client]), "enabled") is True
            else []
        )
    elif look(call, "identity", "method") == "jwt":
        tenant = look(tables, "tenants", look(call, "identity", "tenant"))
        roles = look(tenant, "roles")
        rows = list(roles.values()) if isinstance(roles, dict) else roles if isinstance(roles, list) else []
        tiers = [look(tenant, "tier"), *(look(row, "tier") for row in rows)]
    else:
        return False
    operation, model = look(call, "request", "operation"), look(call, "request", "model")
    return any(
        matches(look(tables, "tiers", tier, "operations"), operation)
        and (operation == "models.list" or matches(look(tables, "tiers", tier, "models"), model))
        for tier in tiers
    )


def _row(row: Any) -> Document:
    return {"enabled": True, **row} if isinstance(row, dict) else {"enabled": None}


NUMBER = st.integers(0, 10_000)
BREAK = st.tuples(NUMBER, st.integers(0, len(JUNK)))
CASES = st.lists(
    st.tuples(st.integers(0, len(VARIANTS) - 1), st.lists(BREAK, max_size=2), st.lists(BREAK, max_size=2)),
    min_size=60,
    max_size=60,
)
DECISION = Draft202012Validator(json.loads((SCHEMAS / "decision.request.schema.json").read_text()))


@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(cases=CASES)
def test_nothing_broken_is_allowed_without_a_grant(evaluator: Evaluator, cases: list[Any]) -> None:
    batch = []
    for variant, in_call, in_tables in cases:
        call, tables = VARIANTS[variant], TABLES
        for place, junk in in_call:
            call = broken(call, place, junk)
        for place, junk in in_tables:
            tables = broken(tables, place, junk)
        batch.append((call, tables))
    for (call, tables), decision in zip(batch, evaluator.decide(batch), strict=True):
        assert decision is not None, (call, tables)
        if decision["decision"] != "BLOCK":
            assert granted(call, tables), (call, tables, decision)


def test_every_single_break_is_decided_in_the_contracts_form(evaluator: Evaluator) -> None:
    """All values of the call and the tables, one at a time, by absence and null."""
    batch = [(broken(CALL, place, junk), TABLES) for place in range(len(paths(CALL))) for junk in (0, 1)] + [
        (CALL, broken(TABLES, place, junk)) for place in range(len(paths(TABLES))) for junk in (0, 1)
    ]
    for (call, tables), decision in zip(batch, evaluator.decide(batch), strict=True):
        assert decision is not None
        assert DECISION.is_valid(decision), (call, tables, decision)
        if decision["decision"] != "BLOCK":
            assert granted(call, tables), (call, tables, decision)


def test_null_anywhere_in_a_calls_facts_blocks(evaluator: Evaluator) -> None:
    batch = [
        ({**CALL, part: {**CALL[part], key: None}}, TABLES)
        for part in ("request", "identity", "source")
        for key in (*CALL[part], "max_tokens", "data_class", "tools", "ip", "tenant")
    ]
    assert {decision and decision["decision"] for decision in evaluator.decide(batch)} == {"BLOCK"}


def test_call_without_a_needed_part_blocks(evaluator: Evaluator) -> None:
    batch: list[tuple[Any, Document]] = [
        ({name: value for name, value in CALL.items() if name != part}, TABLES) for part in NEEDED
    ]
    others: tuple[Any, ...] = (None, {}, [], "call", 7)
    batch += [(other, TABLES) for other in others]
    assert {decision and decision["decision"] for decision in evaluator.decide(batch)} == {"BLOCK"}


def test_any_missing_table_blocks(evaluator: Evaluator) -> None:
    batch = [(CALL, {name: rows for name, rows in TABLES.items() if name != table}) for table in TABLES]
    assert [decision and decision["decision"] for decision in evaluator.decide(batch)] == ["BLOCK"] * len(
        batch
    )


def test_calls_of_this_test_are_not_all_blocked(evaluator: Evaluator) -> None:
    """Else the properties above would hold of a policy that only blocks."""
    decided = evaluator.decide([(call, TABLES) for call in VARIANTS])
    assert {decision and decision["decision"] for decision in decided} == {"ALLOW", "CONSTRAIN", "BLOCK"}
