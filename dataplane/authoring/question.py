"""A question such as "may client X use model Y with tool Z from network N", as the input of a real call.

What a question leaves open gets what a plain call has: a short chat request by API key, now, from the
first network that the client's row names, else from this machine.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from dataplane.errors import RegoGateError

CHAT: Final = "chat.completions.create"
MODELS_LIST: Final = "models.list"
DATA_CLASSES: Final = ("public", "internal", "confidential", "restricted")
"""Of the decision contract, the least sensitive first."""
LOOPBACK: Final = "127.0.0.1"
LEVEL_SCORES: Final = {"low": 20, "medium": 50, "high": 90, "critical": 99}
"""The score that stands for a level of a finding."""

_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_PLAIN_CHAT: Final[dict[str, Any]] = {
    "stream": False,
    "n": 1,
    "prompt_tokens_est": 16,
    "bytes": 120,
    "messages": 1,
    "modalities": ["text"],
    "tool_results": 0,
    "uninspected_bytes": 0,
}
"""The facts of one short user message, as the chat surface counts them."""


class Unanswerable(RegoGateError):
    """The question names something that the policy's tables do not have; the message says what they have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked. None and empty mean: as in a plain call.

    `tools` are offered (at the stage tool_call the first is the proposed one); `network` is a name of
    networks.yaml and `ip` an address, at most one of them; `signals` is kind -> origin -> level; `facts`
    is laid over the finished input, mappings within mappings.
    """

    stage: str = "request"
    client: str | None = None
    model: str | None = None
    operation: str = CHAT
    tools: Sequence[str] = ()
    network: str | None = None
    ip: str | None = None
    max_tokens: int | None = None
    data_class: str | None = None
    tenant: str | None = None
    roles: Sequence[str] = ()
    scopes: Sequence[str] = ()
    method: str = "api_key"
    time: datetime | None = None
    signals: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


def facts_of(question: Question, tables: Mapping[str, Any], revision: str) -> dict[str, Any]:
    """The whole input document of the question. Raises `Unanswerable`."""
    made: dict[str, Any] = {
        "v": 1,
        "stage": question.stage,
        "tables_revision": revision,
        "request": _request(question, tables),
        "identity": _identity(question),
        "source": {"ip": address(question, tables), "client_cert": question.method == "mtls"},
        "time": clock(question.time or datetime.now(UTC)),
    }
    if question.signals:
        made["signals"] = {
            kind: {origin: finding(level) for origin, level in origins.items()}
            for kind, origins in question.signals.items()
        }
    if question.stage == "tool_call":
        name = question.tools[0] if question.tools else "tool"
        made["call"] = {"name": name, "valid": True, "bytes": 2, "arguments": {}}
    if question.stage == "response":
        made["answer"] = {"finish_reason": "stop", "tokens": 16}
    return laid_over(made, question.facts)


def path_of(operation: str, model: str | None) -> str:
    """The path of a call of this operation, as OpenAI's API has it."""
    match operation:
        case "models.list":
            return "/v1/models"
        case "models.retrieve":
            return f"/v1/models/{model or 'none'}"
        case _:
            return "/v1/" + operation.rsplit(".", 1)[0].replace(".", "/")


def finding(level: str) -> dict[str, Any]:
    """One finding of a level."""
    return {"level": level, "score": LEVEL_SCORES.get(level, 50), "count": 1}


def clock(moment: datetime) -> dict[str, Any]:
    """The input's `time`, in UTC."""
    moment = moment.astimezone(UTC)
    return {
        "unix": int(moment.timestamp()),
        "weekday": _WEEKDAYS[moment.weekday()],
        "hour": moment.hour,
    }


def address(question: Question, tables: Mapping[str, Any]) -> str:
    """Where the call comes from: as asked, else the first network of the client's row, else `LOOPBACK`."""
    if question.ip is not None:
        return question.ip
    networks = _table(tables, "networks")
    if question.network is not None:
        return address_in(question.network, networks)
    row = _table(tables, "clients").get(question.client or "")
    names = row.get("networks") if isinstance(row, dict) else None
    for name in names if isinstance(names, list) else ():
        if isinstance(networks.get(name), list) and networks[name]:
            return address_in(name, networks)
    return LOOPBACK


def address_in(name: str, networks: Mapping[str, Any]) -> str:
    """An address of a named network: the first host of its first range. Raises `Unanswerable`."""
    ranges = networks.get(name)
    if not isinstance(ranges, list) or not ranges:
        raise Unanswerable(f"networks.yaml has no {name} (it has: {', '.join(sorted(networks)) or 'none'})")
    try:
        network = ipaddress.ip_network(str(ranges[0]), strict=False)
    except ValueError:
        raise Unanswerable(f"networks.yaml: {ranges[0]} of {name} is no range of addresses") from None
    return str(network[min(1, network.num_addresses - 1)])


def laid_over(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid over `under`, mappings within mappings; None takes a fact away."""
    made = dict(under)
    for key, value in over.items():
        below = made.get(key)
        if value is None:
            made.pop(key, None)
        elif isinstance(value, dict) and isinstance(below, dict):
            made[key] = laid_over(below, value)
        else:
            made[key] = value
    return made


def _request(question: Question, tables: Mapping[str, Any]) -> dict[str, Any]:
    operation, model = question.operation, question.model
    request: dict[str, Any] = {
        "id": "question",
        "operation": operation,
        "path": path_of(operation, model),
    }
    if operation == CHAT:
        request |= _PLAIN_CHAT | {"has_tools": bool(question.tools)}
    if operation == MODELS_LIST:
        request["candidates"] = {name: {} for name in _table(tables, "models") if not name.endswith("*")}
    if model is not None:
        request["model"] = model
    if question.tools:
        request["tools"] = {name: {"type": "function"} for name in question.tools}
    if question.max_tokens is not None:
        request["max_tokens"] = question.max_tokens
    if question.data_class is not None:
        request["data_class"] = question.data_class
    return request


def _identity(question: Question) -> dict[str, Any]:
    identity: dict[str, Any] = {
        "client_id": question.client if question.client is not None else "nobody",
        "method": question.method,
        "roles": list(question.roles),
        "groups": [],
        "scopes": list(question.scopes),
        "cert_bound": False,
    }
    if question.tenant is not None:
        identity["tenant"] = question.tenant
    return identity


def _table(tables: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = tables.get(name)
    return found if isinstance(found, dict) else {}
