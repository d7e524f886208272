"""`regogate policy test`: `opa test` with the schemas and capabilities that a bundle is built with."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

import typer

from dataplane.cli.policy.check import tool_failures
from dataplane.cli.policy.directory import (
    EXIT_FAILED,
    EXIT_FINDINGS,
    OpaOption,
    opa_binary,
    policy_directory,
    say,
)
from dataplane.shipped import shipped

CONTEXT: Final = {"allow_extra_args": True, "ignore_unknown_options": True}


def command(context: typer.Context, opa: OpaOption = None) -> None:
    """Run 'opa test' on a policy directory, with its schemas and the capabilities of a build.

    The first argument may be the directory; without it, the one here is tested. Everything else but --opa
    goes to 'opa test' as it is ('opa test --help' lists it).

    \b
    Examples:
      regogate policy test
      regogate policy test my-policies -v
      regogate policy test -r data.regogate.request_test --var-values
      regogate policy test --coverage --threshold 100

    Exit codes: 0 all pass, 1 one does not or 'opa test' says no, 2 wrong usage, 3 OPA cannot be had.
    """
    given = list(context.args)
    named = given[0] if given and not given[0].startswith("-") else None
    policies = policy_directory(None if named is None else Path(named))
    with tool_failures():
        binary = opa_binary(opa)
    schemas = policies / "schemas"
    command = [
        *(str(binary), "test"),
        *(("--schema", str(schemas)) if schemas.is_dir() else ()),
        *("--capabilities", str(shipped("opa/capabilities.json"))),
        *given[named is not None :],
        str(policies / "rego"),
    ]
    try:
        code = subprocess.run(command, env={"PATH": os.defpath}, check=False).returncode  # noqa: S603 - a checked binary
    except OSError as error:
        say(f"error: {binary} does not start: {error.strerror}")
        raise typer.Exit(EXIT_FAILED) from None
    if code != 0:
        raise typer.Exit(EXIT_FINDINGS)
