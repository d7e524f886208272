"""Callers with tokens of a real identity provider, whose keys change under load."""

from __future__ import annotations

import http.client
import json
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import openai
import pytest
from e2e_gateway import POLICIES, Gateway, spare_dir
from e2e_idp import Idp, NoIdp, identity_provider
from e2e_upstream import MockUpstream, until

MESSAGES: Any = [{"role": "user", "content": "hi"}]
TABLES = {
    "clients.yaml": "support: {tier: demo, tenant: demo}\n",
    "tenants.yaml": "acme: {roles: [{role: analyst, tier: legal}]}\n",
    "tiers.yaml": "\nlegal:\n  models: [gpt-4o-mini]\n  operations: [chat.completions.*]\n"
    "  require: {methods: [jwt], claims: {department: [legal]}, scopes: ['llm:access'], roles: [analyst]}\n",
}


@pytest.fixture(scope="module")
def idp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Idp]:
    try:
        with identity_provider(tmp_path_factory.mktemp("idp") / "idp") as one:
            yield one
    except NoIdp as why:
        pytest.skip(str(why))


@pytest.fixture(scope="module")
def protected(idp: Idp, opa_binary: Path, upstream: MockUpstream) -> Iterator[Gateway]:
    """A gateway that takes the provider's tokens, with tables that know some of its clients."""
    place = spare_dir()
    shutil.copytree(POLICIES, place / "policies")
    for name, rows in TABLES.items():
        table = place / "policies/data" / name
        text = table.read_text("utf-8").replace("\n{}\n", "\n")
        table.write_text(text + rows, "utf-8")
    issuer = {
        "issuer": idp.issuer,
        "audience": "regogate",
        "require": {"claims": ["client_id"], "scopes": ["llm:access"]},
        "claims": {"visible": ["department"]},
        "jwks_refresh_s": 1,
    }
    one = Gateway(
        opa_binary,
        f"--upstream={upstream.url}",
        f"--policies={place / 'policies'}",
        f"--set=identity.jwt={json.dumps([issuer])}",
    )
    try:
        yield one.wait_ready()
        one.stop()
    finally:
        one.discard()
        shutil.rmtree(place, ignore_errors=True)


def chat(gateway: Gateway, token: str) -> Any:
    return gateway.client(api_key=token).chat.completions.with_raw_response.create(
        model="gpt-4o-mini", messages=MESSAGES
    )


def refused(gateway: Gateway, token: str) -> tuple[openai.APIStatusError, dict[str, Any]]:
    """The SDK's error, and the one record of the call."""
    with pytest.raises(openai.APIStatusError) as raised:
        chat(gateway, token)
    request_id = raised.value.response.headers["x-request-id"]
    return raised.value, gateway.wait_record(request_id=request_id)


def test_a_service_account_calls_by_discovery_and_its_record_names_it(idp: Idp, protected: Gateway) -> None:
    token = idp.token("support")
    answer = chat(protected, token)
    record = protected.wait_record(request_id=answer.headers["x-request-id"], kind="intent")
    assert answer.headers["x-regogate-decision"] in ("ALLOW", "CONSTRAIN")
    assert (record["client_id"], record["auth_method"], record["tenant"]) == ("support", "jwt", "demo")
    assert (record["subject"], record["roles"]) == ("support", ["agent"])
    assert record["key_id"].count(":") == 1
    for secret in (token, token.split(".")[1], token.split(".")[2]):
        assert secret not in json.dumps(record)
        assert secret not in protected.logs


def test_a_client_without_a_row_gets_what_its_tenant_and_role_give(idp: Idp, protected: Gateway) -> None:
    answer = chat(protected, idp.token("stranger"))
    record = protected.wait_record(request_id=answer.headers["x-request-id"], kind="intent")
    assert (record["client_id"], record["tenant"], record["tier"]) == ("stranger", "acme", "legal")
    assert json.loads(record["policy_input"])["identity"]["claims"] == {"department": "legal"}


def test_a_client_that_no_table_knows_is_403_by_policy(idp: Idp, protected: Gateway) -> None:
    error, record = refused(protected, idp.token("nobody"))
    assert (error.status_code, error.code) == (403, "policy_blocked")
    assert record["reasons"] == ["request.client.unknown"]
    assert record["policy_revision"] == protected.revision


def test_a_token_without_the_scope_is_403(idp: Idp, protected: Gateway) -> None:
    error, record = refused(protected, idp.token("support", "llm:other"))
    assert (error.status_code, error.code) == (403, "insufficient_scope")
    assert error.response.headers["www-authenticate"] == (
        'Bearer error="insufficient_scope", scope="llm:access"'
    )
    assert (record["kind"], record["reasons"]) == ("deny", ["gateway.insufficient_scope"])
    assert (record["client_id"], record["auth_method"]) == ("support", "jwt")


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_token_that_was_changed_is_401_with_one_record(idp: Idp, protected: Gateway, part: int) -> None:
    parts = idp.token("support").split(".")
    parts[part] = parts[part][:-3] + ("AAA" if parts[part][-3:] != "AAA" else "BBB")
    error, record = refused(protected, ".".join(parts))
    assert (error.status_code, error.code) == (401, "invalid_token")
    assert error.response.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert (record["kind"], record["reasons"]) == ("deny", ["gateway.token_invalid"])
    assert record["fault"] in ("form", "signature", "header", "issuer")
    assert parts[1] not in json.dumps(record)


def test_keys_that_change_under_load_refuse_no_valid_token(idp: Idp, protected: Gateway) -> None:
    """Callers with a token each for three calls, three changes of keys, each when all have had a new one."""
    before = idp.asked()
    callers, stop = 6, threading.Event()
    tokens = Counter[int]()
    statuses = Counter[int]()
    failures: list[object] = []
    counting = threading.Lock()

    def call(number: int) -> None:
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", protected.port, timeout=30)) as connection:
                while not stop.is_set():
                    token = idp.token("support")
                    for _ in range(3):
                        status = one_call(connection, token)
                        with counting:
                            statuses[status] += 1
                    with counting:
                        tokens[number] += 1
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    kids = []
    try:
        for _ in range(3):
            seen = tokens.copy()
            until(lambda seen=seen: failures or all(tokens[n] >= seen[n] + 2 for n in range(callers)))
            kids.append(idp.rotate())
        seen = tokens.copy()
        until(lambda: failures or all(tokens[n] >= seen[n] + 2 for n in range(callers)))
    finally:
        stop.set()
        for thread in threads:
            thread.join(40)
    assert not failures
    assert set(statuses) == {200}, statuses
    # Three changes cost the provider three questions, and perhaps one of a look in the background.
    assert idp.asked()["/jwks"] - before.get("/jwks", 0) in (3, 4)
    used = {
        record["key_id"].split(":")[0] for record in protected.records(kind="intent", client_id="support")
    }
    assert set(kids) <= used


def one_call(connection: http.client.HTTPConnection, token: str) -> int:
    body = json.dumps({"model": "gpt-4o-mini", "messages": MESSAGES})
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    connection.request("POST", "/v1/chat/completions", body, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status
