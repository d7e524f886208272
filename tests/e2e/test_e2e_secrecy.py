"""Canaries through every path: no prompt text, caller's key or provider's key in logs, errors or records."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import openai
import pytest
from e2e_gateway import PROVIDER_KEY, Gateway
from e2e_raw import chat, send
from e2e_upstream import MockUpstream, until

PROMPT = "canary-prompt-5Zq8Lw"
STRANGER = "rgk_canarystran_0123456789abcdefghijklmnopqrstuvwxyzABCDEF"
CHAT: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": PROMPT}]}


@pytest.fixture(scope="module")
def one(opa_binary: Path, upstream: MockUpstream) -> Iterator[Gateway]:
    """Everything is logged, down to debug, and still nothing may be seen."""
    gateway = Gateway(
        opa_binary,
        f"--upstream={upstream.url}",
        "--set=telemetry.log_level=debug",
        "--set=telemetry.log_format=json",
    )
    try:
        yield gateway.wait_ready()
    finally:
        gateway.discard()


def test_no_canary_is_seen_anywhere_but_where_it_was_sent(one: Gateway, upstream: MockUpstream) -> None:
    client, replies = one.sdk, list[str]()
    shell: Any = {"type": "function", "function": {"name": "shell", "description": PROMPT}}
    modes = ["", "error:400", "error:401", "error:500", "secret", "garbage", "drop", "break"]
    none: Any = {}
    for mode in modes:
        for stream in (False, True):
            for tools in (none, {"tools": [shell]}):
                with suppress(openai.APIError):
                    try:
                        answer: Any = client.chat.completions.create(
                            **CHAT, stream=stream, **tools, extra_body={"mock": mode} if mode else {}
                        )
                        replies.extend(str(part) for part in (answer if stream else [answer]))
                    except openai.APIStatusError as error:
                        # A provider may quote the caller's own prompt back to it, never our key.
                        replies.append(error.response.text + str(error.response.headers))
                        raise
    refusals = [
        chat(one.key, f'{{"model":"gpt-4o-mini","messages":"{PROMPT}"}}'.encode()),
        chat(one.key, f'{{"model":"gpt-4o-mini", {PROMPT}'.encode()),
        chat(one.key, f'{{"{PROMPT}":1,"{PROMPT}":2}}'.encode()),
        chat(one.key, f'{{"model":"gpt-4o-mini","messages":[{{"role":"{PROMPT}\\ud800"}}]}}'.encode()),
        chat(one.key, f'{{"model":"gpt-4o","messages":[{{"role":"user","content":"{PROMPT}"}}]}}'.encode()),
        chat(STRANGER, PROMPT.encode()),
        chat(one.key, PROMPT.encode(), f"X-Bad: \x01{PROMPT}"),
        chat(one.key, PROMPT.encode(), f"Cookie: {PROMPT}"),
        chat(one.key, PROMPT.encode(), "Content-Encoding: gzip"),
        chat(one.key, PROMPT.encode(), path=f"/v1/chat/completions?{PROMPT}"),
    ]
    for request in refusals:
        answer = send(one.port, request)
        assert 400 <= answer.status < 500
        replies.append(answer.body.decode() + str(answer.headers))
        assert PROMPT not in replies[-1]
    os.kill(one.opa_pid(), signal.SIGKILL)  # OPA's own log lines, of its end and a new start
    with suppress(openai.APIError):
        client.chat.completions.create(**CHAT)
    until(lambda: one.readyz()["ready"])
    client.chat.completions.create(**CHAT)

    assert PROVIDER_KEY not in "".join(replies)
    assert one.key not in "".join(replies)
    key = one.key
    one.stop()
    # `dev` prints the demo client's key for the person who started it, in the snippets only.
    snippets = [line for line in one.out.splitlines() if key in line]
    assert len(snippets) == 2
    logs = "\n".join(line for line in one.logs.splitlines() if line not in snippets)
    assert "opa" in logs, "OPA's log lines are among these"
    for row in one.stored():
        canonical = row.canonical.decode()
        assert row.sealed is None or PROMPT not in row.sealed.decode()
        for secret in (PROMPT, key, STRANGER, PROVIDER_KEY, STRANGER.split("_")[2]):
            assert secret not in canonical
    for secret in (PROMPT, key, key.split("_", 2)[2], STRANGER, STRANGER.split("_")[2], PROVIDER_KEY):
        assert secret not in logs
    _no_file_holds(one, [PROMPT, PROVIDER_KEY, STRANGER])


def _no_file_holds(gateway: Gateway, secrets: list[str]) -> None:
    for path in gateway.data_dir.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for secret in secrets:
                assert secret.encode() not in content, path
            if path.suffix in (".key", ".pem", ".json", ".db"):
                assert path.stat().st_mode & 0o077 == 0 or b"PUBLIC" in content, path
