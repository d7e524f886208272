"""Whose tokens are taken, whose are not, and what is known of their bearers."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest
from caller_kit import bearer, head
from jwt_kit import (
    ALL,
    AUDIENCE,
    INVALID,
    NOW,
    SOURCE,
    accepted,
    b64,
    chain,
    judged,
    outcome,
    running,
    token,
)

from dataplane.domain import Identity, Source
from dataplane.errors import ConfigError, Refused
from dataplane.ports import CallerRefused


@pytest.mark.parametrize(
    ("key", "alg"),
    [
        *(("rsa-1", alg) for alg in ALL if alg[0] in "RP"),
        *(("p256-1", "ES256"), ("p384-1", "ES384"), ("p521-1", "ES512")),
        *(("ed25519-1", "EdDSA"), ("ed448-1", "EdDSA")),
    ],
)
def test_every_algorithm_verifies_with_its_kind_of_key(key: str, alg: str, tmp_path: Path) -> None:
    assert accepted(tmp_path, token(key, alg=alg)).client_id == "support"


# --- what is known of a bearer --------------------------------------------------------------------


def test_a_user_token_names_client_subject_and_scopes(tmp_path: Path) -> None:
    text = token(roles=["agent", "agent"], groups="eu", tenant="acme")
    signed = hashlib.sha256(text.rpartition(".")[0].encode()).hexdigest()
    assert accepted(tmp_path, text) == Identity(
        client_id="support",
        method="jwt",
        key_id=f"rsa-1:{signed}",
        subject="u-17",
        tenant="acme",
        roles=("agent",),
        groups=("eu",),
        scopes=("llm:access", "other"),
    )


def test_a_service_account_is_the_client_that_azp_names(tmp_path: Path) -> None:
    found = accepted(tmp_path, token(client_id=None, azp="batch", sub="batch", scope=None, scp=["a", "b"]))
    assert (found.client_id, found.subject, found.scopes) == ("batch", "batch", ("a", "b"))


def test_claims_are_found_by_path_and_by_names_with_dots(tmp_path: Path) -> None:
    text = token(
        **{
            "https://acme.example/tenant": "acme",
            "realm_access": {"roles": ["admin"]},
            "resource_access": {"gw": {"client": "bot"}},
            "department": "legal",
            "level": 3,
            "address": {"country": "DE"},
            "nested": {"x": [1]},
        }
    )
    where = {
        "tenant": "https://acme.example/tenant",
        "roles": "realm_access.roles",
        "client": ["absent", "resource_access.gw.client"],
        "visible": ["department", "level", "address.country", "nested", "absent"],
    }
    found = accepted(tmp_path, text, claims=where)
    assert (found.tenant, found.roles, found.client_id) == ("acme", ("admin",), "bot")
    assert found.claims == {"department": "legal", "level": 3, "address.country": "DE"}


def test_a_delegation_chain_is_kept_outermost_first(tmp_path: Path) -> None:
    assert accepted(tmp_path, token(act=chain(3))).actors == ("actor-1", "actor-2", "actor-3")


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "application/at+JWT", None])
def test_usual_types_are_taken(typ: str | None, tmp_path: Path) -> None:
    assert accepted(tmp_path, token(header={"typ": typ})).client_id == "support"


def test_types_can_be_narrowed(tmp_path: Path) -> None:
    assert judged(tmp_path, token(header={"typ": None}), types=["at+jwt"]) == (INVALID, "type")


def test_audience_may_be_a_list_and_clocks_may_differ_a_little(tmp_path: Path) -> None:
    text = token(aud=["other", AUDIENCE], exp=int(NOW) - 29, nbf=int(NOW) + 30, iat=NOW + 29.5)
    assert accepted(tmp_path, text).client_id == "support"
    assert judged(tmp_path, text, leeway_s=0) == (INVALID, "early")


def test_a_required_claim_that_is_missing_is_401_and_a_scope_403(tmp_path: Path) -> None:
    require = {"claims": ["department"], "scopes": ["llm:access", "llm:chat"]}
    assert judged(tmp_path, token(), require=require) == (INVALID, "claims")
    assert judged(tmp_path, token(department=""), require=require) == (INVALID, "claims")
    assert judged(tmp_path, token(department="x"), require=require) == ("gateway.insufficient_scope", None)
    assert accepted(tmp_path, token(department="x", scope="llm:chat llm:access"), require=require)


def test_a_missing_scope_is_told_as_rfc_6750_says(tmp_path: Path) -> None:
    async def run() -> Refused:
        async with running(tmp_path, require={"scopes": ["llm:chat"]}) as authenticator:
            with pytest.raises(Refused) as raised:
                await authenticator.authenticate(bearer(token()), SOURCE)
            return raised.value

    refused = asyncio.run(run())
    assert (refused.status, refused.code) == (403, "insufficient_scope")
    assert refused.challenge == 'Bearer error="insufficient_scope", scope="llm:chat"'
    assert isinstance(refused, CallerRefused)
    assert refused.identity.client_id == "support"


def test_nobody_is_named_for_a_bound_token_without_the_scope(tmp_path: Path) -> None:
    async def run() -> Refused:
        async with running(tmp_path, require={"scopes": ["llm:chat"]}) as authenticator:
            with pytest.raises(Refused) as raised:
                await authenticator.authenticate(bearer(bound), SOURCE)
            return raised.value

    bound = token(cnf={"x5t#S256": "A" * 43})
    refused = asyncio.run(run())
    assert refused.code == "insufficient_scope"
    assert not isinstance(refused, CallerRefused)


def test_a_token_bound_to_a_certificate_counts_with_it_alone(tmp_path: Path) -> None:
    certificate = b"a certificate in DER"
    text = token(cnf={"x5t#S256": b64(hashlib.sha256(certificate).digest())})

    async def run() -> None:
        async with running(tmp_path) as authenticator:
            assert await outcome(authenticator, text) == (INVALID, "binding")
            owner = Source(ip="203.0.113.7", client_cert=True, certificate=certificate)
            found = await outcome(authenticator, text, owner)
            assert isinstance(found, Identity)
            assert found.cert_bound
            thief = Source(ip="203.0.113.7", client_cert=True, certificate=b"another")
            assert await outcome(authenticator, text, thief) == (INVALID, "binding")
            assert await outcome(authenticator, text) == (INVALID, "binding")

    asyncio.run(run())


# --- three values -----------------------------------------------------------------------------------


def test_what_is_no_token_is_somebody_elses(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path) as authenticator:
            for text in ("rgk_a.b.c", "opaque", "a.b", ""):
                assert await authenticator.authenticate(bearer(text), SOURCE) is None
            assert (
                await authenticator.authenticate(head(("authorization", f"Basic {token()}")), SOURCE) is None
            )
            assert await authenticator.authenticate(head(("x-api-key", token())), SOURCE) is None
            assert await authenticator.authenticate(head(), SOURCE) is None

    asyncio.run(run())


def test_a_token_beside_another_credential_is_refused(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path) as authenticator:
            both = head(("authorization", f"Bearer {token()}"), ("x-api-key", "sk-1"))
            with pytest.raises(Refused) as raised:
                await authenticator.authenticate(both, SOURCE)
            assert (raised.value.reasons, raised.value.fault) == ((INVALID,), "ambiguous")

    asyncio.run(run())


def test_no_token_stands_in_what_is_shown(tmp_path: Path) -> None:
    text = token()
    found = accepted(tmp_path, text)
    signature = text.rpartition(".")[2]
    assert signature not in repr(found)
    assert text.split(".")[1] not in repr(found)


def test_a_revocation_list_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "revoked").write_text("sha256:beef\n")
    with pytest.raises(ConfigError, match="line 1"):
        judged(tmp_path, token(), revoked_file=tmp_path / "revoked")
