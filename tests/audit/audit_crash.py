"""Run as a process and killed by a test: records calls as fast as it can, and prints each durable id."""

from __future__ import annotations

import asyncio
import sys

from audit_kit import KEY, call, ended

from dataplane.audit.log import DurableLog
from dataplane.audit.migrate import migrate
from dataplane.database import Database
from dataplane.domain import Outcome


async def main(url: str) -> None:
    database = Database(url)
    await migrate(database)
    log = DurableLog(database, key=KEY, instance="crash", beside=True)
    await log.start()

    async def caller(number: int) -> None:
        for n in range(1_000_000):
            state = call(f"r-{number}-{n}")
            await log.intent(state)
            # As the pipeline does: only a durable intent lets anything leave the process.
            sys.stdout.write(f"{state.intent_id}\n")
            sys.stdout.flush()
            log.completion(ended(state), Outcome.OK)

    await asyncio.gather(*(caller(number) for number in range(8)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
