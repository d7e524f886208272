"""Personal values: digests in a record's canonical bytes, the values beside them.

1. Each record draws a nonce of 16 random bytes that is stored only with the sealed values.
2. A canonical record holds `<name>_digest` = SHA-256(nonce || value): without the nonce even a short
   value such as an address cannot be guessed, so erasing the sealed part erases the value, and the
   chain over the canonical bytes stays whole.
3. Bodies are digested as HMAC-SHA256(installation key, salt || SHA-256 of the body); the salt stands in
   the canonical bytes, so whoever holds the key and a body can prove that it was this one, and
   destroying the key ends that.
4. At level `hash` a descriptive value (who, where from) is digested as in 3 and not kept at all.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from functools import lru_cache
from typing import Final

import orjson

from dataplane.audit.canonical import Fields, plain_text

NONCE_BYTES: Final = 16
"""128 bits, so that no two records share a nonce and none can be searched for."""

BLOCK_NONCES: Final = 64


_pool: list[bytes] = []


def _random() -> bytes:
    """`NONCE_BYTES` of the system's random bytes, each given out once, to any thread. Asked for in blocks:
    the system call costs as much as the rest of a sealing."""
    try:
        return _pool.pop()
    except IndexError:
        block = os.urandom(BLOCK_NONCES * NONCE_BYTES)
        _pool.extend(block[at : at + NONCE_BYTES] for at in range(NONCE_BYTES, len(block), NONCE_BYTES))
        return block[:NONCE_BYTES]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.clear)


class Sealer:
    """Digests for one record. `fields` collects the canonical part, `sealed` the part beside it."""

    __slots__ = ("_key", "_nonce", "_salt", "_values", "fields")

    def __init__(self, key: bytes, fields: Fields) -> None:
        self._key = key
        self._nonce, self._salt = _random(), _random()
        self._values: dict[str, str] = {}
        self.fields = fields

    def seal(self, name: str, value: str) -> None:
        """Keep a value beside the record, its digest in it."""
        value = plain_text(value) if not value.isascii() else value
        self.fields[f"{name}_digest"] = sealed_digest(self._nonce, value)
        self._values[name] = value

    def hide(self, name: str, value: str) -> None:
        """Keep a keyed digest of a value and not the value."""
        self._keyed(f"{name}_digest", value.encode("utf-8", "replace"))

    def body(self, name: str, sha256: bytes) -> None:
        """Keep a keyed digest of a body, given its SHA-256."""
        self._keyed(name, sha256)

    def sealed(self) -> bytes | None:
        """The sealed part as JSON text, or None where nothing was sealed."""
        if not self._values:
            return None
        return orjson.dumps({"nonce": self._nonce.hex(), **self._values}, option=orjson.OPT_SORT_KEYS)

    def _keyed(self, name: str, value: bytes) -> None:
        self.fields["salt"] = self._salt.hex()
        self.fields[name] = keyed_digest(self._key, self._salt, value)


def sealed_digest(nonce: bytes, value: str) -> str:
    """SHA-256(nonce || value in UTF-8), hexadecimal."""
    return hashlib.sha256(nonce + value.encode()).hexdigest()


def keyed_digest(key: bytes, salt: bytes, value: bytes) -> str:
    """HMAC-SHA256(key, salt || value), hexadecimal."""
    mac = _keyed(key).copy()
    mac.update(salt + value)
    return mac.hexdigest()


@lru_cache(maxsize=4)
def _keyed(key: bytes) -> hmac.HMAC:
    # Unlike hmac.digest a copy does not let go of the interpreter lock, which costs far more than the
    # digest while the database's thread wants it.
    return hmac.new(key, digestmod="sha256")
