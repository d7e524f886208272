"""A check's report as SARIF 2.1.0 (OASIS), which code hosts show beside the changed lines."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from dataplane.authoring.report import Problem, Report

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(report: Report, version: str, root: Path) -> dict[str, Any]:
    """The log: one run of the tool at `version`, one result a problem, files relative to `root`.

    A file outside of `root` is given as an absolute `file:` URI, as section 3.4.3 allows.
    """
    codes = sorted({problem.code for problem in report.problems})
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "regogate policy check",
                        "version": version,
                        "rules": [{"id": code, "shortDescription": {"text": code}} for code in codes],
                    }
                },
                "originalUriBaseIds": {"ROOT": {"description": {"text": "Where the check was run."}}},
                "columnKind": "unicodeCodePoints",
                "results": list(_results(report.problems, codes, root)),
            }
        ],
    }


def _results(problems: Iterable[Problem], codes: list[str], root: Path) -> Iterable[dict[str, Any]]:
    for problem in problems:
        place: dict[str, Any] = {"artifactLocation": _artifact(problem.file, root)}
        if problem.line:
            place["region"] = {"startLine": problem.line} | (
                {"startColumn": problem.column} if problem.column else {}
            )
        yield {
            "ruleId": problem.code,
            "ruleIndex": codes.index(problem.code),
            "level": "error",
            "message": {"text": problem.message},
            "locations": [{"physicalLocation": place}],
        }


def _artifact(file: str, root: Path) -> dict[str, str]:
    path = Path(file).absolute()
    try:
        return {"uri": quote(path.relative_to(root.absolute()).as_posix()), "uriBaseId": "ROOT"}
    except ValueError:
        return {"uri": path.as_uri()}
