"""What policy may know of a chat request.

Costs are proportional to the number of messages and parts, not to their length.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dataplane.domain import CallFacts
from dataplane.errors import Refused
from dataplane.surfaces.chat_texts import MODALITIES, PLAIN_MEMBERS
from dataplane.surfaces.chat_tokens import audio_ms, image_count
from dataplane.surfaces.encoded_text import left_out, unread_bytes
from dataplane.surfaces.strict_json import dump
from dataplane.surfaces.tokens import estimate, size

TOKENS_PER_MESSAGE: Final = 4
"""What a message costs beside its text (OpenAI cookbook, counting tokens: 3, or 4 with a name)."""

_TOOL_ROLES: Final = ("tool", "function")
_SCHEMA_FIELDS: Final = ("tools", "functions", "response_format", "prediction")


def chat_facts(request: dict[str, Any], body_bytes: int, tools: Mapping[str, Mapping[str, str]]) -> CallFacts:
    """The facts of a checked request of `body_bytes` that offers `tools`.

    `prompt_tokens_est` estimates: bytes of all texts of the messages and of the serialised tools and
    formats, as `tokens.estimate` says, plus `TOKENS_PER_MESSAGE` for each message; images, audio and files
    are not in it. They are in `uninspected_bytes`: the length of every string in a part that is not
    text, but for those that encode a text; and of encrypted content in other members of a message.
    `modalities` are those of the parts, and `audio` also where the answer is asked as audio; a part of
    unknown type is `other`, counted as text and as uninspected.
    """
    messages: list[dict[str, Any]] = request["messages"]
    modalities: set[str] = set()
    text = opaque = tool_results = 0
    first_call = None
    for message in messages:
        if message["role"] in _TOOL_ROLES:
            tool_results += 1
        content = message.get("content")
        if type(content) is str and len(message) == 2:
            # The common message, a role and a text, needs no walk.
            modalities.add("text")
            text += size(content)
            continue
        if first_call is None:
            first_call = _call_id(message)
        for key, value in message.items():
            if type(value) is str:
                if key == "content":
                    modalities.add("text")
                if key != "role":
                    text += size(value)
                if key != "content" and key not in PLAIN_MEMBERS:
                    opaque += left_out(value)
            elif key == "content" and value is not None:
                for part in value:
                    modality = MODALITIES.get(part["type"], "other")
                    modalities.add(modality)
                    weight = _strings(part) - size(part["type"])
                    if modality in ("text", "other"):
                        text += weight
                    if modality != "text":
                        opaque += unread_bytes(part) - size(part["type"])
            elif key == "audio" and value is not None:
                modalities.add("audio")
                opaque += unread_bytes(value)
            elif type(value) is dict or type(value) is list:
                text += _strings(value)
                if key not in PLAIN_MEMBERS:
                    opaque += left_out(value)
    if "audio" in (request.get("modalities") or ()):
        modalities.add("audio")
    for key in _SCHEMA_FIELDS:
        if request.get(key):
            text += _written(request[key], body_bytes)
    cap, newer_cap = request.get("max_tokens"), request.get("max_completion_tokens")
    return CallFacts(
        model=request["model"],
        stream=request.get("stream") or False,
        max_tokens=newer_cap if cap is None else cap if newer_cap is None else max(cap, newer_cap),
        n=request.get("n") or 1,
        prompt_tokens_est=estimate(text) + TOKENS_PER_MESSAGE * len(messages),
        bytes=body_bytes,
        messages=len(messages),
        modalities=tuple(sorted(modalities)),
        tools=tools,
        tool_results=tool_results,
        uninspected_bytes=opaque,
        images=image_count(request) if "image" in modalities else 0,
        audio_ms=audio_ms(request) if "audio" in modalities else 0,
        conversation_id=_conversation(request) if len(request) > 2 else None,
        first_tool_call_id=first_call,
    )


def _conversation(request: dict[str, Any]) -> str | None:
    """The id of what the call goes on with, where the caller says one: chat completions have no field for it,
    but its neighbours among OpenAI's APIs do, and metadata may."""
    conversation = request.get("conversation")
    if type(conversation) is dict:
        conversation = conversation.get("id")
    named = conversation or request.get("previous_response_id")
    if not named and (metadata := request.get("metadata")):
        named = metadata.get("conversation_id")
    return named if type(named) is str and named else None


def _call_id(message: dict[str, Any]) -> str | None:
    """The id of the first call of a tool that a message makes or answers."""
    calls = message.get("tool_calls")
    call_id = calls[0].get("id") if calls else message.get("tool_call_id")
    return call_id if type(call_id) is str and call_id else None


def _written(value: Any, most: int) -> int:
    """Bytes of a value when serialised; `most` where it holds an integer that cannot be written."""
    try:
        return len(dump(value))
    except Refused:
        return most


def _strings(value: Any) -> int:
    """Bytes of every string value in a JSON value."""
    if type(value) is str:
        return size(value)
    if type(value) is dict:
        return sum(map(_strings, value.values()))
    if type(value) is list:
        return sum(map(_strings, value))
    return 0
