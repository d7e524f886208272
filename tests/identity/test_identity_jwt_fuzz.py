"""No token that differs from a good one is accepted, whatever was changed, and none of them is an error."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import suppress
from functools import cache
from typing import Any

from caller_kit import bearer
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jwt_kit import NOW, SOURCE, Clock, b64, issuer, jwk, private_key, sign, token

from dataplane.domain import Identity
from dataplane.errors import Refused
from dataplane.identity.jwt import JwtAuthenticator
from dataplane.identity.jwt_form import BadToken, from_base64url, split, strict_object
from dataplane.identity.jwt_keys import BadKeySet, KeySet, read_key_set

GOOD = {
    alg: token(key, alg=alg) for key, alg in (("rsa-1", "RS256"), ("p256-1", "ES256"), ("ed25519-1", "EdDSA"))
}
CHARS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0é"


class Keys:
    """An issuer's keys that are there already."""

    failure = None
    age_s = 0.0

    def __init__(self, *names: str) -> None:
        self.current: KeySet | None = read_key_set(json.dumps({"keys": [jwk(one) for one in names]}).encode())

    async def newer(self, than: KeySet | None, kid: str | None) -> KeySet | None:
        return than


@cache
def authenticator() -> JwtAuthenticator:
    made = JwtAuthenticator(
        [issuer(jwks_url="https://idp.example/k", algorithms=["RS256", "ES256", "EdDSA"])], clock=Clock()
    )
    [one] = made._issuers.values()
    one.keys = Keys("rsa-1", "p256-1", "ed25519-1")  # type: ignore[assignment]
    return made


def judged(text: str) -> Identity | Refused | None:
    try:
        return asyncio.run(authenticator().authenticate(bearer(text), SOURCE))
    except Refused as refused:
        return refused


def refused(text: str) -> bool:
    found = judged(text)
    assert not isinstance(found, Refused) or found.status == 401
    return not isinstance(found, Identity)


def test_what_is_varied_here_is_accepted_as_it_is() -> None:
    assert all(isinstance(judged(text), Identity) for text in GOOD.values())


@given(st.sampled_from(list(GOOD)), st.data())
@settings(max_examples=200, deadline=None)
def test_no_change_of_characters_is_accepted(alg: str, data: st.DataObject) -> None:
    text = list(GOOD[alg])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        match data.draw(st.sampled_from(["replace", "insert", "delete", "swap", "cut"])):
            case "replace":
                text[at] = data.draw(st.sampled_from(CHARS))
            case "insert":
                text.insert(at, data.draw(st.sampled_from(CHARS)))
            case "delete" if len(text) > 1:
                del text[at]
            case "swap":
                other = data.draw(st.integers(0, len(text) - 1))
                text[at], text[other] = text[other], text[at]
            case _:
                del text[at + 1 :]
    changed = "".join(text)
    # White space around a header's value is no part of it.
    assume(changed.strip(" ") != GOOD[alg])
    assert refused(changed)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.sampled_from(["alg", "kid", "typ", "crit", "jwk", "jku", "b64", "cty", "x"])
CLAIMS = st.sampled_from(
    ["iss", "aud", "exp", "nbf", "iat", "sub", "client_id", "scope", "cnf", "act", "jti", "roles"]
)


@given(st.sampled_from(list(GOOD)), st.dictionaries(MEMBERS, JSON, min_size=1, max_size=3))
@settings(max_examples=200, deadline=None)
def test_no_other_header_makes_a_signature_hold(alg: str, changes: dict[str, Any]) -> None:
    header, payload, signature = GOOD[alg].split(".")
    members = json.loads(base64.urlsafe_b64decode(header + "==="))
    assume(members | changes != members)
    assert refused(f"{b64(members | changes)}.{payload}.{signature}")


@given(st.dictionaries(CLAIMS, JSON, min_size=1, max_size=4))
@settings(max_examples=200, deadline=None)
def test_signed_nonsense_is_an_identity_or_a_refusal_and_never_an_error(changes: dict[str, Any]) -> None:
    payload = {
        "iss": "https://idp.example/realm",
        "aud": "regogate",
        "client_id": "c",
        "exp": NOW + 9,
        **changes,
    }
    found = judged(sign(payload, "ed25519-1", alg="EdDSA"))
    if isinstance(found, Identity):
        names = (found.client_id, *found.roles, *found.scopes, *found.actors)
        assert all(type(name) is str and 0 < len(name) <= 256 and name.isprintable() for name in names)


@given(st.text(max_size=200) | st.lists(st.text(CHARS, max_size=20), max_size=6).map(".".join))
def test_any_text_is_a_message_or_a_bad_token(text: str) -> None:
    with suppress(BadToken):
        assert split(text).alg


@given(st.binary(max_size=100))
def test_base64url_has_one_text_for_each_value(data: bytes) -> None:
    text = b64(data)
    assert from_base64url(text) == data
    for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":
        if text and last != text[-1]:
            with suppress(ValueError):
                assert from_base64url(text[:-1] + last) != data


@given(
    st.dictionaries(
        st.sampled_from(["keys", "x"]),
        JSON
        | st.lists(
            st.dictionaries(
                st.sampled_from(["kty", "n", "e", "crv", "x", "y", "kid", "use", "alg", "key_ops"]),
                JSON | st.sampled_from(["RSA", "EC", "OKP", "AQAB", "P-256", "sig", "RS256"]),
                max_size=6,
            ),
            max_size=4,
        ),
    )
)
def test_any_object_is_a_key_set_or_refused(found: dict[str, Any]) -> None:
    with suppress(BadKeySet):
        read_key_set(json.dumps(found, allow_nan=True).encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=60))
def test_any_bytes_are_an_object_or_refused(data: bytes) -> None:
    with suppress(ValueError):
        assert type(strict_object(data)) is dict


def test_a_rewritten_ecdsa_signature_is_another_text_of_the_same_signed_part() -> None:
    """Why records and revocation lists name the signed part: r and n-s verify as r and s do."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    head, _, signature = GOOD["ES256"].rpartition(".")
    raw = from_base64url(signature)
    other = f"{head}.{b64(raw[:32] + (order - int.from_bytes(raw[32:])).to_bytes(32))}"
    assert private_key("p256-1") is not None
    found, again = judged(GOOD["ES256"]), judged(other)
    assert isinstance(found, Identity)
    assert isinstance(again, Identity)
    assert found.key_id == again.key_id
