"""Tokens of prompts and answers: counted where the tokenizer is known, bounded in cost, never raising."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataplane.surfaces import tokens
from dataplane.surfaces.chat_exchange import ChatExchange
from dataplane.surfaces.chat_tokens import (
    IMAGE_TOKENS,
    LOW_IMAGE_TOKENS,
    audio_ms,
    image_count,
    prompt_tokens,
)

HELLO = [{"role": "user", "content": "hello world"}]


def count(request: dict[str, Any], estimated: int = 777) -> int:
    return asyncio.run(prompt_tokens(request, estimated))


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("gpt-4o-mini", "o200k_base"),
        ("openai/gpt-4o", "o200k_base"),
        ("ft:gpt-4o-mini:acme::x", "o200k_base"),
        ("gpt-4.1-nano", "o200k_base"),
        ("o3-mini", "o200k_base"),
        ("gpt-4-turbo", "cl100k_base"),
        ("gpt-3.5-turbo", "cl100k_base"),
        ("claude-4", None),
        ("demo", None),
    ],
)
def test_the_tokenizer_is_that_of_the_model(model: str, encoding: str | None) -> None:
    assert tokens.encoding_of(model) == encoding


def test_a_prompt_is_counted_as_openai_counts_it() -> None:
    # "user", 1 token; "hello world", 2; 3 around the message and 3 to begin the answer.
    assert count({"model": "gpt-4o", "messages": HELLO}) == 1 + 2 + 3 + 3
    assert count({"model": "gpt-4", "messages": [{**HELLO[0], "name": "bob"}]}) == 1 + 2 + 1 + 1 + 3 + 3


def test_without_a_tokenizer_the_estimate_stands() -> None:
    assert count({"model": "demo", "messages": HELLO}) == 777


def test_tools_and_formats_are_counted_as_they_are_written() -> None:
    tools = [{"type": "function", "function": {"name": "search", "parameters": {}}}]
    plain = count({"model": "gpt-4o", "messages": HELLO})
    assert count({"model": "gpt-4o", "messages": HELLO, "tools": tools}) > plain + 10


def test_what_is_no_text_is_taken_at_its_most() -> None:
    parts = [
        {"type": "text", "text": "hello world"},
        {"type": "image_url", "image_url": {"url": "data:x"}},
        {"type": "image_url", "image_url": {"url": "data:x", "detail": "low"}},
        {"type": "input_audio", "input_audio": {"data": "A" * 16_000, "format": "mp3"}},
    ]
    request = {"model": "gpt-4o", "messages": [{"role": "user", "content": parts}]}
    assert image_count(request) == 2
    assert 3000 <= audio_ms(request) <= 3100
    assert count(request) == 9 + IMAGE_TOKENS + LOW_IMAGE_TOKENS + 31


@given(st.lists(st.text(st.characters(), max_size=300), max_size=5))
def test_no_text_has_more_tokens_than_bytes_and_none_raises(texts: list[str]) -> None:
    asyncio.run(tokens.count("gpt-4o", ["ready"]))
    for model in ("gpt-4o", None, "demo"):
        assert 0 <= tokens.count_now(model, texts) <= sum(map(tokens.size, texts))


def test_a_lone_surrogate_is_counted_as_what_stands_in_for_it() -> None:
    asyncio.run(tokens.count("gpt-4o", ["\ud800"]))
    assert tokens.count_now("gpt-4o", ["\ud800"]) >= 1


def test_a_huge_prompt_lets_others_have_their_turn_and_counts_every_byte_beyond_the_bound() -> None:
    text = "a b " * (tokens.MAX_CHARS // 4) + "x" * 5000

    async def main() -> int:
        await tokens.count("gpt-4o", ["ready"])
        counting = asyncio.create_task(tokens.count("gpt-4o", [text]))
        turns = 0
        while not counting.done():
            await asyncio.sleep(0)
            turns += 1
        assert turns >= tokens.MAX_CHARS // tokens.PIECE_CHARS
        counted = await counting
        assert counted is not None
        return counted

    assert 5000 + tokens.MAX_CHARS // 2 <= asyncio.run(main()) <= 5000 + tokens.MAX_CHARS


def test_a_text_in_pieces_has_hardly_more_tokens_than_in_one() -> None:
    text = "The quick brown fox jumps over the lazy dog. " * 1000
    whole = tokens.count_now("gpt-4o", [text])
    pieces = asyncio.run(tokens.count("gpt-4o", [text]))
    assert pieces is not None
    assert whole <= pieces <= whole + 2 * (len(text) // tokens.PIECE_CHARS)


# --- what is streamed back --------------------------------------------------------------------------


def chunk(**delta: Any) -> bytes:
    return b"data: %b\n\n" % json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode()


def exchange() -> ChatExchange:
    asyncio.run(tokens.count("gpt-4o", ["ready"]))
    return ChatExchange(hide_usage=False, model="gpt-4o", prompt_tokens=9)


def test_a_stream_is_counted_as_it_passes_until_the_provider_says() -> None:
    reader = exchange()
    assert (reader.usage.input_tokens, reader.usage.output_tokens) == (None, None)
    reader.feed(chunk(role="assistant", content=""))
    assert (reader.usage.input_tokens, reader.usage.output_tokens) == (9, 0)
    reader.feed(chunk(content="hello") + chunk(content=" world"))
    assert (reader.usage.output_tokens, reader.usage.counted) == (2, True)
    reader.feed(b'data: {"choices":[],"usage":{"prompt_tokens":8,"completion_tokens":40}}\n\n')
    assert (reader.usage.output_tokens, reader.usage.counted) == (40, False)
    reader.feed(chunk(content=" again"))
    assert (reader.usage.input_tokens, reader.usage.output_tokens, reader.usage.counted) == (8, 41, True)


def test_a_stream_is_finished_when_every_choice_seen_is() -> None:
    reader = exchange()
    assert not reader.finished
    reader.feed(chunk(content="a"))
    assert not reader.finished
    reader.feed(b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n')
    assert reader.finished
    reader.feed(b'data: {"choices":[{"index":1,"delta":{"content":"b"}}]}\n\n')
    assert not reader.finished


def test_everything_a_model_makes_is_counted() -> None:
    for delta in (
        {"content": "hello world"},
        {"refusal": "hello world"},
        {"reasoning_content": "hello world"},
        {"tool_calls": [{"index": 0, "function": {"arguments": "hello world"}}]},
        {"function_call": {"arguments": "hello world"}},
    ):
        reader = exchange()
        reader.feed(chunk(**delta))
        assert reader.usage.output_tokens == 2


def test_a_long_stream_is_counted_on_the_way() -> None:
    reader = exchange()
    for _ in range(2000):
        reader.feed(chunk(content=" a"))
    assert reader.usage.output_tokens == 2000


def test_cached_and_reasoning_tokens_are_told() -> None:
    reader = exchange()
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 6,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }
    reader.whole(json.dumps({"choices": [], "usage": usage}).encode())
    assert (reader.usage.cached_input_tokens, reader.usage.reasoning_tokens) == (4, 5)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)


@given(st.lists(TEXTS, max_size=6), st.sampled_from(["gpt-4o", "gpt-4"]))
def test_a_text_counts_the_same_however_often_it_came(contents: list[str], model: str) -> None:
    messages = [{"role": "user", "content": content} for content in contents]
    encoding = tokens.encoding_of(model)
    assert encoding is not None
    tokenizer = tokens._load(encoding)
    expected = 3 + sum(3 + tokenizer.count("user") + tokenizer.count(content) for content in contents)
    for _ in range(2):
        assert count({"model": model, "messages": messages}) == expected


def test_what_is_remembered_of_texts_is_bounded_and_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    known: dict[tuple[str, bytes], int] = {}
    monkeypatch.setattr(tokens, "_counts", known)
    monkeypatch.setattr(tokens, "REMEMBERED", 3)
    secret = "the patient's name is Alice Example"
    for length in (tokens.SHORTEST_REMEMBERED - 1, tokens.LONGEST_REMEMBERED + 1):
        count({"model": "gpt-4o", "messages": [{"role": "user", "content": "x" * length}]})
    assert known == {}
    for number in range(10):
        count({"model": "gpt-4o", "messages": [{"role": "user", "content": f"{secret} {number}"}]})
        assert 0 < len(known) <= 3
    assert all(len(digest) == 16 for _, digest in known)
    assert "Alice" not in repr(known)
