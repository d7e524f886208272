"""`regogate policy check` and its kin: a new repository holds at once, and every fault is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree.ElementTree import parse as parse_xml

import pytest
from typer.testing import CliRunner, Result

from dataplane.cli import app
from dataplane.cli.policy.check import regal_settings

Invoke = Callable[..., Result]

RULES = "rego/regogate/request/request.rego"
TESTS = "rego/regogate/request/request_test.rego"
QUICK = ("--skip", "regal", "--skip", "budget")

FILES = {
    RULES: """\
# METADATA
# scope: package
# title: May this call be made?
# schemas:
#   - input: schema["input.request.schema"]
package regogate.request

decision := {"decision": "BLOCK", "reasons": sort(block)}

# METADATA
# title: Nobody may call
# description: This policy refuses everybody.
# custom:
#   id: request.nobody
#   owner: policy
#   remediation: Nothing to do.
block contains "request.nobody" if input.identity.client_id
""",
    TESTS: """\
package regogate.request_test

import data.regogate.request

test_everybody_is_refused if {
	request.decision.reasons == ["request.nobody"] with input as {"identity": {"client_id": "x"}}
}
""",
    "data/clients.yaml": "app: {tier: basic}\n",
    "schemas/input.request.schema.json": json.dumps(
        {"properties": {"identity": {"properties": {"client_id": {"type": "string"}}}}}
    ),
    "schemas/tables/clients.schema.json": json.dumps(
        {"additionalProperties": {"properties": {"tier": {"enum": ["basic", "more"]}}}}
    ),
    "cases/all.yaml": "cases:\n  refused:\n    expect: {decision: BLOCK, reasons: [request.nobody]}\n",
}


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "policies" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "policies"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, policies: Path, opa_binary: Path) -> Invoke:
    monkeypatch.chdir(policies)

    def invoke(command: str, *arguments: str) -> Result:
        return CliRunner().invoke(app, ["policy", command, *arguments, "--opa", str(opa_binary)])

    return invoke


def change(path: str, old: str, new: str) -> None:
    text = Path(path).read_text()
    assert old in text
    Path(path).write_text(text.replace(old, new))


def test_a_new_repository_passes_its_check_at_once_and_is_not_made_twice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, opa_binary: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["policy", "init", "new"]).exit_code == 0
    arguments = ["new", "--json", "--junit", "check.xml", "--sarif", "check.sarif", "--opa", str(opa_binary)]
    done = CliRunner().invoke(app, ["policy", "check", *arguments])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["ok"] is True
    assert {one["name"]: one["state"] for one in report["checks"]} == dict.fromkeys(
        ("format", "source", "regal", "metadata", "tests", "cases", "budget"), "ok"
    )
    tests = next(one for one in report["checks"] if one["name"] == "tests")
    assert tests["passed"] > 100
    assert "100 % of" in tests["note"]
    assert int(parse_xml("check.xml").getroot()[4].get("tests", "0")) == tests["passed"]
    assert json.loads(Path("check.sarif").read_text())["runs"][0]["results"] == []
    again = CliRunner().invoke(app, ["policy", "init", "new"])
    assert "new is not empty" in str(again.exception)


def test_everything_that_is_wrong_is_told_at_once_with_its_place(run: Invoke) -> None:
    change("data/clients.yaml", "basic", "basics")
    change(RULES, "#   owner: policy\n", "")
    change(TESTS, '["request.nobody"]', '["other"]')
    done = run("check", *QUICK)
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert 'data/clients.yaml:1: app.tier: "basics" is not allowed (allowed: basic, more) [table]' in lines
    assert f"{RULES}:16: request.nobody: METADATA lacks custom.owner [metadata]" in lines
    assert any(line.startswith(f"{TESTS}:5: test_everybody_is_refused fails") for line in lines)
    assert "cases     skipped  not run: what 'source' finds comes first" in lines
    assert lines[-1].startswith(".: 3 problems (")


def test_a_syntax_error_is_told_once_with_its_line(run: Invoke) -> None:
    change(RULES, "decision := {", "decision := := {")
    done = run("check")
    assert done.exit_code == 1
    assert done.stdout.startswith(f"{RULES}:8: unexpected assign token")
    for step in ("regal", "tests", "cases", "budget"):
        assert f"{step:<10}skipped  not run: what 'source' finds comes first" in done.stdout


def test_a_failing_case_says_what_was_expected_and_why_it_was_not(run: Invoke) -> None:
    change("cases/all.yaml", "decision: BLOCK", "decision: ALLOW")
    done = run("check", *QUICK, "--skip", "tests")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[0] == (
        "cases/all.yaml:3: refused: decision: expected ALLOW, got BLOCK because of "
        "request.nobody (Nobody may call) [cases]"
    )


def test_fix_formats_and_nothing_else(run: Invoke) -> None:
    change(RULES, "decision := {", "decision   := {")
    quick = (*QUICK, "--skip", "tests", "--skip", "cases", "--skip", "source")
    assert run("check", *quick).exit_code == 1
    done = run("check", *quick, "--fix")
    assert done.exit_code == 0
    assert f"formatted {RULES}" in done.stderr
    assert Path(RULES).read_text() == FILES[RULES]


def test_a_program_that_is_not_there_is_no_finding(policies: Path) -> None:
    done = CliRunner().invoke(app, ["policy", "check", str(policies), "--opa", str(policies / "no-opa")])
    assert done.exit_code == 3
    assert "error:" in done.stderr


@pytest.mark.parametrize("arguments", [("nowhere",), ("--skip", "everything")])
def test_wrong_usage_is_told(run: Invoke, arguments: tuple[str, ...]) -> None:
    assert run("check", *arguments).exit_code == 2


def test_test_hands_its_arguments_to_opa(run: Invoke, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("test", ".", "-v", "-r", "everybody").exit_code == 0
    assert "data.regogate.request_test.test_everybody_is_refused: PASS" in capfd.readouterr().out
    change(TESTS, '["request.nobody"]', '["other"]')
    assert run("test", "-r", "everybody").exit_code == 1
    assert "FAIL" in capfd.readouterr().out


def test_docs_are_written_and_compared(run: Invoke) -> None:
    page = Path("../docs/reference-rules.md")
    assert run("docs", "--check").exit_code == 1
    assert not page.exists()
    assert run("docs").exit_code == 0
    assert "#### `request.nobody`" in page.read_text()
    assert run("docs", "--check").exit_code == 0
    change(RULES, "# title: Nobody may call", "# title: Nobody")
    done = run("docs", "--check", "--json")
    assert (done.exit_code, json.loads(done.stdout)["changed"]) == (1, True)


def test_bench_fails_over_its_budget_and_where_there_is_none(run: Invoke) -> None:
    assert "there is no budget.yaml" in run("bench").stdout
    Path("budget.yaml").write_text("request.any: {case: refused, allocations: 10}\n")
    done = run("bench", "--json")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert found["costs"][0]["allocations"] > 10
    assert found["problems"][0]["line"] == 1


def test_a_directory_without_settings_for_regal_gets_the_shipped_ones(policies: Path) -> None:
    assert regal_settings(policies) == Path(__file__).parents[2] / ".regal" / "config.yaml"
    (policies.parent / ".regal").mkdir()
    (policies.parent / ".regal" / "config.yaml").write_text("rules: {}\n")
    assert regal_settings(policies) is None
