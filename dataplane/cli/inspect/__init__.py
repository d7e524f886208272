"""`regogate inspect`: what detection finds in texts, and how well it does on labelled ones."""

from __future__ import annotations

from typing import Any, Final

import typer
from typer.core import TyperGroup

from dataplane.cli.inspect import evaluate, look

DEFAULT: Final = "look"

_EPILOG: Final = """\b
Examples:
  regogate inspect prompt.txt
  echo 'My card is 4111 1111 1111 1111' | regogate inspect -
  regogate inspect rows.jsonl --timing > found.jsonl
  regogate inspect eval labelled.jsonl
"""


class InspectCommands(TyperGroup):
    """Its commands; what names none of them is a file for `look`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """`regogate inspect FILE` is `regogate inspect look FILE`."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=InspectCommands,
    add_completion=False,
    no_args_is_help=True,
    help="What detection finds in texts. FILE in place of COMMAND is short for 'look FILE'.",
    epilog=_EPILOG,
    subcommand_metavar="FILE|COMMAND [ARGS]...",
)
app.command(DEFAULT)(look.command)
app.command("eval")(evaluate.command)
