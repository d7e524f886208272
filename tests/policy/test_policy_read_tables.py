"""The policy's networks, read for those beside the decision."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network
from typing import Any, cast

import orjson
import pytest

from dataplane.policy.activation import Activation, Activations
from dataplane.policy.client import OpaClient, OpaUnreachable
from dataplane.policy.read_tables import PolicyTables, TableUnread, parse_networks


class FakeOpa:
    """Tables by name; `broken` is what it answers or raises instead."""

    def __init__(self) -> None:
        self.tables: dict[str, Any] = {}
        self.asked: list[str] = []
        self.broken: tuple[int, bytes] | Exception | None = None

    async def get(self, target: str) -> tuple[int, bytes]:
        self.asked.append(target)
        if isinstance(self.broken, Exception):
            raise self.broken
        if self.broken is not None:
            return self.broken
        name = target.removeprefix("/v1/data/regogate/")
        return 200, orjson.dumps({"result": self.tables[name]} if name in self.tables else {})


def test_ranges_are_read_as_opa_reads_them() -> None:
    table = {
        "corp": ["10.1.2.3/8", "::ffff:192.0.2.0/120", "2001:db8::/32", "10.0.0.0/99", 7, None],
        "empty": [],
        "odd": "10.0.0.0/8",
    }
    corp = tuple(map(ip_network, ("10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32")))
    assert parse_networks(table) == {"corp": corp, "empty": ()}


@pytest.mark.parametrize(
    "broken", [(500, b"{}"), (200, b"{"), (200, b"[]"), OpaUnreachable("gone"), TimeoutError()]
)
def test_a_table_that_cannot_be_read_is_said_so(broken: Any) -> None:
    async def main() -> None:
        opa = FakeOpa()
        tables = PolicyTables(Activations(bundle="main", on_switch=lambda _: None))
        with pytest.raises(TableUnread, match="not started"):
            await tables.table("clients")
        tables.start(cast(OpaClient, opa))
        opa.broken = broken
        with pytest.raises(TableUnread):
            await tables.table("clients")
        opa.broken = None
        assert await tables.table("clients") == {}
        opa.tables["clients"] = {"a": {}}
        assert await tables.table("clients") == {"a": {}}
        await tables.close()

    asyncio.run(main())


def test_networks_are_read_once_for_each_activation_and_kept_when_that_fails() -> None:
    async def main() -> None:
        opa = FakeOpa()
        activations = Activations(bundle="main", on_switch=lambda _: None)
        tables = PolicyTables(activations, look_s=0.001)
        tables.start(cast(OpaClient, opa))
        await asyncio.sleep(0.01)
        assert tables.networks() is None
        assert opa.asked == []

        async def until(wanted: Any) -> None:
            async with asyncio.timeout(10):
                while tables.networks() != wanted:
                    await asyncio.sleep(0.001)

        opa.tables["networks"] = {"corp": ["10.0.0.0/8"]}
        activations.current = Activation(revision="1-gabcdef0-0123456789ab", seq=1)
        await until({"corp": (ip_network("10.0.0.0/8"),)})
        await asyncio.sleep(0.01)
        assert len(opa.asked) == 1

        opa.broken = (500, b"")
        activations.current = Activation(revision="2-gabcdef0-0123456789ab", seq=2)
        async with asyncio.timeout(10):
            while len(opa.asked) < 3:
                await asyncio.sleep(0.001)
        assert tables.networks() == {"corp": (ip_network("10.0.0.0/8"),)}
        opa.broken, opa.tables["networks"] = None, {}
        await until({})
        activations.current = None
        await asyncio.sleep(0.01)
        assert tables.networks() == {}
        await tables.close()

    asyncio.run(main())
