"""`regogate audit`: records of calls, for people and scripts. Reads only; the gateway may run or not."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dataplane.audit import read
from dataplane.audit.attempt import describe
from dataplane.audit.migrate import database_errors
from dataplane.cli.audit_export import export
from dataplane.cli.state import ConfigOption, DataDirOption, open_state
from dataplane.database import Database
from dataplane.errors import RegoGateError

DEFAULT_LIMIT: Final = 20

_COLOURS: Final = {"ALLOW": "green", "CONSTRAIN": "yellow", "BLOCK": "red"}
_NESTED: Final = (
    "constraints",
    "limits",
    "counts",
    "policy_input",
    "policy_result",
    "content",
    "answer_content",
)
"""Fields whose string is JSON text, shown indented."""

app = typer.Typer(no_args_is_help=True, help="Read the records of calls.")
app.command()(export)

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object a line and record.")]


@app.command()
def tail(
    limit: Annotated[
        int, typer.Option("--limit", min=0, metavar="N", help="How many of the newest; 0 for all.")
    ] = DEFAULT_LIMIT,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what is written, until Ctrl-C.")
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Print the newest records in order of writing.

    \b
    Examples:
      regogate audit tail --follow
      regogate audit tail --limit 0 --json --config regogate.yaml
    """
    show_row = _print_json if as_json else _print_line

    async def work(database: Database) -> None:
        seq = 0
        async with aclosing(read.tail(database, limit)) as rows:
            async for row in rows:
                show_row(read.told(row))
                seq = row.seq
        if follow:
            async with aclosing(read.follow(database, seq)) as rows:
                async for row in rows:
                    show_row(read.told(row))

    _with_database(config, data_dir, work)


@app.command()
def show(
    wanted: Annotated[
        str | None, typer.Argument(metavar="ID", help="A record's id, or a call's x-request-id.")
    ] = None,
    correlation: Annotated[
        str | None,
        typer.Option(metavar="ID", help="All calls that this correlation id ties together, instead."),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Show a record, or every record of a call, with the exact policy input and result; or, a line each, all
    that happened in one loop of an agent, from its first prompt over each tool call to its end.

    \b
    Examples:
      regogate audit show 0199c3a4-5b7e-7c31-9d80-3f6f1f5f7f00 --json
      regogate audit show --correlation ticket-4711
    """
    if (wanted is None) == (correlation is None):
        raise typer.BadParameter("give an ID, or --correlation ID")

    async def work(database: Database) -> None:
        if correlation is not None:
            rows, what = await read.tied(database, correlation), "no call has the correlation id"
        else:
            assert wanted is not None
            rows, what = await read.about(database, wanted), "no record and no call has the id"
        if not rows:
            raise RegoGateError(f"{what} {printable(correlation or wanted or '')[:80]}")
        story = _print_line if correlation is not None else _print_whole
        for row in rows:
            (_print_json if as_json else story)(read.told(row))

    _with_database(config, data_dir, work)


def _with_database(
    config: Path | None, data_dir: Path | None, work: Callable[[Database], Awaitable[None]]
) -> None:
    """Run `work`. Problems go to stderr with exit code 1; Ctrl-C and a reader that left end in silence."""

    async def run(url: str) -> None:
        database = Database(url)
        try:
            await work(database)
        finally:
            await database.close()

    try:
        state = open_state(config, data_dir)
        asyncio.run(run(state.database_url))
        sys.stdout.flush()
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except BrokenPipeError:
        # The interpreter would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
    except RegoGateError as error:
        _fail(str(error))
    except database_errors() as error:
        _fail(f"database: {describe(error)}")


def _fail(message: str) -> None:
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(1)


def _print_json(record: dict[str, Any]) -> None:
    # ASCII only: whatever a caller sent must not reach the terminal as control characters.
    print(json.dumps(record), flush=True)


def _print_line(record: dict[str, Any]) -> None:
    """One record a line: when, what kind, the outcome, who asked what, why."""
    line = Text(f"{record['time'][:23]}Z ", style="dim", overflow="ignore")
    line.append(f"{record['kind']:<10} ", style="default")
    decision = record["decision"] or ""
    line.append(f"{decision:<9} ", style=_COLOURS.get(decision, "default"))
    line.append(f"{record['status'] or '':>3} ", style="default")
    parts = {
        "": record["operation"],
        "client=": record["client_id"],
        "model=": record["model"],
        "tool=": record.get("tool"),
        "reasons=": ",".join(record["reasons"]),
        "findings=": ",".join(record["findings"]),
        "outcome=": record.get("outcome"),
        "count=": record.get("count"),
        "revision=": record["policy_revision"],
        "request=": record["request_id"],
    }
    told = [f"{name}{value}" for name, value in parts.items() if value]
    line.append(printable(" ".join(told)), style="default")
    _console().print(line, soft_wrap=True, highlight=False)
    sys.stdout.flush()


def _print_whole(record: dict[str, Any]) -> None:
    """One record as a table of fields, nested JSON indented."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0), title_justify="left")
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name in sorted(record, key=lambda name: (name not in read.ALWAYS, name)):
        value = record[name]
        if value in (None, [], ""):
            continue
        text = (
            _indented(value)
            if name in _NESTED
            else ", ".join(value)
            if isinstance(value, list)
            else str(value)
        )
        style = _COLOURS.get(text, "default") if name == "decision" else "default"
        table.add_row(Text(printable(name)), Text(printable(text, keep="\n"), style=style))
    console = _console()
    console.print(table)
    console.print()


def _indented(value: str) -> str:
    try:
        return json.dumps(json.loads(value), indent=2, ensure_ascii=False)
    except ValueError:
        return value


def _console() -> Console:
    return Console(file=sys.stdout, markup=False, emoji=False)


def printable(text: str, *, keep: str = "") -> str:
    """`text` with every character that is not printable escaped, so that none acts on a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)
