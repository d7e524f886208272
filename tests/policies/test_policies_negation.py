"""Undefined data must block, so what is negated must not vanish with its arguments.

OPA evaluates the arguments of a call before the negation around it: `not f(input.x)` is undefined
where `input.x` is, and the check written with it is silent. A negated call may therefore only have
arguments that are bound before; a bare reference, and its comparison with a constant, are safe.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

COMPARISONS = {"eq", "equal", "neq", "lt", "lte", "gt", "gte"}


def operator(terms: list[dict[str, Any]]) -> str:
    return ".".join(str(part["value"]) for part in terms[0]["value"])


def references(term: Any) -> Iterator[list[Any]]:
    """The references with a path in a term, the names of called functions left out."""
    match term:
        case {"type": "ref", "value": parts}:
            if len(parts) > 1:
                yield parts
        case {"type": "call", "value": [_, *arguments]}:
            for argument in arguments:
                yield from references(argument)
        case dict():
            for value in term.values():
                yield from references(value)
        case list():
            for value in term:
                yield from references(value)


def calls_in(term: Any) -> Iterator[Any]:
    match term:
        case {"type": "call"}:
            yield term
        case dict():
            for value in term.values():
                yield from calls_in(value)
        case list():
            for value in term:
                yield from calls_in(value)


def negations(tree: Any) -> Iterator[dict[str, Any]]:
    match tree:
        case dict():
            if tree.get("negated"):
                yield tree
            for value in tree.values():
                yield from negations(value)
        case list():
            for value in tree:
                yield from negations(value)


def vanishing(expression: dict[str, Any], rules: set[str]) -> bool:
    """Whether a negated expression has an argument that may be undefined."""
    terms = expression["terms"]
    if isinstance(terms, dict):
        return False
    arguments = list(calls_in(terms[1:])) if operator(terms) in COMPARISONS else terms[1:]
    named = {term.get("value") for term in arguments if term.get("type") == "var"}
    return any(True for _ in references(arguments)) or bool(named & rules)


def test_no_negation_vanishes_with_its_arguments(modules: dict[Path, dict[str, Any]]) -> None:
    rules = {rule["head"]["ref"][0]["value"] for module in modules.values() for rule in module["rules"]}
    found = [
        f"{path.name}: {rule['head']['ref'][0]['value']}"
        for path, module in modules.items()
        for rule in module["rules"]
        for expression in negations(rule)
        if vanishing(expression, rules)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("body", "caught"),
    [
        ("not f(input.x)", True),
        ("not startswith(input.x, `a`)", True),
        ("not 1 in input.x", True),
        ("not object.get(data.none, `a`, false) == false", True),
        ("not f(object.get(input.x, `a`, 1))", True),
        ("not input.x == 1", False),
        ("not data.none.x", False),
        ("not ok", False),
    ],
)
def test_opa_does_what_this_lint_is_for(opa_binary: Path, short_dir: Path, body: str, caught: bool) -> None:
    """What is caught is undefined where it should be true; what is let through is true."""
    file = short_dir / "t.rego"
    file.write_text(f"package t\n\nf(x) if x == 1\n\nok if input.ok\n\nanswer if {body}\n")
    opa = str(opa_binary)
    parsed = subprocess.run([opa, "parse", "--format", "json", str(file)], capture_output=True, check=True)
    (expression,) = negations(json.loads(parsed.stdout))
    assert vanishing(expression, {"f", "ok"}) is caught
    command = [opa, "eval", "--format", "raw", "--data", str(file), "--stdin-input", "data.t"]
    evaluated = subprocess.run(command, input=b"{}", capture_output=True, check=True)
    assert ("answer" in json.loads(evaluated.stdout)) is not caught
