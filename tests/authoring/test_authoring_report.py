"""A check's report for people, programs, test views and code hosts."""

from pathlib import Path
from xml.etree.ElementTree import fromstring

from dataplane.authoring.report import Problem, Report, Step, as_json, text
from dataplane.authoring.report_junit import junit
from dataplane.authoring.report_sarif import sarif

PROBLEM = Problem(file="policies/data/a b.yaml", line=3, column=2, message="no \x00 such", code="table")
WHOLE = Problem(file="policies", line=0, column=0, message="<missing>", code="source")
REPORT = Report(
    policies=Path("policies"),
    steps=(
        Step(name="source", problems=(PROBLEM, WHOLE)),
        Step(name="tests", passed=("a.test_x", "a.test_y"), note="2 passed"),
        Step(name="budget", skipped="there is none"),
        Step(name="tables", problems=(PROBLEM,)),
    ),
    seconds=1.25,
)


def test_people_get_each_problem_once_with_its_place_then_a_line_a_step() -> None:
    lines = list(text(REPORT))
    assert lines[:3] == [
        "policies: <missing> [source]",
        "policies/data/a b.yaml:3: no \x00 such [table]",
        "",
    ]
    assert lines[3:] == [
        "source    failed   2 problems",
        "tests     ok       2 passed",
        "budget    skipped  there is none",
        "tables    failed   1 problem",
        "policies: 2 problems (1.2 s)",
    ]


def test_a_report_without_problems_is_ok() -> None:
    fine = Report(policies=Path("p"), steps=(Step(name="tests"),))
    assert fine.ok
    assert list(text(fine))[-1] == "p: all checks hold (0.0 s)"


def test_programs_get_states_counts_and_problems() -> None:
    found = as_json(REPORT)
    assert (found["ok"], len(found["problems"])) == (False, 2)
    assert [(one["name"], one["state"], one["passed"]) for one in found["checks"]] == [
        ("source", "failed", 0),
        ("tests", "ok", 2),
        ("budget", "skipped", 0),
        ("tables", "failed", 0),
    ]
    assert [one["problems"] for one in found["checks"]] == [2, 0, 0, 1]
    assert (found["problems"][1]["line"], found["problems"][1]["code"]) == (3, "table")


def test_junit_counts_fit_and_hold_no_character_that_xml_forbids() -> None:
    top = fromstring(junit(REPORT))
    suites = {suite.get("name"): suite for suite in top}
    assert (suites["source"].get("tests"), suites["source"].get("failures")) == ("2", "2")
    assert (suites["tests"].get("tests"), suites["tests"].get("failures")) == ("2", "0")
    assert suites["budget"].get("skipped") == "1"
    failure = suites["source"][0].find("failure")
    assert failure is not None
    assert failure.get("message") == "no ? such"
    assert suites["source"][0].get("line") == "3"
    for suite in top:
        assert len(suite.findall("testcase")) == int(suite.get("tests", "0"))


def test_sarif_places_are_relative_uris_with_a_region_where_there_is_a_line() -> None:
    (run,) = sarif(REPORT, "1.0", Path())["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["source", "table"]
    places = [result["locations"][0]["physicalLocation"] for result in run["results"]]
    assert places[0] == {"artifactLocation": {"uri": "policies", "uriBaseId": "ROOT"}}
    assert places[1]["artifactLocation"]["uri"] == "policies/data/a%20b.yaml"
    assert places[1]["region"] == {"startLine": 3, "startColumn": 2}
    assert all(
        run["tool"]["driver"]["rules"][one["ruleIndex"]]["id"] == one["ruleId"] for one in run["results"]
    )


def test_sarif_gives_a_file_elsewhere_by_its_whole_uri(tmp_path: Path) -> None:
    elsewhere = Report(
        policies=tmp_path,
        steps=(Step(name="s", problems=(Problem(file="/x/y", line=0, column=0, message="m", code="c"),)),),
    )
    (result,) = sarif(elsewhere, "1", tmp_path)["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "file:///x/y"}
