"""Every known attack on tokens: one refusal, the same for all of them."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt_kit import AUDIENCE, INVALID, ISSUER, NOW, b64, chain, claims, judged, jwk, private_key, sign, token

from dataplane.errors import Refused


def hmac_with_public_key() -> str:
    """RS256 -> HS256, with the published key's PEM as the secret."""
    pem = private_key("rsa-1").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    text = f"{b64({'alg': 'HS256', 'kid': 'rsa-1'})}.{b64(claims())}"
    return f"{text}.{b64(hmac.digest(pem, text.encode(), 'sha256'))}"


def swapped(text: str, **changes: Any) -> str:
    """The same payload and signature under a changed header."""
    header, payload, signature = text.split(".")
    members = json.loads(base64.urlsafe_b64decode(header + "==")) | changes
    return f"{b64(members)}.{payload}.{signature}"


def repayloaded(text: str, payload: bytes) -> str:
    header, _, signature = text.split(".")
    return f"{header}.{b64(payload)}.{signature}"


ATTACKS: dict[str, tuple[Callable[[], str], str]] = {
    "alg none": (lambda: swapped(token(), alg="none").rpartition(".")[0] + ".", "form"),
    "alg none, any signature": (lambda: swapped(token(), alg="none"), "algorithm"),
    "alg NoNe": (lambda: swapped(token(), alg="NoNe"), "algorithm"),
    "HMAC keyed with the public key": (hmac_with_public_key, "algorithm"),
    "alg missing": (lambda: f"{b64({'kid': 'rsa-1'})}.{b64(claims())}.AAAA", "header"),
    "alg a list": (lambda: swapped(token(), alg=["RS256"]), "header"),
    "RSA key, ECDSA asked": (lambda: swapped(token(), alg="ES256"), "algorithm"),
    "P-256 key, ES384 asked": (lambda: swapped(token("p256-1", alg="ES256"), alg="ES384"), "algorithm"),
    "RS256 signature called PS256": (lambda: swapped(token(), alg="PS256"), "signature"),
    "own key in the header": (
        lambda: sign(claims(), "rsa-evil", kid="rsa-1", jwk=jwk("rsa-evil")),
        "header",
    ),
    "jku": (lambda: sign(claims(), "rsa-evil", jku="https://evil.example/jwks"), "header"),
    "x5u": (lambda: sign(claims(), "rsa-evil", x5u="https://evil.example/cert"), "header"),
    "x5c": (lambda: sign(claims(), "rsa-evil", x5c=["MIIB"]), "header"),
    "crit": (lambda: sign(claims(), crit=["exp"]), "header"),
    "unencoded payload": (lambda: sign(claims(), b64=False, crit=["b64"]), "header"),
    "kid a path": (lambda: sign(claims(), kid="../../../../dev/null"), "key"),
    "kid SQL": (lambda: sign(claims(), kid="x' UNION SELECT 'k"), "key"),
    "kid a command": (lambda: sign(claims(), kid="k|/usr/bin/id"), "key"),
    "kid a URL": (lambda: sign(claims(), kid="https://evil.example/k"), "key"),
    "kid a number": (lambda: sign(claims(), kid=1), "header"),
    "kid very long": (lambda: sign(claims(), kid="k" * 257), "header"),
    "another's key": (lambda: sign(claims(), "rsa-evil", kid="rsa-1"), "signature"),
    "ECDSA of zeroes": (
        lambda: token("p256-1", alg="ES256").rpartition(".")[0] + "." + b64(bytes(64)),
        "signature",
    ),
    "signature missing": (lambda: token().rpartition(".")[0] + ".", "form"),
    "signature gone with its dot, payload doubled": (lambda: "..".join(token().split(".")[:2]), "form"),
    "payload changed": (
        lambda: repayloaded(token(), json.dumps(claims(client_id="admin")).encode()),
        "signature",
    ),
    "encrypted": (lambda: token() + ".AAAA.AAAA", "form"),
    "four segments": (lambda: token() + ".AAAA", "form"),
    "padding": (lambda: token() + "==", "form"),
    "standard alphabet": (lambda: token().replace(".", ".+", 1), "form"),
    "white space inside": (lambda: token().replace(".", ". ", 1), "form"),
    "huge": (lambda: token(pad="x" * 16_384), "size"),
    "huge header": (lambda: sign(claims(), pad="x" * 2048), "size"),
    "deeply nested": (lambda: sign(b'{"iss":' + b"[" * 100 + b"]" * 100 + b"}"), "form"),
    "duplicate members": (
        lambda: sign(json.dumps(claims()).encode()[:-1] + b',"client_id":"admin"}'),
        "form",
    ),
    "escaped duplicate": (
        lambda: sign(json.dumps(claims()).encode()[:-1] + b',"cl\\u0069ent_id":"admin"}'),
        "form",
    ),
    "payload no JSON": (lambda: sign(b"hello"), "form"),
    "payload a list": (lambda: sign(b"[]"), "form"),
    "payload with a byte order mark": (lambda: sign(b"\xef\xbb\xbf" + json.dumps(claims()).encode()), "form"),
    "issuer unknown": (lambda: token(iss="https://evil.example"), "issuer"),
    "issuer almost ours": (lambda: token(iss=ISSUER + "/"), "issuer"),
    "issuer missing": (lambda: token(iss=None), "issuer"),
    "issuer a list": (lambda: token(iss=[ISSUER]), "issuer"),
    "audience another's": (lambda: token(aud="other"), "audience"),
    "audience missing": (lambda: token(aud=None), "audience"),
    "audience almost ours": (lambda: token(aud=AUDIENCE.upper()), "audience"),
    "audience with a number": (lambda: token(aud=[AUDIENCE, 1]), "audience"),
    "no expiry": (lambda: token(exp=None), "claims"),
    "expiry a string": (lambda: token(exp=str(int(NOW) + 300)), "claims"),
    "expiry true": (lambda: token(exp=True), "claims"),
    "expiry infinite": (
        lambda: sign(json.dumps(claims()).replace(str(int(NOW) + 300), "1e999").encode()),
        "claims",
    ),
    "expiry beyond doubles": (lambda: token(exp=2**60), "claims"),
    "expiry beyond every float": (lambda: token(exp=10**400), "claims"),
    "issued beyond every float": (lambda: token(iat=10**400), "claims"),
    "begun before every float": (lambda: token(nbf=-(10**400)), "claims"),
    "not yet": (lambda: token(nbf=int(NOW) + 31), "early"),
    "made in the future": (lambda: token(iat=int(NOW) + 31), "early"),
    "type of a proof": (lambda: token(header={"typ": "dpop+jwt"}), "type"),
    "type of a logout": (lambda: token(header={"typ": "logout+jwt"}), "type"),
    "type a number": (lambda: token(header={"typ": 1}), "header"),
    "no client": (lambda: token(client_id=None), "claims"),
    "client a number": (lambda: token(client_id=7), "claims"),
    "client with a line break": (lambda: token(client_id="a\nb"), "claims"),
    "client too long": (lambda: token(client_id="c" * 257), "claims"),
    "roles an object": (lambda: token(roles={"admin": True}), "claims"),
    "a thousand groups": (lambda: token(groups=[str(n) for n in range(1000)]), "claims"),
    "bound to a key we cannot check": (lambda: token(cnf={"jkt": "x"}), "binding"),
    "bound, malformed": (lambda: token(cnf={"x5t#S256": "AAAA"}), "binding"),
    "bound, no object": (lambda: token(cnf="x"), "binding"),
    "delegated nine times": (lambda: token(act=chain(9)), "claims"),
    "delegated to nobody": (lambda: token(act={}), "claims"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_is_refused_without_detail(name: str, tmp_path: Path) -> None:
    make, fault = ATTACKS[name]
    assert judged(tmp_path, make()) == (INVALID, fault)


def test_what_is_told_of_a_refusal_is_the_same_for_all_of_them() -> None:
    one = Refused(INVALID, fault="signature")
    assert (one.status, one.code, one.challenge) == (401, "invalid_token", 'Bearer error="invalid_token"')
    assert "signature" not in str(one)


def test_only_a_token_that_was_valid_is_told_that_it_expired(tmp_path: Path) -> None:
    assert judged(tmp_path, token(exp=int(NOW) - 30)) == ("gateway.token_expired", "expired")
    forged = sign(claims(exp=int(NOW) - 30), "rsa-evil", kid="rsa-1")
    assert judged(tmp_path, forged) == (INVALID, "signature")


def test_a_token_for_an_algorithm_that_is_not_listed_is_refused(tmp_path: Path) -> None:
    assert judged(tmp_path, token("p256-1", alg="ES256"), algorithms=["RS256"]) == (INVALID, "algorithm")
