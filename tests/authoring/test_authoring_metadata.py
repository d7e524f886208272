"""A rule that can stand in a refusal says what it is, and under the id that its head has."""

from pathlib import Path

import pytest
from authoring_policy import edited, write_policies

from dataplane.authoring.metadata import ID, id_rules, lint, parse

RULES = "rego/regogate/request/request.rego"


def found(policies: Path, opa: Path) -> list[str]:
    return [str(one).removeprefix(f"{policies}/") for one in lint(parse(policies, opa))]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("#   owner: policy\n#   remediation: Add", "#   remediation: Add", "METADATA lacks custom.owner"),
        ("#   remediation: Add the client.\n", "", "METADATA lacks custom.remediation"),
        ("# title: The client is not known\n", "", "METADATA lacks title"),
        ("# description: The client does not stand", "# organizations: [", None),
        ("#   id: request.client.unknown\n", "", 'custom.id is missing, but the head says "request.client'),
        (
            "#   id: request.client.unknown",
            "#   id: request.client.other",
            'custom.id is "request.client.other"',
        ),
        (
            'block contains "request.client.unknown"',
            "block contains input.identity.client_id",
            "needs its id in the",
        ),
        (
            "default verdict",
            'block contains "b.a" if false\n\ndefault verdict',
            "b.a has no METADATA above it",
        ),
        ('"request.client.unknown" if', '"Request-Client" if', "is not small words joined by dots"),
        ('# schemas:\n#   - input: schema["input.request.schema"]\n', "", "has no 'schemas:' in METADATA"),
        ('block contains "request.client.unknown"', "block := {1}", 'block contains "ID" if ...'),
    ],
)
def test_what_is_missing_is_told_with_its_line(
    tmp_path: Path, opa_binary: Path, old: str, new: str, expected: str | None
) -> None:
    policies = write_policies(tmp_path / "policies", edited(RULES, old, new))
    problems = found(policies, opa_binary)
    if expected is None:  # METADATA that is no YAML does not parse: `opa check` says so
        assert parse(policies, opa_binary)[0].is_test
        return
    told = next((one for one in problems if expected in one), None)
    assert told is not None, problems
    file, line, _ = told.split(":", 2)
    assert file == RULES
    assert int(line) > 0


def test_an_id_is_given_once(tmp_path: Path, opa_binary: Path) -> None:
    policies = write_policies(
        tmp_path / "policies",
        edited(RULES, "request.grant.known", "request.client.unknown"),
    )
    assert any(
        "the id request.client.unknown is already that of" in one for one in found(policies, opa_binary)
    )


def test_a_complete_policy_has_no_problem_and_its_rules_are_found(tmp_path: Path, opa_binary: Path) -> None:
    policies = write_policies(tmp_path / "policies")
    modules = parse(policies, opa_binary)
    assert lint(modules) == []
    rules = list(id_rules(modules))
    assert [rule.id for rule in rules] == ["request.grant.known", "request.client.unknown"]
    assert [bool(rule.body_column) for rule in rules] == [False, True]


@pytest.mark.parametrize(("text", "fits"), [("a.b", True), ("a.b-c.d_1", True), ("a", False), ("A.b", False)])
def test_ids_are_small_words_joined_by_dots(text: str, fits: bool) -> None:
    assert (ID.fullmatch(text) is not None) is fits
