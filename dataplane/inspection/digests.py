"""Digests of what was found, so that equal values can be told to be equal by whoever has the key."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

DIGEST_BYTES: Final = 16

Digest = Callable[[str], bytes]


def digest_with(key: bytes) -> Digest:
    """Digests of texts (BLAKE2b, `DIGEST_BYTES` long) with a key, of which the first 64 bytes count."""
    key = key[: hashlib.blake2b.MAX_KEY_SIZE]

    def digest(text: str) -> bytes:
        data = text.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(data, digest_size=DIGEST_BYTES, key=key).digest()

    return digest
