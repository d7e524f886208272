"""The Rego tests of a policy directory: they pass, reach every line, and make every rule fire.

`opa test` counts a line as covered once any expression on it was evaluated, so a rule that is written on
one line is covered by a test in which it did not fire. Coverage is therefore measured on a copy in which
the body of such a rule stands on a line of its own: OPA marks the row of a head only when the rule's body
held.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dataplane.authoring.check_run import ProgramFailed, Ran, run
from dataplane.authoring.metadata import IdRule, Module, id_rules
from dataplane.authoring.report import Problem, Step

_SHOWN: Final = 20
"""Uncovered stretches listed for one file; more say nothing new."""

NOT_LOADED: Final = "not-loaded"
"""The code of the one problem of tests that OPA could not load; `opa check` tells it better."""

_SAID: Final = 600
"""Of what OPA says then, in characters."""

_COVERAGE: Final = ("--coverage", "--coverage-runs=")
"""Without the further passes by which OPA (1.20 and later) tells why a line was not reached: they take two
thirds of the time, and a line that was not reached is a fault whatever the reason."""

_TIMEOUT: Final = "--timeout=60s"
"""For one test. OPA's own five seconds are too few for a long one with coverage on a busy machine."""

_FAILED: Final = (0, 1, 2)
"""Exit codes of `opa test`: all passed, an error or a failure with coverage, failures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestRun:
    """What the tests showed: `passed` by name, `problems`, and of `lines` lines how many were `covered`.

    Where they could not even be loaded (`loaded` is false) the one problem is what OPA said.
    """

    __test__ = False  # no test class of pytest's

    passed: tuple[str, ...]
    problems: tuple[Problem, ...]
    covered: int = 0
    lines: int = 0
    loaded: bool = True

    def step(self) -> Step:
        """The step `tests` of a check."""
        share = 100 * self.covered / self.lines if self.lines else 0.0
        note = f"{len(self.passed)} passed"
        return Step(
            name="tests",
            problems=self.problems,
            passed=self.passed,
            note=f"{note}, {share:.4g} % of {self.lines} lines covered" if self.lines else note,
        )


def run_tests(
    policies: Path, modules: Iterable[Module], opa: Path, capabilities: Path, expected: frozenset[str]
) -> TestRun:
    """Run `opa test` with schemas and capabilities, once for results and once for coverage.

    `expected` are ids that cases expect; one that neither they nor the text of a test names has no test.
    Raises `ProgramFailed` for a program that does not do its part; what the policy does wrong is told in
    `problems`.
    """
    modules = list(modules)
    with tempfile.TemporaryDirectory(prefix="regogate-test-") as place:
        stage = Path(place)
        rows = {module.path: _write(module, stage / "rego") for module in modules}
        arguments = _arguments(policies, capabilities)
        with ThreadPoolExecutor(2) as pool:
            plain = pool.submit(run, opa, "test", *arguments, policies.absolute() / "rego")
            traced = pool.submit(run, opa, "test", *arguments, *_COVERAGE, "rego", cwd=stage)
            passed, problems = _results(policies, plain.result())
            if problems:
                loaded = problems[0].code != NOT_LOADED
                return TestRun(passed=passed, problems=tuple(problems), loaded=loaded)
            files = _coverage(traced.result())
    return _judge(modules, rows, files, passed, expected)


def _arguments(policies: Path, capabilities: Path) -> list[str | Path]:
    schemas = policies.absolute() / "schemas"
    given: list[str | Path] = ["--schema", schemas] if schemas.is_dir() else []
    return [*given, "--capabilities", capabilities.absolute(), "--format", "json", _TIMEOUT]


def _write(module: Module, stage: Path) -> list[int]:
    """Write the copy; for each of its rows the row of the original, with a 0 in front to count from 1."""
    split = {rule.row: rule.body_column for rule in id_rules([module]) if rule.body_column}
    lines: list[str] = []
    rows = [0]
    for number, line in enumerate(module.text.split("\n"), start=1):
        column = split.get(number, 0)
        parts = [line[: column - 1], line[column - 1 :]] if column else [line]
        lines += parts
        rows += [number] * len(parts)
    path = stage / module.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines), "utf-8", newline="")
    return rows


def _results(policies: Path, ran: Ran) -> tuple[tuple[str, ...], list[Problem]]:
    if ran.code not in _FAILED:
        raise ProgramFailed(f"opa test failed: {ran.said}")
    try:
        found = json.loads(ran.out) if ran.out.strip() else []
    except ValueError:
        found = None
    if not isinstance(found, list) or (ran.code == 1 and not found):
        said = " ".join(ran.said.split())[:_SAID]
        return (), [Problem(file=str(policies / "rego"), line=0, column=0, message=said, code=NOT_LOADED)]
    names, problems = [], []
    for one in found:
        name = f"{one['package'].removeprefix('data.')}.{one['name']}"
        if one.get("fail") or one.get("error"):
            problems.append(_failure(policies, one))
        elif not one.get("skip"):
            names.append(name)
    if not names and not problems:
        message = "there are no tests; a file NAME_test.rego beside each topic holds them"
        problems.append(Problem(file=str(policies / "rego"), line=0, column=0, message=message, code="tests"))
    return tuple(sorted(names)), sorted(problems)


def _failure(policies: Path, one: Mapping[str, Any]) -> Problem:
    error = one.get("error")
    what = f"fails with an error: {error.get('message', error)}" if isinstance(error, dict) else "fails"
    where = one["location"]
    rego = policies.absolute() / "rego"
    path = Path(str(where["file"]))
    return Problem(
        file=str(policies / "rego" / path.relative_to(rego)) if path.is_relative_to(rego) else str(path),
        line=int(where["row"]),
        column=int(where["col"]),
        message=f"{one['name']} {what}; "
        f"'regogate policy test -r {one['name']} --var-values' shows the line that did not hold",
        code="tests",
    )


def _coverage(ran: Ran) -> dict[str, Any]:
    try:
        files = json.loads(ran.out)["files"]
    except (ValueError, KeyError, TypeError):
        raise ProgramFailed(f"opa test --coverage failed: {ran.said}") from None
    return dict(files)


def _judge(
    modules: list[Module],
    rows: Mapping[Path, list[int]],
    files: Mapping[str, Any],
    passed: tuple[str, ...],
    expected: frozenset[str],
) -> TestRun:
    problems: list[Problem] = []
    fired: dict[Path, frozenset[int]] = {}
    covered = total = 0
    for module in modules:
        if module.is_test:
            continue
        about = files.get(f"rego/{module.path.as_posix()}", {})
        reached = _rows(about.get("covered", ()), rows[module.path])
        missed = _rows(about.get("not_covered", ()), rows[module.path]) - reached
        fired[module.path] = frozenset(reached - _head_rows(about, rows[module.path]))
        covered, total = covered + len(reached), total + len(reached | missed)
        problems += _uncovered(module, sorted(missed))
    words = "\n".join(module.text for module in modules if module.is_test)
    for rule in id_rules(modules):
        problems += _untested(rule, fired[rule.module.path], words, expected)
    return TestRun(passed=passed, problems=tuple(sorted(problems)), covered=covered, lines=total)


def _rows(ranges: Iterable[Mapping[str, Any]], rows: list[int]) -> set[int]:
    """Rows of the original that ranges of the copy's rows cover."""
    return {
        rows[row] for one in ranges for row in range(int(one["start"]["row"]), int(one["end"]["row"]) + 1)
    }


def _head_rows(about: Mapping[str, Any], rows: list[int]) -> set[int]:
    """Rows whose first part in the copy, the head of a split rule, was never marked."""
    missed = {
        row
        for one in about.get("not_covered", ())
        for row in range(int(one["start"]["row"]), int(one["end"]["row"]) + 1)
    }
    return {rows[row] for row in missed if row + 1 < len(rows) and rows[row + 1] == rows[row]}


def _untested(rule: IdRule, fired: frozenset[int], words: str, expected: frozenset[str]) -> list[Problem]:
    if rule.row not in fired:
        message = f'no test makes {rule.id} fire; add one that expects "{rule.id}" among the reasons'
    elif f'"{rule.id}"' not in words and rule.id not in expected:
        message = f'no test or case expects {rule.id}; add one with "{rule.id}" among its reasons'
    else:
        return []
    return [Problem(file=rule.module.file, line=rule.row, column=1, message=message, code="tests")]


def _uncovered(module: Module, missed: list[int]) -> list[Problem]:
    stretches: list[list[int]] = []
    for row in missed:
        if stretches and stretches[-1][1] == row - 1:
            stretches[-1][1] = row
        else:
            stretches.append([row, row])
    return [
        Problem(
            file=module.file,
            line=first,
            column=1,
            message="no test reaches this line"
            if first == last
            else f"no test reaches lines {first} to {last}",
            code="coverage",
        )
        for first, last in stretches[:_SHOWN]
    ]
