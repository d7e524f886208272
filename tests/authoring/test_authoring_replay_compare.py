"""Which answers count as changed, and which as less strict."""

from __future__ import annotations

from typing import Any

import pytest

from dataplane.authoring.compare import answer_in, compare, same_json

LIMIT = {"id": "rpm", "key": "c", "unit": "requests", "amount": 60, "per": "minute", "window": "rolling"}
RESPONSE = {"inspect": ["pii"], "ask": "findings", "tool_calls": "ask"}


def answer(decision: str = "CONSTRAIN", **more: Any) -> dict[str, Any]:
    return {"v": 1, "decision": decision, "reasons": ["a.b"], "constraints": {}, "limits": []} | more


def capped(**constraints: Any) -> dict[str, Any]:
    return answer(constraints=constraints)


def limited(**changes: Any) -> dict[str, Any]:
    return answer(limits=[LIMIT | changes])


BLOCK = answer("BLOCK")
ALLOW = answer("ALLOW")

LOOSER = [
    (BLOCK, ALLOW),
    (BLOCK, capped(max_tokens=1)),
    (capped(max_tokens=10), ALLOW),
    (capped(max_tokens=10), capped(max_tokens=11)),
    (capped(max_tokens=10), capped()),
    (capped(delay_ms=10), capped(delay_ms=9)),
    (capped(strip_tools=["a", "b"]), capped(strip_tools=["a"])),
    (capped(redact=["pii"]), capped()),
    (capped(regions=["eu"]), capped(regions=["eu", "us"])),
    (capped(regions=["eu"]), capped()),
    (limited(), answer()),
    (limited(), limited(amount=61)),
    (limited(burst=10), limited()),
    (answer(response=RESPONSE), answer(response=RESPONSE | {"inspect": []})),
    (answer(response=RESPONSE), answer(response=RESPONSE | {"ask": "never"})),
    (answer(response=RESPONSE), answer(response=RESPONSE | {"tool_calls": "pass"})),
]
NO_ORDER = [
    (capped(model="a"), capped(model="b")),
    (capped(pool="a"), capped(pool="b")),
    (limited(), limited(per="hour")),
    (limited(), limited(key="tenant/x")),
    (capped(new_kind=1), capped(new_kind=2)),
    (capped(max_tokens=10, delay_ms=5), capped(max_tokens=5, delay_ms=1)),
    (answer("ALLOW", limits=[LIMIT]), capped(max_tokens=5)),
]
SAME = [
    (BLOCK, BLOCK | {"reasons": ["c.d"]}),
    (ALLOW, ALLOW | {"reasons": ["c.d"]}),
]


@pytest.mark.parametrize(("lax", "strict"), [(new, old) for old, new in LOOSER])
def test_looser_one_way_is_stricter_the_other(lax: dict[str, Any], strict: dict[str, Any]) -> None:
    looser, stricter = compare(strict, lax), compare(lax, strict)
    assert looser is not None
    assert stricter is not None
    assert (looser.direction, looser.looser) == ("looser", True)
    assert (stricter.direction, stricter.looser) == ("stricter", False)


@pytest.mark.parametrize(("one", "other"), NO_ORDER)
def test_what_has_no_order_never_passes_as_harmless(one: dict[str, Any], other: dict[str, Any]) -> None:
    for old, new in ((one, other), (other, one)):
        found = compare(old, new)
        assert found is not None
        assert (found.direction, found.looser) == ("mixed", True)


@pytest.mark.parametrize(("old", "new"), SAME)
def test_other_reasons_are_a_change_and_not_a_looser_one(old: dict[str, Any], new: dict[str, Any]) -> None:
    found = compare(old, new)
    assert found is not None
    assert (found.changed, found.direction, found.keys) == (True, "same", ("reasons",))
    assert (found.gained, found.lost) == (("c.d",), ("a.b",))


def test_equal_answers_do_not_differ_whatever_the_order_of_keys() -> None:
    assert compare(ALLOW, dict(reversed(ALLOW.items()))) is None
    assert compare({"decision": "BLOCK", "reasons": ["a.b"]}, BLOCK | {"v": 1}) is not None, "v is new"


def test_a_key_that_is_left_out_is_empty() -> None:
    bare = {name: value for name, value in BLOCK.items() if name not in ("constraints", "limits")}
    assert compare(bare, BLOCK) is None


def test_what_only_records_or_speaks_otherwise_is_no_change() -> None:
    found = compare(answer(audit="full", shadow=[]), answer(audit="hash", shadow=["x.y"]))
    assert found is not None
    assert (found.changed, found.also, found.looser) == (False, ("audit", "shadow"), False)


def test_a_lighter_response_is_looser_though_it_alone_is_no_change() -> None:
    found = compare(answer(response=RESPONSE), answer(response=RESPONSE | {"ask": "never"}))
    assert found is not None
    assert (found.changed, found.looser, found.also) == (False, True, ("response",))


def test_no_valid_answer_blocks_anew() -> None:
    found = compare(ALLOW, None)
    assert found is not None
    assert (found.new, found.blocks_anew, found.looser, found.also) == ("NONE", True, False, ())
    blocked = compare(BLOCK, None)
    assert blocked is not None
    assert (blocked.blocks_anew, blocked.direction) == (False, "same")


@pytest.mark.parametrize(
    "result",
    [
        None,
        b"",
        b"[]",
        b"{}",
        b'{"decision":"MAYBE","reasons":[]}',
        b'{"decision":"ALLOW"}',
        b'{"decision":"ALLOW","reasons":[1]}',
        b'{"decision":"ALLOW","reasons":[],"constraints":[]}',
        b'{"decision":"ALLOW","reasons":[],"limits":{}}',
    ],
)
def test_what_a_gateway_would_not_take_is_no_answer(result: bytes | None) -> None:
    assert answer_in(result) is None


def test_equality_is_that_of_json() -> None:
    assert same_json({"a": 1, "b": [2]}, {"b": [2], "a": 1})
    assert not same_json(1, 1.0)
    assert not same_json(1, True)
    assert not same_json([1, 2], [2, 1])
