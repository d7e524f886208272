"""The schema on both databases."""

import asyncio
import socket
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

import dataplane.audit.models
import dataplane.identity.models
import dataplane.usage.models  # noqa: F401  each declares its tables
from dataplane.audit.migrate import HEAD, migrate, migrations
from dataplane.database import Database, metadata
from dataplane.errors import ConfigError


def test_migrations_make_exactly_the_tables_that_are_declared(url: str) -> None:
    async def main() -> None:
        database = Database(url)
        await migrate(database)
        differences = await database.run(
            lambda connection: compare_metadata(
                MigrationContext.configure(connection, opts={"compare_type": True}), metadata
            )
        )
        assert differences == []
        tables = await database.run(lambda connection: set(inspect(connection).get_table_names()))
        assert tables == {
            "records",
            "activations",
            "trials",
            "trial_reports",
            "api_keys",
            "api_keys_version",
            "admin_tokens",
            "usage_hours",
            "usage_mark",
            "alembic_version",
        }
        await database.close()

    asyncio.run(main())


def test_the_head_that_the_program_knows_is_that_of_the_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations()))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_processes_that_start_together_take_turns(url: str) -> None:
    async def main() -> None:
        databases = [Database(url) for _ in range(4)]
        await asyncio.gather(*(migrate(database) for database in databases))
        await migrate(databases[0])
        for database in databases:
            await database.close()

    asyncio.run(main())


def test_a_database_of_a_newer_version_is_refused(url: str) -> None:
    async def main() -> None:
        database = Database(url)
        await migrate(database)
        await database.run(
            lambda connection: connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        )
        with pytest.raises(ConfigError, match="newer version"):
            await migrate(database)
        await database.close()

    asyncio.run(main())


def test_a_file_that_is_no_database_or_stays_locked_is_refused(short_dir: Path) -> None:
    async def refusal(path: Path) -> str:
        database = Database(f"sqlite:///{path}")
        with pytest.raises(ConfigError) as caught:
            await migrate(database, patience_s=0.2)
        await database.close()
        return str(caught.value)

    garbage = short_dir / "garbage.db"
    garbage.write_bytes(b"not a database" * 100)
    assert "not a database" in asyncio.run(refusal(garbage))
    locked = short_dir / "locked.db"
    other = sqlite3.connect(locked, isolation_level=None)
    other.execute("PRAGMA journal_mode=WAL")
    other.execute("BEGIN IMMEDIATE")
    assert "locked" in asyncio.run(refusal(locked))
    other.close()


def test_a_server_that_is_not_there_is_refused(short_dir: Path) -> None:
    async def main() -> None:
        database = Database(f"postgresql://postgres@/postgres?host={short_dir}")
        with pytest.raises(ConfigError, match="FileNotFoundError"):
            await migrate(database, patience_s=0.0)
        await database.close()

    asyncio.run(main())


def test_an_address_that_nobody_answers_at_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    async def main() -> None:
        database = Database(f"postgresql://postgres:hunter2@127.0.0.1:{port}/postgres")
        with pytest.raises(ConfigError) as caught:
            await migrate(database, patience_s=0.0)
        assert "ConnectionRefusedError" in str(caught.value)
        assert str(port) in str(caught.value)
        assert "hunter2" not in str(caught.value)
        await database.close()

    asyncio.run(main())
