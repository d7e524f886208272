"""Case files: read strictly, made into whole inputs, and held against what policy decides."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from authoring_policy import write_policies

from dataplane.authoring.cases import judge
from dataplane.authoring.cases_facts import WORDS, facts
from dataplane.authoring.cases_read import Case, case_files, expected_ids, read_cases
from dataplane.authoring.evaluator import Undecided
from dataplane.authoring.policy_set import Rule
from dataplane.bundle.strictyaml import parse

FORM = json.loads((Path(__file__).parents[2] / "policies/cases/cases.schema.json").read_text())
TABLES = {"networks": {"corp": ["10.0.0.0/8"]}, "clients": {"app": {"networks": ["corp"]}}}

RULE = Rule(
    id="a.b",
    title="It is so",
    description="",
    owner="",
    remediation="",
    stage="request",
    kind="block",
    file="x.rego",
    line=1,
)


def told(tmp_path: Path, text: str) -> list[str]:
    policies = write_policies(tmp_path / "p", {"cases/all.yaml": text})
    _, problems = read_cases(policies, TABLES, FORM, parse)
    return [str(one).removeprefix(f"{policies}/cases/") for one in problems]


def read(tmp_path: Path, text: str) -> dict[str, Case]:
    policies = write_policies(tmp_path / "p", {"cases/all.yaml": text})
    cases, problems = read_cases(policies, TABLES, FORM, parse)
    assert problems == []
    return {case.name: case for case in cases}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "cases:\n  a:\n    expect: {decision: ALOW}\n",
            'all.yaml:3: "ALOW" is not allowed (allowed: ALLOW,',
        ),
        (
            "cases:\n  a:\n    call: {modell: x}\n    expect: {decision: ALLOW}\n",
            "all.yaml:3: unknown: modell; did you mean model?",
        ),
        (
            "cases:\n  a:\n    expect: {decision: ALLOW, reson: []}\n",
            "all.yaml:3: unknown: reson; did you mean",
        ),
        (
            "cases:\n  a: {expect: {decision: ALLOW}}\n  a: {expect: {decision: BLOCK}}\n",
            "all.yaml:3: the key",
        ),
        ("cases:\n  a:\n    call: {stream: yes}\n    expect: {decision: ALLOW}\n", "all.yaml:3: "),
        (
            "cases:\n  a:\n    call: {network: home}\n    expect: {decision: ALLOW}\n",
            "all.yaml:3: a: networks.yaml has no home (it has: corp)",
        ),
        (
            "cases:\n  a:\n    stage: response\n    expect: {decision: ALLOW}\n",
            "all.yaml:2: a: this policy has no stage response",
        ),
        (
            "cases:\n  a:\n    input: {stage: request, request: {max_tokens: many}}\n"
            "    expect: {decision: ALLOW}\n",
            'all.yaml:3: a: input request.max_tokens: "many" is not of type integer',
        ),
        (
            "cases:\n  a:\n    input: {stage: request}\n    call: {model: x}\n"
            "    expect: {decision: ALLOW}\n",
            "all.yaml:2: give words under 'call' or a whole 'input', not both",
        ),
        ("cases: {}\n", "all.yaml:1: "),
    ],
)
def test_what_is_wrong_with_a_case_file_is_told_with_its_line(
    tmp_path: Path, text: str, expected: str
) -> None:
    problems = told(tmp_path, text)
    assert problems, "nothing was found"
    assert problems[0].startswith(expected)


def test_words_become_the_input_of_a_call() -> None:
    words = {
        "client": "app",
        "model": "m",
        "tools": ["search"],
        "data_class": "restricted",
        "hour": 3,
        "prompt_tokens": 7,
        "signals": {"injection": {"tool_result": "high"}, "pii.email": {"user": {"level": "low"}}},
        "facts": {"request": {"n": 2}},
    }
    made = facts("request", words, TABLES)
    assert made["identity"]["client_id"] == "app"
    assert made["source"]["ip"] == "10.0.0.1", "the client's own network"
    assert made["request"]["tools"] == {"search": {"type": "function"}}
    assert made["request"]["has_tools"] is True
    assert made["request"]["path"] == "/v1/chat/completions"
    assert made["request"]["prompt_tokens_est"] == 7
    assert made["request"]["n"] == 2
    assert made["time"] == {"unix": 1790154000, "weekday": "Wed", "hour": 3}
    assert made["signals"]["injection"]["tool_result"]["level"] == "high"
    assert made["signals"]["pii.email"]["user"] == {"level": "low"}


def test_the_proposed_tool_is_the_call_of_its_stage() -> None:
    made = facts("tool_call", {"tool": "shell", "arguments": {"command": {"length": 3}}}, TABLES)
    assert made["call"] == {
        "name": "shell", "arguments": {"command": {"length": 3}}, "bytes": 2, "valid": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "ip"),
    [({"network": "corp", "ip": "8.8.8.8"}, "8.8.8.8"), ({"ip": "8.8.8.8", "network": "corp"}, "10.0.0.1")],
)
def test_of_address_and_network_the_later_word_counts(words: dict[str, Any], ip: str) -> None:
    assert facts("request", words, TABLES)["source"]["ip"] == ip


def test_the_schema_knows_exactly_the_words_that_mean_something() -> None:
    assert set(FORM["$defs"]["call"]["properties"]) == WORDS


def test_a_whole_input_is_taken_as_it_is_and_defaults_leave_it_alone(tmp_path: Path) -> None:
    text = (
        "defaults: {client: app}\ncases:\n  a:\n    input: {stage: request, identity: {client_id: x}}\n"
        "    expect: {decision: ALLOW}\n"
    )
    case = read(tmp_path, text)["a"]
    assert case.facts == {"stage": "request", "identity": {"client_id": "x"}}
    assert case.lines == {"": 3, "decision": 5}


def test_case_files_lie_in_the_directory_or_beside_one_called_policies(tmp_path: Path) -> None:
    inside = write_policies(tmp_path / "policies") / "cases" / "all.yaml"
    beside = tmp_path / "cases" / "more.yaml"
    beside.parent.mkdir()
    beside.write_text("cases: {}\n")
    assert case_files(tmp_path / "policies") == [inside, beside]
    assert case_files(write_policies(tmp_path / "other")) == [tmp_path / "other" / "cases" / "all.yaml"]


def test_expected_ids_are_read_from_files_with_faults_too(tmp_path: Path) -> None:
    policies = write_policies(
        tmp_path / "p", {"cases/all.yaml": "cases:\n  a: {expect: {reasons: [x.y]}}\n  b: 3\n"}
    )
    assert expected_ids(policies, parse) == {"x.y"}


def case(**expect: Any) -> Case:
    lines = {"": 2} | {name: 3 + number for number, name in enumerate(expect)}
    return Case(name="c", file="f.yaml", stage="request", facts={}, expect=expect, lines=lines)


def says(decision: Mapping[str, Any]) -> Any:
    return lambda stage, facts: decision


BLOCK = {"decision": "BLOCK", "reasons": ["a.b", "c.d"], "limits": [{"id": "rpm", "amount": 6}]}


def test_each_part_that_differs_is_told_with_its_line_and_both_values() -> None:
    held, problems = judge([case(decision="ALLOW", reasons=["c.d"])], says(BLOCK), {"a.b": RULE})
    assert held == []
    assert [str(one) for one in problems] == [
        "f.yaml:3: c: decision: expected ALLOW, got BLOCK because of a.b (It is so), c.d [cases]",
        'f.yaml:4: c: reasons: expected ["c.d"], got ["a.b", "c.d"] [cases]',
    ]


def test_an_undefined_decision_holds_for_no_case() -> None:
    def undecided(stage: str, facts: Mapping[str, Any]) -> Mapping[str, Any]:
        raise Undecided("it is undefined")

    held, problems = judge([case(decision="BLOCK")], undecided, {})
    assert held == []
    assert "it is undefined; a gateway would block the call" in problems[0].message


def test_order_of_lists_does_not_matter_and_what_is_not_said_may_be_anything() -> None:
    held, problems = judge(
        [case(decision="BLOCK", reasons=["c.d", "a.b"], limits={"rpm": 6}, constraints={})], says(BLOCK), {}
    )
    assert (held, problems) == (["c"], [])
