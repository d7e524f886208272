"""Commands that change keys and tokens: the database of an installation, and the errors it raises."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import typer
from sqlalchemy.exc import DBAPIError

from dataplane.audit.migrate import database_errors
from dataplane.audit.notes import write_note
from dataplane.cli.state import State, open_state
from dataplane.database import Database
from dataplane.errors import RegoGateError
from dataplane.identity.admin_tokens import AdminTokens
from dataplane.identity.recorded import RecordedKeys, RecordedTokens
from dataplane.identity.store import KeyProblem, KeyStore, Settled, UnknownKey

T = TypeVar("T")

BY: Final = "cli"
"""Who changed keys and tokens by command, in records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The database of an installation, running or stopped, and what commands do there."""

    state: State
    database: Database
    store: KeyStore
    tokens: AdminTokens

    @property
    def keys(self) -> RecordedKeys:
        """Changes to keys, recorded."""
        return RecordedKeys(self.store, self._note, by=BY)

    @property
    def recorded_tokens(self) -> RecordedTokens:
        """Changes to tokens, recorded."""
        return RecordedTokens(self.tokens, self._note, by=BY)

    async def _note(self, kind: str, fields: Mapping[str, object]) -> None:
        await write_note(self.database, kind, fields, installation_key=self.state.installation_key)


def work_on(config: Path | None, data_dir: Path | None, work: Callable[[Installation], Awaitable[T]]) -> T:
    """Run `work` on the installation; problems go to stderr and end with exit code 1 or 2 (usage)."""

    async def run(state: State) -> T:
        database = Database(state.database_url)
        store = KeyStore(database, state.installation_key)
        tokens = AdminTokens(database, state.installation_key)
        try:
            return await work(Installation(state=state, database=database, store=store, tokens=tokens))
        finally:
            await database.close()

    try:
        return asyncio.run(run(open_state(config, data_dir)))
    except (UnknownKey, Settled) as error:
        fail(str(error), 1)
    except KeyProblem as error:
        fail(str(error), 2)
    except RegoGateError as error:
        fail(str(error), 1)
    except DBAPIError as error:
        # Never str(error): it repeats the statement with its parameters.
        fail(f"database: {error.orig}", 1)
    except database_errors() as error:
        fail(f"database: {error or type(error).__name__}", 1)
    raise AssertionError("unreachable")


def fail(message: str, code: int) -> None:
    """End with one line on stderr."""
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(code)
