"""The table of a hardening guide, in tables alone: each of its sentences holds."""

from __future__ import annotations

import itertools

import pytest
from policy_kit import CALL, POLICIES, Document, Evaluator, changed, load_tables

FOLDER = POLICIES / "examples" / "hardening" / "data"
TURBO, MINI = "gpt-4-turbo", "gpt-4o-mini"


def call(client: str, model: str, ip: str = "10.2.0.1", **request: object) -> Document:
    fresh = changed(CALL, identity={"client_id": client}, source={"ip": ip})
    fresh["request"] = {"operation": "chat.completions.create", "model": model, **request}
    return fresh


@pytest.fixture(scope="module")
def tables() -> dict[str, object]:
    return load_tables(FOLDER)


def test_support_team_may_use_turbo_with_full_audit(evaluator: Evaluator, tables: dict[str, object]) -> None:
    decision = evaluator.one(call("support-team", TURBO), tables)
    assert (decision["decision"], decision["reasons"]) == ("ALLOW", ["request.grant.tier"])
    assert (decision["audit"], decision["limits"]) == ("full", [])


@pytest.mark.parametrize("asked", [{}, {"max_tokens": 2001}, {"max_tokens": 100000}])
def test_data_pipeline_is_constrained(
    evaluator: Evaluator, tables: dict[str, object], asked: dict[str, int]
) -> None:
    decision = evaluator.one(changed(call("data-pipeline", TURBO), request=asked), tables)
    assert (decision["decision"], decision["reasons"]) == ("CONSTRAIN", ["request.tokens.cap"])
    assert decision["constraints"] == {"max_tokens": 2000}
    assert decision["audit"] == "metadata"
    (limit,) = decision["limits"]
    assert (limit["amount"], limit["unit"], limit["per"]) == (30, "requests", "minute")
    assert limit["key"] == "client/data-pipeline"


def test_data_pipeline_within_its_cap_keeps_its_rate(evaluator: Evaluator, tables: dict[str, object]) -> None:
    decision = evaluator.one(call("data-pipeline", MINI, max_tokens=2000), tables)
    assert (decision["decision"], decision["limits"][0]["amount"]) == ("ALLOW", 30)


def test_turbo_is_blocked_from_the_quarantine(evaluator: Evaluator, tables: dict[str, object]) -> None:
    inside = ("10.1.0.0", "10.1.0.1", "10.1.255.255", "::ffff:10.1.0.0", "::ffff:10.1.255.255")
    cases = [(client, ip) for client in ("support-team", "data-pipeline", "nobody") for ip in inside]
    decided = evaluator.decide([(call(client, TURBO, ip), tables) for client, ip in cases])
    for case, decision in zip(cases, decided, strict=True):
        assert decision is not None
        assert decision["decision"] == "BLOCK", case
        assert "request.network.model" in decision["reasons"], case


def test_turbo_is_reachable_beside_the_quarantine(evaluator: Evaluator, tables: dict[str, object]) -> None:
    beside = ("10.0.255.255", "10.2.0.0", "11.1.0.0", "::ffff:10.0.255.255", "::ffff:10.2.0.0", "2001:db8::1")
    decided = evaluator.decide([(call("support-team", TURBO, ip), tables) for ip in beside])
    assert [decision and decision["decision"] for decision in decided] == ["ALLOW"] * len(beside)


def test_other_models_are_reachable_from_the_quarantine(
    evaluator: Evaluator, tables: dict[str, object]
) -> None:
    assert evaluator.one(call("data-pipeline", MINI, "10.1.2.3"), tables)["decision"] == "CONSTRAIN"


def test_everything_else_is_blocked(evaluator: Evaluator, tables: dict[str, object]) -> None:
    operations = ("chat.completions.create", "embeddings.create", "models.list", "models.retrieve", "unknown")
    models = (TURBO, MINI, "gpt-4o", "gpt-4-turbo-preview", "")
    clients = ("support-team", "data-pipeline", "support", "demo", "")
    granted = {
        ("support-team", TURBO, operations[0]),
        ("data-pipeline", TURBO, operations[0]),
        ("data-pipeline", MINI, operations[0]),
    }
    rest = sorted(set(itertools.product(clients, models, operations)) - granted)
    calls = [call(client, model, operation=operation) for client, model, operation in rest]
    decided = evaluator.decide([(each, tables) for each in calls])
    assert {decision["decision"] for decision in decided if decision is not None} == {"BLOCK"}
    assert None not in decided
