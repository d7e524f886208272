"""Reading what a provider answers: leniently, since the caller's SDK is the judge of it.

Unlike a request, an answer may hold duplicate keys, NaN or lone surrogates (some providers cut a
surrogate pair between two chunks), which the caller gets as they were.
"""

from __future__ import annotations

import json
from typing import Any, Final

import jiter
import orjson

from dataplane.errors import Refused
from dataplane.ports import UpstreamFailed
from dataplane.quantities import Usage
from dataplane.surfaces.fields import MAX_INTEGER, is_model_id

FINISH_REASONS: Final = frozenset({"stop", "length", "tool_calls", "function_call", "content_filter"})
"""OpenAI API reference, the chat completion object."""

SPOKEN: Final = ("content", "refusal", "reasoning_content", "reasoning")
"""Fields of a message, or of a delta of one, whose texts everybody joins; the last two are of compatible
servers (vLLM, DeepSeek)."""


def parse_answer(data: bytes) -> dict[str, Any]:
    """One object of an answer; raises `UpstreamFailed` (`gateway.upstream_invalid`) if it is none."""
    try:
        value = jiter.from_json(data, float_mode="lossless-float", cache_mode="keys")
    except ValueError:
        value = _parse_sloppy(data)
    return _object(value)


def parse_whole(data: bytes) -> tuple[dict[str, Any], bool]:
    """As `parse_answer`, and whether the answer is strict (see `is_strict`), read once."""
    try:
        value = jiter.from_json(
            data, catch_duplicate_keys=True, float_mode="lossless-float", cache_mode="keys"
        )
    except ValueError:
        return parse_answer(data), False
    return _object(value), True


def dump_answer(value: dict[str, Any]) -> bytes:
    """An answer that was changed, as one line of JSON; floats keep their digits."""
    try:
        return orjson.dumps(value, default=_digits)
    except orjson.JSONEncodeError:
        # Integers beyond 64 bits and lone surrogates, which only the slow writer writes.
        return json.dumps(value, default=float, separators=(",", ":")).encode()


def is_strict(data: bytes) -> bool:
    """Whether every reader reads an answer alike: no key twice, no half of a surrogate pair."""
    try:
        jiter.from_json(data, catch_duplicate_keys=True, cache_mode="keys")
    except ValueError:
        return False
    return True


def tidy(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer as every reader reads it: halves of surrogate pairs are question marks, as in `size`."""
    written = json.dumps(answer, default=float, ensure_ascii=False, separators=(",", ":"))
    return parse_answer(written.encode("utf-8", "replace"))


def usage_of(answer: dict[str, Any]) -> Usage | None:
    """The `usage` of a chat answer or chunk; None where it has none."""
    usage = answer.get("usage")
    if type(usage) is not dict:
        return None
    return Usage(
        input_tokens=_count(usage.get("prompt_tokens")),
        output_tokens=_count(usage.get("completion_tokens")),
        cached_input_tokens=_detail(usage, "prompt_tokens_details", "cached_tokens"),
        reasoning_tokens=_detail(usage, "completion_tokens_details", "reasoning_tokens"),
    )


def model_of(answer: dict[str, Any]) -> str | None:
    """The model that a provider says has served, where it is a well-formed id."""
    model = answer.get("model")
    return model if type(model) is str and is_model_id(model) else None


def told_finish(reason: Any) -> str | None:
    """What policy is told of why a choice ended: a provider's own word is `other`, since anything may stand
    there; None where there is no word at all."""
    if type(reason) is not str:
        return None
    return reason if reason in FINISH_REASONS else "other"


def _object(value: Any) -> dict[str, Any]:
    if type(value) is not dict:
        raise UpstreamFailed(
            Refused("gateway.upstream_invalid", "The provider's answer is not a JSON object.")
        )
    return value


def _parse_sloppy(data: bytes) -> Any:
    try:
        return json.loads(data.decode())
    except (ValueError, RecursionError):
        return None


def _digits(value: Any) -> orjson.Fragment:
    if type(value) is not jiter.LosslessFloat:
        raise TypeError
    return orjson.Fragment(bytes(value))


def _detail(usage: dict[str, Any], group: str, name: str) -> int | None:
    details = usage.get(group)
    return _count(details.get(name)) if type(details) is dict else None


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= MAX_INTEGER else None
