"""What is taken from a key set, and what is not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jwt_kit import b64, claims, jwk, jwks, private_key, sign

from dataplane.identity.jwt_form import BadToken, split
from dataplane.identity.jwt_keys import MAX_KEYS, BadKeySet, UnknownKey, read_key_set
from dataplane.identity.jwt_weak import MIN_EXPONENT, is_weak_rsa


def verified(keys: bytes, text: str) -> bool:
    try:
        read_key_set(keys).verify(split(text))
    except BadToken:
        return False
    return True


SECRETS: dict[str, dict[str, Any]] = {
    "symmetric": {"kty": "oct", "k": "c2VjcmV0", "kid": "s", "alg": "HS256"},
    "private": jwk("p256-2") | {"d": "AAAA"},
    "private, for encryption": jwk("rsa-2", use="enc") | {"d": "AAAA"},
}


@pytest.mark.parametrize("name", SECRETS)
def test_a_set_that_publishes_a_secret_is_not_taken_at_all(name: str) -> None:
    with pytest.raises(BadKeySet, match="private or symmetric"):
        read_key_set(jwks("rsa-1", SECRETS[name]))


UNUSABLE: dict[str, dict[str, Any]] = {
    "for encryption": jwk("rsa-2", use="enc", alg="RSA-OAEP"),
    "operations without verify": jwk("rsa-2", use=None, key_ops=["encrypt"]),
    "operations no list": jwk("rsa-2", key_ops="verify"),
    "of another algorithm": jwk("rsa-2", alg="RSA-OAEP"),
    "algorithm of another kind": jwk("rsa-2", alg="ES256"),
    "algorithm a list": jwk("rsa-2", alg=["RS256"]),
    "of 1024 bits": jwk("rsa1024-1"),
    "with exponent 3": jwk("rsa-2", e=b64(b"\x03")),
    "with exponent 1": jwk("rsa-2", e=b64(b"\x01")),
    "with an even exponent": jwk("rsa-2", e=b64(b"\x01\x00\x02")),
    "with a huge exponent": jwk("rsa-2", e=b64(b"\x01" * 64)),
    "without a modulus": jwk("rsa-2", n=None),
    "with a modulus that is a number": jwk("rsa-2", n=17),
    "with padding": jwk("rsa-2", n=jwk("rsa-2")["n"] + "=="),
    "id a number": jwk("rsa-2", kid=5),
    "curve unknown": jwk("p256-2", crv="secp256k1"),
    "curve another": jwk("p256-2", crv="P-384"),
    "point off the curve": jwk("p256-2", y=jwk("p256-1")["y"]),
    "coordinate short": jwk("p256-2", x=b64(bytes(31))),
    "curve of another type": jwk("ed25519-2", kty="EC"),
    "type unknown": jwk("rsa-2", kty="AKP"),
    "type missing": jwk("rsa-2", kty=None),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_an_unusable_key_is_passed_over_and_the_others_count(name: str) -> None:
    keys = read_key_set(jwks(UNUSABLE[name], "rsa-1"))
    assert (list(keys.by_kid), keys.skipped) == (["rsa-1"], 1)
    with pytest.raises(BadKeySet, match="no usable key"):
        read_key_set(jwks(UNUSABLE[name]))


def test_an_id_that_two_keys_share_names_neither() -> None:
    twice = jwks("rsa-1", jwk("rsa-2", kid="rsa-1"), "p256-1")
    assert not verified(twice, sign(claims(), "rsa-1"))
    assert not verified(twice, sign(claims(), "rsa-2", kid="rsa-1"))
    assert verified(twice, sign(claims(), "p256-1", alg="ES256"))


def test_a_weak_twin_makes_an_id_ambiguous_too() -> None:
    with pytest.raises(BadKeySet, match="no usable key"):
        read_key_set(jwks("rsa-1", jwk("rsa1024-1", kid="rsa-1")))


def test_an_encryption_key_may_share_an_id_with_the_one_that_signs() -> None:
    assert verified(jwks("rsa-1", jwk("rsa-2", kid="rsa-1", use="enc")), sign(claims()))


def test_a_key_verifies_by_its_own_algorithm_alone() -> None:
    keys = jwks(jwk("rsa-1", alg="RS256"))
    assert verified(keys, sign(claims()))
    assert not verified(keys, sign(claims(), alg="PS256"))
    assert verified(jwks("rsa-1"), sign(claims(), alg="PS256"))


def test_a_token_without_a_key_id_is_tried_with_a_few_keys_of_its_kind() -> None:
    text = sign(claims(), kid=None)
    assert verified(jwks("p256-1", "rsa-2", "rsa-1"), text)
    assert verified(jwks(jwk("rsa-1", kid=None)), text)
    with pytest.raises(UnknownKey):
        read_key_set(jwks("rsa-2")).verify(split(text))
    many = read_key_set(jwks("rsa-1", *(jwk("rsa-2", kid=str(n)) for n in range(4))))
    with pytest.raises(BadToken):
        many.verify(split(text))


def test_a_key_without_an_id_is_not_what_an_id_names() -> None:
    assert not verified(jwks(jwk("rsa-1", kid=None)), sign(claims()))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": []}',
        b'{"keys": ["x"]}',
        b'{"keys": [], "keys": []}',
        b'{"keys": [' + b"[" * 40 + b"]" * 40 + b"]}",
        b"\xff",
        b'{"keys":[]}' + b" " * 600_000,
        json.dumps({"keys": [jwk("rsa-1", kid=str(n)) for n in range(MAX_KEYS + 1)]}).encode(),
    ],
    ids=range(11),
)
def test_what_is_no_key_set_is_refused(data: bytes) -> None:
    with pytest.raises(BadKeySet):
        read_key_set(data)


def test_keys_of_the_broken_generator_are_told_by_their_modulus() -> None:
    modulus = private_key("rsa-1").public_key().public_numbers().n
    assert not is_weak_rsa(modulus, MIN_EXPONENT)
    made = pow(65_537, 12_345, 1 << 2047) | 1
    smooth = 1
    for prime in (
        3,
        5,
        7,
        11,
        13,
        17,
        19,
        23,
        29,
        31,
        37,
        41,
        43,
        47,
        53,
        59,
        61,
        67,
        71,
        73,
        79,
        83,
        89,
        97,
    ):
        smooth *= prime
    assert not is_weak_rsa(made | 1 << 2047, MIN_EXPONENT)
    for prime in (101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167):
        smooth *= prime
    # A power of 65537 modulo all the primes, lifted to 2048 bits: what that generator makes looks like this.
    broken = pow(65_537, 12_345, smooth) + smooth * ((1 << 2047) // smooth + 1)
    broken += smooth if broken % 2 == 0 else 0
    assert is_weak_rsa(broken, MIN_EXPONENT)
