"""Checks of single fields. A refusal names the path of the field and what it must be, never its value.

A check takes a value and its path (`messages[2].role`) and raises `Refused` with
`gateway.invalid_field` or returns. `bool` is never an integer here, null is never a value: optional
fields are checked only when they are not null.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from jiter import LosslessFloat

from dataplane.errors import Refused

Check = Callable[[Any, str], None]

MAX_INTEGER: Final = 2**53 - 1
"""Largest integer every JSON reader holds exactly (RFC 8259, section 6); records allow no larger."""

MODEL_ID_CHARS: Final = 256
"""Above every provider's id that is known."""

TOOL_NAME: Final = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
"""OpenAI allows `[A-Za-z0-9_-]{1,64}`; other providers add dots and colons and more length."""

MAX_ROLE_CHARS: Final = 64
_MODEL_ID: Final = re.compile(r"[!-~]+")
_SHOWN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,31}")


def wrong(path: str, must: str) -> Refused:
    """The refusal for a field: `messages[2].role: must be a string`."""
    return Refused("gateway.invalid_field", f"{path}: must be {must}", param=path)


def join(path: str, key: str) -> str:
    """The path of a member. A key that is no plain name is caller's text, so it is shown as `*`."""
    name = key if _SHOWN_KEY.fullmatch(key) else "*"
    return f"{path}.{name}" if path else name


def string(value: Any, path: str) -> None:
    """Any string."""
    if type(value) is not str:
        raise wrong(path, "a string")


def boolean(value: Any, path: str) -> None:
    """True or false."""
    if type(value) is not bool:
        raise wrong(path, "a boolean")


def number(value: Any, path: str) -> None:
    """An integer or a float."""
    if type(value) is not int and type(value) is not LosslessFloat:
        raise wrong(path, "a number")


def any_integer(value: Any, path: str) -> None:
    """An integer of any size."""
    if type(value) is not int:
        raise wrong(path, "an integer")


def integer(low: int, high: int = MAX_INTEGER) -> Check:
    """An integer from `low` to `high`, both included."""
    must = f"an integer from {low} to {high}" if high != MAX_INTEGER else f"an integer of at least {low}"

    def check(value: Any, path: str) -> None:
        if type(value) is not int or not low <= value <= high:
            raise wrong(path, must)

    return check


def obj(value: Any, path: str) -> None:
    """An object with any members."""
    if type(value) is not dict:
        raise wrong(path, "an object")


def strings(value: Any, path: str) -> None:
    """A list of strings."""
    if type(value) is not list:
        raise wrong(path, "a list of strings")
    for index, item in enumerate(value):
        string(item, f"{path}[{index}]")


def string_or_strings(value: Any, path: str) -> None:
    """A string or a list of strings."""
    if type(value) is not str:
        if type(value) is not list:
            raise wrong(path, "a string or a list of strings")
        strings(value, path)


def object_of_strings(value: Any, path: str) -> None:
    """An object whose members are all strings."""
    obj(value, path)
    for key, item in value.items():
        string(item, join(path, key))


def members(**checks: Check) -> Check:
    """An object whose named members, where they are there and not null, pass their checks."""

    def check(value: Any, path: str) -> None:
        obj(value, path)
        for key, one in checks.items():
            member = value.get(key)
            if member is not None:
                one(member, f"{path}.{key}")

    return check


def is_model_id(text: str) -> bool:
    """Whether a text is one: printable ASCII without space."""
    return len(text) <= MODEL_ID_CHARS and _is_model_id(text)


@lru_cache(maxsize=256)
def _is_model_id(text: str) -> bool:
    return _MODEL_ID.fullmatch(text) is not None


def model_id(value: Any, path: str) -> None:
    """A model id."""
    if type(value) is not str:
        raise wrong(path, "a string")
    if not is_model_id(value):
        raise wrong(path, "1 to 256 printable ASCII characters without spaces")


def tool_name(value: Any, path: str) -> None:
    """A tool's name or type."""
    if type(value) is not str:
        raise wrong(path, "a string")
    if not TOOL_NAME.fullmatch(value):
        raise wrong(path, "1 to 128 of the characters A-Z a-z 0-9 _ . : -")


def short_name(value: Any, path: str) -> None:
    """A role or the type of a part: a short string that is not empty."""
    if type(value) is not str:
        raise wrong(path, "a string")
    if not 1 <= len(value) <= MAX_ROLE_CHARS:
        raise wrong(path, f"1 to {MAX_ROLE_CHARS} characters long")
