"""Wherever a text is planted, in request or answer, it is yielded, and gone once its text is replaced."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from surface_calls import chat, forward, function, read_chat

from dataplane.errors import Refused
from dataplane.findings import Text

PROPERTY = settings(derandomize=True, database=None, deadline=None, max_examples=120)
MARK = "qzplantedzq"
LEFT = "[GONE_1]"

TOOL = {
    "type": "function",
    "function": {
        "name": "find",
        "description": "Finds.",
        "parameters": {"type": "object", "properties": {"q": {"type": "string", "enum": ["a"]}}},
        "strict": True,
    },
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "find", "arguments": '{"q": 1}'}}
REQUEST = chat(
    messages=[
        {"role": "system", "content": "Be kind."},
        {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
        {
            "role": "user",
            "name": "zoe",
            "content": [
                {"type": "text", "text": "Look."},
                {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
                {"type": "file", "file": {"file_id": "file-1", "filename": "a.txt"}},
                {"type": "hologram", "payload": "x"},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "refusal": "No.",
            "tool_calls": [CALL],
            "function_call": {"name": "old", "arguments": "{}"},
            "audio": {"id": "audio_1"},
            "reasoning_content": "Hm.",
        },
        {"role": "tool", "tool_call_id": "call_1", "content": '{"found": true}'},
        {"role": "oracle", "content": [{"type": "refusal", "refusal": "Never."}]},
    ],
    tools=[TOOL, {"type": "custom", "custom": {"name": "run", "format": {"type": "text"}}}],
    tool_choice=function("find"),
    functions=[{"name": "old", "description": "Old."}],
    function_call="auto",
    response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
    prediction={"type": "content", "content": [{"type": "text", "text": "p"}]},
    web_search_options={"user_location": {"type": "approximate", "approximate": {"city": "Bonn"}}},
    metadata={"team": "blue"},
    user="u",
    stop=["END"],
    logit_bias={"50256": -100},
    modalities=["text"],
    audio={"voice": "alloy"},
    stream=True,
    seed=7,
    temperature=0.5,
    vendor={"deep": [{"deeper": "x"}]},
)
TOKEN = {"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": [{"token": "b", "logprob": -1.5}]}
ANSWER: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1790000000,
    "model": "demo-1",
    "system_fingerprint": "fp",
    "service_tier": "default",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "a",
                "refusal": None,
                "reasoning_content": "Hm.",
                "reasoning_details": [{"type": "reasoning.text", "text": "Hm."}],
                "annotations": [{"type": "url_citation", "url_citation": {"url": "u", "title": "t"}}],
                "audio": {"id": "audio_1", "data": "AAAA", "transcript": "ts", "expires_at": 1790000000},
                "tool_calls": [CALL, {"id": "c", "type": "custom", "custom": {"name": "n", "input": "i"}}],
                "function_call": {"name": "old", "arguments": "{}"},
            },
            "logprobs": {"content": [TOKEN, TOKEN], "refusal": None},
            "finish_reason": "stop",
        },
        {"index": 1, "message": {"role": "assistant", "content": [{"type": "text", "text": "b"}]}},
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens_details": {"reasoning_tokens": 2}},
    "citations": ["https://example.com"],
}

LEAVES = st.sampled_from([MARK, f"before {MARK} behind", f"{MARK}=="]) | st.integers(0, 10**18).map(
    lambda number: f"{number} {MARK}"
)
OTHERS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
PLANTED = st.recursive(
    LEAVES,
    lambda inner: (
        st.tuples(st.lists(OTHERS, max_size=2), inner).map(lambda pair: [*pair[0], pair[1]])
        | st.tuples(st.dictionaries(st.text(max_size=4), OTHERS, max_size=2), st.text(max_size=4), inner).map(
            lambda three: {**three[0], three[1]: three[2]}
        )
        | st.tuples(st.dictionaries(st.text(max_size=4), OTHERS, max_size=2), OTHERS).map(
            lambda pair: {**pair[0], MARK: pair[1]}
        )
    ),
    max_leaves=4,
)
KEYS = st.sampled_from(["text", "url", "data", "reasoning", "name", "type", "arguments", MARK]) | st.text(
    max_size=5
)


def spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands, and where a member could be added."""
    found = [path] if path else []
    if isinstance(value, dict):
        found.append((*path, None))
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            found += spots(item, (*path, key))
    return found


def planted(document: Any, spot: tuple[Any, ...], key: str, value: Any) -> bytes:
    body = json.loads(json.dumps(document))
    target = body
    for step in spot[:-1]:
        target = target[step]
    target[key if spot[-1] is None else spot[-1]] = value
    return json.dumps(body).encode()


def placed(texts: list[Text]) -> dict[int, str]:
    return {index: LEFT for index, text in enumerate(texts) if text.place is not None}


def fixed(texts: list[Text]) -> list[int]:
    return [index for index, text in enumerate(texts) if text.place is None and MARK in text.text]


def check_request(body: bytes) -> None:
    try:
        unit = read_chat(body)
    except Refused:
        return
    texts = list(unit.texts())
    assert any(MARK in text.text for text in texts)
    for index in fixed(texts):
        with pytest.raises(Refused):
            unit.rewrite({index: LEFT})
    unit.rewrite(placed(texts))
    assert MARK.encode() not in forward(unit).body or fixed(texts)
    json.loads(forward(unit).body)


def check_answer(body: bytes) -> None:
    exchange = read_chat(chat()).exchange()
    exchange.whole(body)
    texts = list(exchange.texts())
    assert any(MARK in text.text for text in texts)
    for index in fixed(texts):
        with pytest.raises(Refused):
            exchange.rewrite({index: LEFT})
    left = exchange.rewrite(placed(texts))
    assert MARK.encode() not in left or fixed(texts)
    json.loads(left)


FORMS = [MARK, [MARK], {"x": MARK}, {MARK: 1}, [[{"text": MARK}]], f"data:text/plain,{MARK}"]


@pytest.mark.parametrize("form", range(len(FORMS)))
def test_in_every_field_of_a_request(form: int) -> None:
    for spot in spots(REQUEST):
        check_request(planted(REQUEST, spot, "vendor", FORMS[form]))


@pytest.mark.parametrize("form", range(len(FORMS)))
def test_in_every_field_of_an_answer(form: int) -> None:
    for spot in spots(ANSWER):
        check_answer(planted(ANSWER, spot, "vendor", FORMS[form]))


@PROPERTY
@given(st.sampled_from(spots(REQUEST)), KEYS, PLANTED)
def test_in_any_request_that_is_accepted(spot: tuple[Any, ...], key: str, value: Any) -> None:
    check_request(planted(REQUEST, spot, key, value))


@PROPERTY
@given(st.sampled_from(spots(ANSWER)), KEYS, PLANTED)
def test_in_any_answer(spot: tuple[Any, ...], key: str, value: Any) -> None:
    check_answer(planted(ANSWER, spot, key, value))


def test_the_documents_themselves_are_accepted() -> None:
    read_chat(REQUEST).texts()
    exchange = read_chat(chat()).exchange()
    body = json.dumps(ANSWER).encode()
    assert exchange.whole(body) == exchange.rewrite({}) == body
