"""Everything that tells who calls, as the settings ask for it: started, asked and closed as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry

from dataplane.config import IdentitySettings, JwtIssuer
from dataplane.database import Database
from dataplane.domain import Head, Identity, Source
from dataplane.identity.api_keys import ApiKeyAuthenticator, Why
from dataplane.identity.bindings import NamedNetworks
from dataplane.identity.chain import FirstOf
from dataplane.identity.models import KeyRow
from dataplane.identity.mtls import CertificateAuthenticator
from dataplane.identity.watch import KeyWatch
from dataplane.ports import Authenticator

if TYPE_CHECKING:
    from dataplane.identity.jwt import JwtAuthenticator

RefusedKey = Callable[[str, str, str, str], None]
"""Is told of each refused use of an API key whose secret was right: key id, client id, why, request id."""


class Callers:
    """An `Authenticator` of every kind of credential that is configured, each asked in turn.

    `named` knows the policy's networks; metrics go to `registry`.
    """

    def __init__(
        self,
        settings: IdentitySettings,
        database: Database,
        installation_key: bytes,
        *,
        named: NamedNetworks,
        refused: RefusedKey,
        registry: CollectorRegistry,
    ) -> None:
        self._told_refused = refused
        self.api_keys = ApiKeyAuthenticator(
            database, installation_key, settings=settings.keys, named=named, refused=self._refused
        )
        self._watch = KeyWatch(self.api_keys.snapshot, settings.keys, registry)
        self._stack = AsyncExitStack()
        self.jwt = _jwt(settings.jwt)
        kinds: list[Authenticator] = [self.api_keys] if settings.api_keys else []
        if self.jwt is not None:
            kinds.append(self.jwt)
        if settings.mtls is not None:
            kinds.append(CertificateAuthenticator(settings.mtls.clients))
        self._first = FirstOf(kinds)

    async def start(self) -> None:
        """Load what each kind needs; what may come later is in `problems`. Raises `ConfigError` for a file
        that cannot be used."""
        await self.api_keys.start()
        self._stack.push_async_callback(self.api_keys.close)
        if self.jwt is not None:
            self._stack.push_async_callback(self.jwt.close)
            await self.jwt.start()
        self._watch.start()
        self._stack.push_async_callback(self._watch.close)

    async def close(self) -> None:
        """Stop all that was started, last first."""
        await self._stack.aclose()

    def problems(self) -> list[str]:
        """Why callers cannot be told apart now, one line each; empty when ready."""
        return self.api_keys.problems()

    def details(self) -> dict[str, Any]:
        """What the admin address tells beside readiness."""
        return {} if self.jwt is None else {"jwt": self.jwt.details()}

    async def authenticate(self, head: Head, source: Source) -> Identity:
        """Who is calling. Raises `Refused` for no credential, and for one that does not hold."""
        return await self._first.authenticate(head, source)

    def _refused(self, row: KeyRow, why: Why, request_id: str) -> None:
        self._watch.refused(why)
        self._told_refused(row.id, row.client_id, why, request_id)


def _jwt(issuers: Sequence[JwtIssuer]) -> JwtAuthenticator | None:
    if not issuers:
        return None
    # Here: it brings an HTTP client, and most gateways have no issuer.
    from dataplane.identity.jwt import JwtAuthenticator

    return JwtAuthenticator(issuers)
