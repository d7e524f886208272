"""The JSON schemas: valid themselves, fitting what is shipped, refusing what must be refused."""

from __future__ import annotations

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from policy_kit import (
    CALL,
    OPTIONAL,
    POLICIES,
    REGO,
    SCHEMAS,
    TABLES,
    Document,
    Evaluator,
    changed,
    load_tables,
)

SHIPPED = POLICIES / "data"
EXAMPLES = sorted((POLICIES / "examples").glob("*/data"))


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((SCHEMAS / f"{name}.schema.json").read_text()))


def fits(name: str, document: Any) -> bool:
    return validator(name).is_valid(document)


@pytest.mark.parametrize("path", sorted(SCHEMAS.rglob("*.json")), ids=lambda path: path.name)
def test_schema_is_valid_and_speaks_to_people(path: Path) -> None:
    schema = json.loads(path.read_text())
    Draft202012Validator.check_schema(schema)
    assert schema["title"]
    assert schema["description"]


@pytest.mark.parametrize("folder", [SHIPPED, *EXAMPLES], ids=str)
def test_tables_fit_their_schemas(folder: Path) -> None:
    tables = load_tables(folder)
    assert set(TABLES) <= tables.keys() <= {*TABLES, *OPTIONAL}
    for name, table in tables.items():
        assert fits(f"tables/{name}", table), name


def test_shipped_tables_use_only_limits_that_are_enforced() -> None:
    for tier in load_tables(SHIPPED)["tiers"].values():
        assert tier.get("limits", {}).keys() <= {"requests_per_minute", "burst"}


def test_shipped_tables_use_only_constraints_that_are_enforced() -> None:
    tables = load_tables(SHIPPED)
    for tier in tables["tiers"].values():
        assert not tier.keys() & {"regions", "pool"}
    measures = {key for row in tables["signals"].values() for key in row.get("constrain", {})}
    assert measures <= {"max_tokens", "delay_ms", "model", "redact"}


def test_a_bundle_without_signals_has_the_shipped_ones(opa_binary: Path) -> None:
    said = subprocess.run(
        [opa_binary, "eval", "-f", "json", "-d", str(REGO), "data.regogate.findings.shipped"],
        capture_output=True,
        check=True,
    )
    (result,) = json.loads(said.stdout)["result"]
    assert result["expressions"][0]["value"] == load_tables(SHIPPED)["signals"]


@pytest.mark.parametrize(
    ("table", "document"),
    [
        ("clients", None),
        ("clients", {"a": {}}),
        ("clients", {"a": {"tier": "t", "networks": []}}),
        ("clients", {"a": {"tier": "t", "enabld": True}}),
        ("clients", {"": {"tier": "t"}}),
        ("tenants", {"a": {"roles": [{"role": "r"}]}}),
        ("tiers", {"a": {"models": ["m"]}}),
        ("tiers", {"a": {"models": ["m*n"], "operations": ["*"]}}),
        ("tiers", {"a": {"models": [], "operations": [], "max_tokens": "2000"}}),
        ("tiers", {"a": {"models": [], "operations": [], "limits": {"request_per_minute": 1}}}),
        ("tiers", {"a": {"models": [], "operations": [], "tools": {"allow": []}}}),
        ("models", {"a*b": {"data_class": "internal"}}),
        ("models", {"a": {}}),
        ("networks", {"a": ["10.0.0.1"]}),
        ("tools", {"a": {}}),
        ("rules", {"request.tokens.cap": "ignore"}),
        ("rules", {"request.grant.tier": "off"}),
        ("rules", {"request.stop.client": "off"}),
        ("rules", {"request.default.deny": "off"}),
        ("rules", {"conflict.route": "shadow"}),
        ("rules", {"tool_call.grant.tier": "off"}),
        ("rules", {"response.stop.active": "off"}),
        ("tiers", {"a": {"models": [], "operations": [], "require": {"scope": ["x"]}}}),
        ("tiers", {"a": {"models": [], "operations": [], "modalities": ["smell"]}}),
        ("tools", {"a": {"use": "allow", "arguments": {"x": {"denied": ["y"]}}}}),
        ("windows", {"a": {"days": ["Monday"], "from": 1, "until": 2}}),
        ("windows", {"a": {"days": ["Mon"], "from": 1, "until": 25}}),
        ("signals", {"injection": {"origins": {"user": {"high": "deny"}}}}),
        ("signals", {"injection": {"user": {"high": "block"}}}),
        ("signals", {"*injection": {"origins": {}}}),
        ("detectors", {"piii": {}}),
        ("detectors", {"pii": {"medium": 101}}),
        ("detectors", {"pii": {"skip": ["email"]}}),
        ("detectors", {"injection": {"weights": {"a": 100}}}),
        ("detectors", {"custom": {"patterns": {"a": {"regexp": "x"}}}}),
        ("detectors", {"custom": {"patterns": {"a": {"regex": "x", "score": 1, "level": "low"}}}}),
        ("detectors", {"custom": {"words": {"A": {"any": ["x"]}}}}),
        ("detectors", {"inspection": {"deadline": 1}}),
        ("anomalies", {"tokens_vs_baseline": {"above": 5}}),
        ("residency", {"acme": ["eu"]}),
        ("residency", {"data_classes": {"secret": ["eu"]}}),
        ("stop", {"everything": "later", "clients": {}, "tenants": {}, "models": {}}),
        ("stop", {}),
        ("stop", {"everything": "no", "clients": {}, "tenants": {}, "models": {}}),
    ],
)
def test_table_that_would_surprise_is_refused(table: str, document: Any) -> None:
    assert not fits(f"tables/{table}", document)


def test_short_way_knows_every_part_of_the_input() -> None:
    parts = validator("input.request").schema["properties"].keys()
    quick = (REGO / "regogate" / "request" / "decision.rego").read_text()
    assert [
        p for p in parts - {"tables_revision", "time"} if f'"{p}"' not in quick and f"input.{p}" not in quick
    ] == []


def test_input_schema_takes_the_contracts_call_and_no_other() -> None:
    assert fits("input.request", CALL)
    for broken in (
        changed(CALL, request={"modell": "x"}),
        changed(CALL, request={"max_tokens": None}),
        changed(CALL, identity={"client_id": 7}),
        {**CALL, "stage": "response"},
        {name: value for name, value in CALL.items() if name != "source"},
    ):
        assert not fits("input.request", broken)


def sample(evaluator: Evaluator) -> dict[str, Document]:
    """A decision of each verdict, and one with the list of models."""
    tables = load_tables(SHIPPED)
    catalogue = copy.deepcopy(CALL)
    catalogue["request"] = {"operation": "models.list", "candidates": {"demo": {}, "gpt-4o": {}}}
    cases = {
        "ALLOW": CALL,
        "CONSTRAIN": changed(CALL, request={"tools": {"shell": {"type": "function"}}}),
        "BLOCK": changed(CALL, request={"model": "gpt-4o"}),
        "LIST": catalogue,
    }
    decided = evaluator.decide([(call, tables) for call in cases.values()])
    return {name: decision or {} for name, decision in zip(cases, decided, strict=True)}


def test_decisions_fit_their_schema(evaluator: Evaluator) -> None:
    decisions = sample(evaluator)
    for decision in decisions.values():
        validator("decision.request").validate(decision)
    assert [decision["decision"] for decision in decisions.values()] == [
        "ALLOW",
        "CONSTRAIN",
        "BLOCK",
        "ALLOW",
    ]
    assert decisions["LIST"]["visible"] == ["demo"]


def test_decision_without_a_key_or_with_another_is_refused(evaluator: Evaluator) -> None:
    optional = {"ALLOW": set(), "CONSTRAIN": set(), "BLOCK": {"principal"}, "LIST": {"visible"}}
    for name, decision in sample(evaluator).items():
        assert not fits("decision.request", {**decision, "more": 1}), name
        for key in decision.keys() - optional[name]:
            less = {other: value for other, value in decision.items() if other != key}
            assert not fits("decision.request", less), (name, key)


def test_verdict_and_constraints_belong_together(evaluator: Evaluator) -> None:
    decisions = sample(evaluator)
    assert not fits("decision.request", {**decisions["ALLOW"], "decision": "CONSTRAIN"})
    assert not fits("decision.request", {**decisions["CONSTRAIN"], "decision": "ALLOW"})
    assert not fits("decision.request", {**decisions["BLOCK"], "constraints": {}})
