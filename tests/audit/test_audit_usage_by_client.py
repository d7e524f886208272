"""What clients did, from the records: for grants that nobody uses."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

from audit_kit import KEY, call, decision

from dataplane.audit.log import DurableLog
from dataplane.audit.migrate import migrate
from dataplane.audit.usage_by_client import used_by_client
from dataplane.database import Database
from dataplane.domain import AuditLevel, CallFacts, Identity, Operation
from dataplane.errors import Refused

CHAT = "chat.completions.create"


def test_calls_that_went_ahead_are_told_by_client_and_refused_ones_are_not(tmp_path: Path) -> None:
    async def main() -> None:
        database = Database(f"sqlite:///{tmp_path}/a.db")
        await migrate(database)
        assert await used_by_client(database, 0) == {}
        log = DurableLog(database, key=KEY, instance="a", timeout_s=10.0)
        await log.start()
        for model in ("gpt-4o-mini", "gpt-4o", "gpt-4o"):
            await log.intent(call(facts=CallFacts(model=model)))
        other = Identity(client_id="batch", method="jwt")
        listed = Operation(id="models.list")
        await log.intent(call(identity=other, operation=listed, facts=CallFacts()))
        # A record of the level that stores least tells it, too.
        least = replace(decision(), audit=AuditLevel.HASH)
        await log.intent(call(identity=other, decision=least, facts=CallFacts(model="o1")))
        await log.deny(call(facts=CallFacts(model="o1")), Refused("gateway.unknown_operation"))
        await log.close()
        now_us = time.time_ns() // 1000
        assert await used_by_client(database, now_us - 60_000_000) == {
            "support": {(CHAT, "gpt-4o-mini"), (CHAT, "gpt-4o")},
            "batch": {("models.list", None), (CHAT, "o1")},
        }
        assert await used_by_client(database, now_us + 60_000_000) == {}
        await database.close()

    asyncio.run(main())
