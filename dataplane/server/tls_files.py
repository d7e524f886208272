"""The files of a TLS listener, checked, as contexts to listen with.

What OpenSSL would find out only at a client's handshake is found when the files are read: a list of
revoked certificates that is missing for one of the authorities, forged or out of date would refuse every
client of that authority.
"""

from __future__ import annotations

import datetime
import hashlib
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from dataplane.errors import ConfigError

MAX_FILE_BYTES: Final = 16 << 20
"""Of one file: a list of 100,000 revoked certificates has about 4 MB."""

_CRL_BEGINS: Final = b"-----BEGIN X509 CRL-----"
_CRL_ENDS: Final = b"-----END X509 CRL-----"


class TlsError(ConfigError):
    """A certificate, key, CA or CRL file cannot be used; the message names it and says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """PEM files and what is asked of clients.

    `cert` holds the chain, leaf first. `client_ca` is needed unless `client_auth` is "none"; a certificate
    that does not verify against it fails the handshake, with "optional" too. `client_crl` must hold a
    current list of every authority in `client_ca`. `key` is a path: no secret here.
    """

    cert: Path
    key: Path
    client_ca: Path | None = None
    client_crl: Path | None = None
    client_auth: Literal["none", "optional", "required"] = "none"
    min_version: Literal["TLSv1.2", "TLSv1.3"] = "TLSv1.2"


class Context(ssl.SSLContext):
    """A context that knows under which trust in clients it lets them in: `trust` of the `Contents`."""

    trust: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What stood in the files at one moment, as digests: of all of them, and of what clients are held to."""

    all: bytes
    trust: bytes

    @classmethod
    def of(cls, files: TlsFiles) -> Contents:
        """As it is now; a file that cannot be read counts as such. Blocks."""
        return cls(
            all=_digest(files.cert, files.key, files.client_ca, files.client_crl),
            trust=_digest(files.client_ca, files.client_crl),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Contexts by whether they offer HTTP/2, and until when (Unix seconds) each kind of file holds."""

    contexts: Mapping[bool, Context]
    not_after: Mapping[str, float]


def load(files: TlsFiles, contents: Contents) -> Loaded:
    """Contexts from the files; `contents` are those just read. Raises TlsError. Blocks."""
    not_after = dict(_check(files))
    contexts = {h2: _context(files, h2=h2) for h2 in (False, True)}
    for context in contexts.values():
        context.trust = contents.trust
    return Loaded(contexts=contexts, not_after=not_after)


def _digest(*paths: Path | None) -> bytes:
    whole = hashlib.sha256()
    for path in paths:
        data = b"" if path is None else _try_read(path)
        whole.update(b"unreadable" if data is None else b"%d:" % len(data) + data)
    return whole.digest()


def _try_read(path: Path) -> bytes | None:
    try:
        return _read(path)
    except TlsError:
        return None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise TlsError(
            f"{path} cannot be read: {error.strerror}; check the path and its permissions."
        ) from error
    if len(data) > MAX_FILE_BYTES:
        raise TlsError(f"{path} is larger than {MAX_FILE_BYTES} bytes; name a PEM file.")
    return data


# --- what the files say --------------------------------------------------------------------------


def _check(files: TlsFiles) -> Iterator[tuple[str, float]]:
    """Reads every file; gives until when certificate, authorities and lists hold, the first to end each."""
    chain = _certificates(files.cert, f"{files.cert} is not a PEM certificate; name the chain, leaf first.")
    if chain[0].not_valid_after_utc <= datetime.datetime.now(datetime.UTC):
        raise TlsError(f"{files.cert} expired at {_when(chain[0].not_valid_after_utc)}; renew it.")
    yield "cert", min(one.not_valid_after_utc for one in chain).timestamp()
    _read(files.key)
    if files.client_auth == "none":
        return
    if files.client_ca is None:
        raise TlsError(f"client_auth is {files.client_auth!r} without client_ca; name the CA file to trust.")
    trusted = _certificates(
        files.client_ca, f"{files.client_ca} holds no PEM certificate; name the CA file to trust."
    )
    yield "client_ca", min(one.not_valid_after_utc for one in trusted).timestamp()
    if files.client_crl is not None:
        yield "client_crl", _check_lists(files.client_crl, trusted).timestamp()


def _certificates(path: Path, otherwise: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_read(path))
    except ValueError as error:
        raise TlsError(otherwise) from error


def _check_lists(path: Path, trusted: list[x509.Certificate]) -> datetime.datetime:
    """When the first of the lists goes out of date, each authority having one that it signed."""
    lists = list(_lists(path))
    first = datetime.datetime.max.replace(tzinfo=datetime.UTC)
    now = datetime.datetime.now(datetime.UTC)
    for authority in trusted:
        name = authority.subject.rfc4514_string()
        # OpenSSL takes the best of several lists; the one that holds longest is what counts here.
        until = max(
            (one.next_update_utc or first for one in lists if _signed(one, authority)),
            default=None,
        )
        if until is None:
            raise TlsError(f"{path} holds no list signed by {name}; add its CRL, in PEM.")
        if until <= now:
            raise TlsError(f"{path}: the list of {name} ran out at {_when(until)}; fetch a newer CRL.")
        first = min(first, until)
    return first


def _signed(one: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    key: Any = authority.public_key()
    try:
        return one.issuer == authority.subject and one.is_signature_valid(key)
    except (TypeError, UnsupportedAlgorithm):  # a key that signs nothing
        return False


def _when(moment: datetime.datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _lists(path: Path) -> Iterator[x509.CertificateRevocationList]:
    pieces = _read(path).split(_CRL_BEGINS)
    try:
        for piece in pieces[1:]:
            yield x509.load_pem_x509_crl(_CRL_BEGINS + piece.partition(_CRL_ENDS)[0] + _CRL_ENDS)
    except ValueError as error:
        raise TlsError(f"{path} holds a CRL that cannot be read; name a PEM file.") from error


# --- contexts ------------------------------------------------------------------------------------

_VERIFY: Final = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}
_VERSION: Final = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


def _context(files: TlsFiles, *, h2: bool) -> Context:
    context = Context(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSION[files.min_version]
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    # For TLS 1.2: forward secrecy and AEAD only, which is also what RFC 9113 section 9.2.2 leaves for HTTP/2.
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    context.set_alpn_protocols(["h2", "http/1.1"] if h2 else ["http/1.1"])
    try:
        context.load_cert_chain(files.cert, files.key, password=_no_password)
    except (OSError, ValueError) as error:
        raise TlsError(
            f"{files.cert} and {files.key} are not a PEM certificate and its unencrypted key; check that "
            "they belong together."
        ) from error
    if files.client_auth != "none":
        for path in (files.client_ca, files.client_crl):
            if path is not None:
                _trust(context, path)
        if files.client_crl is not None:
            # Of every authority in the chain, so that a revoked intermediate ends its clients too.
            context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
        # A resumed session skips verification: a client of a removed CA would be let in.
        # `num_tickets` covers TLS 1.3, the option TLS 1.2.
        context.num_tickets = 0
        context.options |= ssl.OP_NO_TICKET
    context.verify_mode = _VERIFY[files.client_auth]
    return context


def _trust(context: Context, path: Path) -> None:
    try:
        context.load_verify_locations(path)  # takes lists as well as certificates
    except OSError as error:
        raise TlsError(f"{path} cannot be loaded as PEM; name the file to trust.") from error


def _no_password() -> str:
    # Without this OpenSSL asks the terminal, and a service would hang at start.
    raise ValueError("the key is encrypted")
