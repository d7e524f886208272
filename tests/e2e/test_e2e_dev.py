"""`regogate dev` from start to stop, its keys, and what it leaves behind: nothing."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from typing import Any

import openai
import pytest
from e2e_gateway import REGOGATE, Gateway, Start, alive, environment, opa_children
from e2e_upstream import until

CHAT: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}


def refused_start(gateway: Gateway) -> str:
    """What a gateway that cannot start says."""
    assert gateway.process.wait(30) == 1
    assert "Traceback" not in gateway.err
    return gateway.err


def test_a_key_made_while_running_works_at_once_and_a_revoked_one_is_refused_within_two_seconds(
    gateway: Gateway,
) -> None:
    made = json.loads(gateway.cli("keys", "create", "--client", "demo", "--json"))
    client = gateway.client(api_key=made["key"])
    raw = client.chat.completions.with_raw_response.create(**CHAT)
    assert gateway.records(request_id=raw.headers["x-request-id"])[0]["key_id"] == made["id"]
    gateway.cli("keys", "revoke", made["id"])
    revoked = time.monotonic()

    def go_on() -> None:
        while time.monotonic() - revoked < 2.5:
            client.chat.completions.create(**CHAT)

    with pytest.raises(openai.AuthenticationError):
        go_on()
    assert made["key"] not in gateway.cli("keys", "list")
    assert gateway.records(kind="key")


def test_ready_json_is_private_and_says_all_that_a_caller_needs(gateway: Gateway) -> None:
    assert gateway.ready_file.stat().st_mode & 0o777 == 0o600
    assert gateway.data_dir.stat().st_mode & 0o077 == 0
    ready = gateway.ready
    assert set(ready) == {
        "base_url", "admin_url", "api_key", "client_id", "policy_revision", "database_url", "pid",
    }  # fmt: skip
    assert (ready["client_id"], ready["pid"]) == ("demo", gateway.process.pid)
    assert ready["base_url"].endswith("/v1")
    assert ready["database_url"] == f"sqlite:///{gateway.database}"
    assert len(opa_children(gateway.process.pid)) == 1


def test_it_prints_snippets_with_the_key_and_each_decision_as_it_happens(gateway: Gateway) -> None:
    assert "curl " in gateway.out
    assert "from openai import OpenAI" in gateway.out
    assert gateway.out.count(gateway.key) == 2
    assert f"--data-dir {gateway.data_dir}" in gateway.out
    raw = gateway.sdk.chat.completions.with_raw_response.create(**CHAT)
    request_id = raw.headers["x-request-id"]
    until(lambda: request_id in gateway.out)
    [line] = [line for line in gateway.out.splitlines() if request_id in line]
    assert "ALLOW" in line
    assert "chat.completions.create" in line


def test_the_printed_curl_works_as_it_stands(gateway: Gateway) -> None:
    lines = gateway.out[gateway.out.index("  curl ") :].splitlines()
    command = "\n".join(lines[: next(i for i, line in enumerate(lines) if not line.endswith("\\")) + 1])
    done = subprocess.run(["bash", "-c", f"{command.strip()} --silent"], capture_output=True, text=True)
    assert json.loads(done.stdout)["choices"], done.stderr


def test_a_second_instance_on_the_same_directory_is_refused_clearly(gateway: Gateway) -> None:
    command = [REGOGATE, "dev", "--bind=127.0.0.1:0", "--admin-bind=127.0.0.1:0"]
    second = subprocess.run(
        [*command, f"--data-dir={gateway.data_dir}"],
        capture_output=True,
        text=True,
        timeout=30,
        env=environment(),
    )
    assert second.returncode == 1
    assert "another 'regogate dev' runs here" in second.stderr
    assert "Traceback" not in second.stderr
    assert gateway.ready["pid"] == gateway.process.pid, "the first one is untouched"
    gateway.sdk.models.list()


def test_an_address_in_use_is_said_in_one_line_and_leaves_nothing(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        one = start(f"--bind=127.0.0.1:{port}", wait=False)
        told = refused_start(one)
    assert f"127.0.0.1:{port}" in told
    assert "in use" in told
    assert opa_children(one.process.pid) == []
    assert not one.ready_file.exists()


def test_options_that_cannot_be_used_are_said_clearly(start: Start) -> None:
    wrong = {
        "--set=server.max_body_bites=5": "did you mean max_body_bytes?",
        "--set=server.bind=nowhere": "server.bind",
        "--policies=/nonexistent": "/nonexistent",
    }
    for one, said in [(start(option, wait=False), said) for option, said in wrong.items()]:
        assert said in refused_start(one)


def test_the_demo_key_is_kept_over_restarts_and_replaced_once_revoked(start: Start) -> None:
    one = start("--set=server.max_body_bytes=5000")
    first = one.key
    with pytest.raises(openai.APIStatusError) as caught:
        one.sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": "x" * 6000}])
    assert caught.value.status_code == 413

    # Ctrl-C ends it within seconds, a stream that is still open too, and that call has its completion.
    stream = one.sdk.chat.completions.create(**CHAT, stream=True, extra_body={"mock": "stall"})
    begun = time.monotonic()
    one.stop()
    assert time.monotonic() - begun < 6
    open_call = stream.response.headers["x-request-id"]
    assert [r["kind"] for r in one.records(request_id=open_call)] == ["intent", "completion"]
    assert one.records()[-1]["kind"] == "bye"
    stream.close()

    # Killed, it leaves no OPA after 2 s, and what it left behind does not disturb the next.
    again = start(data_dir=one.data_dir)
    assert again.key == first
    opa = again.opa_pid()
    again.kill()
    assert not alive(opa)

    # Stopped, its state can still be read and changed.
    key_id = next(r["key_id"] for r in again.records(kind="key") if r["action"] == "create")
    again.cli("keys", "revoke", key_id)
    third = start(data_dir=one.data_dir)
    assert third.key != first
    third.sdk.chat.completions.create(**CHAT)
    with pytest.raises(openai.AuthenticationError):
        third.client(api_key=first).models.list()
    third.check_chain()
    third.stop()


def test_where_api_keys_are_switched_off_no_key_is_accepted(start: Start) -> None:
    one = start("--set=identity.api_keys=false")
    with pytest.raises(openai.AuthenticationError):
        one.sdk.models.list()


def test_the_embedded_model_answers_where_no_upstream_is_given_and_every_model_may_be_allowed(
    start: Start,
) -> None:
    one = start("--allow-all-models", upstream=None)
    client = one.sdk
    first, second = (
        client.chat.completions.create(model="demo", messages=CHAT["messages"]) for _ in range(2)
    )
    assert first.choices[0].message.content == second.choices[0].message.content
    assert first.usage is not None
    chunks = client.chat.completions.create(model="demo", messages=CHAT["messages"], stream=True)
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert streamed == first.choices[0].message.content
    tool: Any = {"type": "function", "function": {"name": "search", "parameters": {"type": "object"}}}
    forced: Any = {"type": "function", "function": {"name": "search"}}
    called = client.chat.completions.create(
        model="demo", messages=CHAT["messages"], tools=[tool], tool_choice=forced
    )
    assert called.choices[0].message.tool_calls
    errors = {
        400: openai.BadRequestError, 404: openai.NotFoundError, 422: openai.UnprocessableEntityError,
        429: openai.RateLimitError, 503: openai.InternalServerError,
    }  # fmt: skip
    for status, kind in errors.items():
        with pytest.raises(kind) as caught:
            client.chat.completions.create(model=f"demo-error-{status}", messages=CHAT["messages"])
        assert caught.value.status_code == status
    # Any model id, known to the tables or not: it is the provider that does not know it.
    with pytest.raises(openai.NotFoundError) as caught_404:
        client.chat.completions.create(model="never-heard-of", messages=CHAT["messages"])
    assert caught_404.value.response.headers["x-regogate-decision"] == "ALLOW"
    one.stop()
