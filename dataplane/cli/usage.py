"""`regogate usage`: what was spent and used, by client, tenant, model and day, added up from the records."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import aclosing
from enum import StrEnum
from typing import Annotated, Final

import typer

from dataplane.audit.attempt import describe
from dataplane.audit.migrate import database_errors
from dataplane.cli.periods import point_us
from dataplane.cli.state import ConfigOption, DataDirOption, open_state
from dataplane.cli.usage_text import as_csv, as_json, as_table
from dataplane.database import Database
from dataplane.errors import RegoGateError
from dataplane.usage.calls import pages
from dataplane.usage.showback import BY, Showback

SINCE: Final = "30d"
LINE_S: Final = 5.0
"""Between lines of progress on standard error."""


class Format(StrEnum):
    """For whom the sums are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def usage(
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by", metavar="NAME", help=f"One of {', '.join(BY)}; repeat for more. Default client."
        ),
    ] = None,
    since: Annotated[
        str, typer.Option("--since", metavar="AGE|TIME", help="Ended since: 24h, 7d, 2026-11-01.")
    ] = SINCE,
    until: Annotated[
        str | None, typer.Option("--until", metavar="AGE|TIME", help="And before; now when left out.")
    ] = None,
    client: Annotated[
        list[str] | None, typer.Option("--client", metavar="ID", help="Only this client; repeat for more.")
    ] = None,
    tenant: Annotated[
        list[str] | None, typer.Option("--tenant", metavar="ID", help="Only this tenant; repeat for more.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option("--model", metavar="ID", help="Only this model; repeat for more.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="For people, a spreadsheet, a program.")] = (
        Format.TABLE
    ),
    json_: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Show spend and tokens, added up from the records. Works on a gateway that runs or is stopped.

    Refused calls, calls of models without a price, and calls that never ended are counted apart. Times are
    UTC, money is in US dollars, and every sum is exact.

    \b
    Examples:
      regogate usage --by tenant --since 2026-11-01 --until 2026-12-01 --config regogate.yaml
      regogate usage --by day --by model --client support-team --since 7d
      regogate usage --by tenant --by month --since 365d --format csv > showback.csv
    """
    names = _names(by)
    since_us = point_us(since, "--since")
    until_us = time.time_ns() // 1000 if until is None else point_us(until, "--until")
    if until_us <= since_us:
        raise typer.BadParameter("is not later than --since", param_hint="--until")
    only = {"client": client, "tenant": tenant, "model": model}
    sums = Showback(by=names, only={name: frozenset(given) for name, given in only.items() if given})
    try:
        state = open_state(config, data_dir)
        asyncio.run(_add_up(state.database_url, since_us, until_us, sums))
        show = as_json if json_ else {"csv": as_csv, "json": as_json, "table": as_table}[form]
        sys.stdout.write(show(sums, since_us, until_us))
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
    except RegoGateError as error:
        _fail(str(error))
    except database_errors() as error:
        _fail(f"database: {describe(error)}")


def _names(by: list[str] | None) -> list[str]:
    """What to group by, each once, in the order given; names may be joined by commas."""
    names = list(dict.fromkeys(name.strip() for given in by or ["client"] for name in given.split(",")))
    for name in names:
        if name not in BY:
            raise typer.BadParameter(f"give one of {', '.join(BY)}", param_hint="--by")
    return names


async def _add_up(url: str, since_us: int, until_us: int, sums: Showback) -> None:
    database, said_s = Database(url), time.monotonic()
    try:
        async with aclosing(pages(database, since_us, until_us)) as found:
            async for page in found:
                sums.add(page.calls)
                if time.monotonic() - said_s >= LINE_S:
                    said_s = time.monotonic()
                    counted = sums.total.calls + sums.total.refused
                    print(f"{page.share:4.0%}  {counted:,} calls", file=sys.stderr, flush=True)
    finally:
        await database.close()


def _fail(message: str) -> None:
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(1)
