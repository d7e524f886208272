"""Callers with a JSON Web Token of an issuer that the settings list."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final

from dataplane.config import JwtIssuer
from dataplane.domain import Head, Identity, Source
from dataplane.errors import Refused
from dataplane.identity.jwt_form import (
    MAX_TOKEN_CHARS,
    BadToken,
    looks_like_token,
    split,
    strict_object,
)
from dataplane.identity.jwt_issuer import Issuer, Verified
from dataplane.identity.keys import SCHEME

REMEMBERED: Final = 10_000
"""Tokens that need not be verified again. About 2 kB each."""

_BEARER: Final = "bearer"


class JwtAuthenticator:
    """An `Authenticator` for `Authorization: Bearer` with a signed token (RFC 7519, RFC 9068, RFC 8725).

    A token that held is remembered by the digest of its text until it ends, its keys change or it is taken
    back, so that a caller's next calls cost no signature check. Every refusal that the caller could use to
    learn more is the same one.
    """

    def __init__(
        self,
        issuers: Sequence[JwtIssuer],
        *,
        clock: Callable[[], float] = time.time,
        remembered: int = REMEMBERED,
    ) -> None:
        self._issuers = {one.issuer: Issuer(one, clock=clock) for one in issuers}
        self._clock = clock
        self._remembered = remembered
        self._verified: dict[bytes, Verified] = {}
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        """Load every issuer's keys. Raises `ConfigError` where a file cannot be used."""
        for issuer in self._issuers.values():
            self._stack.push_async_callback(issuer.close)
        # Together: issuers that do not answer hold up the start by one deadline, not by one each.
        starting = (issuer.start() for issuer in self._issuers.values())
        for ended in await asyncio.gather(*starting, return_exceptions=True):
            if ended is not None:
                raise ended

    async def close(self) -> None:
        """Stop what runs in the background and forget every token."""
        await self._stack.aclose()
        self._verified.clear()

    def details(self) -> list[dict[str, Any]]:
        """What the admin address tells of each issuer."""
        return [issuer.details() for issuer in self._issuers.values()]

    async def authenticate(self, head: Head, source: Source) -> Identity | None:
        """Whom the token names; None without one; `Refused` for one that does not hold.

        1. Find the one bearer that has the form of a token; another credential beside it is refused.
        2. A token that held before, and still would, is known by its digest.
        3. Otherwise its form is judged, and `iss`, unverified as it is, looks an issuer up: nothing else.
        4. That issuer verifies it.
        5. A token bound to a certificate comes with that certificate, on every call.
        """
        text = _bearer(head)
        if text is None:
            return None
        try:
            if len(text) > MAX_TOKEN_CHARS:
                raise BadToken("size")
            digest = hashlib.sha256(text.encode("latin-1")).digest()
            verified = self._known(digest)
            if verified is None:
                verified = await self._verify(text, digest)
            _check_binding(verified, source)
        except BadToken as bad:
            reason = "gateway.token_expired" if bad.fault == "expired" else "gateway.token_invalid"
            raise Refused(reason, fault=bad.fault) from None
        return verified.identity

    def _known(self, digest: bytes) -> Verified | None:
        verified = self._verified.get(digest)
        if verified is None:
            return None
        issuer = verified.issuer
        if (
            self._clock() < verified.until
            and issuer.keys.current is verified.keys
            and not issuer.revoked(verified.jti, digest, verified.signed)
        ):
            return verified
        del self._verified[digest]
        return None

    async def _verify(self, text: str, digest: bytes) -> Verified:
        jws = split(text)
        try:
            claims = strict_object(jws.payload)
        except ValueError:
            raise BadToken("form") from None
        name = claims.get("iss")
        issuer = self._issuers.get(name) if type(name) is str else None
        if issuer is None:
            raise BadToken("issuer")
        verified = await issuer.verify(text, digest, jws, claims)
        while len(self._verified) >= self._remembered:
            del self._verified[next(iter(self._verified))]
        self._verified[digest] = verified
        return verified


def _bearer(head: Head) -> str | None:
    """The bearer that has the form of a token, or None. Raises `Refused` where another credential stands by.

    Which of two callers is meant is not for the gateway to guess.
    """
    found: set[str] = set()
    ours: str | None = None
    for name, value in head.headers:
        if name == b"authorization":
            text = value.decode("latin-1")
            scheme, _, token = text.partition(" ")
            token = token.strip(" ")
            if scheme.lower() == _BEARER and looks_like_token(token) and not token.startswith(SCHEME):
                ours = token
            found.add(text)
        elif name == b"x-api-key":
            found.add(value.decode("latin-1"))
    if ours is not None and len(found) > 1:
        raise Refused("gateway.token_invalid", fault="ambiguous")
    return ours


def _check_binding(verified: Verified, source: Source) -> None:
    if verified.certificate is None:
        return
    if source.certificate is None:
        raise BadToken("binding")
    if not hmac.compare_digest(hashlib.sha256(source.certificate).digest(), verified.certificate):
        raise BadToken("binding")
