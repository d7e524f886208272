"""From a few words about a call to the whole input that a gateway would send policy.

A person writes `{client: support-team, model: gpt-4o, network: corp, tools: [search]}`; policy reads the
facts of `schemas/input.STAGE.schema.json`. What is not said is a plain call: a chat completion by API key on
a weekday morning.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any, Final

PATHS: Final = {
    "chat.completions.create": "/v1/chat/completions",
    "models.list": "/v1/models",
    "models.retrieve": "/v1/models/MODEL",
}
"""The path of an operation where a case gives none; others are `/v1/` and the operation's first word."""

WEEKDAY_NINE: Final = {"unix": 1_790_154_000, "weekday": "Wed", "hour": 9}
"""2026-09-23 09:00 UTC: a time that no window of working hours leaves out."""

LEVELS: Final = {"low": 20, "medium": 50, "high": 90}
"""The score that stands for a level where a case names the level alone."""

Facts = dict[str, Any]


class NotUnderstood(ValueError):
    """A word's value does not make sense with this policy; `word` says which."""

    def __init__(self, word: str, message: str) -> None:
        self.word = word
        super().__init__(message)


def facts(stage: str, words: Mapping[str, Any], networks: Mapping[str, Any]) -> Facts:
    """The input of a stage for the `words` of a case (`cases.schema.json` has them all).

    `networks` is the policy's own table, for `network: NAME`. `facts` among the words is laid over the
    rest. Raises `NotUnderstood`.
    """
    made: Facts = {
        "v": 1,
        "stage": stage,
        "request": {"id": "case", "operation": "chat.completions.create"},
        "identity": {"client_id": "case", "method": "api_key"},
        "source": {"ip": "127.0.0.1"},
        "time": dict(WEEKDAY_NINE),
    }
    for word, value in words.items():
        if word == "network":
            made["source"]["ip"] = _address(value, networks)
        elif word in _PLACES:
            part, name, shape = _PLACES[word]
            made.setdefault(part, {})[name] = shape(value)
    request = made["request"]
    if "tools" in request:
        request["has_tools"] = bool(request["tools"])
    operation = request["operation"]
    request.setdefault("path", PATHS.get(operation, f"/v1/{operation.split('.')[0]}"))
    for word in ("signals", "usage"):
        if word in words:
            made[word] = _signals(words[word]) if word == "signals" else dict(words[word])
    return merged(made, words.get("facts", {}))


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> Facts:
    """`over` laid over `under`, mappings within mappings; neither is changed."""
    made = dict(under)
    for key, value in over.items():
        below = made.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            made[key] = merged(below, value)
        else:
            made[key] = value
    return made


def _same(value: Any) -> Any:
    return value


def _tools(value: Any) -> Facts:
    """A list of names; every one is a function."""
    return {str(name): {"type": "function"} for name in value}


def _candidates(value: Any) -> Facts:
    return {str(name): {} for name in value}


_PLACES: Final[dict[str, tuple[str, str, Callable[[Any], Any]]]] = {
    "client": ("identity", "client_id", _same),
    **{
        word: ("identity", word, _same)
        for word in ("subject", "tenant", "roles", "groups", "scopes", "method", "claims")
    },
    "ip": ("source", "ip", _same),
    "tls": ("source", "tls", _same),
    "client_cert": ("source", "client_cert", _same),
    **{
        word: ("request", word, _same)
        for word in (
            *("operation", "path", "model", "stream", "max_tokens", "n", "bytes", "messages"),
            *("modalities", "data_class", "tool_results", "uninspected_bytes"),
        )
    },
    "prompt_tokens": ("request", "prompt_tokens_est", _same),
    "tools": ("request", "tools", _tools),
    "candidates": ("request", "candidates", _candidates),
    "hour": ("time", "hour", _same),
    "weekday": ("time", "weekday", _same),
    "tool": ("call", "name", _same),
    "arguments": ("call", "arguments", _same),
    "finish_reason": ("answer", "finish_reason", _same),
    "answer_tokens": ("answer", "tokens", _same),
}
"""Where each word goes: the part of the input, the fact in it, and how the value becomes the fact."""

WORDS: Final = frozenset({*_PLACES, "network", "signals", "usage", "facts"})
"""Every word that a case may say."""


def _signals(value: Mapping[str, Any]) -> Facts:
    """`{injection: {tool_result: high}}`, a level alone or the whole finding."""
    return {
        kind: {
            origin: {"level": found, "score": LEVELS.get(found, 0), "count": 1}
            if isinstance(found, str)
            else found
            for origin, found in origins.items()
        }
        for kind, origins in value.items()
    }


def _address(name: Any, networks: Mapping[str, Any]) -> str:
    """The first address of the first range of a network that has a name."""
    ranges = networks.get(str(name))
    if not isinstance(ranges, list) or not ranges:
        known = ", ".join(sorted(networks)) or "none"
        raise NotUnderstood("network", f"networks.yaml has no {name} (it has: {known})")
    try:
        return str(ipaddress.ip_network(str(ranges[0]), strict=False)[0])
    except ValueError:
        raise NotUnderstood("network", f"the range {ranges[0]} of {name} is no network") from None
