"""A question from a few words becomes the input of a plain call."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from little_policy import TABLES

from dataplane.authoring.question import Question, Unanswerable, facts_of, laid_over


def test_a_network_that_no_table_has_is_told_with_those_that_are() -> None:
    with pytest.raises(Unanswerable, match=r"no office \(it has: corp, vpn\)"):
        facts_of(Question(network="office"), TABLES, "r")


def test_a_plain_call() -> None:
    nine = datetime(2026, 9, 23, 9, 30, tzinfo=UTC)
    made = facts_of(Question(client="batch", model="small", tools=["search"], time=nine), TABLES, "7-g1-2")
    assert made["request"] == {
        "id": "question",
        "operation": "chat.completions.create",
        "path": "/v1/chat/completions",
        "model": "small",
        "stream": False,
        "n": 1,
        "prompt_tokens_est": 16,
        "bytes": 120,
        "messages": 1,
        "modalities": ["text"],
        "tool_results": 0,
        "uninspected_bytes": 0,
        "has_tools": True,
        "tools": {"search": {"type": "function"}},
    }
    assert made["identity"]["client_id"] == "batch"
    assert made["source"] == {"ip": "127.0.0.1", "client_cert": False}
    assert made["time"] == {"unix": 1790155800, "weekday": "Wed", "hour": 9}
    assert made["tables_revision"] == "7-g1-2"


@pytest.mark.parametrize(
    ("question", "ip"),
    [
        (Question(client="support"), "10.0.0.1"),
        (Question(client="support", network="vpn"), "10.9.0.1"),
        (Question(client="support", ip="192.0.2.7"), "192.0.2.7"),
        (Question(client="nobody"), "127.0.0.1"),
    ],
)
def test_where_it_comes_from(question: Question, ip: str) -> None:
    assert facts_of(question, TABLES, "r")["source"]["ip"] == ip


def test_the_catalogue_is_asked_with_the_exact_rows() -> None:
    tables = {"models": {"small": {}, "any*": {}}}
    made = facts_of(Question(operation="models.list"), tables, "r")
    assert made["request"]["candidates"] == {"small": {}}
    assert made["request"]["path"] == "/v1/models"


def test_other_stages_have_their_own_part() -> None:
    assert facts_of(Question(stage="tool_call", tools=["shell"]), TABLES, "r")["call"]["name"] == "shell"
    assert "answer" in facts_of(Question(stage="response"), TABLES, "r")


def test_facts_are_laid_over_and_none_takes_one_away() -> None:
    assert laid_over({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": None, "e": 4}}) == {
        "a": {"c": 2, "e": 4},
        "d": 3,
    }
