"""`regogate policy check`: everything that a policy repository's CI asks, in one report."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from dataplane import __version__
from dataplane.authoring.cases import Decide
from dataplane.authoring.check import STEPS, Means
from dataplane.authoring.check import check as run_check
from dataplane.authoring.check_format import fix_format
from dataplane.authoring.check_run import ProgramFailed
from dataplane.authoring.evaluator import EvaluationFailed, Evaluator
from dataplane.authoring.metadata import parse
from dataplane.authoring.policy_set import PolicySet
from dataplane.authoring.report import Problem, Report, as_json, text
from dataplane.authoring.report_junit import junit
from dataplane.authoring.report_sarif import sarif
from dataplane.bundle.check import check_source, lint
from dataplane.bundle.errors import CheckFailed, ToolFailed
from dataplane.bundle.problem import Problem as SourceProblem
from dataplane.bundle.source import read_source
from dataplane.bundle.strictyaml import parse as parse_yaml
from dataplane.cli.policy.directory import (
    EXIT_FAILED,
    EXIT_FINDINGS,
    DirArgument,
    JsonOption,
    OpaOption,
    opa_binary,
    policy_directory,
    regal_binary,
    say,
)
from dataplane.cli.policy.sets import policy_set
from dataplane.errors import RegoGateError
from dataplane.opa.errors import OpaError
from dataplane.opa.temporary import TemporaryOpa
from dataplane.shipped import shipped


@contextmanager
def tool_failures() -> Iterator[None]:
    """Turn a program that does not do its part into one line and exit code 3."""
    try:
        yield
    except (OpaError, ToolFailed, ProgramFailed, EvaluationFailed) as error:
        say(f"error: {error}")
        raise typer.Exit(EXIT_FAILED) from None


def command(
    directory: DirArgument = None,
    fix: Annotated[bool, typer.Option("--fix", help="First format Rego files as 'opa fmt' does.")] = False,
    skip: Annotated[
        list[str] | None, typer.Option("--skip", metavar="CHECK", help="Leave a check out; repeat for more.")
    ] = None,
    junit_file: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Also write JUnit XML.")
    ] = None,
    sarif_file: Annotated[
        Path | None, typer.Option("--sarif", metavar="FILE", help="Also write SARIF 2.1.0, for code hosts.")
    ] = None,
    opa: OpaOption = None,
    as_json_: JsonOption = False,
) -> None:
    """Check a policy directory: format, tables, types, style, metadata, tests, case files, cost.

    Tests must reach every line and make every rule fire. Every problem is one line, FILE:LINE: MESSAGE.
    Nothing is published. The checks: format, source (tables, packages, types), regal, metadata, tests,
    cases, budget.

    \b
    Examples:
      regogate policy check
      regogate policy check my-policies --fix
      regogate policy check --skip regal --skip budget
      regogate policy check --junit check.xml --sarif check.sarif
      regogate policy check --json | jq '.checks[] | select(.state != "ok")'

    Exit codes: 0 all holds, 1 something does not, 2 wrong usage, 3 OPA or Regal failed or cannot be had.
    """
    for name in skip or ():
        if name not in STEPS:
            raise typer.BadParameter(f"{name} is none of {', '.join(STEPS)}", param_hint="--skip")
    policies = policy_directory(directory)
    with tool_failures():
        binary = opa_binary(opa)
        if fix:
            for changed in fix_format(parse(policies, binary), binary):
                say(f"formatted {changed}")
        skipped = frozenset(skip or ())
        progress = (lambda step: say(f"checking: {step}")) if sys.stderr.isatty() else (lambda _: None)
        report = run_check(policies, means(policies, binary, skipped), skip=skipped, started=progress)
    write(junit_file, lambda: junit(report))
    write(sarif_file, lambda: _json(sarif(report, __version__, Path())))
    _show(report, as_json_)
    if not report.ok:
        raise typer.Exit(EXIT_FINDINGS)


def means(policies: Path, opa: Path, skip: frozenset[str] = frozenset()) -> Means:
    """The means of a check, wired to the rooms that have them. Regal is found or built unless skipped."""
    capabilities = shipped("opa/capabilities.json")
    regal = None if "regal" in skip else regal_binary()
    return Means(
        opa=opa,
        capabilities=capabilities,
        read_yaml=parse_yaml,
        case_form=case_form(),
        source=partial(_source, policies, opa, capabilities),
        style=lambda: (
            _problems(asyncio.run(lint(policies, regal, regal_settings(policies)))) if regal else []
        ),
        build=lambda: policy_set(str(policies), opa=opa),
        deciding=partial(deciding, opa),
    )


def regal_settings(policies: Path) -> Path | None:
    """Regal's settings for a directory that has none above it: the shipped ones, which know the tables."""
    places = [policies.absolute(), *policies.absolute().parents]
    if any(
        (place / ".regal" / "config.yaml").is_file() or (place / ".regal.yaml").is_file() for place in places
    ):
        return None
    return shipped(".regal") / "config.yaml"


def case_form() -> dict[str, Any]:
    """The JSON schema of case files."""
    found: dict[str, Any] = json.loads(shipped("policies/cases/cases.schema.json").read_bytes())
    return found


@contextmanager
def deciding(opa: Path, policy: PolicySet) -> Iterator[Decide]:
    """Decisions of a policy, from an OPA that runs meanwhile."""
    with TemporaryOpa(opa, policy.bundle) as running, Evaluator(running.url) as evaluator:
        yield evaluator.decide


def write(path: Path | None, content: Any) -> None:
    """Write what `content` gives to a file, whole or not at all, where one is wanted."""
    if path is None:
        return
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        beside.write_bytes(content())
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise RegoGateError(f"{path} cannot be written: {error.strerror}") from None


def _source(policies: Path, opa: Path, capabilities: Path) -> list[Problem]:
    try:
        checked = asyncio.run(check_source(read_source(policies), opa, capabilities))
    except CheckFailed as error:
        return _problems(error.problems)
    return _problems(checked.problems)


def _problems(found: Iterable[SourceProblem]) -> list[Problem]:
    return [Problem(**asdict(problem)) for problem in found]


def _show(report: Report, as_json_: bool) -> None:
    if as_json_:
        typer.echo(json.dumps(as_json(report)))
    else:
        for line in text(report):
            typer.echo(line)


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=2).encode() + b"\n"
