"""Tokens bound to a client certificate, over real TLS; tokens taken back; an issuer that is down."""

from __future__ import annotations

import hashlib
import http.client
import json
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from e2e_gateway import Gateway
from e2e_upstream import MockUpstream, until

from tests.identity.jwt_kit import b64, jwks, sign
from tests.server.server_certs import Authority, Pair

ISSUER = "urn:test:issuer"
DOWN = "urn:test:down"


@dataclass(frozen=True, kw_only=True)
class Place:
    gateway: Gateway
    authority: Authority
    owner: Pair
    revoked: Path


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory, opa_binary: Path, upstream: MockUpstream
) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("bound")
    authority = Authority(folder / "ca", "authority")
    server, owner = authority.issue("server"), authority.issue("owner")
    (folder / "jwks.json").write_bytes(jwks("p256-1"))
    revoked = folder / "revoked.txt"
    revoked.write_text("")
    tls = {"cert": str(server.cert), "key": str(server.key)}
    tls |= {"client_ca": str(authority.cert), "client_auth": "optional"}
    issuer = {
        "issuer": ISSUER,
        "audience": "regogate",
        "algorithms": ["ES256"],
        "jwks_file": str(folder / "jwks.json"),
        "revoked_file": str(revoked),
    }
    # Nothing listens there.
    down = {"issuer": DOWN, "audience": "regogate", "jwks_url": "http://127.0.0.1:9/keys"}
    gateway = Gateway(
        opa_binary,
        f"--upstream={upstream.url}",
        f"--set=server.tls={json.dumps(tls)}",
        f"--set=identity.jwt={json.dumps([issuer, down])}",
    )
    try:
        gateway.wait_ready()
        yield Place(gateway=gateway, authority=authority, owner=owner, revoked=revoked)
        gateway.stop()
    finally:
        gateway.discard()


def token(**changes: Any) -> str:
    now = int(time.time())
    good = {"iss": ISSUER, "aud": "regogate", "client_id": "demo", "iat": now, "exp": now + 120}
    return sign(good | changes, "p256-1", alg="ES256")


def call(place: Place, text: str, certificate: Pair | None = None) -> tuple[int, dict[str, Any], str]:
    """Status, body and request id."""
    context = ssl.create_default_context(cafile=place.authority.cert)
    if certificate is not None:
        context.load_cert_chain(certificate.cert, certificate.key)
    body = json.dumps({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]})
    headers = {"authorization": f"Bearer {text}", "content-type": "application/json"}
    port = place.gateway.port
    with closing(http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=30)) as connection:
        connection.request("POST", "/v1/chat/completions", body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read()), answer.headers["x-request-id"]


def test_a_bound_token_counts_with_its_certificate_alone(place: Place) -> None:
    text = token(cnf={"x5t#S256": b64(hashlib.sha256(place.owner.der).digest())})
    thief = place.authority.issue("thief")
    for certificate in (None, thief):
        status, body, request_id = call(place, text, certificate)
        assert (status, body["error"]["code"]) == (401, "invalid_token")
        record = place.gateway.wait_record(request_id=request_id)
        assert (record["kind"], record["fault"]) == ("deny", "binding")
    status, _, request_id = call(place, text, place.owner)
    assert status == 200
    record = place.gateway.wait_record(request_id=request_id, kind="intent")
    assert json.loads(record["policy_input"])["identity"]["cert_bound"] is True
    assert call(place, text)[0] == 401


def test_a_token_is_taken_back_within_two_seconds_by_what_its_record_says(place: Place) -> None:
    text = token(jti="stolen", act={"sub": "agent-7", "act": {"sub": "planner"}})
    status, _, request_id = call(place, text)
    assert status == 200
    record = place.gateway.wait_record(request_id=request_id, kind="intent")
    assert json.loads(record["actors"]) == ["agent-7", "planner"]
    place.revoked.write_text(f"sha256:{record['key_id'].partition(':')[2]}\n")
    assert until(lambda: call(place, text)[0] == 401, every_s=0.05) < 2
    assert call(place, token(jti="another"))[0] == 200


def test_an_issuer_that_is_down_is_a_503_for_its_own_tokens_alone(place: Place) -> None:
    status, body, _ = call(place, token(iss=DOWN))  # by an algorithm that the entry does not list
    assert (status, body["error"]["code"]) == (401, "invalid_token")
    status, body, request_id = call(place, sign({"iss": DOWN}, "rsa-1"))
    assert (status, body["error"]["code"]) == (503, "identity_unavailable")
    record = place.gateway.wait_record(request_id=request_id)
    assert (record["kind"], record["fault"]) == ("deny", "keys")
    assert call(place, token())[0] == 200
    assert call(place, place.gateway.key)[0] == 200
    down = place.gateway.readyz()["jwt"][1]
    assert (down["issuer"], down["keys"]) == (DOWN, 0)
    assert down["failures"]["keys"].startswith("it cannot be reached")
