"""Where the Redis servers of the limits are, and connections to them."""

from __future__ import annotations

import asyncio
import binascii
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.exceptions import RedisError

from dataplane.limits.redis_codec import epoch_key

PORT: Final = 6379
CLUSTER_SLOTS: Final = 16_384
ASK_S: Final = 0.3
"""For what one node of a cluster says; a link gives a connection a second in all."""
EVICTS_NOT: Final = frozenset(("noeviction", ""))


class _Node(NamedTuple):
    """Of a cluster; None stands for what `Place.url` says."""

    host: str | None
    port: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A server, or any node of a cluster. `password` is asked for at each connection, so that a new one in
    its file counts from then on; it may raise `ConfigError`."""

    url: str
    password: Callable[[], str | None]
    ca_file: str | None = None
    cluster: bool = False
    _others: list[_Node] = field(default_factory=list, init=False, repr=False, compare=False)
    """Nodes of the cluster as it named them last, to ask where the one of `url` is gone."""

    async def connect(self, shard: int) -> AbstractConnection:
        """A connection to the server that holds a shard. Raises `RedisError`, `OSError`, `ValueError`."""
        if not self.cluster:
            return await _connected(self._connection())
        return await _connected(self._connection(*await self._owner(shard)))

    async def _owner(self, shard: int) -> _Node:
        """The primary of a shard, by what the first node says that can be asked."""
        slot = hash_slot(epoch_key(shard))
        problem: Exception | None = None
        for node in (_Node(None, None), *self._others):
            try:
                async with asyncio.timeout(ASK_S):
                    told = await self._told_by(node)
            except (RedisError, OSError, ValueError) as error:
                problem = problem or error
                continue
            self._others[:] = dict.fromkeys(primary for _, _, primary in told)
            for first, last, primary in told:
                if first <= slot <= last:
                    return primary
            raise ValueError("no node of the cluster has the slot")
        assert problem is not None
        raise problem

    async def _told_by(self, node: _Node) -> list[tuple[int, int, _Node]]:
        """The ranges of slots and their primaries, as a node names them."""
        asked = await _connected(self._connection(*node))
        try:
            await asked.send_command("CLUSTER", "SLOTS")
            # A node that does not know its own name means the one that was asked.
            return [
                (first, last, _Node(host.decode("ascii") or node.host, int(port)))
                for first, last, (host, port, *_), *_ in await asked.read_response()
            ]
        finally:
            await _drop(asked)

    def _connection(self, host: str | None = None, port: int | None = None) -> AbstractConnection:
        url = urlsplit(self.url)
        common: dict[str, Any] = {
            "username": unquote(url.username) if url.username else None,
            "password": self.password(),
            "client_name": "regogate",
            # Deadlines are the link's, for whole batches.
            "socket_timeout": None,
            "socket_connect_timeout": None,
            "protocol": 2,
        }
        if url.scheme == "unix":
            return UnixDomainSocketConnection(path=unquote(url.path), **common)
        common |= {"host": host or url.hostname or "localhost", "port": port or url.port or PORT}
        common["db"] = int(url.path.strip("/") or 0)
        if url.scheme == "rediss":
            return SSLConnection(ssl_ca_certs=self.ca_file, ssl_check_hostname=True, **common)
        return Connection(**common)


def unfit(info: dict[str, str]) -> str | None:
    """Why a server (its INFO) must not hold limits, or None.

    One that evicts forgets counters one by one, which nobody would notice; a replica takes no writes.
    """
    if info.get("loading") == "1":
        return "it is still loading its data"
    if info.get("role", "master") != "master":
        return "it is a replica"
    if info.get("maxmemory", "0") != "0" and info.get("maxmemory_policy", "") not in EVICTS_NOT:
        return "maxmemory-policy must be noeviction: it would forget what was used"
    if not re.fullmatch(r"[0-9a-f]{8,64}", info.get("run_id", "")):
        return "its INFO has no run_id"
    return None


def hash_slot(key: bytes) -> int:
    """The cluster's slot of a key with a hash tag: CRC16 of the tag (Redis cluster specification)."""
    tag = key[key.index(b"{") + 1 : key.index(b"}")]
    return binascii.crc_hqx(tag, 0) % CLUSTER_SLOTS


async def _connected(connection: AbstractConnection) -> AbstractConnection:
    try:
        await connection.connect()  # type: ignore[no-untyped-call]
    except BaseException:
        await _drop(connection)
        raise
    return connection


async def _drop(connection: AbstractConnection) -> None:
    with suppress(RedisError, OSError, TimeoutError):
        await connection.disconnect(nowait=True)
