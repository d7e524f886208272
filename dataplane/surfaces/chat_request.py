"""The fields of a chat completion request whose types matter here; all other fields pass as they are.

Source of the fields: OpenAI's API reference, "Create chat completion".
"""

from __future__ import annotations

from typing import Any, Final

from dataplane.surfaces import chat_forms, fields
from dataplane.surfaces.fields import Check, wrong
from dataplane.surfaces.tool_names import check_choice, check_function_choice

MAX_CHOICES: Final = 128
"""Largest `n` OpenAI accepts."""


def check(request: dict[str, Any]) -> None:
    """Raise `Refused` with `gateway.invalid_field` for the first field of the wrong type or value.

    Names and types of tools are not looked at: `tool_names.offered` checks and reads them in one go.
    """
    fields.model_id(request.get("model"), "model")
    _messages(request.get("messages"))
    for key, value in request.items():
        if value is not None:
            optional = _OPTIONAL.get(key)
            if optional is not None:
                optional(value, key)
    chat_forms.definitions(request)


def _messages(messages: Any) -> None:
    if type(messages) is not list or not messages:
        raise wrong("messages", "a list of at least one object")
    for index, message in enumerate(messages):
        if type(message) is not dict:
            raise wrong(f"messages[{index}]", "an object")
        role = message.get("role")
        if type(role) is not str or not 1 <= len(role) <= fields.MAX_ROLE_CHARS:
            fields.short_name(role, f"messages[{index}].role")
        content = message.get("content")
        if content is not None and type(content) is not str:
            _content(content, f"messages[{index}].content")
        if len(message) > 2:
            for key, optional in _MESSAGE_OPTIONAL.items():
                value = message.get(key)
                if value is not None:
                    optional(value, f"messages[{index}].{key}")


def _content(content: Any, path: str) -> None:
    if type(content) is not list:
        raise wrong(path, "a string, null or a list of parts")
    for index, part in enumerate(content):
        where = f"{path}[{index}]"
        fields.obj(part, where)
        kind = part.get("type")
        fields.short_name(kind, f"{where}.type")
        if kind in ("text", "refusal"):
            fields.string(part.get(kind), f"{where}.{kind}")
        elif kind in chat_forms.PARTS and part.get(kind) is not None:
            chat_forms.PARTS[kind](part[kind], f"{where}.{kind}")


_MESSAGE_OPTIONAL: Final[dict[str, Check]] = {
    "name": fields.string,
    "tool_call_id": fields.string,
    "tool_calls": chat_forms.tool_calls,
    "refusal": fields.string,
    "audio": fields.obj,
    "function_call": chat_forms.function_call,
}

_OPTIONAL: Final[dict[str, Check]] = {
    "stream": fields.boolean,
    "n": fields.integer(1, MAX_CHOICES),
    "max_tokens": fields.integer(1),
    "max_completion_tokens": fields.integer(1),
    "temperature": fields.number,
    "top_p": fields.number,
    "presence_penalty": fields.number,
    "frequency_penalty": fields.number,
    "stop": fields.string_or_strings,
    "tool_choice": check_choice,
    "parallel_tool_calls": fields.boolean,
    "function_call": check_function_choice,
    "stream_options": fields.members(include_usage=fields.boolean),
    "response_format": chat_forms.response_format,
    "modalities": fields.strings,
    "audio": fields.obj,
    "prediction": fields.obj,
    "web_search_options": fields.obj,
    "user": fields.string,
    "metadata": fields.object_of_strings,
    "seed": fields.any_integer,
    "logit_bias": chat_forms.numbers,
    "logprobs": fields.boolean,
    "top_logprobs": fields.integer(0),
    "store": fields.boolean,
    "reasoning_effort": fields.string,
    "verbosity": fields.string,
    "service_tier": fields.string,
    "safety_identifier": fields.string,
    "prompt_cache_key": fields.string,
}
