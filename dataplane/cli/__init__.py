"""The command `regogate`: one file per command group."""

from __future__ import annotations

import sys
from typing import Annotated, Final

import typer

from dataplane import __version__
from dataplane.cli import audit, bundle, keys, opa
from dataplane.cli.check_config import check_config
from dataplane.cli.dev import dev
from dataplane.cli.serve import serve
from dataplane.errors import ConfigError, RegoGateError

_HELP_WIDTH: Final = 100
"""Columns of help at most, so that examples keep to one line where the terminal has the room."""

_EPILOG: Final = """\b
Examples:
  regogate dev                                       try it, write policies
  regogate check-config --config regogate.yaml       before serving
  regogate serve --config regogate.yaml              for production
  regogate keys create --client support-team --config regogate.yaml
  regogate audit tail --follow
"""

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"max_content_width": _HELP_WIDTH},
    help="RegoGate: OPA/Rego decides on every call to a language model; this gateway enforces and records.",
    epilog=_EPILOG,
)
app.command()(dev)
app.command()(serve)
app.command("check-config")(check_config)
app.add_typer(audit.app, name="audit")
app.add_typer(bundle.app, name="bundle")
app.add_typer(keys.app, name="keys")
app.add_typer(opa.app, name="opa")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """RegoGate: OPA/Rego decides on every call to a language model; this gateway enforces and records."""


def main() -> None:
    """Entry point: errors this program raises on purpose become one readable message and status 1."""
    try:
        app()
    except ConfigError as error:
        for problem in error.problems:
            typer.echo(f"error: {problem}", err=True)
        sys.exit(1)
    except RegoGateError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
