"""`regogate policy init`: a policy repository of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from dataplane import __version__
from dataplane.authoring.init import create, repository_files
from dataplane.cli.policy.directory import JsonOption
from dataplane.shipped import shipped


def command(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to make; new or empty.")],
    as_json: JsonOption = False,
) -> None:
    """Make a policy repository: rules, tables, an own rule with its test, cases, channels, CI, README.

    It passes 'regogate policy check' at once. A folder that holds anything but .git is refused.

    \b
    Examples:
      regogate policy init my-policies
      cd my-policies && regogate policy check

    Exit codes: 0 made, 1 refused, 2 wrong usage.
    """
    made = repository_files(shipped("policies"), shipped(".regal"), __version__)
    create(directory, made)
    if as_json:
        typer.echo(json.dumps({"ok": True, "directory": str(directory), "files": len(made)}))
        return
    typer.echo(f"{directory}: {len(made)} files. README.md says what is where. Next:")
    typer.echo(f"  cd {directory} && regogate policy check")
