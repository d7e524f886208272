"""The canonical bytes of a record: RFC 8785 for flat objects with ASCII names.

With ASCII names, UTF-8 order is RFC 8785's UTF-16 order; without floats, its number rules reduce to
plain integers; so orjson with sorted keys writes the same bytes (a property test compares the two).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson

Value = str | int | bool | list[str]
"""What a field may hold; anything nested is JSON text in a string."""

Fields = dict[str, Value]

MAX_INT: Final = 2**53 - 1
"""The largest integer every JSON reader keeps exactly (RFC 8259, section 6)."""

_OPTIONS: Final = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER


def canonical(fields: Mapping[str, Value]) -> bytes:
    """`fields` in canonical form. Never fails on a hostile value: a lone surrogate becomes U+FFFD and
    an integer outside +-(2^53 - 1) the nearest one inside."""
    try:
        return orjson.dumps(fields, option=_OPTIONS)
    except orjson.JSONEncodeError:
        return orjson.dumps({name: _mended(value) for name, value in fields.items()}, option=_OPTIONS)


def flat(fields: Mapping[str, object]) -> Fields:
    """`fields` as those of a record. Raises `TypeError` for a value that a record does not hold."""
    checked: Fields = {}
    for name, value in fields.items():
        match value:
            case str() | int():
                checked[name] = value
            case list() if all(isinstance(item, str) for item in value):
                checked[name] = value
            case _:
                raise TypeError(f"{name}: a record holds strings, integers, booleans and lists of strings")
    return checked


def json_text(value: object) -> str:
    """Compact JSON text with sorted keys, for a nested value; dataclasses become objects."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def plain_text(text: str) -> str:
    """`text` with each lone surrogate replaced by U+FFFD, so that it has a UTF-8 form."""
    # Twice 'utf-16': surrogate pairs that were split become one character, lone ones are replaced.
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _mended(value: Value) -> Value:
    match value:
        case str():
            return plain_text(value)
        case bool():
            return value
        case int():
            return max(-MAX_INT, min(MAX_INT, value))
        case _:
            return [plain_text(item) for item in value]
