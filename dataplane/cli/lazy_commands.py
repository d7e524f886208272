"""Groups whose commands are imported when they are used: all together take seconds, most need one."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup


class LazyCommands(TyperGroup):
    """A group whose commands lie in one package, each in the module of its name: as `app` (a group or a
    single command), as `command`, or as a function of the module's own name; `CONTEXT` there are click's
    settings for it."""

    package: ClassVar[str]
    about: ClassVar[Mapping[str, str]]
    """Each command, in the order a reader meets them, and the first paragraph of its help: the list of
    commands is shown without importing any."""

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order of `about`."""
        return list(self.about)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, or None where there is no such."""
        if cmd_name not in self.about:
            return None
        name = cmd_name.replace("-", "_")
        module = import_module(f"{self.package}.{name}")
        group: typer.Typer | None = getattr(module, "app", None)
        if group is None:
            group = typer.Typer(add_completion=False)
            function = getattr(module, "command", None) or getattr(module, name)
            group.command(cmd_name, context_settings=getattr(module, "CONTEXT", None))(function)
        group.rich_markup_mode = None  # examples are written line by line; markup would join them
        single = len(group.registered_commands) == 1 and not (
            group.registered_groups or group.registered_callback
        )
        command: Any = typer.main.get_command(group) if single else typer.main.get_group(group)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """One line each."""
        width = formatter.width - 6 - max(map(len, self.about))  # as typer counts it
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (name, TyperCommand(name=name, help=text).get_short_help_str(width))
                    for name, text in self.about.items()
                ]
            )
