"""Recorded decisions of an installation as a plain iterator: what `audit export` and `policy replay` read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from dataplane.audit import export
from dataplane.audit.attempt import describe
from dataplane.audit.export import Page, Wanted
from dataplane.audit.migrate import database_errors
from dataplane.cli.periods import point_us
from dataplane.database import Database
from dataplane.errors import RegoGateError


def wanted(
    since: str | None, until: str | None, clients: Sequence[str] | None, models: Sequence[str] | None
) -> Wanted:
    """What the options of a command ask for. Raises `typer.BadParameter`."""
    return Wanted(
        since_us=None if since is None else point_us(since, "--since"),
        until_us=None if until is None else point_us(until, "--until"),
        clients=tuple(clients or ()),
        models=tuple(models or ()),
    )


def recorded_pages(url: str, asked: Wanted) -> Iterator[Page]:
    """The pages of `export.pages`, read on this thread as they are needed. Raises `RegoGateError`."""
    with asyncio.Runner() as runner:
        database = Database(url)
        pages = export.pages(database, asked)
        try:
            while True:
                try:
                    page = runner.run(anext(pages))
                except StopAsyncIteration:
                    return
                yield page
        except database_errors() as error:
            raise RegoGateError(f"database: {describe(error)}") from None
        finally:
            runner.run(_closed(pages, database))


def recorded_names(url: str, asked: Wanted, column: str) -> list[str]:
    """The clients or models that were there instead. Raises `RegoGateError`."""

    async def work() -> list[str]:
        database = Database(url)
        try:
            return await export.seen(database, asked, column)
        finally:
            await database.close()

    try:
        return asyncio.run(work())
    except database_errors() as error:
        raise RegoGateError(f"database: {describe(error)}") from None


async def _closed(pages: Any, database: Database) -> None:
    await pages.aclose()
    await database.close()
