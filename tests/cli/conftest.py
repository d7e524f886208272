"""What several commands are tried on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from dataplane.database import Database, metadata
from dataplane.installation import write_json


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """The data directory of a gateway that ran once, with its tables."""
    url = f"sqlite:///{tmp_path}/regogate.db"
    write_json(tmp_path / "state.json", {"database_url": url})

    async def main() -> None:
        database = Database(url)
        await database.run(metadata.create_all)
        await database.close()

    asyncio.run(main())
    return tmp_path
