"""RSA keys whose signatures prove nothing, or that cost too much to check."""

from __future__ import annotations

from typing import Final

MIN_BITS: Final = 2048
"""NIST SP 800-131A Rev. 2, table 2; RFC 7518, 3.3 asks the same."""

MAX_BITS: Final = 8192
"""One check with it takes about 0.4 ms, 16 times that with 2048 bits."""

MIN_EXPONENT: Final = 65_537
MAX_EXPONENT: Final = (1 << 32) - 1
"""FIPS 186-5, 5.4 asks for more than 2**16; larger than 32 bits only makes each check dear."""

_ROCA_PRIMES: Final = (
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
)  # fmt: skip
_ROCA_RESIDUES: Final = tuple(
    (prime, frozenset(pow(65_537, power, prime) for power in range(prime))) for prime in _ROCA_PRIMES
)
"""Primes of keys from the broken generator are powers of 65537 modulo these, and so is their product
(CVE-2017-15361; Nemec et al., "The Return of Coppersmith's Attack", CCS 2017, section 2.1)."""


def is_weak_rsa(modulus: int, exponent: int) -> bool:
    """Whether a public key is too short, too long, has an unfit exponent or came from the ROCA generator."""
    if not MIN_BITS <= modulus.bit_length() <= MAX_BITS or modulus % 2 == 0:
        return True
    if not MIN_EXPONENT <= exponent <= MAX_EXPONENT or exponent % 2 == 0:
        return True
    return all(modulus % prime in residues for prime, residues in _ROCA_RESIDUES)
