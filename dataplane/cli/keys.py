"""`regogate keys`: the API keys of callers. Works on the database, whether the gateway runs or not."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, TypeVar

import asyncpg
import typer
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from dataplane.cli.state import ConfigOption, DataDirOption, State, open_state
from dataplane.database import Database
from dataplane.errors import RegoGateError
from dataplane.identity.models import KeyRow
from dataplane.identity.store import KeyProblem, KeyStore, UnknownKey, now_us

T = TypeVar("T")

_UNITS_US: Final = {"m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_DURATION: Final = re.compile(r"([0-9]{1,6})([mhd])", re.ASCII)

_DATABASE_ERRORS: Final = (
    SQLAlchemyError,
    sqlite3.Error,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    OSError,
)
"""What `Database.run` raises: drivers' own errors come through where a connection cannot be made."""

app = typer.Typer(
    rich_markup_mode=None, no_args_is_help=True, help="Create, list, show and revoke callers' API keys."
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]


@app.command()
def create(
    client: Annotated[str, typer.Option("--client", help="Client id, as in the policy's clients table.")],
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="DURATION", help="Such as 90d, 12h or 30m.")
    ] = None,
    label: Annotated[str | None, typer.Option("--label", help="What the key is for; one line.")] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Make a key and print it, this once: only a digest of it is kept.

    \b
    Examples:
      regogate keys create --client support-team --expires 90d --config regogate.yaml
      KEY=$(regogate keys create --client demo --label "load test" --data-dir .regogate)
    """
    lifetime_us = None if expires is None else duration_us(expires)

    async def work(state: State, database: Database, store: KeyStore) -> tuple[str, KeyRow]:
        key, row = await store.create(client, lifetime_us=lifetime_us, label=label)
        try:
            await _note(state, database, "create", row)
        except BaseException:
            # A key without its record must not open anything, even though nobody has seen it.
            await store.revoke(row.id, reason="its creation was not recorded")
            raise
        return key.text, row

    text, row = _with_store(config, data_dir, work)
    if as_json:
        typer.echo(json.dumps({"key": text} | _fields(row)))
        return
    until = f"expires {_time(row.expires_us)}" if row.expires_us is not None else "does not expire"
    typer.echo(f"Key {row.prefix} for client {row.client_id}, {until}. It is shown this once:", err=True)
    typer.echo(text)


@app.command(name="list")
def list_(
    client: Annotated[str | None, typer.Option("--client", help="Only the keys of this client.")] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """List keys, oldest first, with their state: active, expired or revoked.

    \b
    Examples:
      regogate keys list --config regogate.yaml
      regogate keys list --client support-team --json --data-dir .regogate
    """

    async def work(_: State, __: Database, store: KeyStore) -> list[KeyRow]:
        return await store.list_keys(client)

    rows = _with_store(config, data_dir, work)
    if as_json:
        for row in rows:
            typer.echo(json.dumps(_fields(row)))
        return
    lines = [("KEY", "CLIENT", "CREATED", "EXPIRES", "STATE", "LABEL")]
    for row in rows:
        expires = _time(row.expires_us) or "never"
        created = _time(row.created_us) or ""
        lines.append((row.prefix, row.client_id, created, expires, row.state(now_us()), row.label or ""))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


@app.command()
def show(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, with or without rgk_.")],
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Show what is known of one key; the key itself is not.

    \b
    Example:
      regogate keys show k3vq7m2xaz --config regogate.yaml
    """

    async def work(_: State, __: Database, store: KeyStore) -> KeyRow:
        return await store.show(key_id)

    fields = _fields(_with_store(config, data_dir, work))
    if as_json:
        typer.echo(json.dumps(fields))
        return
    for name, value in fields.items():
        if value is not None:
            typer.echo(f"{name + ':':<16}{value}")


@app.command()
def revoke(
    key_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="The key's id, with or without rgk_.")
    ] = None,
    id_option: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="The same, as an option.")
    ] = None,
    client: Annotated[str | None, typer.Option("--client", help="Revoke every key of this client.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Kept with the key and recorded.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, also on a terminal.")] = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Revoke a key, or every key of a client; running gateways refuse it within 2 seconds.

    \b
    Examples:
      regogate keys revoke k3vq7m2xaz --reason "left the company" --config regogate.yaml
      regogate keys revoke --client support-team --reason incident-42 --yes --data-dir .regogate
    """
    given = [value for value in (key_id, id_option, client) if value is not None]
    if len(given) != 1:
        raise typer.BadParameter("give exactly one of: a key's id, --client")
    what = f"every key of client {client}" if client is not None else f"key {given[0]}"
    if not yes and sys.stdin.isatty():
        typer.confirm(f"Revoke {what}?", abort=True, err=True)

    async def work(state: State, database: Database, store: KeyStore) -> None:
        if client is not None:
            revoked = await store.revoke_client(client, reason=reason)
        else:
            row, changed = await store.revoke(given[0], reason=reason)
            revoked = [row] if changed else []
        # Said before the records are written: a failure there must not hide that the key is shut.
        for row in revoked:
            typer.echo(f"revoked {row.prefix} of client {row.client_id}")
        if not revoked:
            typer.echo(f"nothing to do: {what} was revoked before")
        for row in revoked:
            await _note(state, database, "revoke", row)

    _with_store(config, data_dir, work)


def duration_us(text: str) -> int:
    """Microseconds of a duration such as `90d`, `12h`, `30m`. Raises `typer.BadParameter` (exit 2)."""
    match = _DURATION.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise typer.BadParameter(f"{text!r:.40} is not a duration such as 90d, 12h or 30m")
    return int(match[1]) * _UNITS_US[match[2]]


def _with_store(
    config: Path | None, data_dir: Path | None, work: Callable[[State, Database, KeyStore], Awaitable[T]]
) -> T:
    """Run `work` on the state's database; problems go to stderr and end with exit code 1 or 2 (usage)."""

    async def run(state: State) -> T:
        database = Database(state.database_url)
        try:
            return await work(state, database, KeyStore(database, state.installation_key))
        finally:
            await database.close()

    try:
        return asyncio.run(run(open_state(config, data_dir)))
    except UnknownKey as error:
        _fail(str(error), 1)
    except KeyProblem as error:
        _fail(str(error), 2)
    except RegoGateError as error:
        _fail(str(error), 1)
    except DBAPIError as error:
        # Never str(error): it repeats the statement with its parameters.
        _fail(f"database: {error.orig}", 1)
    except _DATABASE_ERRORS as error:
        _fail(f"database: {error or type(error).__name__}", 1)
    raise AssertionError("unreachable")


def _fail(message: str, code: int) -> None:
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(code)


async def _note(state: State, database: Database, action: str, row: KeyRow) -> None:
    """The `key` record of what was done to a key."""
    from dataplane.audit.notes import write_note  # here: listing keys needs no audit code

    fields: dict[str, object] = {"action": action, "key_id": row.id, "client_id": row.client_id}
    if row.expires_us is not None:
        fields["expires_us"] = row.expires_us
    if row.revoked_reason is not None:
        fields["reason"] = row.revoked_reason
    await write_note(database, "key", fields, installation_key=state.installation_key)


def _fields(row: KeyRow) -> dict[str, str | None]:
    return {
        "id": row.id,
        "client_id": row.client_id,
        "prefix": row.prefix,
        "label": row.label,
        "created": _time(row.created_us),
        "expires": _time(row.expires_us),
        "revoked": _time(row.revoked_us),
        "revoked_reason": row.revoked_reason,
        "state": row.state(now_us()),
    }


def _time(us: int | None) -> str | None:
    return None if us is None else datetime.fromtimestamp(us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
