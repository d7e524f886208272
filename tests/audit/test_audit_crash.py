"""kill -9 under load."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

from audit_kit import KEY, beside

from dataplane.audit import read
from dataplane.audit.chain import verify_chain
from dataplane.audit.migrate import migrate
from dataplane.audit.notes import write_note
from dataplane.audit.store import Stored
from dataplane.database import Database

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
ACKNOWLEDGED = 1000


def test_every_acknowledged_intent_survives_a_kill_and_the_chain_holds(url: str) -> None:
    process = subprocess.Popen(
        [sys.executable, str(HERE / "audit_crash.py"), url],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(HERE)))},
        text=True,
    )
    assert process.stdout is not None
    try:
        acknowledged = [process.stdout.readline().strip() for _ in range(ACKNOWLEDGED)]
        inserters = beside(process.pid)
        assert len(inserters) == url.startswith("sqlite")
    finally:
        process.kill()
        rest = process.stdout.read()
        process.wait()
        process.stdout.close()
    # The last line may have been cut off by the kill.
    acknowledged += rest.split("\n")[:-1]
    assert all(acknowledged)

    async def look() -> list[Stored]:
        database = Database(url)
        await migrate(database)
        await write_note(database, "config", {}, installation_key=KEY)
        rows = [row async for row in read.tail(database, 0)]
        await database.close()
        return rows

    for inserter in inserters:
        wait_until_gone(inserter)
    rows = asyncio.run(look())
    assert set(acknowledged) <= {row.id for row in rows if row.kind == "intent"}
    assert list(verify_chain(rows)) == []
    assert len({row.writer for row in rows}) == 2


def wait_until_gone(pid: int) -> None:
    """Fails after 10 s. What is gone may stay in the table where nobody adopts it."""
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
        assert time.monotonic() < deadline, "it outlived its parent"
        time.sleep(0.01)
