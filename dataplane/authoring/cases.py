"""Are the decisions those that the cases expect? Asked of the policy itself, as a gateway asks it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from dataplane.authoring.cases_read import Case
from dataplane.authoring.evaluator import Undecided
from dataplane.authoring.policy_set import Rule
from dataplane.authoring.report import Problem

Decide = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
"""`Evaluator.decide`: stage and input to decision; raises `Undecided`."""


def judge(
    cases: Iterable[Case], decide: Decide, rules: Mapping[str, Rule]
) -> tuple[list[str], list[Problem]]:
    """The names of the cases that hold, and one problem for each part of a decision that differs.

    `rules` gives titles to the ids in messages. Raises what `decide` raises but for `Undecided`, which
    is a decision that no case can expect.
    """
    held: list[str] = []
    problems: list[Problem] = []
    for case in cases:
        try:
            found = list(_differences(case, decide(case.stage, case.facts), rules))
        except Undecided as error:
            found = [("decision", f"{error}; a gateway would block the call")]
        problems += [
            Problem(
                file=case.file,
                line=case.lines.get(part, case.lines[""]),
                column=1,
                message=f"{case.name}: {message}",
                code="cases",
            )
            for part, message in found
        ]
        if not found:
            held.append(case.name)
    return held, sorted(problems)


def _differences(
    case: Case, decision: Mapping[str, Any], rules: Mapping[str, Rule]
) -> Iterator[tuple[str, str]]:
    for part, expected in case.expect.items():
        actual = _actual(part, decision)
        if _comparable(expected) == _comparable(actual):
            continue
        message = f"{part}: expected {_show(expected)}, got {_show(actual)}"
        if part == "decision":
            message += f" because of {_because(decision, rules)}"
        yield part, message


def _actual(part: str, decision: Mapping[str, Any]) -> Any:
    if part == "limits":
        return {limit["id"]: limit["amount"] for limit in decision.get("limits", ())}
    absent: Any = {} if part == "constraints" else [] if part in ("reasons", "shadow", "visible") else None
    return decision.get(part, absent)


def _comparable(value: Any) -> Any:
    """Lists compare as sets do: policy sorts them, people need not."""
    match value:
        case list():
            return sorted(
                (_comparable(one) for one in value), key=lambda one: json.dumps(one, sort_keys=True)
            )
        case dict():
            return {key: _comparable(one) for key, one in value.items()}
        case _:
            return value


def _because(decision: Mapping[str, Any], rules: Mapping[str, Rule]) -> str:
    reasons = decision.get("reasons", [])
    said = [f"{one} ({rules[one].title})" if one in rules else str(one) for one in reasons]
    return ", ".join(said) or "no reason"


def _show(value: Any) -> str:
    if value is None:
        return "nothing"
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
