"""Callers known by their client certificate, where they send no other credential."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, assert_never

from dataplane.config.mtls import PLACE, MtlsClient
from dataplane.domain import Head, Identity, Source
from dataplane.errors import Refused
from dataplane.identity import spiffe
from dataplane.identity.certificate import REMEMBERED, Certificate, read_certificate

KEY_ID_DIGITS: Final = 16
"""Hexadecimal digits of the SHA-256 fingerprint that records name a certificate by: 64 bits."""

_CREDENTIALS: Final = frozenset((b"authorization", b"x-api-key"))
_SEGMENT: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"


class CertificateAuthenticator:
    """An `Authenticator` for certificates that the connection or a trusted proxy has verified."""

    def __init__(self, clients: Iterable[MtlsClient]) -> None:
        self._names = tuple(_Name(one) for one in clients)
        self._identify = lru_cache(REMEMBERED)(self._look)

    async def authenticate(self, head: Head, source: Source) -> Identity | None:
        """The client that the certificate names; None without one, or with another credential beside it.

        1. `Authorization` or `x-api-key`, whatever stands in it: not ours. What it says decides alone, and
           the certificate may bind it.
        2. The first configured name that fits is the caller. A certificate in which several names fit one
           pattern, and one that none fits, is refused: `gateway.certificate_unknown`.
        """
        if source.certificate is None or any(name in _CREDENTIALS for name, _ in head.headers):
            return None
        identity = self._identify(source.certificate)
        if identity is None:
            raise Refused("gateway.certificate_unknown")
        return identity

    def _look(self, der: bytes) -> Identity | None:
        certificate = read_certificate(der)
        if certificate is None:
            return None
        for name in self._names:
            found = name.fits(certificate)
            if len(found) > 1:
                return None
            for text, match in found.items():
                parts = match.groupdict()
                return Identity(
                    method="mtls",
                    client_id=name.client or parts["client"],
                    tenant=name.tenant or parts.get("tenant"),
                    subject=text,
                    key_id=f"sha256:{certificate.fingerprint[:KEY_ID_DIGITS]}",
                    cert_bound=True,
                )
        return None


class _Name:
    """One configured kind of name and its pattern."""

    def __init__(self, settings: MtlsClient) -> None:
        self._by = settings.by
        self._spiffe = settings.pattern.startswith(spiffe.SCHEME)
        self.client = settings.client
        self.tenant = settings.tenant
        place = _LABEL if settings.by == "san_dns" else _SEGMENT
        self._pattern = re.compile(
            "".join(
                f"(?P<{piece[1:-1]}>{place})" if PLACE.fullmatch(piece) else re.escape(piece)
                for piece in PLACE.split(settings.pattern)
            ),
            re.ASCII,
        )

    def fits(self, certificate: Certificate) -> dict[str, re.Match[str]]:
        """The names of the certificate that have the pattern, each once."""
        return {
            text: match
            for text in self._texts(certificate)
            if (match := self._pattern.fullmatch(text)) is not None
        }

    def _texts(self, certificate: Certificate) -> tuple[str, ...]:
        match self._by:
            case "san_uri" if self._spiffe:
                found = spiffe.id_of(certificate)
                return () if found is None else (found,)
            case "san_uri":
                return certificate.uris
            case "san_dns":
                return tuple(name.lower() for name in certificate.dns)
            case "san_email":
                return certificate.emails
            case "subject_cn":
                return certificate.common_names if len(certificate.common_names) == 1 else ()
            case _:
                assert_never(self._by)
