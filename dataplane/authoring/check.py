"""Is a policy directory fit to be shipped? Format, types, style, metadata, tests, cases, cost: one report.

What needs other rooms (reading tables, `opa check`, Regal, building a bundle, an OPA that answers) comes in
as functions: see `Means`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from dataplane.authoring.bench import FILE as BUDGET_FILE
from dataplane.authoring.bench import measure, read_budget
from dataplane.authoring.cases import Decide, judge
from dataplane.authoring.cases_read import Case, ReadYaml, case_files, expected_ids, read_cases
from dataplane.authoring.check_format import check_format
from dataplane.authoring.check_tests import NOT_LOADED, run_tests
from dataplane.authoring.metadata import Module, has_large_file, lint, parse, rego_files
from dataplane.authoring.policy_set import PolicySet
from dataplane.authoring.report import Problem, Report, Step

STEPS: Final = ("format", "source", "regal", "metadata", "tests", "cases", "budget")
"""In order of the report. `source` is tables, packages, schemas and types."""

_DECIDED: Final = ("cases", "budget")
"""The steps that ask the policy itself."""

_SOURCE_FIRST: Final = "not run: what 'source' finds comes first"

_WORKERS: Final = 3
"""Steps at a time; most of each is a program of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a check needs from outside of this room.

    `source` and `style` give the problems of tables, packages and types, and those that Regal finds; `build`
    gives the policy as a bundle, and raises where `source` has problems; `deciding` asks a running OPA that
    has the policy. `case_form` is the JSON schema of case files.
    """

    opa: Path
    capabilities: Path
    read_yaml: ReadYaml
    case_form: Mapping[str, Any]
    source: Callable[[], Iterable[Problem]]
    style: Callable[[], Iterable[Problem]]
    build: Callable[[], PolicySet]
    deciding: Callable[[PolicySet], AbstractContextManager[Decide]]


def check(
    policies: Path,
    means: Means,
    *,
    skip: frozenset[str] = frozenset(),
    started: Callable[[str], None] = lambda _: None,
) -> Report:
    """Check the directory; `skip` names steps to leave out, `started` hears of each that begins.

    Raises what the means raise where a program cannot do its part; whatever is wrong with the policy is a
    problem in the report.
    """
    return _Check(policies, means, skip, started).run()


class _Check:
    def __init__(
        self, policies: Path, means: Means, skip: frozenset[str], started: Callable[[str], None]
    ) -> None:
        self._policies = policies
        self._means = means
        self._skip = skip
        self._started = started

    def run(self) -> Report:
        begun = time.monotonic()
        modules = parse(self._policies, self._means.opa)
        work: dict[str, Callable[[], Step]] = {
            "source": lambda: Step(name="source", problems=_sorted(self._means.source())),
            "tests": lambda: self._tests(modules),
            "regal": lambda: self._regal(modules),
            "format": lambda: self._format(modules),
            "metadata": lambda: self._metadata(modules),
        }
        done: dict[str, Step] = {}
        with ThreadPoolExecutor(_WORKERS) as pool:
            under_way = {name: pool.submit(self._step, name, step) for name, step in work.items()}
            done |= {name: _result(future, under_way) for name, future in under_way.items()}
        if done["source"].problems and any(one.code == NOT_LOADED for one in done["tests"].problems):
            done["tests"] = Step(name="tests", skipped=_SOURCE_FIRST)
        done |= self._decided(done["source"])
        steps = tuple(done[name] for name in STEPS)
        return Report(policies=self._policies, steps=steps, seconds=time.monotonic() - begun)

    def _step(self, name: str, work: Callable[[], Step]) -> Step:
        if name in self._skip:
            return _left_out(name)
        self._started(name)
        begun = time.monotonic()
        return replace(work(), seconds=time.monotonic() - begun)

    def _format(self, modules: list[Module]) -> Step:
        problems = tuple(check_format(modules, self._means.opa))
        return Step(name="format", problems=problems, note=f"{len(modules)} Rego files")

    def _regal(self, modules: list[Module]) -> Step:
        if len(modules) < len(rego_files(self._policies)):
            return Step(name="regal", skipped=_SOURCE_FIRST)  # Regal stops at what does not parse
        return Step(name="regal", problems=_sorted(self._means.style()))

    def _metadata(self, modules: list[Module]) -> Step:
        return Step(name="metadata", problems=tuple(lint(modules)))

    def _tests(self, modules: list[Module]) -> Step:
        if has_large_file(self._policies):
            return Step(name="tests", skipped=_SOURCE_FIRST)
        expected = expected_ids(self._policies, self._means.read_yaml)
        means = self._means
        return run_tests(self._policies, modules, means.opa, means.capabilities, expected).step()

    def _decided(self, source: Step) -> dict[str, Step]:
        """The steps that ask the policy itself: there is none to ask while the source has problems."""
        wanted = [name for name in _DECIDED if name not in self._skip]
        done: dict[str, Step] = {name: _left_out(name) for name in _DECIDED if name in self._skip}
        if not wanted:
            return done
        if source.problems or ("source" in self._skip and any(self._means.source())):
            return done | {name: Step(name=name, skipped=_SOURCE_FIRST) for name in wanted}
        policy = self._means.build()
        cases, problems = read_cases(
            self._policies, policy.tables, self._means.case_form, self._means.read_yaml
        )
        work: dict[str, Callable[[], Step]] = {
            "cases": lambda: self._cases(policy, cases, problems),
            "budget": lambda: self._budget(policy, cases),
        }
        return done | {name: self._step(name, work[name]) for name in wanted}

    def _cases(self, policy: PolicySet, cases: list[Case], problems: list[Problem]) -> Step:
        files = case_files(self._policies)
        if not files:
            return Step(name="cases", skipped="there are no case files (cases/*.yaml)")
        with self._means.deciding(policy) as decide:
            held, differ = judge(cases, decide, policy.rules)
        return Step(
            name="cases",
            problems=_sorted([*problems, *differ]),
            passed=tuple(held),
            note=f"{len(held)} hold",
        )

    def _budget(self, policy: PolicySet, cases: list[Case]) -> Step:
        budgets, problems = read_budget(self._policies, cases, self._means.read_yaml)
        if not budgets and not problems:
            return Step(name="budget", skipped=f"there is no {BUDGET_FILE}")
        costs = measure(budgets, policy.bundle, self._means.opa)
        over = [problem for cost in costs for problem in cost.problems(timed=False)]
        said = [f"{cost.budget.name} {cost.allocations} of {cost.budget.allocations}" for cost in costs]
        note = f"allocations: {', '.join(said)}" if said else ""
        kept = tuple(cost.budget.name for cost in costs if not cost.problems(timed=False))
        return Step(name="budget", problems=_sorted([*problems, *over]), passed=kept, note=note)


def _left_out(name: str) -> Step:
    return Step(name=name, skipped="left out as asked")


def _sorted(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(set(problems)))


def _result(future: Future[Step], others: Mapping[str, Future[Step]]) -> Step:
    """The step, or its error as soon as it is known: what has not begun yet then never does."""
    try:
        return future.result()
    except BaseException:
        for other in others.values():
            other.cancel()
        raise
