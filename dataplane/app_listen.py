"""Settings -> the two listeners of a gateway, and what it looks like once it serves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry

from dataplane.config import AdminSettings, ServerSettings
from dataplane.server.listen import Listen
from dataplane.server.tls import Tls, TlsFiles
from dataplane.server.tls_metrics import TlsMetrics

ADMIN_MAX_BODY_BYTES: Final = 8 << 20
ADMIN_GRACEFUL_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What a gateway that serves looks like from outside: its addresses and the active revision."""

    base_url: str
    admin_url: str
    revision: str


def admin_listen(admin: AdminSettings) -> Listen:
    """The listener for operators and for our OPA."""
    return Listen(
        name="admin", binds=(admin.bind,), max_body_bytes=ADMIN_MAX_BODY_BYTES, graceful_s=ADMIN_GRACEFUL_S
    )


def public_listen(server: ServerSettings, registry: CollectorRegistry, *, shared: bool = False) -> Listen:
    """The listener for applications. Raises `TlsError` where the certificates cannot be used.

    `shared`: other processes of this user listen on the address, too; see `Listen.shared`. What becomes of
    the certificates is counted in `registry`.
    """
    tls = None if server.tls is None else Tls(TlsFiles(**dict(server.tls)))
    if tls is not None:
        TlsMetrics(registry, tls)
    return Listen(
        name="public",
        binds=(server.bind,),
        shared=shared,
        max_body_bytes=server.max_body_bytes,
        tls=tls,
        head_timeout_s=server.head_timeout_s,
        write_timeout_s=server.write_timeout_s,
        keep_alive_s=server.keep_alive_s,
        graceful_s=server.graceful_s,
    )
