"""Streams that are looked at on their way, seen by the official client."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from e2e_gateway import POLICIES, Gateway, spare_dir
from e2e_upstream import MockUpstream, until

EMAIL = "ada.byron@example.org"
CODEWORD = "xyzzyplugh"
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


@pytest.fixture(scope="module")
def gate(opa_binary: Path, upstream: MockUpstream) -> Iterator[Gateway]:
    """The shipped policies, and a word of the site's own that blocks answers."""
    place = spare_dir()
    shutil.copytree(POLICIES, place / "policies", ignore=shutil.ignore_patterns("examples"))
    data = place / "policies/data"
    with (data / "signals.yaml").open("a") as file:
        file.write("\ncustom.codeword: {origins: {answer: {low: block}}}\n")
    with (data / "detectors.yaml").open("a") as file:
        file.write(f"\ncustom: {{words: {{codeword: {{any: [{CODEWORD}], level: high}}}}}}\n")
    one = Gateway(opa_binary, f"--upstream={upstream.url}", f"--policies={place / 'policies'}")
    try:
        yield one.wait_ready()
        one.stop()
    finally:
        one.discard()
        shutil.rmtree(place, ignore_errors=True)


def chunk(delta: dict[str, Any], finish: str | None = None, index: int = 0) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


def text(*texts: str, index: int = 0) -> list[dict[str, Any]]:
    return [chunk({"content": each}, index=index) for each in texts]


ENDS: list[Any] = [chunk({}, "stop"), {**chunk({}), "choices": [], "usage": USAGE}, b"data: [DONE]\n\n"]
TOOLS: list[Any] = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("search", "delete_records")
]


def asked(upstream: MockUpstream, name: str, *script: Any, **fields: Any) -> dict[str, Any]:
    """The arguments of a call that is answered so."""
    upstream.scripts[name] = list(script)
    return {
        "model": "gpt-4o-mini",
        "messages": [{"role": "user", "content": "hello"}],
        "stream": True,
        "extra_body": {"mock": f"script:{name}"},
        **fields,
    }


def begin(gate: Gateway, upstream: MockUpstream, *script: Any, **fields: Any) -> tuple[Any, str]:
    stream = gate.sdk.chat.completions.create(
        **asked(upstream, f"s{len(upstream.scripts)}", *script, **fields)
    )
    return stream, stream.response.headers["x-request-id"]


def said(chunks: list[Any], index: int = 0) -> str:
    return "".join(
        choice.delta.content or "" for one in chunks for choice in one.choices if choice.index == index
    )


def completion(gate: Gateway, request_id: str) -> dict[str, Any]:
    return gate.wait_record(request_id=request_id, kind="completion")


def test_what_is_found_in_the_middle_of_a_stream_is_redacted(gate: Gateway, upstream: MockUpstream) -> None:
    pieces = ["Write to ada", ".byron", "@exam", "ple.org ", "or ", EMAIL, " today"]
    stream, request_id = begin(gate, upstream, *text(*pieces), *ENDS)
    assert said(list(stream)) == "Write to [EMAIL_1] or [EMAIL_1] today"
    record = completion(gate, request_id)
    assert record["outcome"] == "ok"
    assert [each for each in record["findings"] if each.startswith("pii.email:high:output:2")]
    assert gate.records(request_id=request_id, kind="response")
    assert EMAIL not in gate.logs
    assert EMAIL.encode() not in gate.database.read_bytes()


def test_every_split_of_an_answer_reads_the_same(gate: Gateway, upstream: MockUpstream) -> None:
    whole = f"{EMAIL} pays with 4111 1111 1111 1111 now"
    for at in (1, 3, 9, 10, 21, 22, 36, 42, 52, len(whole) - 1):
        stream, _ = begin(gate, upstream, *text(whole[:at], whole[at:]), *ENDS)
        assert said(list(stream)) == "[EMAIL_1] pays with [CARD_1] now", at


def test_clean_text_flows_and_the_first_word_is_not_held(gate: Gateway, upstream: MockUpstream) -> None:
    go = threading.Event()
    stream, _ = begin(gate, upstream, *text("Hello"), go, *text(" dear world"), *ENDS)
    chunks, begun = [], time.monotonic()
    for one in stream:
        chunks.append(one)
        if said(chunks) and not go.is_set():
            assert time.monotonic() - begun < 5
            go.set()
    assert said(chunks) == "Hello dear world"


async def _all(gate: Gateway, arguments: dict[str, Any]) -> list[Any]:
    async with openai.AsyncOpenAI(base_url=gate.base_url, api_key=gate.key, max_retries=0) as client:
        stream = await client.chat.completions.create(**arguments)
        return [one async for one in stream]


def test_choices_that_interleave_are_each_looked_at(gate: Gateway, upstream: MockUpstream) -> None:
    script = []
    for piece in ("a ", "ada.byron", "@example", ".org ", "z"):
        script += [*text(piece), *text(piece.upper(), index=1)]
    script += [chunk({}, "stop", 1), *ENDS]
    chunks = asyncio.run(_all(gate, asked(upstream, "two", *script, n=2)))
    assert said(chunks) == "a [EMAIL_1] z"
    assert said(chunks, 1).startswith("A [EMAIL_")
    assert said(chunks, 1).endswith(" Z")


def _into(chunks: list[Any], gate: Gateway, arguments: dict[str, Any]) -> None:
    chunks.extend(gate.sdk.chat.completions.create(**arguments))


@pytest.mark.parametrize("client", ["sync", "async"])
def test_a_cut_answer_ends_as_filtered_and_raises(gate: Gateway, upstream: MockUpstream, client: str) -> None:
    never = threading.Event()
    script = [*text("All fine ", "so far, ", "xyzzy", "plugh "), never]
    chunks: list[Any] = []
    arguments = asked(upstream, "cut", *script)
    with pytest.raises(openai.APIError) as raised:
        asyncio.run(_all(gate, arguments)) if client == "async" else _into(chunks, gate, arguments)
    assert raised.value.code == "policy_blocked"
    assert isinstance(raised.value.body, dict)
    request_id = raised.value.body["request_id"]
    if client == "sync":
        assert said(chunks) == "All fine so far, "
        assert chunks[-1].choices[0].finish_reason == "content_filter"
    [hit] = upstream.of(request_id)
    until(lambda: hit.left_at, 5)
    record = completion(gate, request_id)
    assert (record["outcome"], record["decision"]) == ("policy_cut", "BLOCK")
    assert record["tokens_out"] > 0
    assert CODEWORD not in gate.logs


def calls(name: str, *arguments: str, index: int = 0) -> list[dict[str, Any]]:
    first = {
        "index": index,
        "id": f"call_{index}",
        "type": "function",
        "function": {"name": name, "arguments": ""},
    }
    rest = [{"index": index, "function": {"arguments": each}} for each in arguments]
    return [chunk({"tool_calls": [each]}) for each in (first, *rest)]


def test_proposed_calls_arrive_whole_once_they_are_recorded(gate: Gateway, upstream: MockUpstream) -> None:
    script = [
        *text("Let me look. "),
        *calls("search", '{"q": "ada.by', 'ron@example.org"}'),
        *calls("search", '{"q": ', '"b"}', index=1),
        chunk({}, "tool_calls"),
        *ENDS[1:],
    ]
    stream, request_id = begin(gate, upstream, *script, tools=TOOLS)
    found = [call for one in stream for choice in one.choices for call in choice.delta.tool_calls or ()]
    assert [(call.index, call.id, call.function.name) for call in found] == [
        (0, "call_0", "search"),
        (1, "call_1", "search"),
    ]
    assert [json.loads(call.function.arguments) for call in found] == [{"q": "[EMAIL_1]"}, {"q": "b"}]
    assert len(gate.records(request_id=request_id, kind="tool_call")) == 2
    assert completion(gate, request_id)["outcome"] == "ok"


def test_a_blocked_call_never_reaches_the_caller(gate: Gateway, upstream: MockUpstream) -> None:
    script = [
        *text("Deleting. "),
        *calls("search", "{}"),
        *calls("delete_records", '{"record_type": "regu', 'lated_health"}', index=1),
        chunk({}, "tool_calls"),
        *ENDS[1:],
    ]
    stream, request_id = begin(gate, upstream, *script, tools=TOOLS)
    chunks = []
    with pytest.raises(openai.APIError, match="tool_call"):
        chunks.extend(stream)
    assert said(chunks) == "Deleting. "
    assert not [one for one in chunks if one.choices and one.choices[0].delta.tool_calls]
    assert completion(gate, request_id)["outcome"] == "policy_cut"
    assert {each["decision"] for each in gate.records(request_id=request_id, kind="tool_call")} == {
        "ALLOW",
        "BLOCK",
    }


def test_a_stream_torn_in_a_held_window_gives_nothing_of_it_away(
    gate: Gateway, upstream: MockUpstream
) -> None:
    stream, request_id = begin(gate, upstream, *text("The card is ", "4111 1111 11"), None)
    chunks = []
    with pytest.raises(openai.APIError):
        chunks.extend(stream)
    assert said(chunks) == "The card is "
    assert completion(gate, request_id)["outcome"] == "upstream_cut"


def test_a_caller_that_leaves_a_held_stream_has_its_call_cancelled(
    gate: Gateway, upstream: MockUpstream
) -> None:
    stream, request_id = begin(gate, upstream, *text("Hello ", "4111 11"), threading.Event())
    next(iter(stream))
    [hit] = upstream.of(request_id)
    stream.close()
    until(lambda: hit.left_at, 5)
    assert completion(gate, request_id)["outcome"] == "client_closed"
