"""The names of tools, wherever a chat request says one: offered, chosen, allowed, legacy.

Policy allows and strips tools by name, so every way to offer or force one is read here and only here.
A tool of a provider's own (`{"type": "web_search"}`) has no name; its type is its name.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from dataplane.errors import Refused
from dataplane.surfaces.fields import TOOL_NAME, obj, tool_name, wrong
from dataplane.surfaces.strict_json import canonical

BUILTIN_FIELDS: Final[dict[str, str]] = {"web_search_options": "web_search"}
"""Top-level fields that switch a provider's tool on without a word in `tools`, and that tool's name."""

DIGEST_HEX: Final = 32
"""128 bits: a tool's author may choose both definitions, so it is collisions that must be out of reach."""


def tool_of(value: Any, path: str) -> tuple[str, str]:
    """The name and type of one entry of `tools`, or of a choice that has the same form.

    Raises `Refused` with `gateway.invalid_field` where it has none of the right form.
    """
    obj(value, path)
    kind = value.get("type")
    if kind != "function":
        tool_name(kind, f"{path}.type")
    if kind not in ("function", "custom"):
        name = value.get("name", kind)
        tool_name(name, f"{path}.name")
        return str(name), kind
    detail = value.get(kind)
    if type(detail) is not dict:
        raise wrong(f"{path}.{kind}", "an object")
    name = detail.get("name")
    if type(name) is not str or not TOOL_NAME.fullmatch(name):
        tool_name(name, f"{path}.{kind}.name")
    return str(name), kind


def offered(request: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Every tool a checked or unchecked request offers: name -> `{"type": ..., "digest": ...}`.

    `digest` is the beginning of the SHA-256, in hexadecimal, of the definition as JSON with sorted keys and
    no spaces, so that a definition that was changed is another.

    Raises `Refused` with `gateway.invalid_field` for a tool of the wrong form, or two of one name.
    """
    tools: dict[str, dict[str, str]] = {}
    for index, tool in enumerate(_list(request, "tools")):
        name, kind = tool_of(tool, f"tools[{index}]")
        _add(tools, name, kind, tool, f"tools[{index}]")
    for index, function in enumerate(_list(request, "functions")):
        obj(function, f"functions[{index}]")
        tool_name(function.get("name"), f"functions[{index}].name")
        _add(tools, function["name"], "function", function, f"functions[{index}]")
    for key, name in BUILTIN_FIELDS.items():
        if request.get(key) is not None:
            _add(tools, name, name, request[key], key)
    return tools


def allowed_tools(choice: dict[str, Any]) -> list[tuple[str, Any]]:
    """The (name, entry) pairs of a `tool_choice` of type `allowed_tools`; raises `Refused` if malformed."""
    path = "tool_choice.allowed_tools"
    detail = choice.get("allowed_tools")
    obj(detail, path)
    assert detail is not None
    entries = detail.get("tools")
    if type(entries) is not list:
        raise wrong(f"{path}.tools", "a list of objects")
    return [(tool_of(entry, f"{path}.tools[{index}]")[0], entry) for index, entry in enumerate(entries)]


def check_choice(choice: Any, path: str) -> None:
    """A `tool_choice`: a word, one tool, or a list of allowed ones."""
    if type(choice) is str:
        return
    if type(choice) is not dict:
        raise wrong(path, "a string or an object")
    if choice.get("type") == "allowed_tools":
        allowed_tools(choice)
    else:
        tool_of(choice, path)


def check_function_choice(choice: Any, path: str) -> None:
    """The legacy `function_call`: a word or `{"name": ...}`."""
    if type(choice) is str:
        return
    if type(choice) is not dict:
        raise wrong(path, "a string or an object")
    tool_name(choice.get("name"), f"{path}.name")


def _list(request: dict[str, Any], key: str) -> list[Any]:
    value = request.get(key)
    if value is None:
        return []
    if type(value) is not list:
        raise wrong(key, "a list of objects")
    return value


def _add(tools: dict[str, dict[str, str]], name: str, kind: str, definition: Any, path: str) -> None:
    if name in tools:
        raise Refused("gateway.invalid_field", f"{path}: another tool has the same name", param=path)
    digest = hashlib.sha256(canonical(definition)).hexdigest()[:DIGEST_HEX]
    tools[name] = {"type": kind, "digest": digest}
