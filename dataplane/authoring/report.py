"""What a check of a policy directory found: a `Report` of `Step`s, each with its `Problem`s.

The room's own `Problem` has the fields that every check of the house gives: a file as the reader would
open it, a line and a column from 1 (0 where unknown), one message, and which check spoke.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """One thing that is wrong, where it is, and what would be right."""

    file: str
    line: int
    column: int
    message: str
    code: str

    def __str__(self) -> str:
        place = self.file if self.line == 0 else f"{self.file}:{self.line}"
        return f"{place}: {self.message} [{self.code}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One part of a check: what held by name (`passed`: tests, cases), what did not, and a few words.

    `skipped` says why the step did not run; such a step holds only where it was left out on purpose,
    which is the caller's to know.
    """

    name: str
    problems: tuple[Problem, ...] = ()
    passed: tuple[str, ...] = ()
    note: str = ""
    skipped: str | None = None
    seconds: float = 0.0

    @property
    def state(self) -> str:
        """`ok`, `failed` or `skipped`."""
        if self.problems:
            return "failed"
        return "ok" if self.skipped is None else "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole check of `policies`; `ok` where no step found anything. A step that could not run because
    of another's problems does not make the report fail twice."""

    policies: Path
    steps: tuple[Step, ...]
    seconds: float = 0.0

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All, by file and line; what two steps say alike (a file that does not parse) once."""
        return tuple(sorted({problem for step in self.steps for problem in step.problems}))

    @property
    def ok(self) -> bool:
        """Whether everything that was checked holds."""
        return not self.problems


def text(report: Report) -> Iterator[str]:
    """Lines for a person: every problem as `file:line: message [check]`, then one line a step."""
    yield from (str(problem) for problem in report.problems)
    if report.problems:
        yield ""
    for step in report.steps:
        found = f"{len(step.problems)} problem{'s' * (len(step.problems) != 1)}" if step.problems else ""
        said = step.skipped or ", ".join(part for part in (found, step.note) if part)
        yield f"{step.name:<10}{step.state:<9}{said}".rstrip()
    count = len(report.problems)
    verdict = "all checks hold" if not count else f"{count} problem{'s' * (count != 1)}"
    yield f"{report.policies}: {verdict} ({report.seconds:.1f} s)"


def as_json(report: Report) -> dict[str, Any]:
    """`ok`, `policies`, `seconds`, `problems` (all), and `checks` with each step's state and counts."""
    return {
        "ok": report.ok,
        "policies": str(report.policies),
        "seconds": round(report.seconds, 3),
        "problems": problems_json(report.problems),
        "checks": [
            {
                "name": step.name,
                "state": step.state,
                "note": step.skipped or step.note,
                "passed": len(step.passed),
                "seconds": round(step.seconds, 3),
                "problems": len(step.problems),
            }
            for step in report.steps
        ],
    }


def problems_json(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """Each problem as an object of its five fields."""
    return [
        {
            "file": one.file,
            "line": one.line,
            "column": one.column,
            "message": one.message,
            "code": one.code,
        }
        for one in problems
    ]
