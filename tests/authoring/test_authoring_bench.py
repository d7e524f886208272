"""What a decision costs is held against a budget that names cases."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from authoring_policy import write_policies

from dataplane.authoring.bench import Budget, Cost, costs_json, measure, read_budget
from dataplane.authoring.cases_read import Case
from dataplane.bundle.strictyaml import parse

CASE = Case(
    name="known",
    file="c.yaml",
    stage="request",
    facts={"identity": {"client_id": "app"}},
    expect={"decision": "ALLOW"},
    lines={"": 1},
)
BUDGET = Budget(
    name="allow",
    case=CASE,
    allocations=100,
    microseconds=5.0,
    file="budget.yaml",
    lines={"allocations": 3, "microseconds": 4},
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("allow: {case: known}\n", "budget.yaml:1: 'allocations' is a required property"),
        ("allow: {case: known, allocations: 0}\n", "budget.yaml:1: 0 is less than the minimum of 1"),
        ("allow: {case: known, allocs: 1, allocations: 1}\n", "budget.yaml:1: unknown: allocs"),
        (
            "allow:\n  case: other\n  allocations: 1\n",
            "budget.yaml:2: allow: no case file that can be used has",
        ),
        ("allow: 3\n", "budget.yaml:1: 3 is not of type object"),
    ],
)
def test_what_is_wrong_with_a_budget_is_told_with_its_line(tmp_path: Path, text: str, expected: str) -> None:
    policies = write_policies(tmp_path / "p", {"budget.yaml": text})
    budgets, problems = read_budget(policies, [CASE], parse)
    assert budgets == []
    assert str(problems[0]).removeprefix(f"{policies}/").startswith(expected)


def test_a_directory_without_a_budget_has_none(tmp_path: Path) -> None:
    assert read_budget(write_policies(tmp_path / "p"), [CASE], parse) == ([], [])


def test_over_its_allocations_is_a_problem_and_over_its_time_only_when_time_is_asked() -> None:
    cost = Cost(budget=BUDGET, allocations=101, microseconds=6.0)
    assert [str(one) for one in cost.problems(timed=False)] == [
        "budget.yaml:3: allow: 101 allocations, 100 are allowed; make the rules cheaper or raise the budget "
        "here [budget]"
    ]
    assert [one.line for one in cost.problems(timed=True)] == [3, 4]
    within = Cost(budget=BUDGET, allocations=100, microseconds=5.0)
    assert within.problems(timed=True) == []
    untimed = Cost(budget=replace(BUDGET, microseconds=None), allocations=1, microseconds=1e9)
    assert untimed.problems(timed=True) == []


def test_a_measurement_counts_allocations_and_time(tmp_path: Path, opa_binary: Path) -> None:
    rego = tmp_path / "regogate" / "d.rego"
    rego.parent.mkdir()
    rego.write_text("package regogate.request\n\ndecision := [x | some x in input.identity]\n")
    bundle = tmp_path / "b.tar.gz"
    subprocess.run([opa_binary, "build", "-b", ".", "-o", bundle], cwd=tmp_path, check=True)
    (cost,) = measure([BUDGET], bundle, opa_binary)
    assert cost.allocations > 10
    assert 0 < cost.microseconds < 1e6
    assert json.loads(json.dumps(costs_json([cost])))[0]["allocations_allowed"] == 100
