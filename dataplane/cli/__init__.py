"""The command `regogate`: one file per command group, imported when it is used."""

from __future__ import annotations

import gc
import os
import sys
from typing import Annotated, ClassVar, Final

import typer

from dataplane import __version__
from dataplane.cli.lazy_commands import LazyCommands
from dataplane.errors import ConfigError, RegoGateError
from dataplane.inspection import compiled
from dataplane.opa.cache import default_cache

_HELP_WIDTH: Final = 100
"""Columns of help at most, so that examples keep to one line where the terminal has the room."""

_GC_THRESHOLDS: Final = (50_000, 20, 50)
"""Objects and rounds between collections of cyclic garbage: imports leave none, and to look for it time and
again takes a tenth of a command's time. Gateways set their own (`running`)."""

_EPILOG: Final = """\b
Examples:
  regogate dev                                       try it, write policies
  regogate check-config --config regogate.yaml       before serving
  regogate serve --config regogate.yaml              for production
  regogate keys create --client support-team --config regogate.yaml
  regogate audit tail --follow
"""


class Commands(LazyCommands):
    """The commands of `regogate`."""

    package = __name__
    about: ClassVar = {
        "dev": "Run a whole gateway here: OPA, a signed dev bundle, SQLite, a demo client and a demo model.",
        "serve": "Run the gateway for production, from a configuration file.",
        "check-config": "Check a configuration file without starting anything.",
        "audit": "Read the records of calls.",
        "usage": "Show spend and tokens, added up from the records. Works on a gateway that runs or is "
        "stopped.",
        "policy": "Write policies, and understand what they decide.",
        "inspect": "What detection finds in texts. FILE in place of COMMAND is short for 'look FILE'.",
        "bundle": "Build, sign, verify, promote and publish policy bundles.",
        "shadow": "See what a candidate policy would decide on real calls, while the active one decides "
        "them.",
        "canary": "Let a candidate policy decide for a share of the clients, then promote or withdraw it.",
        "keys": "Create, list, show, rotate, revoke and audit callers' API keys.",
        "admin": "Make, list and revoke tokens of the admin API.",
        "opa": "Find or build the OPA binary.",
    }


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
    gc.set_threshold(*_GC_THRESHOLDS)
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
