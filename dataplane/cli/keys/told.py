"""Keys as a person and a program read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from dataplane.config import KeySettings
from dataplane.identity.key_findings import DAY_US
from dataplane.identity.models import KeyRow
from dataplane.identity.told import time_text

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]
KeyIdArgument = Annotated[
    str | None, typer.Argument(metavar="ID", help="The key's id, with or without rgk_.")
]
KeyIdOption = Annotated[str | None, typer.Option("--id", metavar="ID", help="The same, as an option.")]


def print_columns(lines: Sequence[Sequence[str]]) -> None:
    """Lines of cells below each other, the first the headings."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def announce(row: KeyRow, settings: KeySettings) -> None:
    """Says on stderr what the key on stdout is."""
    ends = time_text(row.ends_us(settings.max_age_days * DAY_US))
    until = "does not expire" if ends is None else f"expires {ends}"
    bound = [f"network {', '.join(row.networks)}"] if row.networks else []
    bound += [f"certificate {row.certificate[:16]}..."] if row.certificate is not None else []
    only = f", for {' and '.join(bound)} only" if bound else ""
    typer.echo(
        f"Key {row.prefix} for client {row.client_id}, {until}{only}. It is shown this once:", err=True
    )
