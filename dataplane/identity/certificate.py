"""What stands in a client certificate, read once for all calls that come with it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

REMEMBERED: Final = 1024
"""Certificates read before; one costs about 50 us and 5 kB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The names in a certificate, and when it is valid (Unix seconds, both ends included, RFC 5280 4.1.2.5).

    `leaf` is what X509-SVID section 5.2 asks of the certificate of a workload: not an authority's, its key
    not for signing certificates or lists, and for signatures if its use is stated at all.
    """

    fingerprint: str
    not_before_s: float
    not_after_s: float
    uris: tuple[str, ...]
    dns: tuple[str, ...]
    emails: tuple[str, ...]
    common_names: tuple[str, ...]
    leaf: bool
    der: bytes = field(repr=False)

    def valid_at(self, moment_s: float) -> bool:
        """Whether the moment is in its time."""
        return self.not_before_s <= moment_s < self.not_after_s + 1


@lru_cache(REMEMBERED)
def read_certificate(der: bytes) -> Certificate | None:
    """The certificate that these bytes are, or None where they are none, whole and well-formed."""
    try:
        cert = x509.load_der_x509_certificate(der)
        names = _alternative_names(cert)
        return Certificate(
            fingerprint=hashlib.sha256(der).hexdigest(),
            not_before_s=cert.not_valid_before_utc.timestamp(),
            not_after_s=cert.not_valid_after_utc.timestamp(),
            uris=tuple(names.get_values_for_type(x509.UniformResourceIdentifier)),
            dns=tuple(names.get_values_for_type(x509.DNSName)),
            emails=tuple(names.get_values_for_type(x509.RFC822Name)),
            common_names=tuple(
                str(one.value) for one in cert.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
            ),
            leaf=_is_leaf(cert),
            der=der,
        )
    except Exception:  # noqa: BLE001 - the parser names no closed set; whatever it cannot read is none
        return None


def _alternative_names(cert: x509.Certificate) -> x509.SubjectAlternativeName:
    try:
        return cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return x509.SubjectAlternativeName([])


def _is_leaf(cert: x509.Certificate) -> bool:
    try:
        if cert.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
    except x509.ExtensionNotFound:
        pass
    try:
        usage = cert.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return usage.digital_signature and not usage.key_cert_sign and not usage.crl_sign
