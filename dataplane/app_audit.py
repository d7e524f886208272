"""Settings -> the audit log of one process."""

from __future__ import annotations

from collections.abc import Mapping

from dataplane import __version__
from dataplane.audit.log import DurableLog
from dataplane.config import Settings
from dataplane.database import Database


def audit_of(settings: Settings, database: Database, key: bytes, about: Mapping[str, str]) -> DurableLog:
    """A log that is not yet started; `about` joins its `hello` beside the version."""
    return DurableLog(
        database,
        key=key,
        instance=settings.instance,
        about={"version": __version__, **about},
        timeout_s=settings.audit.commit_timeout_ms / 1000,
        queue_limit=settings.audit.queue,
        beat_s=settings.audit.beat_s,
        beside=True,
    )
