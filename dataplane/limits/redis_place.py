"""Where the Redis servers of the limits are, and connections to them."""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
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
EVICTS_NOT: Final = frozenset(("noeviction", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A server, or any node of a cluster. `password` is asked for at each connection, so that a new one in
    its file counts from then on; it may raise `ConfigError`."""

    url: str
    password: Callable[[], str | None]
    ca_file: str | None = None
    cluster: bool = False

    async def connect(self, shard: int) -> AbstractConnection:
        """A connection to the server that holds a shard. Raises `RedisError`, `OSError`, `ValueError`."""
        first = self._connection()
        try:
            await first.connect()  # type: ignore[no-untyped-call]
            if not self.cluster:
                return first
            await first.send_command("CLUSTER", "SLOTS")
            host, port = _owner(await first.read_response(), hash_slot(epoch_key(shard)))
        except BaseException:
            await _drop(first)
            raise
        await _drop(first)
        # A node that does not know its own name means the one that was asked.
        owner = self._connection(host or None, port)
        try:
            await owner.connect()  # type: ignore[no-untyped-call]
        except BaseException:
            await _drop(owner)
            raise
        return owner

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


def _owner(answer: Any, slot: int) -> tuple[str, int]:
    """Host and port of a slot's primary, from CLUSTER SLOTS."""
    for first, last, (host, port, *_), *_ in answer:
        if first <= slot <= last:
            return host.decode("ascii"), int(port)
    raise ValueError("no node of the cluster has the slot")


async def _drop(connection: AbstractConnection) -> None:
    with suppress(RedisError, OSError, TimeoutError):
        await connection.disconnect(nowait=True)
