"""`regogate policy docs`: the rule catalogue, written or compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Final

import typer

from dataplane.authoring.docs import catalogue
from dataplane.bundle.errors import CheckFailed
from dataplane.cli.policy.check import tool_failures, write
from dataplane.cli.policy.directory import (
    EXIT_FINDINGS,
    DirArgument,
    JsonOption,
    OpaOption,
    opa_binary,
    policy_directory,
    say,
)
from dataplane.cli.policy.sets import policy_set

PAGE: Final = Path("docs") / "reference-rules.md"
"""In the repository that holds the policy directory."""


def command(
    directory: DirArgument = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help=f"The page; {PAGE} of the repository when left out."
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 where the page is not current.")
    ] = False,
    opa: OpaOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the catalogue of all rules: ids, titles, what they mean, what to do, owners.

    It is made from the rules' METADATA and the modes in rules.yaml, so it is never edited by hand.

    \b
    Examples:
      regogate policy docs
      regogate policy docs --check
      regogate policy docs my-policies -o rules.md

    Exit codes: 0 written or current, 1 not current or not a policy that builds, 2 wrong usage, 3 OPA failed.
    """
    policies = policy_directory(directory)
    page = output or repository(policies) / PAGE
    with tool_failures():
        try:
            found = policy_set(str(policies), opa=opa_binary(opa))
        except CheckFailed as error:
            for problem in error.problems:
                say(str(problem))
            say(
                "error: the policy does not build, so its rules cannot be listed; see 'regogate policy check'"
            )
            raise typer.Exit(EXIT_FINDINGS) from None
    text = catalogue(found.rules.values(), found.tables.get("rules", {}), policies)
    current = _is(page, text)
    if not check and not current:
        page.parent.mkdir(parents=True, exist_ok=True)
        write(page, lambda: text.encode())
    if as_json:
        document = {
            "ok": current or not check,
            "page": str(page),
            "rules": len(found.rules),
            "changed": not current,
        }
        typer.echo(json.dumps(document))
    elif current:
        typer.echo(f"{page}: current, {len(found.rules)} rules")
    elif check:
        typer.echo(f"{page}: not current; run 'regogate policy docs' and commit the page")
    else:
        typer.echo(f"{page}: written, {len(found.rules)} rules")
    if check and not current:
        raise typer.Exit(EXIT_FINDINGS)


def repository(policies: Path) -> Path:
    """The folder that holds a policy directory, where it is called `policies`; else the directory."""
    if policies.name == "policies":
        return policies.parent
    return policies.absolute().parent if policies.absolute().name == "policies" else policies


def _is(page: Path, text: str) -> bool:
    try:
        return page.read_bytes() == text.encode()
    except FileNotFoundError:
        return False
