"""The active policy's tables for those beside the decision: networks by name, and any table when asked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final

import orjson

from dataplane.errors import RegoGateError
from dataplane.policy.activation import Activations
from dataplane.policy.client import OpaClient

LOOK_S: Final = 0.2
"""How soon after an activation its networks count."""

READ_S: Final = 5.0
"""For one table; OPA answers in milliseconds."""

_MAPPED: Final = IPv6Network("::ffff:0:0/96")

Network = IPv4Network | IPv6Network
Networks = Mapping[str, tuple[Network, ...]]

_log = logging.getLogger("regogate.policy")


class TableUnread(RegoGateError):
    """OPA did not give a table."""


class PolicyTables:
    """Reads tables of the active bundle out of OPA. `networks` costs nothing to call; a task reads them once
    for each activation and keeps the last while there is no other."""

    def __init__(self, activations: Activations, *, look_s: float = LOOK_S) -> None:
        self._activations = activations
        self._look_s = look_s
        self._client: OpaClient | None = None
        self._networks: Networks | None = None
        self._read: str | None = None
        self._task: asyncio.Task[None] | None = None

    def networks(self) -> Networks | None:
        """The networks by name; None until they were read once."""
        return self._networks

    async def table(self, name: str) -> dict[str, Any]:
        """A table of the active bundle, empty where it has none. Raises `TableUnread`."""
        if self._client is None:
            raise TableUnread("OPA is not started yet")
        try:
            async with asyncio.timeout(READ_S):
                status, body = await self._client.get(f"/v1/data/regogate/{name}")
            answer = orjson.loads(body) if status == 200 else None
        except (TimeoutError, RegoGateError, orjson.JSONDecodeError) as error:
            raise TableUnread(f"the policy's {name}: {error or type(error).__name__}") from None
        if not isinstance(answer, dict):
            raise TableUnread(f"the policy's {name}: OPA answers {status}")
        found = answer.get("result", {})
        return found if isinstance(found, dict) else {}

    def start(self, client: OpaClient) -> None:
        """Read from now on."""
        self._client = client
        self._task = asyncio.create_task(self._keep_reading(), name="policy networks")

    async def close(self) -> None:
        """Stop; the client is not closed."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    async def _keep_reading(self) -> None:
        while True:
            current = self._activations.current
            if current is not None and current.revision != self._read:
                try:
                    self._networks = parse_networks(await self.table("networks"))
                    self._read = current.revision
                except TableUnread as error:
                    _log.warning("policy networks unread", extra={"why": str(error)})
            await asyncio.sleep(self._look_s)


def parse_networks(table: Mapping[str, Any]) -> Networks:
    """The ranges of each name as OPA's `net.cidr_contains` takes them: host bits are no fault, IPv4-mapped
    IPv6 is IPv4. What is no range is left out, so that a name with nothing else admits nobody."""
    return {
        name: tuple(found for text in ranges if (found := _range(text)) is not None)
        for name, ranges in table.items()
        if isinstance(ranges, list)
    }


def _range(text: Any) -> Network | None:
    try:
        network = ip_network(text, strict=False) if isinstance(text, str) else None
    except ValueError:
        return None
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        return IPv4Network((network.network_address.packed[-4:], network.prefixlen - _MAPPED.prefixlen))
    return network
