"""A site's own patterns are compiled when the policy is checked, and refused with their line."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_policy import run, write_policies

from dataplane.bundle.build import build
from dataplane.bundle.check import check
from dataplane.bundle.errors import CheckFailed

SCHEMA = "schemas/tables/detectors.schema.json"
SHIPPED = Path(__file__).parents[2] / "policies"


def policies_with(tmp_path: Path, table: str) -> Path:
    changes = {"data/detectors.yaml": table, SCHEMA: (SHIPPED / SCHEMA).read_text()}
    return write_policies(tmp_path / "policies", changes)


@pytest.mark.parametrize(
    ("regex", "why"),
    [
        ("(a+)+$", "repeats what itself repeats"),
        ("(?=x)y", "only (?:...), (?i:...) groups"),
        ("(a{100}){100}", "too large"),
        ("x*", "matches the empty string"),
    ],
)
def test_a_pattern_that_could_hurt_is_refused_with_file_line_and_reason(
    tmp_path: Path, opa: Path, capabilities: Path, regex: str, why: str
) -> None:
    table = (
        f"# ours\ncustom:\n  patterns:\n    fine: {{regex: 'PRJ-[0-9]+'}}\n    bad:\n      regex: '{regex}'\n"
    )
    policies = policies_with(tmp_path, table)
    (problem,) = run(check(policies, opa, capabilities))
    assert problem.file == str(policies / "data" / "detectors.yaml")
    assert (problem.line, problem.code) == (6, "pattern")
    assert problem.message.startswith("custom.patterns.bad.regex: ")
    assert why in problem.message
    with pytest.raises(CheckFailed, match="detectors"):
        run(build(policies, opa, capabilities, seq=1, channel="dev"))


def test_a_word_that_would_be_found_everywhere_is_refused(
    tmp_path: Path, opa: Path, capabilities: Path
) -> None:
    policies = policies_with(
        tmp_path, "custom:\n  words:\n    names:\n      any:\n        - Bluebird\n        - ' '\n"
    )
    (problem,) = run(check(policies, opa, capabilities))
    assert (problem.line, problem.message) == (
        6,
        "custom.words.names.any.1: an empty word is found everywhere",
    )


def test_patterns_of_a_table_that_does_not_fit_its_schema_are_not_compiled(
    tmp_path: Path, opa: Path, capabilities: Path
) -> None:
    policies = policies_with(tmp_path, "custom: {patterns: {bad: {regexp: '(a+)+'}}}\n")
    assert {problem.code for problem in run(check(policies, opa, capabilities))} == {"table"}


def test_ordinary_patterns_and_words_are_built(tmp_path: Path, opa: Path, capabilities: Path) -> None:
    table = "custom: {patterns: {a: {regex: 'PRJ-[0-9]+'}}, words: {b: {any: [Bluebird], level: high}}}\n"
    assert run(check(policies_with(tmp_path, table), opa, capabilities)) == []
