"""The schema, brought to its newest version at every start.

The whole upgrade is one transaction on either database, and processes that start together take turns:
SQLite by its write lock, PostgreSQL by an advisory lock that ends with the transaction.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path
from typing import Final

import asyncpg
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from dataplane.audit.attempt import describe
from dataplane.database import Database
from dataplane.errors import ConfigError

LOCK_ID: Final = 0x7265676F  # "rego"
"""Key of the advisory lock."""

PATIENCE_S: Final = 15.0
"""How long to wait for another process that upgrades; longer than any upgrade of an installation."""

DATABASE_ERRORS: Final = (
    SQLAlchemyError,
    sqlite3.Error,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    OSError,
)
"""What `Database.run` raises: drivers' own errors come through where no connection can be made."""

_RETRY_S: Final = 0.1
_PACKAGE: Final = Path(__file__).resolve().parent.parent


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
        except DATABASE_ERRORS as error:
            if time.monotonic() >= give_up:
                raise ConfigError(f"audit.database: {describe(error)}") from None
        await asyncio.sleep(_RETRY_S)


def upgrade(connection: Connection) -> None:
    """Every migration that is not applied yet, inside the connection's transaction. Raises `ConfigError` for
    a schema of a newer version."""
    # Here: whoever only names `DATABASE_ERRORS` would wait for a fifth of a second.
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK_ID})")
    config = Config()
    config.set_main_option("script_location", str(migrations()).replace("%", "%%"))
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    if MigrationContext.configure(connection).get_current_revision() == scripts.get_current_head():
        return
    try:
        command.upgrade(config, "head")
    except CommandError:
        raise ConfigError(
            "audit.database: it was made by a newer version of this program; upgrade, or use another"
        ) from None
