"""API keys as text: how they are made, read, recognised and digested.

`rgk_<id>_<secret>`: the id (10 characters of RFC 4648 base32 in lower case, 50 random bits) is
public and finds the row; the secret is 32 random bytes in base64url. Only a digest of the whole text
is kept, keyed with the installation key, so that a stolen database opens nothing.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from dataplane.frozen import quick_init

SCHEME: Final = "rgk_"
"""What every key begins with: people, secret scanners and other authenticators tell it by this."""

SECRET_BYTES: Final = 32
"""256 bits: beyond guessing whatever the attacker's speed (NIST SP 800-63B asks for 112)."""

ID_LENGTH: Final = 10
KEY_LENGTH: Final = len(SCHEME) + ID_LENGTH + 1 + 43
DIGEST_BYTES: Final = 32
INSTALLATION_KEY_BYTES: Final = 32

_ID_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"
_ID: Final = re.compile(rf"[a-z2-7]{{{ID_LENGTH}}}")
_KEY: Final = re.compile(rf"{SCHEME}([a-z2-7]{{{ID_LENGTH}}})_[A-Za-z0-9_-]{{43}}")


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A whole key; only `id` may be shown. `text` leaves the process once, when the key is made."""

    id: str
    text: str = field(repr=False)

    @property
    def prefix(self) -> str:
        """What a person recognises the key by: everything before the secret."""
        return prefix_of(self.id)

    def __str__(self) -> str:
        return f"{self.prefix}_***"


def prefix_of(key_id: str) -> str:
    """The public beginning of the key with this id."""
    return SCHEME + key_id


def new_key() -> ApiKey:
    """A fresh key from the system's random source."""
    key_id, text = new_secret(SCHEME)
    return ApiKey(id=key_id, text=text)


def new_secret(scheme: str) -> tuple[str, str]:
    """A fresh id, and `<scheme><id>_<secret>`."""
    key_id = "".join(secrets.choice(_ID_ALPHABET) for _ in range(ID_LENGTH))
    secret = base64.urlsafe_b64encode(secrets.token_bytes(SECRET_BYTES)).rstrip(b"=").decode("ascii")
    return key_id, f"{scheme}{key_id}_{secret}"


def parse(text: str) -> ApiKey | None:
    """The key a text is, or None. The length is looked at before anything else."""
    if len(text) != KEY_LENGTH:
        return None
    match = _KEY.fullmatch(text)
    return ApiKey(id=match[1], text=text) if match else None


def is_key_id(text: str) -> bool:
    """Whether a text has the form of a key's id."""
    return len(text) == ID_LENGTH and _ID.fullmatch(text) is not None


def digest(installation_key: bytes, key: ApiKey) -> bytes:
    """HMAC-SHA256 (RFC 2104) of the whole text under the installation key, 32 bytes.

    A fast digest is enough because the secret is random over 256 bits; nothing is there to stretch.
    """
    mac = _keyed(installation_key).copy()
    mac.update(key.text.encode("ascii"))
    return mac.digest()


@lru_cache(maxsize=4)
def _keyed(installation_key: bytes) -> hmac.HMAC:
    # A copy costs half of hmac.digest, which also lets go of the interpreter lock: under load the loop
    # then waits for the database's thread.
    return hmac.new(installation_key, digestmod="sha256")


def check_installation_key(installation_key: bytes) -> bytes:
    """The same bytes; raises `ValueError` for fewer than 32, so that no empty key is ever used."""
    if len(installation_key) < INSTALLATION_KEY_BYTES:
        raise ValueError(f"the installation key must have at least {INSTALLATION_KEY_BYTES} bytes")
    return installation_key
