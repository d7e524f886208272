"""A check's report as JUnit XML, which GitHub's and GitLab's test views read.

The form is the one that the Ant task wrote first and both hosts document: `testsuites/testsuite/testcase`
with `failure` or `skipped` inside. XML cannot hold most control characters, so they are written as `?`.
"""

from __future__ import annotations

import re
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from dataplane.authoring.report import Problem, Report, Step

_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""XML 1.0, section 2.2: everything but `Char`."""


def junit(report: Report) -> bytes:
    """The document; one suite a step, one case for each test, case file entry and problem."""
    top = Element("testsuites", name="regogate policy check", time=f"{report.seconds:.3f}")
    for step in report.steps:
        _suite(top, step)
    text: bytes = tostring(top, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _suite(top: Element, step: Step) -> None:
    whole = () if step.passed or step.problems else (step.name,)
    suite = SubElement(
        top,
        "testsuite",
        name=step.name,
        tests=str(len(step.passed) + len(step.problems) + len(whole)),
        failures=str(len(step.problems)),
        skipped=str(int(bool(whole) and step.skipped is not None)),
        errors="0",
        time=f"{step.seconds:.3f}",
    )
    for name in (*whole, *step.passed):
        case = SubElement(suite, "testcase", classname=step.name, name=_clean(name), time="0")
        if step.skipped is not None:
            SubElement(case, "skipped", message=_clean(step.skipped))
    for problem in step.problems:
        _failure(suite, step, problem)


def _failure(suite: Element, step: Step, problem: Problem) -> None:
    name = f"{problem.file}:{problem.line}" if problem.line else problem.file
    place = {"file": _clean(problem.file)} | ({"line": str(problem.line)} if problem.line else {})
    case = SubElement(suite, "testcase", place, classname=step.name, name=_clean(name), time="0")
    failure = SubElement(case, "failure", type=problem.code, message=_clean(problem.message))
    failure.text = _clean(str(problem))


def _clean(text: str) -> str:
    return _NOT_XML.sub("?", text)
