"""Certificates for tests: an authority, what it signs and what it revokes, as files."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOUR_S = 3600.0
LOCAL = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


@dataclass
class Pair:
    """Paths of a certificate and its key."""

    cert: Path
    key: Path

    @property
    def x509(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.cert.read_bytes())

    @property
    def der(self) -> bytes:
        return self.x509.public_bytes(serialization.Encoding.DER)


class Authority:
    """Signs certificates for 127.0.0.1 and clients, all valid for an hour unless told otherwise.

    Signs its own, too, unless there is an authority `above` it.
    """

    def __init__(self, folder: Path, name: str, above: Authority | None = None) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        own = (above or self)._sign(self._name, self._key, [LOCAL], HOUR_S, ca=True)
        self.own = self._write(name, own, self._key)
        self.cert = self.own.cert

    def issue(
        self,
        name: str,
        *,
        names: Sequence[x509.GeneralName] = (LOCAL,),
        valid_s: float = HOUR_S,
        extensions: Iterable[x509.ExtensionType] = (),
    ) -> Pair:
        """A certificate with `name` as its common name, `names` as alternative ones, ending in `valid_s`."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])
        cert = self._sign(subject, key, names, valid_s, ca=False, extensions=extensions)
        return self._write(name or "unnamed", cert, key)

    def revoke(self, path: Path, *pairs: Pair, valid_s: float = HOUR_S) -> None:
        """Write the list of what is revoked."""
        now = datetime.datetime.now(datetime.UTC)
        crl = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._name)
            .last_update(now - datetime.timedelta(hours=2))
            .next_update(now + datetime.timedelta(seconds=valid_s))
        )
        for pair in pairs:
            revoked = x509.RevokedCertificateBuilder().serial_number(pair.x509.serial_number)
            crl = crl.add_revoked_certificate(revoked.revocation_date(now).build())
        path.write_bytes(crl.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        names: Sequence[x509.GeneralName],
        valid_s: float,
        *,
        ca: bool,
        extensions: Iterable[x509.ExtensionType] = (),
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=2))
            .not_valid_after(now + datetime.timedelta(seconds=valid_s))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        for extension in extensions:
            builder = builder.add_extension(extension, critical=True)
        return builder.sign(self._key, hashes.SHA256())

    def _write(self, name: str, cert: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
        pair = Pair(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        pair.cert.write_bytes(cert.public_bytes(serialization.Encoding.PEM))
        pair.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return pair


def client_context(authority: Authority, alpn: str, own: Pair | None = None) -> ssl.SSLContext:
    """A client that trusts the authority, offers one protocol, and may show a certificate."""
    context = ssl.create_default_context(cafile=authority.cert)
    context.set_alpn_protocols([alpn])
    if own is not None:
        context.load_cert_chain(own.cert, own.key)
    return context
