"""`regogate policy`: what policy authors use; one file a command, imported when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup

COMMANDS: Final[dict[str, str]] = {
    "init": "init",
    "check": "check",
    "test": "test",
    "docs": "docs",
    "bench": "bench",
    "preset": "preset",
    "replay": "replay",
    "explain": "explain",
    "eval": "eval",
    "matrix": "matrix",
    "diff": "diff",
}
"""Each command and the module of this package that has it: as `app` (a group), as `command`, or as a
function of the module's own name; `CONTEXT` there are click's settings for it."""

_EPILOG: Final = """\b
Examples:
  regogate policy eval --client support-team --model gpt-4o-mini
  regogate policy explain --audit-id 0199c3a4-5b7e-7c31-9d80-3f6f1f5f7f00
  regogate policy diff prod.tar.gz policies
"""


class PolicyCommands(TyperGroup):
    """The commands of `COMMANDS`, loaded by name."""

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order a reader meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, or None where there is no such."""
        name = COMMANDS.get(cmd_name)
        if name is None:
            return None
        module = import_module(f"dataplane.cli.policy.{name}")
        group = getattr(module, "app", None)
        command: Any
        if group is None:
            single = typer.Typer(add_completion=False, rich_markup_mode=None)
            single.command(cmd_name, context_settings=getattr(module, "CONTEXT", None))(
                getattr(module, "command", None) or getattr(module, name)
            )
            command = typer.main.get_command(single)
        else:
            group.rich_markup_mode = None
            command = typer.main.get_group(group)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=PolicyCommands,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Write policies, and understand what they decide.",
    epilog=_EPILOG,
)


@app.callback()
def group() -> None:
    """Write policies, and understand what they decide."""
