"""`regogate check-config`: every problem of a configuration file at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from dataplane.config import load
from dataplane.errors import ConfigError


def check_config(
    config: Annotated[Path, typer.Option("--config", metavar="FILE", help="The file to check.")] = Path(
        "regogate.yaml"
    ),
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting by its path.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check a configuration file without starting anything.

    Unknown keys, wrong values and references that cannot be read are all reported, one line each.
    Exit codes: 0 the file can be used, 1 it cannot, 2 wrong usage.

    \b
    Examples:
      regogate check-config --config regogate.yaml
      regogate check-config --config regogate.yaml --set server.bind=0.0.0.0:8443 --json
    """
    try:
        settings = load(config, set_ or [])
        problems = [] if settings.upstreams else ["upstreams: name at least one upstream"]
        if not settings.policy.bundle.keys and settings.policy.opa.socket is None:
            problems.append("policy.bundle.keys: name at least one public key that may sign bundles")
    except ConfigError as error:
        problems = error.problems
    if as_json:
        typer.echo(json.dumps({"ok": not problems, "problems": problems}))
    elif problems:
        for problem in problems:
            typer.echo(problem, err=True)
        typer.echo(f"{config}: {len(problems)} problem{'s' * (len(problems) > 1)}", err=True)
    else:
        typer.echo(f"{config}: ok")
    raise typer.Exit(1 if problems else 0)
