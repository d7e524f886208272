"""OPA's result -> `Decision`, strictly (design: the decision contract, v1).

Anything unexpected is a refusal: a missing key, a wrong type, an unknown key, a verdict that does not
fit its constraints. What policy may demand but this data plane cannot do yet is refused by its own
reason, so that an operator sees that the policy, not OPA, is at fault.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, Literal, Protocol

import orjson

from dataplane.domain import AnswerTerms, AuditLevel, Constraints, Decision, Principal, Verdict
from dataplane.errors import Refused, RegoGateError
from dataplane.quantities import Limit, Price

RESULT_VERSION: Final = 1
_KEYS: Final = frozenset(
    (
        "v",
        "decision",
        "reasons",
        "principal",
        "constraints",
        "limits",
        "response",
        "audit",
        "shadow",
        "http",
        "visible",
    )
)
_LATER_KEYS: Final = _KEYS - {"limits", "response", "visible"}
"""Of a later stage's result."""
_CONSTRAINTS: Final = frozenset(("max_tokens", "strip_tools", "model", "delay_ms", "redact"))
_LATER_CONSTRAINTS: Final = frozenset(("delay_ms", "redact"))
_UNENFORCEABLE: Final = frozenset(("pool", "regions"))
_LIMIT_KEYS: Final = frozenset(("id", "key", "unit", "amount", "per", "window", "burst", "overrun"))
_RESPONSE_KEYS: Final = frozenset(("inspect", "ask", "tool_calls"))
_PATTERN: Final = re.compile(r"[a-z0-9_.-]{0,128}\*?(@[a-z_]{1,32})?")
"""Of findings: see `findings.selects`."""
_REASON: Final = re.compile(r"[a-z0-9_]+(\.[a-z0-9_-]+)+")
_CODE: Final = re.compile(r"[a-z0-9_]{1,64}")
MAX_COUNT: Final = 2**53 - 1
"""Every reader of JSON keeps integers up to here exactly (RFC 8259, section 6)."""

MAX_DELAY_MS: Final = 60_000
"""A delay holds a connection and its memory; a longer one is a mistake in a table."""

REMEMBERED: Final = 1024
REMEMBERED_MAX_BYTES: Final = 4096
"""Results read before, by their exact bytes: a client's calls mostly get the same one. 4 MB at most."""


Stage = Literal["request", "tool_call", "response"]


class Malformed(RegoGateError):
    """The answer breaks the contract; the message names the key, never its value."""


def _need(ok: bool, what: str) -> None:
    if not ok:
        raise Malformed(what)


def _strings(value: Any, what: str) -> tuple[str, ...]:
    _need(
        isinstance(value, list) and all(isinstance(item, str) for item in value),
        f"{what}: not a list of strings",
    )
    return tuple(value)


def _count(value: Any, what: str, least: int) -> int:
    _need(
        isinstance(value, int) and not isinstance(value, bool) and least <= value <= MAX_COUNT,
        f"{what}: not an integer from {least} to {MAX_COUNT}",
    )
    return int(value)


def _object(value: Any, what: str) -> dict[str, Any]:
    _need(isinstance(value, dict), f"{what}: not an object")
    return dict(value)


def _text(value: Any, what: str) -> str:
    _need(isinstance(value, str) and bool(value), f"{what}: not a string")
    return str(value)


def split_answer(body: bytes) -> tuple[dict[str, Any], bytes | None]:
    """OPA's answer as (everything but the result, the result's own bytes; None where undefined).

    OPA writes `result` behind `provenance`; both sides of the seam are parsed, so a seam found inside
    a string cannot pass. Raises `Malformed`.
    """
    head, seam, tail = body.rstrip().partition(b',"result":')
    try:
        if seam:
            return orjson.loads(head + b"}"), tail[:-1]
        whole = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Malformed("OPA's answer is not the JSON it sends") from None
    _need(isinstance(whole, dict), "OPA's answer is not an object")
    result = whole.pop("result", None)
    return whole, None if result is None else orjson.dumps(result)


def split_list(result: bytes, asked: int) -> list[list[Any]]:
    """A result that answers a list of `asked` inputs: each one's decision in a list, an empty one where it
    is undefined. Raises `Malformed`."""
    try:
        found = orjson.loads(result)
    except orjson.JSONDecodeError:
        raise Malformed("OPA's answer is not the JSON it sends") from None
    _need(
        isinstance(found, list) and len(found) == asked and all(isinstance(one, list) for one in found),
        "OPA does not answer a list of inputs with as many decisions",
    )
    return list(found)


def cut_list(result: bytes, asked: int) -> list[bytes | None]:
    """As `split_list`, but JSON of each decision, None where it is undefined. Raises `Malformed`.

    Mostly the decisions were seen before, so nothing is parsed: a list is cut wherever one decision seems to
    end and the next to begin. If all pieces are objects, that is what the list says, byte for byte.
    """
    if result.startswith(b"[[") and result.endswith(b"]]"):
        pieces = result[2:-2].split(b"],[")
        if len(pieces) == asked and all(map(_seems_decision, pieces)):
            return [*pieces]
    return [orjson.dumps(one[0]) if one else None for one in split_list(result, asked)]


def _seems_decision(piece: bytes) -> bool:
    return _known_object(piece) if len(piece) <= REMEMBERED_MAX_BYTES else _is_object(piece)


def _is_object(piece: bytes) -> bool:
    try:
        return isinstance(orjson.loads(piece), dict)
    except orjson.JSONDecodeError:
        return False


_known_object = lru_cache(REMEMBERED)(_is_object)


class KnowsModels(Protocol):
    """What the tables of the decision's revision say of a model."""

    def model(self, model: str | None) -> KnownModel:
        """Of its own row, or of the longest pattern that fits."""
        ...


class KnownModel(Protocol):
    """As far as it is known."""

    @property
    def price(self) -> Price | None:
        """What its tokens cost."""
        ...

    @property
    def max_output_tokens(self) -> int | None:
        """The longest answer it gives."""
        ...


def parse_result(
    raw: bytes,
    *,
    revision: str,
    opa_version: str,
    input_bytes: bytes,
    latency_us: int,
    stage: Stage = "request",
    asked: str | None = None,
    tables: KnowsModels | None = None,
) -> Decision:
    """The decision of a stage in `raw`; the model `asked` for, or the one it is to be instead, is looked up
    in `tables`. Raises `Malformed`, or `Refused` with `gateway.unenforceable`."""
    read = _remembered(raw, stage) if len(raw) <= REMEMBERED_MAX_BYTES else _read(raw, stage)
    known = None if tables is None else tables.model(read["constraints"].model or asked)
    return Decision(
        price=None if known is None else known.price,
        max_output_tokens=None if known is None else known.max_output_tokens,
        revision=revision,
        opa_version=opa_version,
        input=input_bytes,
        result=raw,
        latency_us=latency_us,
        **read,
    )


def _read(raw: bytes, stage: Stage) -> Mapping[str, Any]:
    """The fields of `Decision` that follow from the result's bytes alone; all of them immutable."""
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise Malformed("the result is not JSON") from None
    _need(isinstance(document, dict), "the result is not an object")
    first = stage == "request"
    if unknown := document.keys() - (_KEYS if first else _LATER_KEYS):
        raise Malformed(f"unknown keys: {', '.join(sorted(unknown))}")
    _need(document.get("v") == RESULT_VERSION, "v: not 1")
    try:
        verdict = Verdict(document.get("decision"))
    except ValueError:
        raise Malformed("decision: not ALLOW, CONSTRAIN or BLOCK") from None
    reasons = _strings(document.get("reasons"), "reasons")
    _need(bool(reasons) and all(map(_REASON.fullmatch, reasons)), "reasons: empty or not ids")
    blocked = verdict is Verdict.BLOCK
    http_status, http_code = _http(document.get("http"), required=blocked)
    constraints = Constraints() if blocked else _constraints(document.get("constraints", {}), first)
    _need(
        blocked or (verdict is Verdict.CONSTRAIN) == bool(constraints.names()),
        "constraints: do not fit the verdict",
    )
    return {
        "verdict": verdict,
        "reasons": reasons,
        "principal": _principal(document.get("principal"), required=not blocked),
        "constraints": constraints,
        "response": _response(document.get("response")) if first and not blocked else AnswerTerms(),
        "limits": () if blocked else _limits(document.get("limits", [])),
        "audit": _audit(document.get("audit")),
        "shadow": _strings(document.get("shadow", []), "shadow"),
        "http_status": http_status,
        "http_code": http_code,
        "visible": None if "visible" not in document else _strings(document["visible"], "visible"),
    }


_remembered = lru_cache(REMEMBERED)(_read)


def _http(value: Any, *, required: bool) -> tuple[int, str]:
    if value is None and not required:
        return 403, "policy_blocked"
    document = _object(value, "http")
    status, code = document.get("status"), document.get("code")
    _need(isinstance(status, int) and 400 <= status <= 599, "http.status: not 400 to 599")
    _need(isinstance(code, str) and bool(_CODE.fullmatch(code)), "http.code: not a code")
    return int(status), str(code)  # type: ignore[arg-type]  # checked above


def _principal(value: Any, *, required: bool) -> Principal | None:
    if value is None and not required:
        return None
    document = _object(value, "principal")
    _need(document.keys() <= {"id", "tenant", "tier"}, "principal: unknown keys")
    optional = {
        name: _text(document[name], f"principal.{name}") for name in ("tenant", "tier") if name in document
    }
    return Principal(id=_text(document.get("id"), "principal.id"), **optional)


def _constraints(value: Any, first: bool) -> Constraints:
    document = _object(value, "constraints")
    if later := sorted(document.keys() & _UNENFORCEABLE):
        raise Refused(
            "gateway.unenforceable", f"This gateway cannot enforce the constraint {', '.join(later)}."
        )
    _need(document.keys() <= (_CONSTRAINTS if first else _LATER_CONSTRAINTS), "constraints: unknown keys")
    delay = _count(document["delay_ms"], "constraints.delay_ms", 1) if "delay_ms" in document else None
    _need(delay is None or delay <= MAX_DELAY_MS, f"constraints.delay_ms: above {MAX_DELAY_MS}")
    return Constraints(
        max_tokens=_count(document["max_tokens"], "constraints.max_tokens", 1)
        if "max_tokens" in document
        else None,
        strip_tools=frozenset(_strings(document.get("strip_tools", []), "constraints.strip_tools")),
        model=_text(document["model"], "constraints.model") if "model" in document else None,
        delay_ms=delay,
        redact=_patterns(document.get("redact", []), "constraints.redact"),
    )


def _limits(value: Any) -> tuple[Limit, ...]:
    _need(isinstance(value, list), "limits: not a list")
    return tuple(_limit(item, f"limits[{index}]") for index, item in enumerate(value))


def _limit(value: Any, what: str) -> Limit:
    document = _object(value, what)
    _need(document.keys() <= _LIMIT_KEYS, f"{what}: unknown keys")
    texts = {
        name: _text(document.get(name), f"{what}.{name}") for name in ("id", "key", "unit", "per", "window")
    }
    if "overrun" in document:
        texts["overrun"] = _text(document["overrun"], f"{what}.overrun")
    burst = _count(document["burst"], f"{what}.burst", 1) if "burst" in document else None
    return Limit(amount=_count(document.get("amount"), f"{what}.amount", 0), burst=burst, **texts)


def _patterns(value: Any, what: str) -> tuple[str, ...]:
    patterns = _strings(value, what)
    _need(all(patterns) and all(map(_PATTERN.fullmatch, patterns)), f"{what}: not patterns of findings")
    return patterns


def _response(value: Any) -> AnswerTerms:
    document = _object(value, "response")
    _need(document.keys() - {"restore"} == _RESPONSE_KEYS, "response: needs inspect, ask, tool_calls")
    ask, tool_calls, restore = document["ask"], document["tool_calls"], document.get("restore", False)
    _need(type(restore) is bool, "response.restore: not true or false")
    _need(ask in ("never", "findings", "always"), "response.ask: not never, findings or always")
    _need(tool_calls in ("ask", "pass"), "response.tool_calls: not ask or pass")
    return AnswerTerms(
        inspect=_patterns(document["inspect"], "response.inspect"),
        ask=ask,
        tool_calls=tool_calls,
        restore=restore,
    )


def _audit(value: Any) -> AuditLevel:
    try:
        return AuditLevel(value)
    except ValueError:
        raise Malformed("audit: not full, metadata or hash") from None
