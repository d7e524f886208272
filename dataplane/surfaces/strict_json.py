"""The one parse of a JSON body, and the one way back to bytes.

Accepts RFC 8259 objects in UTF-8 and nothing around or beyond them: every spelling that two parsers
could read differently is refused (duplicate keys, NaN, lone surrogates, a byte order mark, floats
that overflow). Floats keep their digits as `jiter.LosslessFloat`, so that they go upstream exactly.
Refusals name a line and column or a path, and never the content. `-0` is read as the integer 0.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import jiter
import orjson

from dataplane.errors import Refused
from dataplane.frozen import quick_init
from dataplane.surfaces.fields import join, wrong

MAX_DEPTH: Final = 64
"""Levels of objects and lists. Deep schemas have about 20; parsers elsewhere give up at 100 or more."""

_MIN_INT: Final = -(2**63)
_MAX_INT: Final = 2**64 - 1
"""What orjson, and with it most servers, can write and read as an integer."""

_JITER_ERROR: Final = re.compile(r"(?P<what>.*) at line (?P<line>\d+) column (?P<column>\d+)", re.DOTALL)
_WORDS: Final[dict[str, str]] = {
    "trailing characters": "something follows the end of the JSON value",
    "trailing comma": "a comma is followed by no value",
    "expected value": "a value is expected",
    "expected ident": "a value is expected",
    "key must be a string": "a key must be a string in double quotes",
    "invalid unicode code point": "the body is not valid UTF-8",
    "invalid escape": "a string holds an escape that JSON does not know",
    "lone leading surrogate in hex escape": "a string holds half of a surrogate pair",
    "unexpected end of hex escape": "a string holds a broken escape or half of a surrogate pair",
    "invalid number": "a number is not well-formed",
    "number out of range": "a number has too many digits",
    "recursion limit exceeded": f"objects and lists are nested more than {MAX_DEPTH} levels deep",
}
"""Own words for jiter's messages: some of its messages quote the content, so none is passed on."""


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """`value` is the object; `wire` are bytes of the same meaning, to send where nothing changes."""

    value: dict[str, Any] = field(repr=False)
    wire: bytes = field(repr=False)


class _NotFinite(Exception):
    """A float that no double holds."""


def parse(data: bytes) -> Parsed:
    """Read a whole body as one object.

    Raises `Refused` with `gateway.invalid_json` for whatever is not strict JSON, or not an object.
    `wire` is the object serialised anew, or `data` itself where it holds an integer beyond 64 bits.
    """
    if data.startswith(b"\xef\xbb\xbf"):
        raise _invalid("a byte order mark stands before the JSON; send plain UTF-8")
    try:
        value = jiter.from_json(
            data,
            catch_duplicate_keys=True,
            allow_inf_nan=False,
            float_mode="lossless-float",
            # Keys repeat over calls; texts are a caller's own and must not outlive the call in a cache.
            cache_mode="keys",
        )
    except ValueError as error:
        raise _invalid(_explain(str(error))) from None
    if type(value) is not dict:
        raise _invalid("the top level must be an object")
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH and _too_deep(value):
        raise _invalid(_WORDS["recursion limit exceeded"])
    try:
        wire = orjson.dumps(value, default=_digits)
    except orjson.JSONEncodeError:
        for path, number in _numbers(value, ""):
            if type(number) is not int and not math.isfinite(float(number)):
                raise _invalid(f"{path}: the number is too large") from None
        wire = data
    return Parsed(value=value, wire=wire)


def dump(value: Any) -> bytes:
    """Serialise a parsed value that was changed, or a part of one; numbers keep their digits.

    Raises `Refused` with `gateway.invalid_field`, naming the path, for an integer beyond 64 bits.
    """
    try:
        return orjson.dumps(value, default=_digits)
    except orjson.JSONEncodeError:
        for path, number in _numbers(value, ""):
            if type(number) is int and not _MIN_INT <= number <= _MAX_INT:
                raise wrong(path, "an integer of at most 64 bits") from None
        raise


def canonical(value: Any) -> bytes:
    """A part of a parsed value with its keys sorted, the same bytes for the same value; to be hashed."""
    try:
        return orjson.dumps(value, default=_digits, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        return json.dumps(value, default=str, sort_keys=True, separators=(",", ":")).encode()


def _digits(value: Any) -> orjson.Fragment:
    if type(value) is not jiter.LosslessFloat:
        raise TypeError
    if not math.isfinite(float(value)):
        raise _NotFinite
    return orjson.Fragment(bytes(value))


def _invalid(what: str) -> Refused:
    return Refused("gateway.invalid_json", f"The body is not strict JSON: {what}.")


def _explain(message: str) -> str:
    """A parser's message in own words, with its position."""
    found = _JITER_ERROR.fullmatch(message)
    if found is None:
        return "it cannot be read"
    what = found["what"]
    if what.startswith("Detected duplicate key"):
        words = "an object has the same key twice"
    elif what.startswith("EOF"):
        words = "it ends too early"
    elif what.startswith("control character"):
        words = "a string holds a control character that is not escaped"
    elif what.startswith("expected `"):
        words = "a separator or closing bracket is missing"
    else:
        words = _WORDS.get(what, "it cannot be read")
    return f"{words} (line {found['line']}, column {found['column']})"


def _too_deep(value: dict[str, Any]) -> bool:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for node in level
            for child in (node.values() if type(node) is dict else node)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True


def _numbers(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every number with its path. Recursion is bounded by `MAX_DEPTH`."""
    if type(value) is dict:
        for key, item in value.items():
            yield from _numbers(item, join(path, key))
    elif type(value) is list:
        for index, item in enumerate(value):
            yield from _numbers(item, f"{path}[{index}]")
    elif type(value) is int or type(value) is jiter.LosslessFloat:
        yield path, value
