"""`regogate policy bench`: what deciding costs OPA, held against the budget of the policy directory."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dataplane.authoring.bench import FILE, Cost, costs_json, measure, read_budget
from dataplane.authoring.cases_read import read_cases
from dataplane.authoring.report import Problem, problems_json
from dataplane.bundle.errors import CheckFailed
from dataplane.bundle.strictyaml import parse as parse_yaml
from dataplane.cli.policy.check import case_form, tool_failures
from dataplane.cli.policy.directory import (
    EXIT_FINDINGS,
    DirArgument,
    JsonOption,
    OpaOption,
    opa_binary,
    policy_directory,
    say,
)
from dataplane.cli.policy.sets import policy_set


def bench(directory: DirArgument = None, opa: OpaOption = None, as_json: JsonOption = False) -> None:
    """Measure what deciding costs, by stage: allocations and median time, against budget.yaml.

    Allocations are the same on every machine; 'regogate policy check' holds them, too. Times are OPA's own,
    one decision after the other: compare them on one quiet machine.

    \b
    Examples:
      regogate policy bench
      regogate policy bench my-policies --json

    Exit codes: 0 within the budget, 1 over it or no policy that builds, 2 wrong usage, 3 OPA failed.
    """
    policies = policy_directory(directory)
    with tool_failures():
        binary = opa_binary(opa)
        try:
            policy = policy_set(str(policies), opa=binary)
        except CheckFailed as error:
            for fault in error.problems:
                say(str(fault))
            say("error: the policy does not build; see 'regogate policy check'")
            raise typer.Exit(EXIT_FINDINGS) from None
        cases, faults = read_cases(policies, policy.tables, case_form(), parse_yaml)
        budgets, problems = read_budget(policies, cases, parse_yaml)
        problems = [*faults, *problems]
        if not budgets and not problems:
            problems = [_no_budget(policies)]
        costs = []
        for budget in budgets:
            say(f"measuring {budget.name}")
            costs += measure([budget], policy.bundle, binary)
    problems += [problem for cost in costs for problem in cost.problems(timed=True)]
    if as_json:
        document = {"ok": not problems, "costs": costs_json(costs), "problems": problems_json(problems)}
        typer.echo(json.dumps(document))
    else:
        _show(costs)
        for problem in problems:
            typer.echo(str(problem))
    if problems:
        raise typer.Exit(EXIT_FINDINGS)


def _no_budget(policies: Path) -> Problem:
    message = f"there is no {FILE}, so nothing says what may be measured; see the guide on policy authoring"
    return Problem(file=str(policies / FILE), line=0, column=0, message=message, code="budget")


def _show(costs: Iterable[Cost]) -> None:
    def stage(cost: Cost) -> str:
        return cost.budget.case.stage

    table = Table(box=None, pad_edge=False)
    for heading in ("stage", "name"):
        table.add_column(heading)
    for heading in ("allocations", "allowed", "microseconds", "allowed"):
        table.add_column(heading, justify="right")
    for name, some in groupby(sorted(costs, key=stage), key=stage):
        for cost in some:
            allowed = cost.budget.microseconds
            cells = (
                *(name, cost.budget.name, str(cost.allocations), str(cost.budget.allocations)),
                *(f"{cost.microseconds:.0f}", "" if allowed is None else f"{allowed:g}"),
            )
            table.add_row(*(Text(cell) for cell in cells))
    if table.row_count:
        Console().print(table)
