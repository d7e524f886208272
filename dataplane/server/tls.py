"""TLS contexts that can be replaced while connections live on."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dataplane.errors import ConfigError


class TlsError(ConfigError):
    """A certificate, key or CA file cannot be used; the message names it and says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """PEM files and what is asked of clients.

    `cert` holds the chain, leaf first. `client_ca` is needed unless `client_auth` is "none"; a certificate
    that does not verify against it fails the handshake, with "optional" too. `key` is a path: no secret here.
    """

    cert: Path
    key: Path
    client_ca: Path | None = None
    client_auth: Literal["none", "optional", "required"] = "none"
    min_version: Literal["TLSv1.2", "TLSv1.3"] = "TLSv1.2"


_VERIFY = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}
_VERSION = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


class Tls:
    """The current contexts of a set of files, and how to swap them for a changed set on disk.

    Loads the files when made. Raises TlsError.
    """

    def __init__(self, files: TlsFiles) -> None:
        self.files = files
        self._current = {h2: _context(files, h2=h2) for h2 in (False, True)}
        self._reloaded_at = 0.0

    def context(self, *, h2: bool) -> ssl.SSLContext:
        """A context to listen with. Each handshake through it uses the files as last loaded."""
        listening = _context(self.files, h2=h2)

        def swap(tls: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _old: ssl.SSLContext) -> None:
            # OpenSSL calls this without SNI too. Replacing, not changing: a CA once added never leaves.
            tls.context = self._current[h2]

        listening.sni_callback = swap
        return listening

    def reload(self) -> None:
        """Read the files again, for the handshakes to come; open connections live on.

        All or nothing: raises TlsError and keeps serving with what it had where a file cannot be used.
        """
        self._current = {h2: _context(self.files, h2=h2) for h2 in (False, True)}
        self._reloaded_at = time.time()

    def outdated(self, tls: ssl.SSLObject) -> bool:
        """Whether a client was let in by a session from before the last reload, so without being verified.

        TLS 1.2 sessions resume from the listening context's cache, which nothing here can empty; dropping
        the connection unanswered takes this one out of it, so that the client's next try is a full handshake.
        """
        session = tls.session
        return bool(
            self.files.client_auth != "none"
            and tls.session_reused
            and session is not None
            and session.time <= self._reloaded_at
        )


def _context(files: TlsFiles, *, h2: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSION[files.min_version]
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    # For TLS 1.2: forward secrecy and AEAD only, which is also what RFC 9113 section 9.2.2 leaves for HTTP/2.
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    context.set_alpn_protocols(["h2", "http/1.1"] if h2 else ["http/1.1"])
    for path in (files.cert, files.key, files.client_ca):
        if path is not None:
            _check_readable(path)
    try:
        context.load_cert_chain(files.cert, files.key, password=_no_password)
    except (ssl.SSLError, ValueError) as error:
        raise TlsError(
            f"{files.cert} and {files.key} are not a PEM certificate and its unencrypted key; check that "
            "they belong together."
        ) from error
    if files.client_auth != "none":
        if files.client_ca is None:
            raise TlsError(
                f"client_auth is {files.client_auth!r} without client_ca; name the CA file to trust."
            )
        try:
            context.load_verify_locations(files.client_ca)
        except ssl.SSLError as error:
            raise TlsError(
                f"{files.client_ca} holds no PEM certificate; name the CA file to trust."
            ) from error
        # A resumed session skips verification: a client of a removed CA would be let in.
        # `num_tickets` covers TLS 1.3, the option TLS 1.2.
        context.num_tickets = 0
        context.options |= ssl.OP_NO_TICKET
    context.verify_mode = _VERIFY[files.client_auth]
    return context


def _check_readable(path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise TlsError(
            f"{path} cannot be read: {error.strerror}; check the path and its permissions."
        ) from error


def _no_password() -> str:
    # Without this OpenSSL asks the terminal, and a service would hang at start.
    raise ValueError("the key is encrypted")
