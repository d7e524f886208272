"""Limits of tokens, money and parallel calls on a real gateway: never above, given back, brought back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai
import pytest
from e2e_gateway import POLICIES, Gateway, spare_dir
from e2e_upstream import MockUpstream, until

TIERS = """
demo:
  models: ["demo*", gpt-4o-mini]
  operations: [chat.completions.*, models.*]
  tools: {allow: [], otherwise: block}
  max_tokens: 100
  limits:
    usd_per_day: 0.0001
    more:
      - {id: model.tokens, unit: tokens, amount: 400, per: month, window: calendar, by: [model]}
      - {id: model.requests, unit: requests, amount: 50, per: hour, by: [model]}
      - {id: model.parallel, unit: concurrent, amount: 4, by: [model]}
"""
ASK: Any = {"messages": [{"role": "user", "content": "hello"}]}
CAP = 100
PROMPT = 6
"""Tokens that "hello" is estimated at for a model whose tokenizer is not known."""


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    place = spare_dir()
    policies = place / "policies"
    shutil.copytree(POLICIES, policies)
    (policies / "data/tiers.yaml").write_text(TIERS)
    yield place
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="module")
def limited(place: Path, opa_binary: Path, upstream: MockUpstream) -> Iterator[Gateway]:
    gateway = Gateway(opa_binary, f"--upstream={upstream.url}", f"--policies={place / 'policies'}")
    try:
        gateway.wait_ready()
        yield gateway
        gateway.stop()
    finally:
        gateway.discard()


def ask(gateway: Gateway, model: str, mock: str = "", **more: Any) -> Any:
    """The raw answer of one call; raises what the SDK raises."""
    create = gateway.sdk.chat.completions.with_raw_response.create
    return create(**ASK, model=model, extra_body={"mock": mock} if mock else None, **more)


def left(gateway: Gateway, model: str) -> int:
    """Tokens that a call leaves of the model's 400, before it is settled."""
    return int(ask(gateway, model).headers["x-ratelimit-remaining-tokens"])


def test_parallel_calls_never_take_more_than_the_limit_and_the_sdk_raises_its_own_error(
    limited: Gateway, upstream: MockUpstream
) -> None:
    def one(_: int) -> int:
        try:
            return int(ask(limited, "demo-parallel", f"tokens:{CAP - 20}").parse().usage.completion_tokens)
        except openai.RateLimitError:
            return 0

    with ThreadPoolExecutor(8) as pool:
        taken = [n + 11 for n in pool.map(one, range(24)) if n]
    assert 0 < sum(taken) <= 400
    # Its tokens are used up: what is left is less than a call takes at most.
    with pytest.raises(openai.RateLimitError) as caught:
        ask(limited, "demo-parallel")
    error = caught.value
    assert (error.code, error.type) == ("rate_limit_exceeded", "rate_limit_error")
    headers = error.response.headers
    assert int(headers["retry-after"]) > 0
    assert headers["x-ratelimit-limit-tokens"] == "400"
    assert int(headers["x-ratelimit-remaining-tokens"]) == 400 - sum(taken)
    record = limited.wait_record(request_id=error.request_id)
    assert (record["kind"], record["status"], record["reasons"]) == ("deny", 429, ["limit.model.tokens"])
    assert upstream.of(error.request_id or "") == []


def test_a_call_larger_than_the_whole_budget_is_told_not_to_try_again(limited: Gateway) -> None:
    with pytest.raises(openai.RateLimitError) as caught:
        limited.client(max_retries=3).chat.completions.create(**ASK, model="demo-large", n=9)
    error = caught.value
    assert error.code == "request_exceeds_limit"
    assert "retry-after" not in error.response.headers
    assert error.response.headers["x-should-retry"] == "false"
    assert len(limited.records(kind="deny", model="demo-large")) == 1


def test_money_is_held_for_parallel_large_calls(limited: Gateway) -> None:
    """A call costs 60 micro-USD and a little at most; two at once do not fit into 100."""
    refused: list[object] = []

    def one(_: int) -> str:
        try:
            return str(ask(limited, "gpt-4o-mini", "tokens:99").headers["x-request-id"])
        except openai.RateLimitError as error:
            refused.append(error.body["reasons"])  # type: ignore[index]
            return ""

    with ThreadPoolExecutor(4) as pool:
        made = [request_id for request_id in pool.map(one, range(8)) if request_id]
    costs = [limited.wait_record(request_id=one, kind="completion")["cost_microusd"] for one in made]
    assert len(made) == 1
    assert refused == [["limit.client.usd_day"]] * 7
    assert sum(costs) == 62
    intent = limited.wait_record(request_id=made[0], kind="intent")
    [limit] = [limit for limit in json.loads(intent["limits"]) if limit["unit"] == "usd"]
    assert limit["amount"] == 100


def test_a_caller_that_leaves_a_stream_pays_for_what_it_got(limited: Gateway) -> None:
    stream = limited.sdk.chat.completions.create(
        **ASK, model="demo-leaves", stream=True, extra_body={"mock": "stall"}
    )
    next(iter(stream))
    stream.close()
    record = limited.wait_record(model="demo-leaves", kind="completion")
    assert record["outcome"] == "client_closed"
    assert (record["tokens_in"], record["tokens_counted_by"]) == (PROMPT, "gateway")
    assert 1 <= record["tokens_out"] <= 4
    settled = json.loads(record["limits_settled"])
    assert record["tokens_in"] + record["tokens_out"] in settled
    assert left(limited, "demo-leaves") == 400 - record["tokens_in"] - record["tokens_out"] - CAP - PROMPT


def test_a_provider_that_fails_costs_nothing(limited: Gateway) -> None:
    with pytest.raises(openai.InternalServerError):
        ask(limited, "demo-fails", "error:500")
    assert left(limited, "demo-fails") == 400 - CAP - PROMPT


def test_a_stream_that_spends_all_there_is_is_cut(limited: Gateway, upstream: MockUpstream) -> None:
    with pytest.raises(openai.RateLimitError) as caught:
        ask(limited, "demo-flood", "flood", stream=True)
    assert caught.value.body["reasons"] == ["limit.model.tokens"]  # type: ignore[index]
    record = limited.wait_record(model="demo-flood", kind="completion")
    assert (record["outcome"], record["status"]) == ("limit_cut", 429)
    [hit] = upstream.of(record["request_id"])
    until(lambda: hit.left_at is not None)


def test_places_are_free_again_when_callers_leave(limited: Gateway) -> None:
    streams = [
        limited.sdk.chat.completions.create(
            **ASK, model="demo-places", max_tokens=10, stream=True, extra_body={"mock": "stall"}
        )
        for _ in range(4)
    ]
    with pytest.raises(openai.RateLimitError) as caught:
        ask(limited, "demo-places", max_tokens=10)
    assert caught.value.body["reasons"] == ["limit.model.parallel"]  # type: ignore[index]
    for stream in streams:
        stream.close()
    until(lambda: len(limited.records(model="demo-places", kind="completion")) == 4, 5)
    ask(limited, "demo-places", max_tokens=10)


def test_the_list_of_models_takes_no_tokens(limited: Gateway) -> None:
    answer = limited.sdk.models.with_raw_response.list()
    assert "x-ratelimit-limit-tokens" not in answer.headers
    assert answer.headers["x-ratelimit-limit-requests"] == "50"


def test_budgets_survive_a_kill_and_the_dead_call_counts_at_its_estimate(
    place: Path, opa_binary: Path, upstream: MockUpstream
) -> None:
    options = (f"--upstream={upstream.url}", f"--policies={place / 'policies'}")
    first = Gateway(opa_binary, *options)
    second = None
    try:
        first.wait_ready()
        assert ask(first, "demo-kill").parse().usage.total_tokens == 18
        first.wait_record(model="demo-kill", kind="completion")
        first.sdk.chat.completions.create(**ASK, model="demo-kill", stream=True, extra_body={"mock": "stall"})
        first.kill()
        second = Gateway(opa_binary, *options, data_dir=first.data_dir).wait_ready()
        used = 18 + CAP + PROMPT
        assert left(second, "demo-kill") == 400 - used - CAP - PROMPT
        second.stop()
    finally:
        (second or first).discard()
        first.discard()
