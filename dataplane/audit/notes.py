"""One record from a command, such as `key`: a chain of its own, as short as the command."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Final

from dataplane.audit.log import DurableLog
from dataplane.database import Database

INSTANCE: Final = "cli"
"""What a command's `hello` gives as its instance, with the host's name behind it."""


async def write_note(
    database: Database, kind: str, fields: Mapping[str, object], *, installation_key: bytes
) -> None:
    """Write one record between a `hello` and a `bye`; returns when it is durable.

    Raises `Refused` (`gateway.audit_unavailable`) when it is not in time, `TypeError` or `ValueError`
    for fields that no record may hold.
    """
    log = DurableLog(database, key=installation_key, instance=f"{INSTANCE}@{platform.node()}")
    await log.start()
    try:
        await log.note(kind, fields)
    finally:
        await log.close()
