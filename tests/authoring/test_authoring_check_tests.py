"""Tests must pass, reach every line, and make every rule fire; a rule on one line as well."""

from pathlib import Path

import pytest
from authoring_policy import FILES, edited, write_policies

from dataplane.authoring.check_format import check_format, fix_format
from dataplane.authoring.check_tests import TestRun, run_tests
from dataplane.authoring.metadata import parse

RULES = "rego/regogate/request/request.rego"
TESTS = "rego/regogate/request/request_test.rego"
CAPABILITIES = Path(__file__).parents[2] / "opa" / "capabilities.json"


def outcome(policies: Path, opa: Path, expected: frozenset[str] = frozenset()) -> TestRun:
    return run_tests(policies, parse(policies, opa), opa, CAPABILITIES, expected)


def test_a_failing_test_is_named_with_its_line(tmp_path: Path, opa_binary: Path) -> None:
    policies = write_policies(tmp_path / "p", edited(TESTS, '["request.grant.known"]', '["other.reason"]'))
    (problem,) = outcome(policies, opa_binary).problems
    assert (problem.file, problem.line) == (str(policies / TESTS), 5)
    assert "test_known_clients_pass fails" in problem.message
    assert "regogate policy test -r test_known_clients_pass --var-values" in problem.message


def test_no_tests_at_all_is_a_problem(tmp_path: Path, opa_binary: Path) -> None:
    policies = write_policies(tmp_path / "p")
    (policies / TESTS).unlink()
    (problem,) = outcome(policies, opa_binary).problems
    assert "there are no tests" in problem.message


def test_a_test_that_does_not_compile_is_a_problem_and_no_crash(tmp_path: Path, opa_binary: Path) -> None:
    policies = write_policies(tmp_path / "p", edited(TESTS, "request.decision with", "request.decison with"))
    problems = outcome(policies, opa_binary).problems
    assert problems


def test_a_rule_on_one_line_that_never_fires_is_found_though_opa_counts_it_as_covered(
    tmp_path: Path, opa_binary: Path
) -> None:
    silent = (
        FILES[TESTS]
        .replace('{"client_id": "x"}', '{"client_id": "app"}')
        .replace('["request.client.unknown"]', '["request.grant.known"]')
    )
    policies = write_policies(
        tmp_path / "p",
        {TESTS: silent.replace('decision.decision == "BLOCK"', 'decision.decision == "ALLOW"')},
    )
    problems = outcome(policies, opa_binary).problems
    assert [(one.line, one.message.split(";")[0]) for one in problems if one.code == "tests"] == [
        (37, "no test makes request.client.unknown fire")
    ]


def test_a_line_that_no_test_reaches_is_found(tmp_path: Path, opa_binary: Path) -> None:
    unused = FILES[RULES] + "\n_unused(x) := y if {\n\ty := x + 1\n}\n"
    policies = write_policies(tmp_path / "p", {RULES: unused})
    (problem,) = outcome(policies, opa_binary).problems
    assert problem.code == "coverage"
    assert "no test reaches" in problem.message


@pytest.mark.parametrize("by_case", [False, True])
def test_an_id_that_no_test_names_is_found_unless_a_case_expects_it(
    tmp_path: Path, opa_binary: Path, by_case: bool
) -> None:
    vague = FILES[TESTS].replace('\tdecision.reasons == ["request.client.unknown"]\n', "")
    policies = write_policies(tmp_path / "p", {TESTS: vague})
    expected = frozenset({"request.client.unknown"} if by_case else ())
    problems = outcome(policies, opa_binary, expected).problems
    assert ["no test or case expects request.client.unknown" in one.message for one in problems] == (
        [] if by_case else [True]
    )


def test_a_whole_test_suite_holds(tmp_path: Path, opa_binary: Path) -> None:
    run = outcome(write_policies(tmp_path / "p"), opa_binary)
    assert run.problems == ()
    assert run.passed == (
        "regogate.request_test.test_known_clients_pass",
        "regogate.request_test.test_strangers_are_blocked",
    )
    assert run.covered == run.lines > 0
    assert run.step().note == f"2 passed, 100 % of {run.lines} lines covered"


def test_format_names_the_first_line_that_differs_and_fix_writes_it(tmp_path: Path, opa_binary: Path) -> None:
    policies = write_policies(tmp_path / "p", edited(RULES, "default verdict :=", "default   verdict :="))
    (problem,) = check_format(parse(policies, opa_binary), opa_binary)
    assert (problem.file, problem.line, problem.code) == (str(policies / RULES), 15, "format")
    assert fix_format(parse(policies, opa_binary), opa_binary) == [str(policies / RULES)]
    assert (policies / RULES).read_text() == FILES[RULES]
    assert check_format(parse(policies, opa_binary), opa_binary) == []
