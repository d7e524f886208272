"""A token that held goes on without a signature check, and ends when it must."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jwt_kit import (
    INVALID,
    NOW,
    Clock,
    Endpoint,
    issuer,
    jwks,
    outcome,
    running,
    token,
)

from dataplane.config import JwtIntrospection
from dataplane.domain import Identity
from dataplane.identity.jwt import JwtAuthenticator
from dataplane.identity.jwt_fetch import Fetcher, FetchFailed
from dataplane.identity.jwt_introspection import Introspection
from dataplane.identity.jwt_revoked import RevokedTokens

EXPIRED = ("gateway.token_expired", "expired")
UNAVAILABLE = "gateway.identity_unavailable"


@pytest.fixture
def idp() -> Iterator[Endpoint]:
    with Endpoint().running() as endpoint:
        yield endpoint


def held(found: object) -> bool:
    return isinstance(found, Identity)


def test_a_known_token_ends_when_it_expires(tmp_path: Path) -> None:
    async def run() -> None:
        clock = Clock()
        async with running(tmp_path, clock) as authenticator:
            text = token(exp=int(NOW) + 10)
            first = await outcome(authenticator, text)
            assert await outcome(authenticator, text) is first
            clock.now += 39.9
            assert held(await outcome(authenticator, text))
            clock.now += 0.1
            assert await outcome(authenticator, text) == EXPIRED
            assert await outcome(authenticator, text) == EXPIRED

    asyncio.run(run())


def test_what_is_remembered_is_bounded_and_the_oldest_goes_first(tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_bytes(jwks("p256-1"))

    async def run() -> None:
        made = issuer(jwks_file=tmp_path / "jwks.json", algorithms=["ES256"])
        authenticator = JwtAuthenticator([made], clock=Clock(), remembered=2)
        await authenticator.start()
        try:
            texts = [token("p256-1", alg="ES256", jti=str(n)) for n in range(3)]
            first = [await outcome(authenticator, text) for text in texts]
            again = [await outcome(authenticator, text) for text in reversed(texts)]
            assert [a is b for a, b in zip(first, reversed(again), strict=True)] == [False, True, True]
        finally:
            await authenticator.close()

    asyncio.run(run())


def test_a_known_token_ends_with_its_key(idp: Endpoint) -> None:
    async def run() -> None:
        url = idp.serve("/keys", jwks("rsa-1"))
        made = issuer(jwks_url=url, jwks_refresh_s=0.05)
        authenticator = JwtAuthenticator([made], clock=Clock())
        await authenticator.start()
        try:
            old, new = token("rsa-1"), token("rsa-2")
            assert held(await outcome(authenticator, old))
            idp.serve("/keys", jwks("rsa-1", "rsa-2"))
            assert held(await outcome(authenticator, new))
            assert held(await outcome(authenticator, old))
            idp.serve("/keys", jwks("rsa-2"))
            assert (await outcome(authenticator, token("rsa-3")))[0] == INVALID  # type: ignore[index]
            assert await outcome(authenticator, old) == (INVALID, "key")
            assert held(await outcome(authenticator, new))
        finally:
            await authenticator.close()

    asyncio.run(run())


def test_no_keys_at_all_is_no_fault_of_the_token(idp: Endpoint) -> None:
    async def run() -> None:
        url = idp.serve("/keys", b"", 503)
        authenticator = JwtAuthenticator([issuer(jwks_url=url, jwks_refresh_s=0.05)], clock=Clock())
        await authenticator.start()
        try:
            assert await outcome(authenticator, token()) == (UNAVAILABLE, "keys")
            [told] = authenticator.details()
            assert (told["keys"], told["keys_age_s"]) == (0, None)
            assert told["failures"] == {"keys": "it answered with status 503"}
            idp.serve("/keys", jwks("rsa-1"))
            async with asyncio.timeout(5):
                while not held(await outcome(authenticator, token())):
                    await asyncio.sleep(0.02)
            [told] = authenticator.details()
            assert (told["keys"], told["failures"]) == (1, {})
        finally:
            await authenticator.close()

    asyncio.run(run())


# --- the revocation list --------------------------------------------------------------------------


def test_a_listed_token_is_refused_by_id_text_or_signed_part(tmp_path: Path) -> None:
    file = tmp_path / "revoked.txt"
    texts = [token(jti=name) for name in ("by-id", "by-text", "by-part", "not")]
    whole = hashlib.sha256(texts[1].encode()).hexdigest()
    part = hashlib.sha256(texts[2].rpartition(".")[0].encode()).hexdigest()
    file.write_text(f"# stolen\n\n by-id \nsha256:{whole.upper()}\nsha256:{part}\r\n")

    async def run() -> None:
        async with running(tmp_path, revoked_file=file) as authenticator:
            for text in texts[:3]:
                assert await outcome(authenticator, text) == (INVALID, "revoked")
            assert held(await outcome(authenticator, texts[3]))

    asyncio.run(run())


def test_a_token_that_is_known_is_refused_once_it_is_listed(tmp_path: Path) -> None:
    file = tmp_path / "revoked.txt"
    file.write_text("")

    async def run() -> None:
        async with running(tmp_path, revoked_file=file) as authenticator:
            assert held(await outcome(authenticator, token()))
            file.write_text("t-1\n")
            async with asyncio.timeout(2):
                while held(await outcome(authenticator, token())):
                    await asyncio.sleep(0.02)
            assert await outcome(authenticator, token()) == (INVALID, "revoked")

    asyncio.run(run())


def test_a_list_that_goes_away_or_breaks_leaves_the_last_in_force(tmp_path: Path) -> None:
    file = tmp_path / "revoked.txt"
    file.write_text("t-1\n")
    revoked = RevokedTokens(file)
    revoked.read()
    file.write_bytes(b"t-2\n\xff\n")
    revoked.read()
    assert revoked.failure == f"{file}: line 2: is not UTF-8"
    file.unlink()
    revoked.read()
    assert (revoked.has("t-1"), revoked.has("t-2")) == (True, False)
    assert revoked.failure == f"{file}: No such file or directory"
    file.write_text("t-3\n")
    revoked.read()
    assert (revoked.has("t-1"), revoked.has("t-3"), revoked.failure) == (False, True, None)


# --- introspection --------------------------------------------------------------------------------


def asking(idp: Endpoint, place: Path, **changes: Any) -> dict[str, Any]:
    (place / "idp.secret").write_text("s3cret:x\n")
    secret = {"file": place / "idp.secret"}
    return {"url": f"{idp.url}/i", "client_id": "gate way", "client_secret": secret} | changes


def test_the_issuer_is_asked_once_while_its_answer_holds(idp: Endpoint, tmp_path: Path) -> None:
    idp.serve("/i", b'{"active": true}')

    async def run() -> None:
        clock = Clock()
        settings = {"introspection": asking(idp, tmp_path, cache_s=10)}
        async with running(tmp_path, clock, **settings) as authenticator:
            found = await asyncio.gather(*(outcome(authenticator, token()) for _ in range(20)))
            assert all(map(held, found))
            assert idp.asked == ["/i"]

    asyncio.run(run())
    login, form = idp.forms[0]
    assert base64.b64decode(login.removeprefix("Basic ")) == b"gate+way:s3cret%3Ax"
    assert form == f"token={token()}&token_type_hint=access_token"


def test_a_token_that_the_issuer_no_longer_vouches_for_is_refused(idp: Endpoint, tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path, introspection=asking(idp, tmp_path, cache_s=0)) as authenticator:
            idp.serve("/i", b'{"active": true}')
            assert held(await outcome(authenticator, token()))
            idp.serve("/i", b'{"active": false}')
            assert await outcome(authenticator, token()) == (INVALID, "inactive")
            before = len(idp.asked)
            forged = token("rsa-2", header={"kid": "rsa-1"})
            assert await outcome(authenticator, forged) == (INVALID, "signature")
            assert len(idp.asked) == before

    asyncio.run(run())


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b""),
        (200, b"{}"),
        (200, b'{"active": "true"}'),
        (200, b'{"active": 1}'),
        (200, b"<html>"),
        (404, b""),
    ],
)
def test_an_issuer_that_gives_no_answer_vouches_for_nobody(
    idp: Endpoint, tmp_path: Path, status: int, body: bytes
) -> None:
    idp.serve("/i", body, status)

    async def run() -> None:
        async with running(tmp_path, introspection=asking(idp, tmp_path)) as authenticator:
            assert await outcome(authenticator, token()) == (UNAVAILABLE, "introspection")
            assert "introspection" in authenticator.details()[0]["failures"]

    asyncio.run(run())


def test_connections_are_kept_and_one_that_ends_early_is_no_failure(idp: Endpoint, tmp_path: Path) -> None:
    idp.serve("/i", b'{"active": true}', **{"set-cookie": "a=b"})

    async def run() -> None:
        fetcher = Fetcher(ca_file=None, allow_plaintext=False)
        asked = Introspection(JwtIntrospection.model_validate(asking(idp, tmp_path)), fetcher)
        for number in range(3):
            assert await asked.active("t", b"%d" % number)
        assert idp.connections == 1
        idp.drops = 1
        assert await asked.active("t", b"dropped")
        idp.drops = 2
        with pytest.raises(FetchFailed, match="cannot be reached"):
            await asked.active("t", b"dropped twice")
        await asked.close()

    asyncio.run(run())


def test_an_inactive_answer_holds_too_and_a_missing_secret_is_told_by_its_name(
    idp: Endpoint, tmp_path: Path
) -> None:
    idp.serve("/i", b'{"active": false}')

    async def run() -> None:
        now = 0.0
        settings = JwtIntrospection.model_validate(asking(idp, tmp_path))
        fetcher = Fetcher(ca_file=None, allow_plaintext=False)
        asked = Introspection(settings, fetcher, clock_s=lambda: now)
        for _ in range(3):
            assert await asked.active("t", b"d") is False
        assert len(idp.asked) == 1
        now = 10.0
        (tmp_path / "idp.secret").unlink()
        with pytest.raises(FetchFailed, match=r"idp\.secret: No such file"):
            await asked.active("t", b"d")
        await asked.close()

    asyncio.run(run())
