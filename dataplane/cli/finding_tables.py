"""What a backtest and a shadow found, as tables for a terminal: what both show alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from io import StringIO
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dataplane.cli.audit import printable

WIDTH: Final = 160
NAMES_SHOWN: Final = 20
"""Rules, clients and models shown each; `--json` has all."""

_COLUMNS: Final = ("total", "changed", "new_blocks", "looser")

Grid = tuple[str, tuple[str, ...], list[tuple[str, ...]]]
"""A table: its title, its heads, its rows."""


def printed(summary: Iterable[str], grids: Iterable[Grid], notes: Iterable[str] = ()) -> str:
    """Lines, tables and notes below them; what callers chose cannot move the cursor."""
    file = StringIO()
    console = Console(file=file, width=WIDTH, markup=False, emoji=False, highlight=False)
    for line in summary:
        console.print(Text(printable(line)), soft_wrap=True)
    for title, heads, rows in grids:
        table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
        for head in heads:
            table.add_column(head, overflow="fold")
        for row in rows:
            table.add_row(*(Text(printable(cell)) for cell in row))
        console.print()
        console.print(table)
    for note in notes:
        console.print(Text(f"\n{note}"), soft_wrap=True)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def by_decision(by: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """A row for each pair of decisions, with its counts."""
    return [(f"{one['old']} -> {one['new']}", *_counts(one)) for one in by["decision"]]


def by_name(by: Mapping[str, Any], heads: tuple[str, ...]) -> Iterable[Grid]:
    """A table of clients and one of models, where there are any."""
    for title, name in (("Clients", "client"), ("Models", "model")):
        if names := by[name][:NAMES_SHOWN]:
            yield title, (name, *heads), [(one[name], *_counts(one)) for one in names]


def in_detail(one: Mapping[str, Any]) -> tuple[str, ...]:
    """A call whose answer changed: request, time, client, model, decisions, reasons, what differs."""
    old, new = one["old"], one["new"] or {"decision": "NONE", "reasons": []}
    return (
        one["request_id"] or "",
        (one["time"] or "")[:19],
        one["client"] or "",
        one["model"] or "",
        f"{old['decision']} -> {new['decision']}",
        f"{', '.join(old['reasons'])} -> {', '.join(new['reasons'])}",
        f"{', '.join((*one['changed'], *one['also']))} ({one['direction']})",
    )


def _counts(one: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(f"{one[name]:,}" for name in _COLUMNS)
