"""Two answers of policy to one input: what differs, and which of them is the stricter.

Different: decision, reasons, constraints or limits are not the same; a key that an answer leaves out is
empty. Strictness, respect by respect; an answer is *at least as strict* as another if it is in each:

1. Decision: BLOCK over CONSTRAIN over ALLOW. A BLOCK is at least as strict as anything, whatever else the
   two say, and so is no answer at all, on which a gateway refuses the call.
2. `max_tokens`: not above the other's; `delay_ms`: not below. Absent is the laxest.
3. `strip_tools`, `redact`: everything that the other names. `regions`: nothing but what the other names.
4. `model`, `pool`: the same route where the other forces one. Two routes have no order, so leaving one is
   never as strict as keeping it; a route where there was none takes a choice away.
5. `limits`: for each limit of the other one of the same id, key, unit, time and window, whose amount and
   burst are not above. Limits that count otherwise have no order.
6. `response`: everything the other inspects, asks (`always` over `findings` over `never`; `ask` over
   `pass`).
7. A constraint that is not named here: the same value.

*Looser* is what is not at least as strict: nothing that might let more through passes as harmless.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import orjson

Verdict = Literal["ALLOW", "CONSTRAIN", "BLOCK", "NONE"]
"""What policy answered; NONE is no valid answer, on which a gateway refuses the call."""

Direction = Literal["looser", "stricter", "mixed", "same"]
"""Of the new answer: looser in some respect, stricter in some, both, or neither (only reasons differ)."""

COMPARED: Final[Mapping[str, Any]] = {"decision": "NONE", "reasons": [], "constraints": {}, "limits": []}
"""What makes a row count as changed, and what stands for an absent key."""

_RANK: Final = {"ALLOW": 0, "CONSTRAIN": 1, "BLOCK": 2, "NONE": 2}
_ASK: Final = ("never", "findings", "always")
_TOOL_CALLS: Final = ("pass", "ask")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How a new answer differs from an old one.

    `keys` are the keys of `COMPARED` that differ, `also` other keys of the answers that do. `changed` as
    defined above; `looser` includes a lighter `response` though that alone is no change.
    """

    old: Verdict
    new: Verdict
    keys: tuple[str, ...]
    also: tuple[str, ...]
    direction: Direction
    gained: tuple[str, ...] = field(default=())
    lost: tuple[str, ...] = field(default=())

    @property
    def changed(self) -> bool:
        return bool(self.keys)

    @property
    def looser(self) -> bool:
        return self.direction in ("looser", "mixed")

    @property
    def blocks_anew(self) -> bool:
        """What was let through, constrained or not, is not any more."""
        return _RANK[self.old] < 2 <= _RANK[self.new]


def same_json(one: Any, other: Any) -> bool:
    """Equal as JSON: the order of keys does not count; 1, 1.0 and true are three values."""
    return _canonical(one) == _canonical(other)


def answer_in(result: bytes | None) -> dict[str, Any] | None:
    """The answer that a result is; None where a gateway would not take it for one."""
    try:
        found = None if result is None else orjson.loads(result)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(found, dict) or found.get("decision") not in ("ALLOW", "CONSTRAIN", "BLOCK"):
        return None
    reasons = found.get("reasons")
    ok = isinstance(reasons, list) and all(isinstance(one, str) for one in reasons)
    ok = ok and isinstance(found.get("constraints", {}), dict) and isinstance(found.get("limits", []), list)
    return found if ok else None


def compare(old: Mapping[str, Any], new: Mapping[str, Any] | None) -> Difference | None:
    """What differs between two answers (`answer_in`), None where nothing does."""
    after: Mapping[str, Any] = {} if new is None else new
    names = old.keys() | after.keys()
    differing = {
        name
        for name in names
        if not same_json(
            old.get(name, COMPARED.get(name)),
            after.get(name, COMPARED.get(name)),
        )
    }
    if not differing:
        return None
    tighter, lighter = _as_strict(after, old), _as_strict(old, after)
    direction: Direction = (
        ("same" if lighter else "stricter") if tighter else ("looser" if lighter else "mixed")
    )
    was, now = set(_reasons(old)), set(_reasons(after))
    return Difference(
        old=old["decision"],
        new=after.get("decision", "NONE"),
        keys=tuple(name for name in COMPARED if name in differing),
        also=() if new is None else tuple(sorted(differing - COMPARED.keys())),
        direction=direction,
        gained=tuple(sorted(now - was)),
        lost=tuple(sorted(was - now)),
    )


def _as_strict(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether `one` is at least as strict as `other`, as the module says."""
    mine, theirs = (_RANK[answer.get("decision", "NONE")] for answer in (one, other))
    if mine == 2:
        return True
    return (
        mine >= theirs
        and _constraints(one.get("constraints", {}), other.get("constraints", {}))
        and all(_limited(one.get("limits", []), limit) for limit in other.get("limits", []))
        and _response(one.get("response"), other.get("response"))
    )


def _constraints(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(name in one and _constraint(name, one[name], value) for name, value in other.items())


def _constraint(name: str, mine: Any, theirs: Any) -> bool:
    match name, mine, theirs:
        case "max_tokens", int(), int():
            return mine <= theirs
        case "delay_ms", int(), int():
            return mine >= theirs
        case (("strip_tools" | "redact"), list(), list()):
            return all(item in mine for item in theirs)
        case "regions", list(), list():
            return all(item in theirs for item in mine)
        case _:
            return same_json(mine, theirs)


def _limited(limits: list[Any], other: Any) -> bool:
    """Whether one of `limits` is the `other` one or a lower one of its kind."""
    return any(_as_low(limit, other) for limit in limits)


def _as_low(limit: Any, other: Any) -> bool:
    match limit, other:
        case {"amount": int(mine)}, {"amount": int(theirs)}:
            kind = {name: value for name, value in other.items() if name not in ("amount", "burst")}
            same = kind == {name: value for name, value in limit.items() if name not in ("amount", "burst")}
            bursts = limit.get("burst", mine), other.get("burst", theirs)
            return same and mine <= theirs and bool(bursts[0] <= bursts[1])
        case _:
            return same_json(limit, other)


def _response(one: Any, other: Any) -> bool:
    match one, other:
        case _, None:
            return True
        case {"inspect": list(mine), "ask": str(), "tool_calls": str()}, {"inspect": list(theirs)}:
            return (
                all(item in mine for item in theirs)
                and _at_least(_ASK, one["ask"], other.get("ask"))
                and _at_least(_TOOL_CALLS, one["tool_calls"], other.get("tool_calls"))
            )
        case _:
            return same_json(one, other)


def _at_least(scale: tuple[str, ...], mine: Any, theirs: Any) -> bool:
    if mine in scale and theirs in scale:
        return scale.index(mine) >= scale.index(theirs)
    return bool(mine == theirs)


def _reasons(answer: Mapping[str, Any]) -> list[str]:
    return [one for one in answer.get("reasons", []) if isinstance(one, str)]


def _canonical(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
