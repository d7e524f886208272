"""One issuer: its settings as a procedure that a token passes or not."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from dataplane.config import JwtIssuer
from dataplane.domain import Identity
from dataplane.errors import ConfigError, Refused
from dataplane.identity import jwt_claims as read
from dataplane.identity.jwt_fetch import Fetcher, FetchFailed
from dataplane.identity.jwt_form import BadToken, Jws
from dataplane.identity.jwt_introspection import Introspection
from dataplane.identity.jwt_jwks import BACKGROUND_S, FILE_S, DiscoveredKeys, FileKeys, KeyCache, UrlKeys
from dataplane.identity.jwt_keys import BadKeySet, KeySet, UnknownKey, read_key_set
from dataplane.identity.jwt_revoked import RevokedTokens
from dataplane.ports import CallerRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A token that held, and until when it need not be looked at again: Unix seconds, and the set of keys
    that must still be in force. `signed` is the SHA-256 of its signed part, `certificate` that of the
    certificate that must come with it."""

    identity: Identity
    issuer: Issuer = field(repr=False)
    until: float
    keys: KeySet = field(repr=False)
    jti: str | None
    signed: bytes = field(repr=False)
    certificate: bytes | None = field(repr=False)


class Issuer:
    """Verifies tokens of one issuer. Raises `ConfigError` for files in `settings` that cannot be used."""

    def __init__(self, settings: JwtIssuer, *, clock: Callable[[], float]) -> None:
        self.settings = settings
        self._clock = clock
        self._algorithms = frozenset[str](settings.algorithms)
        self._types = frozenset(one.lower().removeprefix("application/") for one in settings.types)
        self._audiences = frozenset(settings.audience)
        self._scopes = frozenset(settings.require.scopes)
        fetcher = Fetcher(ca_file=settings.ca_file, allow_plaintext=settings.allow_plaintext)
        source: FileKeys | UrlKeys | DiscoveredKeys
        if settings.jwks_file is not None:
            source = FileKeys(settings.jwks_file)
        elif settings.jwks_url is not None:
            source = UrlKeys(fetcher, settings.jwks_url)
        else:
            source = DiscoveredKeys(fetcher, settings.issuer)
        self.keys = KeyCache(
            source,
            issuer=settings.issuer,
            max_age_s=settings.jwks_max_age_s,
            refresh_s=settings.jwks_refresh_s,
            background_s=BACKGROUND_S if settings.jwks_file is None else FILE_S,
        )
        asked, revoked = settings.introspection, settings.revoked_file
        self._asked = None if asked is None else Introspection(asked, fetcher)
        self._revoked = None if revoked is None else RevokedTokens(revoked)
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        """Load the keys and keep them fresh. Raises `ConfigError` for a revocation list that cannot be read;
        an issuer that does not answer is no error, see `details`."""
        if self._revoked is not None:
            await self._revoked.start()
            self._stack.push_async_callback(self._revoked.close)
        if self._asked is not None:
            self._stack.push_async_callback(self._asked.close)
        await self.keys.start()
        self._stack.push_async_callback(self.keys.close)

    async def close(self) -> None:
        """Stop everything that runs in the background."""
        await self._stack.aclose()

    def revoked(self, jti: str | None, *digests: bytes) -> bool:
        """Whether the revocation list has the token; `digests` are those of its text and signed part."""
        return self._revoked is not None and self._revoked.has(jti, *digests)

    async def verify(self, token: str, digest: bytes, jws: Jws, claims: dict[str, Any]) -> Verified:
        """The token's identity. Raises `BadToken`; `Refused` for a missing scope or an issuer that is down.

        1. Algorithm and type are among those listed, before any cryptography.
        2. The signature is by a key in force; for a key that nobody has seen the issuer is asked, once.
        3. It counts now, is meant for us, and has the claims that are required.
        4. It was not taken back: the list, then the issuer itself where introspection is set.
        5. Its claims become an identity; then the scopes that are required.
        """
        if jws.alg not in self._algorithms:
            raise BadToken("algorithm")
        read.judge_type(jws.typ, self._types)
        keys = await self._signed_by(jws)
        settings = self.settings
        until = read.judge_times(claims, now=self._clock(), leeway_s=settings.leeway_s)
        read.judge_audience(claims, self._audiences)
        if read.missing(claims, settings.require.claims):
            raise BadToken("claims")
        certificate = read.bound_to(claims)
        jti = read.text_of(claims, ("jti",))
        signed = hashlib.sha256(jws.signing_input).digest()
        if self.revoked(jti, digest, signed):
            raise BadToken("revoked")
        if self._asked is not None:
            until = min(until, self._clock() + self._asked.cache_s)
            if not await self._is_active(self._asked, token, digest):
                raise BadToken("inactive")
        identity = self._identity(claims, f"{jws.kid or '-'}:{signed.hex()}", bound=certificate is not None)
        if not self._scopes.issubset(identity.scopes):
            challenge = f'Bearer error="insufficient_scope", scope="{" ".join(settings.require.scopes)}"'
            if certificate is not None:
                # Who sends a token that is bound to a certificate has not been shown yet.
                raise Refused("gateway.insufficient_scope", challenge=challenge)
            raise CallerRefused("gateway.insufficient_scope", identity=identity, challenge=challenge)
        return Verified(
            identity=identity,
            issuer=self,
            until=until,
            keys=keys,
            jti=jti,
            signed=signed,
            certificate=certificate,
        )

    async def _signed_by(self, jws: Jws) -> KeySet:
        keys = self.keys.current
        try:
            if keys is not None:
                keys.verify(jws)
                return keys
        except UnknownKey:
            pass
        newer = await self.keys.newer(keys, jws.kid)
        if newer is None:
            raise Refused("gateway.identity_unavailable", fault="keys")
        if newer is keys:
            raise UnknownKey
        newer.verify(jws)
        return newer

    async def _is_active(self, asked: Introspection, token: str, digest: bytes) -> bool:
        try:
            return await asked.active(token, digest)
        except FetchFailed:
            raise Refused("gateway.identity_unavailable", fault="introspection") from None

    def _identity(self, claims: dict[str, Any], key_id: str, *, bound: bool) -> Identity:
        where = self.settings.claims
        client = read.text_of(claims, where.client)
        if client is None:
            raise BadToken("claims")
        return Identity(
            client_id=client,
            method="jwt",
            key_id=key_id,
            subject=read.text_of(claims, where.subject),
            tenant=read.text_of(claims, where.tenant),
            roles=read.names_of(claims, where.roles),
            groups=read.names_of(claims, where.groups),
            scopes=read.names_of(claims, where.scopes, spaced=True),
            cert_bound=bound,
            actors=read.actors_of(claims),
            claims=read.visible_of(claims, where),
        )

    def details(self) -> dict[str, Any]:
        """What the admin address tells: keys in force, how old their last sight is, what does not work."""
        keys, age_s = self.keys.current, self.keys.age_s
        failures = {
            "keys": self.keys.failure,
            "revoked_file": self._revoked and self._revoked.failure,
            "introspection": self._asked and self._asked.failure,
        }
        return {
            "issuer": self.settings.issuer,
            "keys": 0 if keys is None else len(keys.keys),
            "keys_skipped": 0 if keys is None else keys.skipped,
            "keys_age_s": None if age_s is None else round(age_s, 1),
            "failures": {name: text for name, text in failures.items() if text},
        }


def check_issuer(settings: JwtIssuer) -> None:
    """Open the files that an entry names, ask nobody. Raises `ConfigError` with what is wrong."""
    problems: list[str] = []
    try:
        Fetcher(ca_file=settings.ca_file, allow_plaintext=settings.allow_plaintext)
    except ConfigError as error:
        problems += error.problems
    if settings.jwks_file is not None:
        try:
            read_key_set(settings.jwks_file.read_bytes())
        except (OSError, BadKeySet) as error:
            problems.append(f"jwks_file: {getattr(error, 'strerror', None) or error}")
    if settings.revoked_file is not None:
        revoked = RevokedTokens(settings.revoked_file)
        revoked.read()
        if revoked.failure is not None:
            problems.append(f"revoked_file: {revoked.failure}")
    if problems:
        raise ConfigError(problems)
