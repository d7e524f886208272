"""What a decision changes in a chat request: a cap on tokens, tools taken away, another model.

The result is a request a provider accepts: no choice is left that names a tool which is gone.
"""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Any, Final

from dataplane.domain import Constraints
from dataplane.surfaces.tool_names import BUILTIN_FIELDS, allowed_tools, tool_of

_REASONING: Final = re.compile(r"(o1|o3|o4|gpt-5)")
"""Model ids that refuse `max_tokens` and want `max_completion_tokens` (OpenAI API reference)."""

_TOKEN_FIELDS: Final = ("max_tokens", "max_completion_tokens")


def constrain(request: dict[str, Any], constraints: Constraints) -> bool:
    """Apply all that concerns a checked request's content, in place; whether anything changed.

    `delay_ms` is the pipeline's to keep.
    """
    changed = False
    if constraints.model is not None and constraints.model != request["model"]:
        request["model"] = constraints.model
        changed = True
    if constraints.max_tokens is not None:
        changed |= _cap(request, constraints.max_tokens)
    if constraints.strip_tools:
        changed |= _strip(request, constraints.strip_tools)
    return changed


def _cap(request: dict[str, Any], cap: int) -> bool:
    given = [name for name in _TOKEN_FIELDS if request.get(name) is not None]
    if not given:
        model = request["model"].rsplit("/", 1)[-1]
        given = ["max_completion_tokens" if _REASONING.match(model) else "max_tokens"]
    over = [name for name in given if request.get(name) is None or request[name] > cap]
    for name in over:
        request[name] = cap
    return bool(over)


def _strip(request: dict[str, Any], stripped: Set[str]) -> bool:
    changed = False
    for key, name in BUILTIN_FIELDS.items():
        if name in stripped and request.get(key) is not None:
            del request[key]
            changed = True
    tools = request.get("tools") or []
    left = [tool for tool in tools if tool_of(tool, "tools")[0] not in stripped]
    if len(left) < len(tools):
        changed = True
        if left:
            request["tools"] = left
            _mend_choice(request, stripped)
        else:
            _drop(request, "tools", "tool_choice", "parallel_tool_calls")
    functions = request.get("functions") or []
    left = [function for function in functions if function["name"] not in stripped]
    if len(left) < len(functions):
        changed = True
        if left:
            request["functions"] = left
            choice = request.get("function_call")
            if type(choice) is dict and choice["name"] in stripped:
                request["function_call"] = "auto"
        else:
            _drop(request, "functions", "function_call")
    return changed


def _mend_choice(request: dict[str, Any], stripped: Set[str]) -> None:
    """Make `tool_choice` fit the tools that are left."""
    choice = request.get("tool_choice")
    if type(choice) is not dict:
        return
    if choice["type"] != "allowed_tools":
        if tool_of(choice, "tool_choice")[0] in stripped:
            request["tool_choice"] = "auto"
        return
    entries = [entry for name, entry in allowed_tools(choice) if name not in stripped]
    if entries:
        request["tool_choice"] = {**choice, "allowed_tools": {**choice["allowed_tools"], "tools": entries}}
    else:
        # The caller allowed only what is gone: "auto" would allow more than the caller did.
        request["tool_choice"] = "none"


def _drop(request: dict[str, Any], *names: str) -> None:
    for name in names:
        request.pop(name, None)
