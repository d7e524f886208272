"""Sums of usage as text: a table for people, CSV for spreadsheets, JSON for programs."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from io import StringIO
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dataplane.cli.audit import printable
from dataplane.usage.showback import Showback, Sums, usd

WIDTH: Final = 200
NOBODY: Final = "-"
"""In a table, where records name nobody: refusals before it was known who calls, clients without a tenant."""

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes a cell that begins so for (OWASP, CSV Injection)."""

_COLUMNS: Final = tuple(Sums().document())


def as_json(sums: Showback, since_us: int, until_us: int) -> str:
    """One JSON object: the period, `rows` with a key for each name in `by`, and `total`."""
    document = {
        "since": _time(since_us),
        "until": _time(until_us),
        "by": list(sums.by),
        "rows": [
            {**dict(zip(sums.by, key, strict=True)), **one.document(), **({"other": True} if other else {})}
            for key, one, other in _rows(sums)
        ],
        "total": sums.total.document(),
    }
    return json.dumps(document) + "\n"


def as_csv(sums: Showback, since_us: int, until_us: int) -> str:
    """A line a group under a line of names (RFC 4180), no line for the total, so that columns can be summed.

    An apostrophe stands before what a spreadsheet would take for a formula.
    """
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow([*sums.by, *_COLUMNS])
    for key, one, _ in _rows(sums):
        writer.writerow([*(_cell(part) for part in key), *one.document().values()])
    return text.getvalue()


def as_table(sums: Showback, since_us: int, until_us: int) -> str:
    """For a terminal, with the total as its last line."""
    heads = ["calls", "refused", "tokens in", "tokens out", "cost USD"]
    optional = [
        ("without price", any(one.unpriced_calls for _, one, _ in _rows(sums))),
        ("unsettled", any(one.unsettled_calls for _, one, _ in _rows(sums))),
    ]
    heads += [head for head, there in optional if there]
    table = Table(box=None, pad_edge=False, show_footer=False)
    for name in sums.by:
        table.add_column(name, overflow="fold")
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    for key, one, _ in _rows(sums):
        table.add_row(*(Text(_name(part)) for part in key), *_cells(one, heads))
    table.add_section()
    names = ["total", *[""] * (len(sums.by) - 1)]
    table.add_row(*names, *_cells(sums.total, heads), style="bold")
    console = Console(file=StringIO(), width=WIDTH, markup=False, emoji=False, highlight=False)
    console.print(f"{_time(since_us)} to {_time(until_us)}")
    console.print()
    console.print(table)
    if "without price" in heads:
        console.print("\nwithout price: calls of models without a price, whose cost is unknown")
    if "unsettled" in heads:
        console.print("\nunsettled: calls under way or cut off by a crash; in no other column")
    assert isinstance(console.file, StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


def _rows(sums: Showback) -> list[tuple[tuple[str | None, ...], Sums, bool]]:
    return [(key, one, one is sums.other) for key, one in sums.rows()]


def _cells(one: Sums, heads: Sequence[str]) -> list[str]:
    """What stands under `heads`."""
    cost = usd(one.cost_microusd)
    if one.unpriced_calls:
        cost = f"{cost} + unknown" if one.cost_microusd else "unknown"
    unpriced = f"{one.unpriced_calls:,}"
    if one.unpriced_tokens:
        unpriced += f" ({one.unpriced_tokens:,} tokens)"
    unsettled = f"{one.unsettled_calls:,}"
    if one.unsettled_tokens or one.unsettled_microusd:
        unsettled += f" ({one.unsettled_tokens:,} tokens, {usd(one.unsettled_microusd)} USD)"
    cells = {
        "calls": f"{one.calls:,}",
        "refused": f"{one.refused:,}",
        "tokens in": f"{one.tokens_in:,}",
        "tokens out": f"{one.tokens_out:,}",
        "cost USD": cost,
        "without price": unpriced,
        "unsettled": unsettled,
    }
    return [cells[head] for head in heads]


def _name(part: str | None) -> str:
    return NOBODY if part is None else printable(part)


def _cell(part: str | None) -> str:
    if part is None:
        return ""
    return f"'{part}" if part.startswith(_FORMULA) else part


def _time(us: int) -> str:
    return datetime.fromtimestamp(us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
