"""`regogate bundle`: policy bundles, from a directory of Rego and tables to what a channel publishes.

One file a command, imported when it is used; `options`, `answers`, `targets`, `changes` and `places` are what
they share, `admin` asks a running gateway.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup

COMMANDS: Final = (
    "keygen",
    "build",
    "sign",
    "verify",
    "inspect",
    "pin",
    "promote",
    "rollback",
    "approve",
    "history",
    "status",
    "rebuild",
    "publish",
)
"""The commands in the order a reader meets them; each is the `app` of the module of its name."""


class BundleCommands(TyperGroup):
    """The commands of `COMMANDS`, loaded by name."""

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, or None where there is no such."""
        if cmd_name not in COMMANDS:
            return None
        command: Any = typer.main.get_command(import_module(f"dataplane.cli.bundle.{cmd_name}").app)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=BundleCommands,
    help="Build, sign, verify, promote and publish policy bundles.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def group() -> None:
    """Build, sign, verify, promote and publish policy bundles."""
