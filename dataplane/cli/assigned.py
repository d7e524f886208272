"""`--set KEY=VALUE`: settings of the configuration file by their paths."""

from __future__ import annotations

from typing import Annotated

import typer


def _assignments(given: list[str] | None) -> list[str]:
    for one in given or ():
        key, equals, _ = one.partition("=")
        if not key or not equals:
            raise typer.BadParameter(f"{one}: must be KEY=VALUE, such as server.max_body_bytes=1000000")
    return given or []


SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        callback=_assignments,
        help="Any setting of the configuration file, by its path.",
    ),
]
