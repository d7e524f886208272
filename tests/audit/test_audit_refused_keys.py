"""Refused uses of keys: records at a bounded rate, and nothing that is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from dataplane.audit.draft import KINDS
from dataplane.audit.flood import OVERALL, PER_SOURCE
from dataplane.audit.refused_keys import RefusedKeyUses


class Log:
    def __init__(self) -> None:
        self.notes: list[dict[str, Any]] = []
        self.down: list[str] = []

    def put_note(self, kind: str, fields: Mapping[str, object]) -> None:
        assert kind == "key"
        assert kind in KINDS
        self.notes.append(dict(fields))

    def problems(self) -> list[str]:
        return self.down


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_one_use_is_one_record() -> None:
    async def main() -> None:
        log = Log()
        RefusedKeyUses(log)("aaaaaaaaaa", "support", "revoked", "r-1")
        about = {"key_id": "aaaaaaaaaa", "client_id": "support", "why": "revoked", "request_id": "r-1"}
        assert log.notes == [{"action": "refused", **about}]

    asyncio.run(main())


def test_a_flood_is_counted_and_the_counts_are_one_record() -> None:
    async def main() -> None:
        log, clock = Log(), Clock()
        uses = RefusedKeyUses(log, clock=clock)
        for _ in range(1000):
            uses("aaaaaaaaaa", "support", "revoked", "r")
        assert len(log.notes) == PER_SOURCE
        for number in range(1000):
            uses(f"k{number}", "support", "expired", "r")
        assert len(log.notes) == OVERALL
        uses.close()
        [tally] = log.notes[OVERALL:]
        assert tally["count"] == 2000 - OVERALL
        counts = json.loads(tally["counts"])
        assert counts["aaaaaaaaaa revoked"] == 1000 - PER_SOURCE
        assert sum(counts.values()) == tally["count"]
        assert len(counts) <= 201

    asyncio.run(main())


def test_while_the_database_is_down_nothing_piles_up() -> None:
    async def main() -> None:
        log = Log()
        log.down = ["audit database: refused"]
        uses = RefusedKeyUses(log)
        for _ in range(100):
            uses("aaaaaaaaaa", "support", "network", "r")
        assert log.notes == []
        log.down = []
        async with asyncio.timeout(10):
            while not log.notes:
                await asyncio.sleep(0.01)
        assert [one["count"] for one in log.notes] == [100]
        uses.close()
        assert len(log.notes) == 1

    asyncio.run(main())
