"""A set of verification keys (RFC 7517), and what each of them may verify.

Only asymmetric algorithms are known here, so `none` and a public key taken for an HMAC secret cannot be
expressed. Key type and curve are bound to the algorithm (RFC 8725, 3.1): a key verifies what its type,
curve and `alg` say, whatever a token's header asks for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm, RSAPSSAlgorithm
from jwt.exceptions import InvalidKeyError

from dataplane.errors import RegoGateError
from dataplane.identity.jwt_form import MAX_KID_CHARS, BadToken, Jws, from_base64url, strict_object
from dataplane.identity.jwt_weak import is_weak_rsa

MAX_KEYS: Final = 128
"""Of one set; providers publish two to ten."""

MAX_SET_BYTES: Final = 512 * 1024
"""Of a key set or discovery document; ten keys with certificate chains have about 40 kB."""

MAX_UNNAMED: Final = 4
"""Keys tried for a token that names none: the work for a forged one stays bounded."""

_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_CURVES: Final = {
    "P-256": ("ES256", 32),
    "P-384": ("ES384", 48),
    "P-521": ("ES512", 66),
    "Ed25519": ("EdDSA", 32),
    "Ed448": ("EdDSA", 57),
}
"""Algorithm and octets of a coordinate (RFC 7518, 3.4 and 6.2.1.2; RFC 8037, 2 and 3.1)."""

ALGORITHMS: Final = {
    "RS256": RSAAlgorithm(RSAAlgorithm.SHA256),
    "RS384": RSAAlgorithm(RSAAlgorithm.SHA384),
    "RS512": RSAAlgorithm(RSAAlgorithm.SHA512),
    "PS256": RSAPSSAlgorithm(RSAPSSAlgorithm.SHA256),
    "PS384": RSAPSSAlgorithm(RSAPSSAlgorithm.SHA384),
    "PS512": RSAPSSAlgorithm(RSAPSSAlgorithm.SHA512),
    "ES256": ECAlgorithm(ECAlgorithm.SHA256),
    "ES384": ECAlgorithm(ECAlgorithm.SHA384),
    "ES512": ECAlgorithm(ECAlgorithm.SHA512),
    "EdDSA": OKPAlgorithm(),
}
"""Every algorithm that can be configured (RFC 7518, 3.1; RFC 8037, 3.1)."""

_RSA: Final = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})


class BadKeySet(RegoGateError):
    """A key set that is not taken, with the reason; no key material in it."""


class UnknownKey(BadToken):
    """The token names a key that is not in the set: a newer set may have it."""

    def __init__(self) -> None:
        super().__init__("key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A public key and the algorithms that it may verify."""

    kid: str | None
    algorithms: frozenset[str]
    material: Any = field(repr=False)

    def holds(self, jws: Jws) -> bool:
        """Whether the signature is this key's, by the algorithm that the message names."""
        return jws.alg in self.algorithms and ALGORITHMS[jws.alg].verify(
            jws.signing_input, self.material, jws.signature
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySet:
    """The usable keys of a set. `skipped` counts those for another purpose, weak, broken or ambiguous."""

    by_kid: Mapping[str, Key]
    keys: tuple[Key, ...]
    skipped: int

    def verify(self, jws: Jws) -> None:
        """Raise `BadToken` unless one key that the message may mean made its signature.

        1. A key id is looked up and nothing else is done with it; an unknown one is `UnknownKey`.
        2. Without one, the few keys of the fitting kind are tried; where none holds, a newer might.
        """
        if jws.kid is not None:
            key = self.by_kid.get(jws.kid)
            if key is None:
                raise UnknownKey
            if jws.alg not in key.algorithms:
                raise BadToken("algorithm")
            if not key.holds(jws):
                raise BadToken("signature")
            return
        fitting = [key for key in self.keys if jws.alg in key.algorithms]
        if len(fitting) > MAX_UNNAMED:
            raise BadToken("key")
        if not any(key.holds(jws) for key in fitting):
            raise UnknownKey


def read_key_set(data: bytes) -> KeySet:
    """The keys of a JWK set. Raises `BadKeySet` where it is not one, or must not be trusted at all.

    1. Strict JSON, bounded in bytes and keys.
    2. A private or symmetric key in it is a secret that was published: nothing of the set is taken.
    3. A key for another purpose or algorithm is passed over, a weak or broken one too.
    4. An id that two keys share names neither: which of them signed is not for a token to choose.
    5. A set without one usable key is no set.
    """
    if len(data) > MAX_SET_BYTES:
        raise BadKeySet("the key set is too large")
    try:
        entries = strict_object(data).get("keys")
    except ValueError:
        raise BadKeySet("the key set is not strict JSON") from None
    if type(entries) is not list or len(entries) > MAX_KEYS:
        raise BadKeySet(f"the key set has no list 'keys' of at most {MAX_KEYS}")
    found: list[Key] = []
    names: Counter[str] = Counter()
    for entry in entries:
        if type(entry) is not dict:
            raise BadKeySet("a key is not an object")
        if entry.get("kty") == "oct" or not _PRIVATE.isdisjoint(entry):
            raise BadKeySet("the key set holds a private or symmetric key")
        if not _for_verifying(entry):
            continue
        if type(kid := entry.get("kid")) is str:
            names[kid] += 1
        if (key := _key(entry)) is not None:
            found.append(key)
    keys = tuple(key for key in found if key.kid is None or names[key.kid] == 1)
    if not keys:
        raise BadKeySet("the key set has no usable key")
    by_kid = {key.kid: key for key in keys if key.kid is not None}
    return KeySet(by_kid=by_kid, keys=keys, skipped=len(entries) - len(keys))


def _for_verifying(entry: dict[str, Any]) -> bool:
    operations = entry.get("key_ops", ["verify"])
    return entry.get("use", "sig") == "sig" and type(operations) is list and "verify" in operations


def _key(entry: dict[str, Any]) -> Key | None:
    kid = entry.get("kid")
    if kid is not None and (type(kid) is not str or len(kid) > MAX_KID_CHARS):
        return None
    try:
        algorithms, material = _material(entry)
    except (ValueError, InvalidKeyError):
        return None
    if "alg" in entry:
        algorithms &= {entry["alg"]} if type(entry["alg"]) is str else set()
    return Key(kid=kid, algorithms=algorithms, material=material) if algorithms else None


def _material(entry: dict[str, Any]) -> tuple[frozenset[str], Any]:
    """What a key may verify, and the key itself. Raises `ValueError` or `InvalidKeyError`."""
    match entry.get("kty"):
        case "RSA":
            modulus, exponent = (int.from_bytes(_octets(entry, name)) for name in ("n", "e"))
            if is_weak_rsa(modulus, exponent):
                raise ValueError("weak")
            return _RSA, RSAAlgorithm.from_jwk({name: entry[name] for name in ("kty", "n", "e")})
        case "EC" | "OKP" as kty:
            algorithm, size = _CURVES.get(str(entry.get("crv")), ("", 0))
            names = ("x", "y") if kty == "EC" else ("x",)
            if algorithm.startswith("ES") != (kty == "EC") or not algorithm:
                raise ValueError("unknown curve")
            if any(len(_octets(entry, name)) != size for name in names):
                raise ValueError("wrong length")
            public = {name: entry[name] for name in ("kty", "crv", *names)}
            reader = ECAlgorithm if kty == "EC" else OKPAlgorithm
            return frozenset({algorithm}), reader.from_jwk(public)
        case _:
            raise ValueError("unknown key type")


def _octets(entry: dict[str, Any], name: str) -> bytes:
    text = entry.get(name)
    if type(text) is not str:
        raise ValueError("missing")
    return from_base64url(text)
