"""The table of clients' tiers, without Rego: each of its rows decides as it says."""

from __future__ import annotations

import itertools

import pytest
from policy_kit import CALL, POLICIES, Document, Evaluator, changed, load_tables

FOLDER = POLICIES / "examples" / "tiers" / "data"
MODELS = ("gpt-4o-mini", "gpt-4o", "gpt-4-turbo", "gpt-4.1", "text-embedding-3-small")
OPERATIONS = ("chat.completions.create", "embeddings.create", "fine_tuning.jobs.create", "batches.create")


def call(client: str, model: str, operation: str = "chat.completions.create") -> Document:
    fresh = changed(CALL, identity={"client_id": client})
    fresh["request"] = {"operation": operation, "model": model}
    return fresh


@pytest.fixture(scope="module")
def tables() -> dict[str, object]:
    return load_tables(FOLDER)


@pytest.mark.parametrize(
    ("client", "requests", "tokens", "concurrent"),
    [("web-app", 60, 100_000, 5), ("research", 600, 2_000_000, 50), ("nightly-job", 30, 50_000, 3)],
)
def test_limits_of_a_tier_are_in_the_decision(
    evaluator: Evaluator,
    tables: dict[str, object],
    client: str,
    requests: int,
    tokens: int,
    concurrent: int,
) -> None:
    decision = evaluator.one(call(client, "gpt-4o-mini"), tables)
    assert decision["decision"] == "ALLOW"
    assert {(each["unit"], each["amount"], each["per"]) for each in decision["limits"]} == {
        ("requests", requests, "minute"),
        ("tokens", tokens, "hour"),
        ("concurrent", concurrent, "instant"),
    }
    assert {each["key"] for each in decision["limits"]} == {f"client/{client}"}


def test_what_a_tier_does_not_list_is_refused(evaluator: Evaluator, tables: dict[str, object]) -> None:
    chat, embeddings = OPERATIONS[:2]
    granted = {
        *itertools.product(["web-app"], MODELS[:1], [chat, embeddings]),
        *itertools.product(["research"], MODELS[:3], [chat, embeddings]),
        ("nightly-job", MODELS[0], chat),
    }
    cases = list(itertools.product(["web-app", "research", "nightly-job", "nobody"], MODELS, OPERATIONS))
    decided = evaluator.decide([(call(*case), tables) for case in cases])
    allowed = {
        case for case, each in zip(cases, decided, strict=True) if each and each["decision"] == "ALLOW"
    }
    assert allowed == granted
    assert {each and each["decision"] for each in decided} == {"ALLOW", "BLOCK"}
