"""OpenAI's objects: completion, chunks, errors. Source: API reference, "Chat Completions"."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Final

import orjson

from dataplane.demo.answer import Answer
from dataplane.demo.ask import Ask

CREATED: Final = 1_767_225_600
"""`created` of every answer, 2026-01-01T00:00:00Z: the same request gives the same bytes."""

FINGERPRINT: Final = "fp_regogate_demo"

DONE: Final = b"data: [DONE]\n\n"


def digest(body: bytes) -> str:
    """What ids are made of, so that equal requests have equal ids."""
    return hashlib.sha256(body).hexdigest()[:24]


def completion(ask: Ask, said: Answer, digest: str) -> bytes:
    """A whole answer."""
    choices = [
        {
            "index": index,
            "message": _message(said, digest, index),
            "logprobs": None,
            "finish_reason": said.finish,
        }
        for index in range(ask.choices)
    ]
    return orjson.dumps(
        {**_frame(ask, digest, "chat.completion"), "choices": choices, "usage": _usage(ask, said)}
    )


def chunks(ask: Ask, said: Answer, digest: str) -> Iterator[bytes]:
    """A streamed answer as events: role first, pieces, finish, usage where asked for, `[DONE]`."""
    frame = _frame(ask, digest, "chat.completion.chunk")
    if ask.include_usage:
        frame["usage"] = None

    def event(index: int, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _event({**frame, "choices": [choice]})

    for index in range(ask.choices):
        if said.tool is None:
            yield event(index, {"role": "assistant", "content": "", "refusal": None})
        else:
            call = {"index": 0, **_call(said.tool, "", digest, index)}
            yield event(index, {"role": "assistant", "content": None, "tool_calls": [call]})
    for piece in said.pieces:
        delta = (
            {"content": piece}
            if said.tool is None
            else {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
        )
        for index in range(ask.choices):
            yield event(index, delta)
    for index in range(ask.choices):
        yield event(index, {}, said.finish)
    if ask.include_usage:
        yield _event({**frame, "choices": [], "usage": _usage(ask, said)})
    yield DONE


_TYPES: Final = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def error(status: int, message: str, code: str | None, param: str | None = None) -> bytes:
    """An error object as OpenAI sends it, its type by status."""
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    return orjson.dumps({"error": {"message": message, "type": kind, "param": param, "code": code}})


def _frame(ask: Ask, digest: str, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-demo{digest}",
        "object": kind,
        "created": CREATED,
        "model": ask.model,
        "system_fingerprint": FINGERPRINT,
    }


def _message(said: Answer, digest: str, index: int) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": said.text, "refusal": None}
    if said.tool is not None:
        message |= {"content": None, "tool_calls": [_call(said.tool, said.text, digest, index)]}
    return message


def _call(name: str, arguments: str, digest: str, index: int) -> dict[str, Any]:
    return {
        "id": f"call_demo{digest[:20]}{index}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def _usage(ask: Ask, said: Answer) -> dict[str, int]:
    tokens = said.tokens * ask.choices
    return {
        "prompt_tokens": ask.prompt_tokens,
        "completion_tokens": tokens,
        "total_tokens": ask.prompt_tokens + tokens,
    }


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"
