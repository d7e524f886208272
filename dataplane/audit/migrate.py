"""The schema, brought to its newest version at every start.

The whole upgrade is one transaction on either database, and processes that start together take turns:
SQLite by its write lock, PostgreSQL by an advisory lock that ends with the transaction.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, column, inspect, select, table
from sqlalchemy.exc import SQLAlchemyError

from dataplane.audit.attempt import describe
from dataplane.database import Database
from dataplane.errors import ConfigError

HEAD: Final = "0006"
"""The newest migration, as a database says that it has it."""

LOCK_ID: Final = 0x7265676F  # "rego"
"""Key of the advisory lock."""

PATIENCE_S: Final = 15.0
"""How long to wait for another process that upgrades; longer than any upgrade of an installation."""

_RETRY_S: Final = 0.1
_VERSIONS: Final = table("alembic_version", column("version_num"))
_PACKAGE: Final = Path(__file__).resolve().parent.parent


def database_errors() -> tuple[type[Exception], ...]:
    """What `Database.run` raises: drivers' own errors come through where no connection can be made. To be
    asked for when something was raised: PostgreSQL's driver is imported by who uses it."""
    asyncpg = sys.modules.get("asyncpg")
    postgres = () if asyncpg is None else (asyncpg.PostgresError, asyncpg.InterfaceError)
    return (SQLAlchemyError, sqlite3.Error, OSError, *postgres)


def migrations() -> Path:
    """The folder of migrations: in the wheel, else beside the package in a checkout."""
    for candidate in (_PACKAGE / "_shipped" / "migrations", _PACKAGE.parent / "migrations"):
        if (candidate / "env.py").is_file():
            return candidate
    raise ConfigError(f"migrations/env.py is neither in {_PACKAGE} nor beside it: incomplete install")


async def migrate(database: Database, *, patience_s: float = PATIENCE_S) -> None:
    """Bring the schema up to date; does nothing where it is.

    Raises `ConfigError` where the database cannot be reached or written in `patience_s`, or was written
    by a newer version of this program.
    """
    give_up = time.monotonic() + patience_s
    while True:
        try:
            await database.run(upgrade)
            return
        except database_errors() as error:
            if time.monotonic() >= give_up:
                raise ConfigError(f"audit.database: {describe(error)}") from None
        await asyncio.sleep(_RETRY_S)


def upgrade(connection: Connection) -> None:
    """Every migration that is not applied yet, inside the connection's transaction. Raises `ConfigError` for
    a schema of a newer version."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK_ID})")
    if _is_at(connection, HEAD):
        return
    # Here: a database that is as it should be, nearly every one, would wait for a fifth of a second.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(migrations()).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError:
        raise ConfigError(
            "audit.database: it was made by a newer version of this program; upgrade, or use another"
        ) from None


def _is_at(connection: Connection, revision: str) -> bool:
    """Whether a database names just this revision (alembic keeps it in a table of one column)."""
    if not inspect(connection).has_table(_VERSIONS.name):
        return False
    return connection.scalars(select(_VERSIONS.c.version_num)).all() == [revision]
