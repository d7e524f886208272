"""A call of a tool that a model proposes, as policy is asked about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import jiter
import orjson

from dataplane.findings import Origin, ProposedCall, Text
from dataplane.surfaces.answer_json import dump_answer
from dataplane.surfaces.fields import MAX_INTEGER
from dataplane.surfaces.json_texts import add_texts, put
from dataplane.surfaces.strict_json import MAX_DEPTH
from dataplane.surfaces.tokens import size

MAX_VALUE_CHARS: Final = 256
"""Longer strings are no value that a rule names; policy is told their type and size."""

MAX_FACTS: Final = 256
"""Arguments with more members than this count as unreadable: a rule must not miss one that is left out."""

_TYPES: Final = {
    str: "string",
    dict: "object",
    list: "array",
    bool: "boolean",
    type(None): "null",
    int: "integer",
    jiter.LosslessFloat: "number",
}

Fact = dict[str, str | int | float | bool]


def propose(choice: int, index: int, call_id: str | None, name: str, arguments: str) -> ProposedCall:
    """The call with its facts and texts.

    Facts are of each argument by name, and of the members of objects in them by the names that lead there,
    joined by dots; where two are the same, neither's value is told. A string of at most `MAX_VALUE_CHARS`, a
    boolean, and a number that a double holds exactly are a `value`. No arguments at all are an empty object.
    """
    members = _read(arguments)
    facts: dict[str, Fact] = {}
    texts: list[Text] = []
    valid = members is not None and _add_facts(members, "", facts)
    if valid:
        add_texts(members, Origin.TOOL_ARGUMENTS, (), texts)
    else:
        facts.clear()
        texts.append(Text(text=arguments, origin=Origin.TOOL_ARGUMENTS, place=()))
    return ProposedCall(
        choice=choice,
        index=index,
        id=call_id,
        name=name,
        arguments=arguments,
        valid=valid,
        facts=facts,
        texts=tuple(texts),
    )


def rewritten(call: ProposedCall, instead: Mapping[int, str]) -> str:
    """The arguments with other texts in the places of those with these indices in `call.texts`; JSON where
    they were. Raises `Refused` (`gateway.unredactable`) for the name of an argument."""
    if not instead:
        return call.arguments
    if not call.valid:
        return instead[0]
    members = _read(call.arguments) or {}
    for index, text in instead.items():
        put(members, call.texts[index], text)
    return dump_answer(members).decode()


def of_input(text: str) -> str:
    """The free text that a custom tool is called with, as arguments: `{"input": ...}`."""
    return orjson.dumps({"input": text.encode("utf-8", "replace").decode()}).decode()


def _read(arguments: str) -> dict[str, Any] | None:
    """The arguments as one strict object, no two members of one name; None where they are none."""
    if not arguments.strip():
        return {}
    try:
        value = jiter.from_json(
            arguments.encode(),
            catch_duplicate_keys=True,
            allow_inf_nan=False,
            float_mode="lossless-float",
            cache_mode="none",
        )
    except ValueError:
        return None
    return value if type(value) is dict else None


def _add_facts(members: dict[str, Any], above: str, facts: dict[str, Fact], depth: int = 1) -> bool:
    """Whether all fitted."""
    for key, value in members.items():
        name = f"{above}.{key}" if above else key
        fact = _fact(value)
        if name in facts:
            facts[name].pop("value", None)
            fact.pop("value", None)
        facts[name] = fact
        if len(facts) > MAX_FACTS or depth > MAX_DEPTH:
            return False
        if type(value) is dict and not _add_facts(value, name, facts, depth + 1):
            return False
    return True


def _fact(value: Any) -> Fact:
    kind = type(value)
    fact: Fact = {"type": _TYPES[kind]}
    if kind is str:
        fact["bytes"] = size(value)
        if len(value) <= MAX_VALUE_CHARS:
            fact["value"] = value
    elif kind is bool:
        fact["value"] = value
    elif kind is int:
        if -MAX_INTEGER <= value <= MAX_INTEGER:
            fact["value"] = value
    elif kind is jiter.LosslessFloat:
        number = float(value)
        if abs(number) <= MAX_INTEGER:
            fact["value"] = int(number) if number == int(number) else number
    return fact
