"""A moderation service beside the detectors: in line it decides with them, beside a call it only tells."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
import yaml
from e2e_gateway import POLICIES, PROVIDER_KEY, Gateway, spare_dir
from e2e_upstream import MockUpstream, until

from tests.moderation_service import RUDE, ModerationService, moderation_service

TOOL: Any = {"type": "function", "function": {"name": "search", "parameters": {"type": "object"}}}
ROWS = {
    "guard": {"mode": "inline", "origins": ["tool_result"], "kinds": {"hate": "injection"}},
    "polite": {"mode": "inline", "origins": ["output"], "kinds": {"hate": "toxicity"}},
    "beside": {"mode": "async", "origins": ["system"], "kinds": {"hate": "toxicity"}},
}


@pytest.fixture(scope="module")
def service() -> Iterator[ModerationService]:
    with moderation_service() as one:
        yield one


@pytest.fixture(scope="module")
def advised(opa_binary: Path, upstream: MockUpstream, service: ModerationService) -> Iterator[Gateway]:
    place = spare_dir()
    shutil.copytree(POLICIES, place / "policies")
    table = place / "policies/data/detectors.yaml"
    table.write_text(table.read_text() + yaml.safe_dump({"advisors": ROWS}))
    advisor = {"base_url": service.url, "key": {"env": "E2E_PROVIDER_KEY"}, "timeout_ms": 20_000}
    one = Gateway(
        opa_binary,
        f"--upstream={upstream.url}",
        f"--policies={place / 'policies'}",
        f"--set=inspection.advisors={json.dumps(dict.fromkeys(ROWS, advisor))}",
    )
    try:
        yield one.wait_ready()
        assert PROVIDER_KEY not in one.logs
        one.stop()
    finally:
        one.discard()
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(autouse=True)
def usual(service: ModerationService) -> Iterator[None]:
    yield
    service.status, service.body = 200, None
    service.answers.set()
    service.questions.clear()


def ask(gateway: Gateway, messages: Any, **more: Any) -> Any:
    return gateway.sdk.chat.completions.with_raw_response.create(
        model="gpt-4o-mini", messages=messages, **more
    )


def loop(result: str) -> Any:
    call = {"id": "call_1", "type": "function", "function": {"name": "search", "arguments": "{}"}}
    return [
        {"role": "user", "content": "Look it up."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": result},
    ]


def test_what_it_says_in_line_blocks_a_call(
    advised: Gateway, service: ModerationService, upstream: MockUpstream
) -> None:
    with pytest.raises(openai.PermissionDeniedError) as caught:
        ask(advised, loop(f"The {RUDE} said so."))
    request_id = caught.value.response.headers["x-request-id"]
    assert caught.value.response.headers["x-regogate-reasons"] == "request.signal.attack"
    assert upstream.of(request_id) == []
    record = advised.wait_record(request_id=request_id, kind="deny")
    assert "injection:high:tool_result:1" in record["findings"]
    assert RUDE not in json.dumps(record)
    assert service.keys[-1] == f"Bearer {PROVIDER_KEY}"


def test_a_service_that_fails_in_line_blocks_a_call(advised: Gateway, service: ModerationService) -> None:
    service.status = 500
    with pytest.raises(openai.PermissionDeniedError) as caught:
        ask(advised, loop("Nothing of note."))
    record = advised.wait_record(request_id=caught.value.response.headers["x-request-id"], kind="deny")
    assert "inspection.failed:high:tool_result:1" in record["findings"]


def test_what_it_says_of_an_answer_redacts_it(advised: Gateway, upstream: MockUpstream) -> None:
    upstream.messages["rude"] = {"role": "assistant", "content": f"You {RUDE}, no."}
    raw = ask(advised, [{"role": "user", "content": "May I?"}], extra_body={"mock": "says:rude"})
    assert raw.parse().choices[0].message.content == "[TOXICITY_1]"
    raw = ask(advised, [{"role": "user", "content": "May I?"}])
    assert raw.parse().choices[0].message.content == "Hello from the mock"


def test_a_streamed_answer_that_it_was_to_judge_does_not_pass(
    advised: Gateway, service: ModerationService
) -> None:
    with pytest.raises(openai.APIError) as caught:
        list(
            advised.sdk.chat.completions.create(
                model="gpt-4o-mini", messages=[{"role": "user", "content": "May I?"}], stream=True
            )
        )
    assert "Hello" not in str(caught.value.body)
    assert service.questions == []


def test_beside_a_call_it_delays_nothing_and_is_told_of_in_the_log(
    advised: Gateway, service: ModerationService
) -> None:
    service.answers.clear()
    raw = ask(advised, [{"role": "system", "content": f"You are a {RUDE}."}], tools=[TOOL])
    assert raw.parse().choices[0].message.tool_calls
    until(lambda: service.texts == [f"You are a {RUDE}."])
    assert "found while the call went on" not in advised.logs
    service.answers.set()
    until(lambda: "found while the call went on" in advised.logs)
    [line] = [line for line in advised.logs.splitlines() if "found while the call went on" in line]
    assert raw.headers["x-request-id"] in line
    assert "toxicity:high:system" in line
    assert RUDE not in line
