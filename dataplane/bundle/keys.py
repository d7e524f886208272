"""P-256 key pairs that sign bundles, as PEM files: private 0600, made once, never overwritten."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from dataplane.bundle.errors import KeyRefused

MAX_KEY_BYTES: Final = 16_384

_KEYID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PUBLIC_PEM: Final = re.compile(r"\s*-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\s]+-----END PUBLIC KEY-----\s*")

PublicKeys = Mapping[str, str]
"""Key id -> public key in PEM: what the settings list, what OPA is configured with, what we verify by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """Where a pair lies. The private file is never read to show it."""

    keyid: str
    private: Path
    public: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A private key in memory, with the id under which its public half is listed."""

    keyid: str
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    def public_pem(self) -> str:
        """The public half in PEM."""
        return _public_pem(self.key.public_key())


def keygen(directory: Path, *, name: str = "bundle", keyid: str | None = None) -> KeyPair:
    """Make `NAME.key.pem` (PKCS#8, 0600) and `NAME.pub.pem` in a directory; an existing file stops it.

    The key id is the first 16 hex digits of the SHA-256 of the public key in DER unless one is given.
    Raises `KeyRefused`.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    keyid = _checked_keyid(keyid or derived_keyid(key.public_key()))
    pair = KeyPair(keyid=keyid, private=directory / f"{name}.key.pem", public=directory / f"{name}.pub.pem")
    private_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in (pair.private, pair.public):
        if path.exists() or path.is_symlink():
            raise KeyRefused(f"{path} exists; a key is never overwritten")
    _create(pair.public, _public_pem(key.public_key()).encode(), 0o644)
    _create(pair.private, private_pem, 0o600)
    return pair


def ensure_dev_keys(data_dir: Path) -> KeyPair:
    """The pair of a `dev` data directory, under `keys/`, made on first use.

    A start that was cut off between the two files is mended: without a private key the public one is
    worthless and is made anew.
    """
    directory = data_dir / "keys"
    pair = KeyPair(keyid="dev", private=directory / "dev.key.pem", public=directory / "dev.pub.pem")
    if not pair.private.exists():
        pair.public.unlink(missing_ok=True)
        return keygen(directory, name="dev", keyid="dev")
    key = load_signing_key(pair.private, keyid="dev")
    if not pair.public.exists():
        _create(pair.public, key.public_pem().encode(), 0o644)
    return pair


def load_signing_key(path: Path, *, keyid: str | None = None) -> SigningKey:
    """Read a private key; the key id is derived as in `keygen` unless given. Raises `KeyRefused`.

    The file must not be open to everybody, must be PEM without a password and hold a P-256 key.
    """
    data = _read(path, private=True)
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyRefused(f"{path} holds no private key in PEM without a password") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise KeyRefused(f"{path} is not a P-256 key; make one with: regogate bundle keygen")
    return SigningKey(keyid=_checked_keyid(keyid or derived_keyid(key.public_key())), key=key)


def load_public_key(path: Path, *, keyid: str | None = None) -> tuple[str, str]:
    """Read a public key file: its key id (derived unless given) and its PEM. Raises `KeyRefused`."""
    try:
        pem = _read(path, private=False).decode("ascii")
    except UnicodeDecodeError:
        raise KeyRefused(f"{path} holds no public key in PEM") from None
    try:
        public = public_key(pem)
    except KeyRefused as error:
        raise KeyRefused(f"{path}: {error}") from None
    return _checked_keyid(keyid or derived_keyid(public)), pem


def public_key(pem: str) -> ec.EllipticCurvePublicKey:
    """The key of one PEM block. Raises `KeyRefused` unless it is a public key on P-256.

    A private key is refused by name: OPA would take it, and it would then lie in a configuration.
    """
    if "PRIVATE KEY" in pem:
        raise KeyRefused("this is a private key; only public keys belong here")
    if _PUBLIC_PEM.fullmatch(pem) is None:
        raise KeyRefused("not one 'BEGIN PUBLIC KEY' block in PEM")
    try:
        key = serialization.load_pem_public_key(pem.encode("ascii"))
    except (ValueError, UnsupportedAlgorithm):
        raise KeyRefused("not a public key in PEM") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise KeyRefused("not a P-256 key, which ES256 needs")
    return key


def derived_keyid(key: ec.EllipticCurvePublicKey) -> str:
    """The first 16 hex digits of the SHA-256 of the key in DER (SubjectPublicKeyInfo)."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()[:16]


def _public_pem(key: ec.EllipticCurvePublicKey) -> str:
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode("ascii")


def _checked_keyid(keyid: str) -> str:
    if _KEYID.fullmatch(keyid) is None:
        raise KeyRefused("a key id has 1 to 64 of A-Z, a-z, 0-9, dot, hyphen and underscore")
    return keyid


def _read(path: Path, *, private: bool) -> bytes:
    try:
        with path.open("rb") as file:
            if private and os.fstat(file.fileno()).st_mode & stat.S_IRWXO:
                raise KeyRefused(f"{path} is open to every user of this machine; run: chmod 600 {path}")
            return file.read(MAX_KEY_BYTES)
    except OSError as error:
        raise KeyRefused(f"{path} cannot be read: {error.strerror}") from None


def _create(path: Path, data: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    except FileExistsError:
        raise KeyRefused(f"{path} exists; a key is never overwritten") from None
    except OSError as error:
        raise KeyRefused(f"{path} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
