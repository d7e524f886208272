"""What one decision costs: allocations and time by OPA's own benchmark, held against a budget.

The budget is `budget.yaml` of the policy directory: by a name of your choice a case of its case files and how
much deciding it may cost. Allocations are the same on every machine and however busy it is (two runs differ
by less than 1 %), so a check holds them; time is only asked of `regogate policy bench`.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator

from dataplane.authoring.cases_read import Case, Place, ReadYaml, explain
from dataplane.authoring.check_run import ProgramFailed, run
from dataplane.authoring.report import Problem

FILE: Final = "budget.yaml"

AT_ONCE: Final = 2
"""Benchmarks at a time. Each is one busy OPA for about two seconds; allocations do not mind company."""

_FORM: Final = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "additionalProperties": False,
        "required": ["case", "allocations"],
        "properties": {
            "case": {"type": "string"},
            "allocations": {"type": "integer", "minimum": 1},
            "microseconds": {"type": "number", "exclusiveMinimum": 0},
        },
    },
}

_LINE: Final = re.compile(
    r"^Benchmark\S*\s+\d+\s+(?P<ns>[0-9.]+) ns/op.*?(?P<allocs>\d+) allocs/op", re.MULTILINE
)
"""One result in Go's benchmark data format (go.dev/design/14313-benchmark-format)."""

_MEDIAN: Final = re.compile(r"(?P<ns>[0-9.e+]+)\s+(?:histogram_)?timer_rego_query_eval_ns_median\b")
"""OPA adds the percentiles of its own timer to the line; the mean also counts the collector's work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """One line of the budget: the case and what deciding it may cost, `microseconds` None where nothing
    is said of time."""

    name: str
    case: Case
    allocations: int
    microseconds: float | None
    file: str
    lines: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What deciding the case cost: allocations, and the median of OPA's query timer in microseconds."""

    budget: Budget
    allocations: int
    microseconds: float

    def problems(self, *, timed: bool) -> list[Problem]:
        """Where it is over its budget; in time only where `timed`."""
        budget, over = self.budget, []
        if self.allocations > budget.allocations:
            over.append(("allocations", f"{self.allocations} allocations, {budget.allocations} are allowed"))
        if timed and budget.microseconds is not None and self.microseconds > budget.microseconds:
            said = f"{self.microseconds:.0f} microseconds, {budget.microseconds:g} are allowed"
            over.append(("microseconds", said))
        return [
            Problem(
                file=budget.file,
                line=budget.lines.get(key, 0),
                column=1,
                message=f"{budget.name}: {said}; make the rules cheaper or raise the budget here",
                code="budget",
            )
            for key, said in over
        ]


def read_budget(policies: Path, cases: Iterable[Case], read: ReadYaml) -> tuple[list[Budget], list[Problem]]:
    """The budget of a policy directory and what is wrong with it; empty where it has none."""
    path = policies / FILE
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return [], []
    except OSError as error:
        return [], [_problem(str(path), (0, 0), f"cannot be read: {error.strerror}")]
    text = read(data, str(path))
    problems = [_problem(str(path), (one.line, one.column), one.message) for one in text.problems]
    for fault in Draft202012Validator(_FORM).iter_errors(text.value):
        problems += [_problem(str(path), _at(text.where, place), said) for place, said in explain(fault)]
    if problems:
        return [], sorted(problems)
    known = {case.name: case for case in cases}
    budgets = []
    for name, row in text.value.items():
        if row["case"] not in known:
            said = f"{name}: no case file that can be used has a case {row['case']}"
            problems.append(_problem(str(path), _at(text.where, (name, "case")), said))
            continue
        budgets.append(
            Budget(
                name=name,
                case=known[row["case"]],
                allocations=row["allocations"],
                microseconds=row.get("microseconds"),
                file=str(path),
                lines={key: _at(text.where, (name, key))[0] for key in row},
            )
        )
    return budgets, sorted(problems)


def measure(budgets: Iterable[Budget], bundle: Path, opa: Path, *, at_once: int = AT_ONCE) -> list[Cost]:
    """What each costs with the policy of `bundle`, a bundle file. Raises `ProgramFailed`.

    For times worth comparing measure one at a time.
    """
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(lambda budget: _measure(budget, bundle, opa), budgets))


def _measure(budget: Budget, bundle: Path, opa: Path) -> Cost:
    with tempfile.TemporaryDirectory(prefix="regogate-bench-") as place:
        given = Path(place) / "input.json"
        given.write_text(json.dumps(budget.case.facts))
        query = f"data.regogate.{budget.case.stage}.decision"
        ran = run(opa, "bench", "--format", "gobench", "-b", bundle.absolute(), "--input", given, query)
    found, median = _LINE.search(ran.out), _MEDIAN.search(ran.out)
    if ran.code != 0 or found is None:
        raise ProgramFailed(f"opa bench failed on {budget.name}: {ran.said}")
    return Cost(
        budget=budget,
        allocations=int(found["allocs"]),
        microseconds=float((median or found)["ns"]) / 1000,
    )


def _at(where: Mapping[Place, tuple[int, int]], path: Place) -> tuple[int, int]:
    while path and path not in where:
        path = path[:-1]
    return where.get(path, (0, 0))


def _problem(file: str, place: tuple[int, int], message: str) -> Problem:
    return Problem(file=file, line=place[0], column=place[1], message=message, code="budget")


def costs_json(costs: Iterable[Cost]) -> list[dict[str, Any]]:
    """Each cost beside its budget."""
    return [
        {
            "name": cost.budget.name,
            "stage": cost.budget.case.stage,
            "case": cost.budget.case.name,
            "allocations": cost.allocations,
            "allocations_allowed": cost.budget.allocations,
            "microseconds": round(cost.microseconds, 1),
            "microseconds_allowed": cost.budget.microseconds,
        }
        for cost in costs
    ]
