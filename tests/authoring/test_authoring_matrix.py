"""A matrix is the decision of each call in it, asked one by one."""

from __future__ import annotations

from pathlib import Path

from little_policy import TABLES, write_policies

from dataplane.authoring.evaluator import Evaluator
from dataplane.authoring.matrix import matrix, values
from dataplane.authoring.policy_set import PolicySet
from dataplane.authoring.question import Question, facts_of
from dataplane.authoring.sweep_domain import domain
from dataplane.cli.policy.sets import policy_set
from dataplane.opa.temporary import TemporaryOpa


def test_each_cell_is_what_the_single_question_gives(evaluator: Evaluator, little: PolicySet) -> None:
    world = domain(little, little)
    rows, columns = values(world, "clients"), values(world, "models")
    found = matrix(evaluator, little.tables, Question(), rows, columns)
    for row, line in zip(rows, found.cells, strict=True):
        for column, cell in zip(columns, line, strict=True):
            if not row.name.startswith("(") and not column.name.startswith("("):
                asked = facts_of(Question(client=row.name, model=column.name), little.tables, "x")
                assert cell.answer == evaluator.decide("request", asked)
    # support may call from corp only, and does
    support = next(line for row, line in zip(rows, found.cells, strict=True) if row.name == "support")
    assert {(cell.answer or {})["decision"] for cell in support} == {"ALLOW", "BLOCK"}


def test_two_policies_side_by_side(
    evaluator: Evaluator, little: PolicySet, opa_binary: Path, tmp_path: Path
) -> None:
    tables = {**TABLES, "clients": {**TABLES["clients"], "batch": {"tier": "premium"}}}
    policy = policy_set(str(write_policies(tmp_path / "p", tables)), opa=opa_binary)
    world = domain(little, policy)
    rows, columns = values(world, "clients"), values(world, "tools")
    with TemporaryOpa(opa_binary, policy.bundle) as opa, Evaluator(opa.url) as new:
        found = matrix(new, policy.tables, Question(model="small"), rows, columns, evaluator)
    changed = {
        (row.name, column.name)
        for row, line in zip(rows, found.cells, strict=True)
        for column, cell in zip(columns, line, strict=True)
        if cell.changed()
    }
    assert changed == {("batch", "shell")}
