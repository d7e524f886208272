"""What a chat request wants of the demo model. The caller's text is measured, never kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import orjson

MAX_CHOICES: Final = 128
"""OpenAI's bound on `n` (API reference, "Create chat completion")."""

_MAX_TOOLS: Final = 128
"""OpenAI's bound on offered tools (API reference); what comes after is not looked at."""

_SEARCHED: Final = 32_768
"""Characters of the last user message that are searched for the name of a tool."""

_BYTES_PER_TOKEN: Final = 4
_TOKENS_PER_MESSAGE: Final = 4
"""OpenAI's rules of thumb: four characters a token, and a message's frame."""


class BadRequest(Exception):
    """A request that OpenAI would refuse with 400; `param` is the field."""

    def __init__(self, message: str, param: str | None = None) -> None:
        self.message = message
        self.param = param
        super().__init__(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function that is to be called, and the schema of its parameters."""

    name: str
    parameters: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request's measures and wishes. `tool` is the one to call; `schema` what JSON must fit.

    `max_tokens` is the smaller of the two fields where both stand; None is no cap.
    """

    model: str
    stream: bool
    include_usage: bool
    messages: int
    last_words: int
    prompt_tokens: int
    max_tokens: int | None
    choices: int
    tool: Tool | None
    json: bool
    schema: Any


def read(body: bytes) -> Ask:
    """Read a request body; raises `BadRequest`."""
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadRequest("The body is not JSON.") from None
    if not isinstance(request, dict) or not isinstance(model := request.get("model"), str):
        raise BadRequest("You must provide a model parameter.", "model")
    messages = request.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(m, dict) for m in messages):
        raise BadRequest("messages must be a list of at least one message.", "messages")
    texts = [_text(message.get("content")) for message in messages]
    wants_json, schema = _format(request.get("response_format"))
    options = request.get("stream_options")
    return Ask(
        model=model,
        stream=request.get("stream") is True,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        messages=len(messages),
        last_words=len(texts[-1].split()),
        prompt_tokens=sum(_TOKENS_PER_MESSAGE + -(-len(text.encode()) // _BYTES_PER_TOKEN) for text in texts),
        max_tokens=_max_tokens(request),
        choices=_whole(request, "n", MAX_CHOICES) or 1,
        tool=_tool(request, messages, texts),
        json=wants_json,
        schema=schema,
    )


def _text(content: Any) -> str:
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return " ".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _whole(request: dict[str, Any], name: str, most: int | None = None) -> int | None:
    value = request.get(name)
    if value is None:
        return None
    if type(value) is not int or value < 1 or (most is not None and value > most):
        bounds = "at least 1" if most is None else f"1 to {most}"
        raise BadRequest(f"{name} must be a whole number, {bounds}.", name)
    return value


def _max_tokens(request: dict[str, Any]) -> int | None:
    given = [_whole(request, name) for name in ("max_tokens", "max_completion_tokens")]
    return min((value for value in given if value is not None), default=None)


def _format(wish: Any) -> tuple[bool, Any]:
    """Whether the answer must be JSON, and the schema it must fit if one is given."""
    if not isinstance(wish, dict) or wish.get("type") not in ("json_object", "json_schema"):
        return False, None
    detail = wish.get("json_schema")
    return True, detail.get("schema") if isinstance(detail, dict) else None


def _tool(request: dict[str, Any], messages: list[dict[str, Any]], texts: list[str]) -> Tool | None:
    """The tool to call: the one `tool_choice` names, the first where it is `required`, else the first
    whose name stands as a word in the last user message. None right after a tool's result."""
    tools = _functions(request.get("tools"))
    choice = request.get("tool_choice")
    if messages[-1].get("role") == "tool" or choice == "none" or not tools:
        return None
    if isinstance(choice, dict) and choice.get("type") == "function":
        function = choice.get("function")
        name = function.get("name") if isinstance(function, dict) else None
        if (tool := next((tool for tool in tools if tool.name == name), None)) is None:
            raise BadRequest("tool_choice names a tool that is not offered.", "tool_choice")
        return tool
    if isinstance(choice, dict) and isinstance(allowed := choice.get("allowed_tools"), dict):
        named = {tool.name for tool in _functions(allowed.get("tools"))}
        tools = [tool for tool in tools if tool.name in named]
        choice = allowed.get("mode")
    if choice == "required" and tools:
        return tools[0]
    last = next(
        (
            text
            for message, text in zip(reversed(messages), reversed(texts), strict=True)
            if _is_user(message)
        ),
        "",
    )
    return next((tool for tool in tools if _names(last, tool.name)), None)


def _functions(tools: Any) -> list[Tool]:
    found = []
    for tool in tools[:_MAX_TOOLS] if isinstance(tools, list) else []:
        function = tool.get("function") if isinstance(tool, dict) else None
        if isinstance(function, dict) and isinstance(name := function.get("name"), str) and name:
            found.append(Tool(name=name, parameters=function.get("parameters")))
    return found


def _is_user(message: dict[str, Any]) -> bool:
    return message.get("role") == "user"


def _names(text: str, name: str) -> bool:
    word = rf"(?<![\w-]){re.escape(name)}(?![\w-])"
    return re.search(word, text[:_SEARCHED], re.IGNORECASE) is not None
