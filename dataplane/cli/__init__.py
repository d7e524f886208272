"""The command `regogate`: one file per command group, imported when it is used.

Importing all of them takes seconds on a slow machine (SQL, servers, cryptography); most commands need
one.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from dataplane import __version__
from dataplane.errors import ConfigError, RegoGateError
from dataplane.inspection import compiled
from dataplane.opa.cache import default_cache

COMMANDS: Final = {
    "dev": "dev",
    "serve": "serve",
    "check-config": "check_config",
    "audit": "audit",
    "usage": "usage",
    "policy": "policy",
    "inspect": "inspect",
    "bundle": "bundle",
    "shadow": "shadow",
    "canary": "canary",
    "keys": "keys",
    "admin": "admin",
    "opa": "opa",
}
"""Each command and the module of this package that has it, as `app` (a group) or as a function of
the module's own name."""

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


class Commands(TyperGroup):
    """The commands of `COMMANDS`, loaded by name."""

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order a reader meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, or None where there is no such."""
        name = COMMANDS.get(cmd_name)
        if name is None:
            return None
        module = import_module(f"dataplane.cli.{name}")
        group = getattr(module, "app", None)
        command: Any
        if group is None:
            single = typer.Typer(add_completion=False, rich_markup_mode=None)
            single.command(cmd_name)(getattr(module, name))
            command = typer.main.get_command(single)
        else:
            group.rich_markup_mode = None  # examples are written line by line; markup would join them
            command = typer.main.get_group(group)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"max_content_width": _HELP_WIDTH},
    help="RegoGate: OPA/Rego decides on every call to a language model; this gateway enforces and records.",
    epilog=_EPILOG,
)


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
    compiled.keep_in(default_cache(os.environ) / "patterns")
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
